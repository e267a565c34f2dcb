"""The evaluation of one fold: predictions of its model, the scores table, and pictures of clips, good and bad."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.tables import FOLD_SCORES, write_table
from tsalv360.evaluation import EXTERNAL, NAMES, EvaluateSettings
from tsalv360.evaluation.predictions import write_predictions
from tsalv360.evaluation.score import PICTURE, Predictor, Scored, score_fold
from tsalv360.evaluation.truth import Truth
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import MARGIN, SMALL, SOFT, WIDTH, mark, overlay_saliency, paper, stacked, text_width, write
from tsalv360.media.pictures import ready_frames, resized, write_picture
from tsalv360.saliency import Map
from tsalv360.sphere.projection import Picture
from tsalv360.training.clips import ClipFiles

_IN_ROW = 4
_GAP = (WIDTH - _IN_ROW * PICTURE[1]) // (_IN_ROW - 1)  # pixels between pictures
_LABELS = {"model": "right prompt", "wrong_prompt": "wrong prompts"}


def evaluate_fold(
    files: ClipFiles,
    fold: int,
    checkpoint: str | Path | None,
    settings: EvaluateSettings,
    sigma_deg: float,
    scores: str | Path,
    pictures: str | Path,
    predictions: str | Path | None,
    model_name: str,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Score a fold's test clips and write the table `scores`, the picture `pictures` of example clips, and the folder
    `predictions` with a file for the explorer's page of each test video.

    Parameters: `checkpoint` of the fold's model, None without one, which has no `predictions` either; the model's name;
    `sigma_deg` of the dataset's maps; `threads` of the model on a CPU, and processes that compute metrics. InputError
    where the model, other models' maps or the clips cannot be used.
    """
    truth = Truth(files, fold)
    predictors = _load_predictors(checkpoint, files, device, threads) if checkpoint else (None, None)
    scored = score_fold(truth, predictors[0], settings, sigma_deg, predictors[1], threads or 1)
    write_examples(pictures, scored, truth, settings.rows)
    if predictions:
        kept = {video: list(ready_frames(files.frames / video)) for video in truth.clips.video.unique()}
        write_predictions(predictions, scored.predictions, kept, model_name, fold)
    write_table(scores, scored.table, FOLD_SCORES)


def _load_predictors(
    checkpoint: str | Path, files: ClipFiles, device: str, threads: int | None
) -> tuple[Predictor, Predictor | None]:
    """Return the predictors of a model, and of its encoders without training where these are frozen."""
    import torch  # not installed where maps of other models are scored alone

    from tsalv360.evaluation.model_predictor import ModelPredictor
    from tsalv360.prediction.windows import load_model

    if threads:
        torch.set_num_threads(threads)
    model = load_model(checkpoint, device)
    predictor = ModelPredictor(model, files)
    return predictor, predictor.zero_shot if model.settings.encoder != "small" else None


def write_examples(path: str | Path, scored: Scored, truth: Truth, n: int) -> None:
    """Write the n best, median and worst clips by CC: frame, target, right and wrong prompt.

    Without a model the maps are those of other models, and CC is that of the first of these; without any, that of the
    mean training map. Every map is stretched over the whole colour map, from its minimum to its maximum.
    """
    of_predictor = scored.table.set_index("clip_id").groupby("predictor").cc
    ranking = next(
        name for name in scored.table.predictor if name in ("model", "mean_map") or name.startswith(EXTERNAL)
    )
    cc = of_predictor.get_group(ranking).sort_values(ascending=False)
    clips = truth.clips.set_index("clip_id")
    rows = []
    for rank, names in pick_examples(list(cc.index), n).items():
        for name in names:
            clip: Any = clips.loc[name]
            frame = resized(truth.files.picture(clip.video, clip.target_frame), PICTURE)
            pictures = [frame, *(overlay_saliency(frame, _stretched(one)) for one in scored.maps[name].values())]
            labels = ["frame", "target"]
            for predictor in list(scored.maps[name])[1:]:
                label = _LABELS.get(predictor, predictor.removeprefix(EXTERNAL))
                labels.append(f"{label}: CC {of_predictor.get_group(predictor)[name]:.2f}")
            for picture, label in zip(pictures, labels, strict=True):
                mark(picture, label, (8, 20))
            texts = [f"{rank} of fold {truth.fold}: {name}: {clip.caption}"]
            if ranking == "model":
                texts += [f"wrong: {text}" for text in clip.wrong[:1]]
            elif ranking not in scored.maps[name]:
                texts += [f"CC of the {NAMES[ranking]}: {cc[name]:.2f}"]
            rows.append(_row(pictures, "      ".join(texts)))
    with whole_file(path) as partial:
        write_picture(partial, np.ascontiguousarray(stacked(rows)[..., ::-1]))


def pick_examples(ranked: list[str], n: int) -> dict[str, list[str]]:
    """Return the n first, middle and last names of a ranking, none of them twice."""
    middle = max(0, (len(ranked) - n) // 2)
    best, worst = ranked[:n], ranked[max(n, len(ranked) - n) :]
    median = [name for name in ranked[middle : middle + n] if name not in best]
    return {"best": best, "median": median, "worst": [name for name in worst if name not in median]}


def _row(pictures: list[Picture], text: str) -> Picture:
    """Return pictures side by side, four in a line, under one line of text."""
    n_lines = -(-len(pictures) // _IN_ROW)
    row = paper(n_lines * (PICTURE[0] + MARGIN) + MARGIN, WIDTH)
    while text_width(text, SMALL) > WIDTH:
        text = f"{text.rstrip(' …')[:-1]} …"
    write(row, text, (0, MARGIN), SMALL, SOFT)
    for k, picture in enumerate(pictures):
        top, left = k // _IN_ROW * (PICTURE[0] + MARGIN) + 2 * MARGIN, k % _IN_ROW * (PICTURE[1] + _GAP)
        row[top : top + PICTURE[0], left : left + PICTURE[1]] = picture
    return row


def _stretched(one: Map) -> NDArray[np.uint8]:
    extent = max(float(np.ptp(one)), 1e-12)
    return np.rint((one - one.min()) * (255 / extent)).astype(np.uint8)

"""The evaluation of one fold: predictions of its model, the scores table, and pictures of clips, good and bad."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tsalv360.contracts.tables import FOLD_SCORES, write_table
from tsalv360.evaluation import EvaluateSettings
from tsalv360.evaluation.predictions import write_predictions
from tsalv360.evaluation.score import PICTURE, Scored, score_fold
from tsalv360.evaluation.truth import Truth
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import MARGIN, SMALL, SOFT, WIDTH, mark, overlay_saliency, paper, stacked, text_width, write
from tsalv360.media.pictures import ready_frames, resized, write_picture
from tsalv360.model import FrameFeatures, TSalV360
from tsalv360.model.network import weigh
from tsalv360.prediction.windows import load_model
from tsalv360.saliency import Map
from tsalv360.sphere.projection import Picture
from tsalv360.training.clips import ClipFiles

_KEPT_VIDEOS = 2  # that of the clips, and that whose frames replace theirs
_GAP = (WIDTH - 4 * PICTURE[1]) // 3  # pixels between pictures


def evaluate_fold(
    files: ClipFiles,
    fold: int,
    checkpoint: str | Path,
    settings: EvaluateSettings,
    sigma_deg: float,
    scores: str | Path,
    pictures: str | Path,
    predictions: str | Path,
    model_name: str,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Score a fold's test clips and write the table `scores`, the picture `pictures` of example clips, and the folder
    `predictions` with a file for the explorer's page of each test video.

    Parameters: `checkpoint` of the fold's model, and its name; `sigma_deg` of the dataset's maps; `threads` of the
    model on a CPU, and processes that compute metrics. InputError where the model or the clips cannot be used.
    """
    if threads:
        torch.set_num_threads(threads)
    truth = Truth(files, fold)
    model = load_model(checkpoint, device)
    predictor = ModelPredictor(model, files)
    zero_shot = predictor.zero_shot if model.settings.encoder == "clip" else None
    scored = score_fold(truth, predictor, settings, sigma_deg, zero_shot, threads or 1)
    write_examples(pictures, scored, truth, settings.rows)
    kept = {video: list(ready_frames(files.frames / video)) for video in truth.clips.video.unique()}
    write_predictions(predictions, scored.predictions, kept, model_name, fold)
    write_table(scores, scored.table, FOLD_SCORES)


class ModelPredictor:
    """The predictor of a model. Called for clips in the order of time, it encodes few frames twice."""

    def __init__(self, model: TSalV360, files: ClipFiles) -> None:
        self._model, self._files = model, files
        self._encoded: dict[str, dict[int, FrameFeatures]] = {}

    def __call__(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Return the model's maps, see `Predictor`. InputError where they are not finite."""
        different = list(dict.fromkeys(prompts))
        with torch.inference_mode():
            text = self._model.encode_text(different)
            maps = self._model.decode([self._encode(video, frames)], text)[:, 0].cpu().numpy()
        if not np.isfinite(maps).all():
            found = f"NaN or infinite saliency in frame {frames[-1]} of video {video}"
            raise InputError("the model", found, "finite numbers", "Check the loss of its training.")
        return maps[[different.index(prompt) for prompt in prompts]]

    def zero_shot(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Return CLIP's own similarity of the tangent images to each prompt, scaled from 0 to 1, without training."""
        with torch.inference_mode():
            vectors = self._encode(video, frames)[-1].vectors[None, None].expand(len(prompts), -1, -1, -1)
            weight = weigh(self._model.encode_text(prompts).vectors, vectors, "minmax")[:, 0, :, None, None]
            size = self._model.settings.decoded_size
            return self._model.to_erp(weight.expand(-1, -1, size, size))[:, 0].cpu().numpy()

    def _encode(self, video: str, frames: Sequence[int]) -> list[FrameFeatures]:
        """Return the features of a clip's frames. Feature maps, which are large, are kept of the last frame alone."""
        if video not in self._encoded:
            for old in list(self._encoded)[: 1 - _KEPT_VIDEOS]:
                del self._encoded[old]
        known, last = self._encoded.setdefault(video, {}), frames[-1]
        if last in known and known[last].maps is None:
            del known[last]
        known |= {number: frame.without_maps() for number, frame in known.items() if frame.maps and number != last}
        new = [number for number in frames if number not in known]
        if new:
            pictures = torch.from_numpy(np.stack([self._files.picture(video, int(number)) for number in new]))
            known |= zip(new, self._model.encode_frames(pictures, [number == last for number in new]), strict=True)
        return [known[number] for number in frames]


def write_examples(path: str | Path, scored: Scored, truth: Truth, n: int) -> None:
    """Write the n best, median and worst clips by CC of the right prompt: frame, target, right and wrong prompt.

    Every map is stretched over the whole colour map, from its minimum to its maximum.
    """
    of_predictor = scored.table.set_index("clip_id").groupby("predictor").cc
    cc = of_predictor.get_group("model").sort_values(ascending=False)
    clips = truth.clips.set_index("clip_id")
    rows = []
    for rank, names in pick_examples(list(cc.index), n).items():
        for name in names:
            clip: Any = clips.loc[name]
            frame = resized(truth.files.picture(clip.video, clip.target_frame), PICTURE)
            pictures = [frame, *(overlay_saliency(frame, _stretched(one)) for one in scored.maps[name])]
            labels = ["frame", "target", f"right prompt: CC {cc[name]:.2f}"]
            if clip.wrong:
                labels.append(f"wrong prompts: CC {of_predictor.get_group('wrong_prompt')[name]:.2f}")
            for picture, label in zip(pictures, labels, strict=True):
                mark(picture, label, (8, 20))
            texts = [f"{rank} of fold {truth.fold}: {name}: {clip.caption}", *(f"wrong: {w}" for w in clip.wrong[:1])]
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
    """Return pictures side by side under one line of text."""
    row = paper(PICTURE[0] + 2 * MARGIN, WIDTH)
    while text_width(text, SMALL) > WIDTH:
        text = f"{text.rstrip(' …')[:-1]} …"
    write(row, text, (0, MARGIN), SMALL, SOFT)
    for k, picture in enumerate(pictures):
        left = k * (PICTURE[1] + _GAP)
        row[2 * MARGIN :, left : left + PICTURE[1]] = picture
    return row


def _stretched(one: Map) -> NDArray[np.uint8]:
    extent = max(float(np.ptp(one)), 1e-12)
    return np.rint((one - one.min()) * (255 / extent)).astype(np.uint8)

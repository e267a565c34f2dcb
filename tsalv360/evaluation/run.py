"""The two steps of the evaluation that rules call: score one fold, and summarise all folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tsalv360.contracts.tables import FOLD_SCORES, PART_ANNOTATIONS, SCORES, SUMMARY, read_table, write_table
from tsalv360.evaluation.figures import write_intervals
from tsalv360.evaluation.page import latex, markdown
from tsalv360.evaluation.settings import EvaluateSettings
from tsalv360.evaluation.summary import SCORES_FILE, summarise
from tsalv360.job.files import whole_file
from tsalv360.training.clips import ClipFiles


def evaluate_fold(
    files: ClipFiles,
    fold: int,
    checkpoint: str | Path,
    settings: EvaluateSettings,
    sigma_deg: float,
    scores: str | Path,
    pictures: str | Path,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Score a fold's test clips and write the table `scores` and the picture `pictures` of example clips.

    Parameters: `checkpoint` of the fold's model; `sigma_deg` of the dataset's maps; `threads` of the model on a CPU,
    and processes that compute metrics. InputError where the model or the clips cannot be used.
    """
    import torch

    from tsalv360.evaluation.figures import write_examples
    from tsalv360.evaluation.predictor import ModelPredictor
    from tsalv360.evaluation.score import score_fold
    from tsalv360.evaluation.truth import Truth
    from tsalv360.prediction.windows import load_model

    if threads:
        torch.set_num_threads(threads)
    truth = Truth(files, fold)
    model = load_model(checkpoint, device)
    predictor = ModelPredictor(model, files)
    zero_shot = predictor.zero_shot if model.settings.encoder == "clip" else None
    scored = score_fold(truth, predictor, settings, sigma_deg, zero_shot, threads or 1)
    write_examples(pictures, scored, truth, settings.rows)
    write_table(scores, scored.table, FOLD_SCORES)


def write_evaluation(
    folder: str | Path,
    folds: Sequence[str | Path],
    annotations: str | Path,
    sources: Mapping[str, str],
    settings: EvaluateSettings,
) -> None:
    """Write `scores.parquet`, `summary.parquet`, `tables.md`, `tables.tex` and `intervals.png` of all folds.

    Parameters: `folds`, the tables that `evaluate_fold` wrote; `annotations` of the folder of clips; `sources`, the
    data set of each video.
    """
    folder = Path(folder)
    scores = pd.concat([read_table(path, FOLD_SCORES) for path in folds], ignore_index=True)
    scores["source"] = scores.video.map(sources)
    summary = summarise(scores, settings.bootstrap, settings.seed)
    write_table(folder / SCORES_FILE, scores, SCORES)
    write_table(folder / "summary.parquet", summary, SUMMARY)
    with whole_file(folder / "tables.md") as partial:
        text = markdown(summary, scores, read_table(annotations, PART_ANNOTATIONS))
        partial.write_text(text, encoding="utf-8")
    with whole_file(folder / "tables.tex") as partial:
        partial.write_text(latex(summary), encoding="utf-8")
    write_intervals(folder / "intervals.png", summary)

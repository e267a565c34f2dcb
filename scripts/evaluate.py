"""Combine the scores of all folds, tables, intervals and a figure, and their predictions for the explorer."""

from pathlib import Path

from tsalv360.evaluation import EvaluateSettings
from tsalv360.evaluation.page import write_evaluation
from tsalv360.evaluation.predictions import gather_predictions
from tsalv360.job.log import logged

with logged(snakemake.log[0]):
    write_evaluation(
        Path(snakemake.output.scores).parent,
        snakemake.input.folds,
        Path(snakemake.input.clips, "annotations.parquet"),
        snakemake.params.sources,
        EvaluateSettings(**snakemake.params.evaluate),
    )
    if snakemake.output.predictions:
        gather_predictions(snakemake.input.predictions, snakemake.output.predictions)

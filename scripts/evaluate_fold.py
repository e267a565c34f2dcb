"""Score the model of a fold, if any, other models' maps and baselines on the fold's test clips."""

from pathlib import Path

from tsalv360.evaluation import EvaluateSettings
from tsalv360.evaluation.fold import evaluate_fold
from tsalv360.job.log import logged
from tsalv360.training.clips import ClipFiles

with logged(snakemake.log[0], shown_as=f"Evaluation of fold {snakemake.wildcards.fold}"):
    evaluate_fold(
        ClipFiles(Path(snakemake.input.clips), snakemake.params.frames),
        int(snakemake.wildcards.fold),
        snakemake.input.model or None,
        EvaluateSettings(**snakemake.params.evaluate, external=snakemake.params.folders.external),
        snakemake.params.saliency["sigma_deg"],
        snakemake.output.scores,
        snakemake.output.pictures,
        snakemake.output.predictions or None,
        snakemake.params.name,
        snakemake.params.compute.device,
        snakemake.threads,
    )

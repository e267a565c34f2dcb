"""Cache the features that frozen CLIP computes of frames, for a few rolls of each: training reads them instead."""

from pathlib import Path

from tsalv360.job.log import logged
from tsalv360.model import ModelSettings
from tsalv360.training.clips import ClipFiles
from tsalv360.training.features import write_features

with logged(snakemake.log[0], shown_as=f"Features of fold {snakemake.wildcards.fold}"):
    write_features(
        Path(snakemake.output[0]).parent,
        ClipFiles(Path(snakemake.input.clips), snakemake.params.frames),
        int(snakemake.wildcards.fold),
        ModelSettings(**snakemake.params.model),
        snakemake.params.training,
        snakemake.params.compute.device,
        snakemake.threads,
    )

"""Train the model of a fold, in one process for each GPU."""

import sys
from pathlib import Path

from tsalv360.logs import logged
from tsalv360.model import ModelSettings
from tsalv360.training.job import TrainJob
from tsalv360.training.launch import launch
from tsalv360.training.settings import TrainSettings

with logged(snakemake.log[0]):
    job = TrainJob(
        dataset=Path(snakemake.input.dataset),
        frames=Path(snakemake.params.frames),
        fold=int(snakemake.wildcards.fold),
        train=TrainSettings(**snakemake.params.train),
        model=ModelSettings(**snakemake.params.model),
        output=Path(snakemake.output.best).parent,
        running=Path(snakemake.params.running),
        features=Path(snakemake.params.features),
    )
    sys.exit(launch(job, snakemake.threads))

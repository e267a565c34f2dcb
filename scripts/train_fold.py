"""Train the model of a fold, with one process per GPU."""

import sys
from pathlib import Path

from tsalv360.job.log import logged
from tsalv360.model import ModelSettings
from tsalv360.training.settings import TrainJob, launch

with logged(snakemake.log[0], shown_as=f"Training of fold {snakemake.wildcards.fold}"):
    given, fold = snakemake.params, int(snakemake.wildcards.fold)
    job = TrainJob(
        dataset=Path(snakemake.input.clips),
        frames=given.frames,
        fold=fold,
        train=given.training,
        model=ModelSettings(**given.model),
        output=Path(snakemake.output.best).parent,
        running=given.running / f"fold{fold}",
        features=given.features,
        compute=given.compute,
        stage=given.version,
    )
    sys.exit(launch(job, snakemake.threads))

"""Collect what models read from all videos: clips, captions and splits, and links to maps and points."""

from pathlib import Path

from tsalv360.dataset.build import collect_clips
from tsalv360.job.log import logged

with logged(snakemake.log[0]):
    collect_clips(snakemake.output[0], list(map(Path, snakemake.input)), snakemake.params.splits)

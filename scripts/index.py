"""Probe a video and write its index entry."""

from pathlib import Path

from tsalv360.index import index_video
from tsalv360.job.files import write_json
from tsalv360.job.log import logged
from tsalv360.sources import Recording

video, given = snakemake.wildcards.video, snakemake.params
with logged(snakemake.log[0], video):
    recording = Recording(video, video=Path(snakemake.input.video), **given.recording)
    write_json(snakemake.output[0], index_video(recording, **given.frames))

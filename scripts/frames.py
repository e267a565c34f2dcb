"""Extract the kept frames of a video as pictures."""

from tsalv360.frames import extract_frames
from tsalv360.job.files import read_json
from tsalv360.job.log import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    settings = dict(snakemake.params.frames)
    height = settings.pop("height")
    extract_frames(
        snakemake.input.video,
        snakemake.output[0],
        size=(height, 2 * height),
        index=read_json(snakemake.input.index),
        **settings,
        **snakemake.params.recording,
    )

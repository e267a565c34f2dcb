"""Extract the kept frames of a video as pictures."""

from tsalv360.files import read_json
from tsalv360.frames import FrameSettings, extract_frames
from tsalv360.logs import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    settings = FrameSettings(**snakemake.params.settings)
    extract_frames(
        snakemake.input.video,
        snakemake.output[0],
        size=(settings.height, 2 * settings.height),
        format=settings.format,
        skip_first=snakemake.params.skip_first,
        index=read_json(snakemake.input.index),
        view=snakemake.params.view,
        jpeg_quality=settings.jpeg_quality,
        jpeg_chroma=settings.jpeg_chroma,
        ready=settings.ready,
    )

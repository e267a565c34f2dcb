"""Extract the kept frames of a video as pictures."""

from tsalv360.files import read_json
from tsalv360.frames import FrameSettings, extract_frames
from tsalv360.logs import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    index, settings = read_json(snakemake.input.index), FrameSettings(**snakemake.params.settings)
    extract_frames(
        snakemake.input.video,
        snakemake.output[0],
        size=(settings.height, 2 * settings.height),
        format=settings.format,
        skip_first=snakemake.params.skip_first,
        n_frames=index["n_frames"],
        native_fps=index["fps"],
    )

"""Extract the kept frames of a video as pictures."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.frames import extract_frames
from tsalv360.job.log import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_entry(snakemake.input.index, IndexEntry)
    settings = dict(snakemake.params.frames)
    height = settings.pop("height")
    extract_frames(
        snakemake.input.video,
        snakemake.output[0],
        size=(height, 2 * height),
        fps=index.rate,
        skip_first=index.skip_first,
        index=index,
        **settings,
        **snakemake.params.recording,
    )

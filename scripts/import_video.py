"""Check a video of a published dataset and import it."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.dataset.assemble import import_video
from tsalv360.job.log import logged

given = snakemake.input
with logged(snakemake.log[0], snakemake.wildcards.video):
    import_video(snakemake.output[0], read_entry(given.index, IndexEntry), given.truth[0])

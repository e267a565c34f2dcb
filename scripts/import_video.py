"""Check a video of a published dataset and import it."""

from pathlib import Path

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.dataset.assemble import import_published, import_video
from tsalv360.job.log import logged

given = snakemake.input
with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_entry(given.index, IndexEntry)
    if Path(given.truth[0]).is_dir():
        import_video(snakemake.output[0], index, given.truth[0])
    else:
        import_published(snakemake.output[0], index, given.truth)

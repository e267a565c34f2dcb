"""Pack the frames and viewports of a video, as far as they may be passed on, and list the checksums of its frames."""

from pathlib import Path

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import PART_ANNOTATIONS, read_table
from tsalv360.job.log import logged
from tsalv360.publish.pictures import pack_pictures

given = snakemake.input
with logged(snakemake.log[0], snakemake.wildcards.video):
    annotations = read_table(Path(given.part, "annotations.parquet"), PART_ANNOTATIONS)
    pack_pictures(
        snakemake.output[0],
        read_entry(given.index, IndexEntry),
        given.frames,
        next(iter(given.viewports), None),
        dict(zip(annotations.event_id, annotations.caption, strict=True)),
        snakemake.params.passed_on,
    )

"""Detect the events of a video from its fixations: events, tracks, assignments and dropped candidates."""

from tsalv360.contracts import tables
from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.events import EventSettings, detect_events
from tsalv360.job.log import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_entry(snakemake.input.index, IndexEntry)
    found = detect_events(
        tables.read_table(snakemake.input.fixations, tables.FIXATIONS),
        index.id,
        index.fps,
        EventSettings(**snakemake.params.events),
        index.kept_frames,
        **snakemake.params.dataset,
    )
    for name in ("events", "tracks", "assignments", "dropped"):
        tables.write_table(snakemake.output[name], getattr(found, name), tables.TABLES[name])

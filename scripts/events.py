"""Detect the events of a video from its fixations: events, tracks, assignments and dropped candidates."""

from functools import partial

from tsalv360.contracts import tables
from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.layout import numbered_from
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
    )
    number = partial(numbered_from, snakemake.params.dataset["first_event"])
    for name in ("events", "tracks", "assignments", "dropped"):
        table = getattr(found, name)
        if "event_id" in table:
            table = table.assign(event_id=table.event_id.map(number))
        tables.write_table(snakemake.output[name], table, tables.TABLES[name])

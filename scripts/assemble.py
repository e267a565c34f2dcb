"""Assemble a video's part of the dataset: maps, captions and table rows, with the curators' decisions if curated."""

from tsalv360.contracts.entries import Captions, IndexEntry, read_entry
from tsalv360.contracts.tables import ASSIGNMENTS, EVENTS, FIXATIONS, TRACKS, read_table
from tsalv360.curation.apply import Curation, VideoEvents
from tsalv360.curation.records import read_records
from tsalv360.dataset.assemble import assemble_video
from tsalv360.job.log import logged

video, given, wanted = snakemake.wildcards.video, snakemake.input, snakemake.params
with logged(snakemake.log[0], video):
    uncurated = wanted.curation.get("uncurated")
    index = read_entry(given.index, IndexEntry)
    records = [record for path in given.records for record in read_records(path, video)]
    assemble_video(
        snakemake.output[0],
        index,
        VideoEvents(
            read_table(given.events, EVENTS),
            read_table(given.tracks, TRACKS),
            read_table(given.fixations, FIXATIONS),
            read_table(given.assignments, ASSIGNMENTS),
            read_entry(given.captions, Captions)[video],
        ),
        given.saliency,
        given.points,
        Curation(records, uncurated, **wanted.viewports, **wanted.events, saliency=wanted.saliency, rate=index.rate)
        if uncurated
        else None,
        next(iter(given.source_maps), None),
    )

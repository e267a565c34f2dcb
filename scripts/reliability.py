"""Measure how reliable the events of a video are: split halves of its observers, and surrogates of its gaze."""

from tsalv360.contracts import tables
from tsalv360.contracts.entries import GazeNotes, IndexEntry, read_entry
from tsalv360.events import EventSettings
from tsalv360.job.log import logged
from tsalv360.reliability import ReliabilitySettings, measure_reliability

with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_entry(snakemake.input.index, IndexEntry)
    trials = measure_reliability(
        tables.read_table(snakemake.input.fixations, tables.FIXATIONS),
        tables.read_table(snakemake.input.events, tables.EVENTS),
        index.id,
        index.fps,
        index.kept_frames,
        EventSettings(**snakemake.params.events),
        ReliabilitySettings(**snakemake.params.reliability),
        has_observers=read_entry(snakemake.input.notes, GazeNotes).n_observers is not None,
    )
    tables.write_table(snakemake.output[0], trials, tables.RELIABILITY)

"""Compute the saliency maps of a video's events, on request of all observers too, and list their fixation points."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import ASSIGNMENTS, FIXATIONS, POINTS, TRACKS, read_table, write_table
from tsalv360.job.log import logged
from tsalv360.saliency import SaliencySettings, map_inputs, points_table, write_saliency_maps

with logged(snakemake.log[0], snakemake.wildcards.video):
    settings = SaliencySettings(**snakemake.params.saliency)
    inputs = map_inputs(
        read_table(snakemake.input.fixations, FIXATIONS),
        read_table(snakemake.input.assignments, ASSIGNMENTS),
        read_table(snakemake.input.tracks, TRACKS),
        read_entry(snakemake.input.index, IndexEntry).kept_times,
    )
    write_saliency_maps(snakemake.output.maps, inputs, settings, next(iter(snakemake.input.source_maps), None))
    write_table(snakemake.output.points, points_table(inputs, settings.window_s, settings.method), POINTS)

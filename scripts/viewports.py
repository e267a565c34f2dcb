"""Render the viewport videos, overlays and posters of a video's events."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import TRACKS, read_table
from tsalv360.job.log import logged
from tsalv360.viewports import ViewportSettings, write_viewports

with logged(snakemake.log[0], snakemake.wildcards.video):
    settings = ViewportSettings(**snakemake.params.viewports)
    write_viewports(
        snakemake.output[0],
        snakemake.input.frames,
        snakemake.input.saliency,
        read_table(snakemake.input.tracks, TRACKS),
        settings,
        snakemake.params.frames["height"],
        read_entry(snakemake.input.index, IndexEntry).rate,
    )

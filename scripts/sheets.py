"""Draw the contact sheet of a video: tracks on the panorama, and stills of all events with their saliency."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import EVENTS, TRACKS, read_table
from tsalv360.job.log import logged
from tsalv360.media.sheet import draw_sheet, write_sheet

with logged(snakemake.log[0], snakemake.wildcards.video):
    sheet = draw_sheet(
        read_entry(snakemake.input.index, IndexEntry),
        read_table(snakemake.input.events, EVENTS),
        read_table(snakemake.input.tracks, TRACKS),
        snakemake.input.frames,
        snakemake.input.saliency,
        snakemake.input.viewports,
    )
    write_sheet(snakemake.output[0], sheet)

"""Assemble a video's part of the dataset: maps, captions and table rows."""

from tsalv360.dataset.assemble import assemble_video
from tsalv360.files import read_json
from tsalv360.frames import kept_frames
from tsalv360.logs import logged
from tsalv360.tables import ASSIGNMENTS, EVENTS, FIXATIONS, TRACKS, read_table

with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_json(snakemake.input.index)
    assemble_video(
        snakemake.output[0],
        index,
        kept_frames(index, snakemake.params.skip_first),
        read_table(snakemake.input.events, EVENTS),
        read_table(snakemake.input.tracks, TRACKS),
        read_table(snakemake.input.fixations, FIXATIONS),
        read_table(snakemake.input.assignments, ASSIGNMENTS),
        read_json(snakemake.input.captions)[snakemake.wildcards.video],
        snakemake.input.saliency,
        snakemake.input.points,
    )

"""Add the sound of the source video to the viewport videos of its events."""

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import TRACKS, read_table
from tsalv360.job.log import logged
from tsalv360.media.sound import read_sound, write_with_sound

given = snakemake.input
with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_entry(given.index, IndexEntry)
    write_with_sound(
        snakemake.output[0],
        given.viewports,
        read_table(given.tracks, TRACKS),
        index.kept_frames,
        read_sound(given.video, index),
    )

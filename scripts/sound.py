"""Give the viewport videos of a video's events the sound of their pictures."""

from tsalv360.files import read_json
from tsalv360.grid import kept_frames
from tsalv360.logs import logged
from tsalv360.sound import read_sound, write_with_sound
from tsalv360.tables import TRACKS, read_table

given = snakemake.input
with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_json(given.index)
    write_with_sound(
        snakemake.output[0],
        given.viewports,
        read_table(given.tracks, TRACKS),
        kept_frames(index, **snakemake.params.recording),
        read_sound(given.video, index),
    )

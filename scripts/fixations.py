"""Read the gaze of a video, cut it to the video's length and detect the fixations."""

from pathlib import Path

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import FIXATIONS, write_table
from tsalv360.fixations import FixationSettings, fixations_of_video
from tsalv360.job.files import write_json
from tsalv360.job.log import logged
from tsalv360.sources import Recording, read_gaze

with logged(snakemake.log[0], snakemake.wildcards.video):
    index, given = read_entry(snakemake.input.index, IndexEntry), snakemake.params
    recording = Recording(
        index.id,
        gaze=tuple(map(Path, snakemake.input.gaze)),
        rate=index.rate,
        picture_times_s=index.picture_times_s,
        **given.recording,
    )
    gaze = read_gaze(recording, index.fps)
    fixations, notes = fixations_of_video(gaze, index, FixationSettings(**given.fixations))
    write_table(snakemake.output.table, fixations, FIXATIONS)
    write_json(snakemake.output.notes, notes)

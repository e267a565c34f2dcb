"""Read the gaze of a video, cut it to the video's length and detect the fixations."""

from pathlib import Path

from tsalv360.contracts.entries import GazeNotes, IndexEntry, read_entry
from tsalv360.contracts.tables import FIXATIONS, write_table
from tsalv360.fixations import FixationSettings, find_fixations, within_video
from tsalv360.job.files import write_json
from tsalv360.job.log import logged
from tsalv360.sources import Recording, count_observers, read_gaze

with logged(snakemake.log[0], snakemake.wildcards.video):
    index, given = read_entry(snakemake.input.index, IndexEntry), snakemake.params
    recording = Recording(index.id, gaze=tuple(map(Path, snakemake.input.gaze)), **given.recording)
    gaze = read_gaze(recording, index.fps)
    n_observers = count_observers(recording, gaze)
    gaze = within_video(gaze, index.duration_s, index.n_frames, f"gaze of video {recording.video_id}")
    fixations = find_fixations(gaze, FixationSettings(**given.fixations))
    write_table(snakemake.output.table, fixations, FIXATIONS)
    write_json(snakemake.output.notes, GazeNotes(n_observers, fixations.attrs["notes"]))

"""Read the gaze of a video, cut it to the video's length and find its fixations."""

from tsalv360.files import read_json, write_json
from tsalv360.fixations import FixationSettings, find_fixations, within_video
from tsalv360.logs import logged
from tsalv360.sources import Recording, read_gaze
from tsalv360.tables import FIXATIONS, write_table

with logged(snakemake.log[0], snakemake.wildcards.video):
    index, recording = read_json(snakemake.input.index), Recording(**snakemake.params.recording)
    gaze = read_gaze(recording, index["fps"])
    gaze = within_video(gaze, index["duration_s"], index["n_frames"], f"gaze of video {recording.video_id}")
    fixations = find_fixations(gaze, FixationSettings(**snakemake.params.settings))
    write_table(snakemake.output.table, fixations, FIXATIONS)
    write_json(snakemake.output.notes, fixations.attrs["notes"])

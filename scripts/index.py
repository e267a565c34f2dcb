"""Look into a video and its gaze, and write its index entry."""

from tsalv360.files import write_json
from tsalv360.index import index_video
from tsalv360.logs import logged
from tsalv360.sources import Recording

with logged(snakemake.log[0], snakemake.wildcards.video):
    recording = Recording(**snakemake.params.recording)
    write_json(snakemake.output[0], index_video(recording, snakemake.params.force_2to1, snakemake.params.ready))

"""Check a video of a published dataset and take it over as a part of ours."""

from tsalv360.contracts.grid import kept_frames
from tsalv360.dataset.published import take_over_video
from tsalv360.job.files import read_json
from tsalv360.job.log import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    index = read_json(snakemake.input.index)
    frames = kept_frames(index, **snakemake.params.recording)
    take_over_video(snakemake.output[0], index, snakemake.input.truth[0], frames)

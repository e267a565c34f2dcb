"""Caption all events of a shard of videos."""

from tsalv360.captions import caption_video
from tsalv360.captions.settings import CaptionSettings
from tsalv360.files import write_json
from tsalv360.logs import logged
from tsalv360.progress import progress
from tsalv360.tables import EVENTS, TRACKS, read_table

with logged(snakemake.log[0]), progress(total=len(snakemake.params.videos), what="videos") as bar:
    captions = {}
    settings = CaptionSettings(**snakemake.params.settings)
    inputs = zip(snakemake.input.viewports, snakemake.input.events, snakemake.input.tracks, strict=True)
    for video, (viewports, events, tracks) in zip(snakemake.params.videos, inputs, strict=True):
        captions[video] = caption_video(viewports, read_table(events, EVENTS), read_table(tracks, TRACKS), settings)
        bar.update()
    write_json(snakemake.output[0], captions)

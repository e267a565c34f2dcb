"""Caption all events of a shard of videos."""

from tsalv360.captions.captioner import Cache
from tsalv360.captions.run import caption_videos
from tsalv360.contracts.tables import EVENTS, TRACKS, read_table
from tsalv360.job.files import write_json
from tsalv360.job.log import logged

with logged(snakemake.log[0]):
    given = snakemake.input
    videos = {
        video: (viewports, read_table(events, EVENTS), read_table(tracks, TRACKS))
        for video, viewports, events, tracks in zip(
            snakemake.params.videos, given.viewports, given.events, given.tracks, strict=True
        )
    }
    cache = Cache(snakemake.params.cache)
    write_json(snakemake.output[0], caption_videos(videos, snakemake.params.captioners, cache))

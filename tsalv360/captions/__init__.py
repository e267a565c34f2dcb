"""Captions: one sentence on what happens in an event's viewport, and notes for the curator.

The caption holds only what the picture shows. Place, time, camera path and observers are notes: a model must not
learn to read locations from text.
"""

import zlib


def shard_of(video_id: str, shards: int) -> str:
    """Name of the shard of a video, stable against new videos."""
    return f"{zlib.crc32(video_id.encode()) % shards:04d}"

"""Captions clips by a server in a process of its own, to be killed: `python captioning.py URL CACHE CLIP…`."""

import sys
from pathlib import Path

from tsalv360.captions.captioner import Cache, Clip
from tsalv360.captions.run import caption_clips
from tsalv360.captions.settings import CaptionSettings, EndpointSettings


def settings(url: str) -> CaptionSettings:
    endpoint = EndpointSettings(url=url, model="tiny", concurrency=2, timeout_s=30)
    return CaptionSettings(backends=["endpoint"], prompts=["what?"], endpoint=endpoint)


def clip(path: Path) -> Clip:
    return Clip(path.stem, path, (0, 2), 0.125, 75.0)


if __name__ == "__main__":
    url, cache, *paths = sys.argv[1:]
    caption_clips([clip(Path(path)) for path in paths], settings(url), Cache(Path(cache)))

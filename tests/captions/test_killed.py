"""A run that is killed in the middle loses what was being asked, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import captions.captioning as captioning
from captions.faults import serve

from tsalv360.captions.captioner import Cache, Clip
from tsalv360.captions.run import caption_clips
from tsalv360.job.files import read_json


def test_a_killed_run_loses_at_most_the_requests_in_flight(make_clip: Callable[..., Clip], tmp_path: Path) -> None:
    paths = [make_clip(f"v_{k}", n=2, seed=k).path for k in range(30)]
    cache = tmp_path / "cache"
    with serve() as server:
        server.hold_s = 0.2
        process = subprocess.Popen([sys.executable, captioning.__file__, server.url, str(cache), *map(str, paths)])
        while len(server.requests) < 9:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        n_asked = len(server.requests)
        kept = [path for path in cache.rglob("*.json") if not path.name.startswith(".")]
        assert n_asked < len(paths)
        assert n_asked - 2 * 2 <= len(kept) < n_asked  # two in flight, two just answered
        assert all(read_json(path)["text"] == "A dog runs." for path in kept)
        server.hold_s = 0
        entries = caption_clips(
            [captioning.clip(path) for path in paths], captioning.settings(server.url), Cache(cache)
        )
        assert len(server.requests) - n_asked == len(paths) - len(kept)
    assert {entry.caption for entry in entries.values()} == {"A dog runs."}

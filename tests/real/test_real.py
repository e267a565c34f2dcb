"""The whole graph, through Snakemake, on real 360° videos with real gaze; see the README of the data for their origin.

(a) four stills of an underwater video, held over 20 s, with the fixations that were recorded on it: eye meets picture.
(b) two real videos with real gaze of two other videos cut to their length: what nobody drew or simulated.
"""

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
import yaml
from explorer.made_dataset import data_of
from pytest import TempPathFactory
from running import Workflow

from tsalv360.media.video import probe
from tsalv360.sources import read_vr_eyetracking
from tsalv360.sphere.directions import angular_distance

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder"),
]
DATA = Path(os.environ.get("TSALV360_REAL_DATA", "."))
CUT = {"hall": ("006", "richoh1_0_3.mp4"), "overpass": ("014", "overpass-clip.mp4")}


@pytest.fixture(scope="module")
def results(tmp_path_factory: TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    videos = {
        "ocean": {
            "path": str(DATA / "salient360" / "4_Ocean_stills.mp4"),
            "gaze": str(DATA / "salient360" / "HE" / "Scanpaths" / "L" / "4_Ocean_fixations.csv"),
            "gaze_format": "salient360",
            "source": "Salient360",
        }
    }
    for name, (video, file) in CUT.items():
        info = probe(DATA / "videos" / file)
        gaze = read_vr_eyetracking(DATA / "vr_eyetracking" / "Gaze_txt_files", video, info.fps)
        gaze = gaze[gaze.time_s < info.duration_s]
        gaze[["observer", "time_s", "yaw_deg", "pitch_deg"]].to_csv(folder / f"{name}.csv", index=False)
        table = {"head_only": name == "hall"}  # as if only heads had been recorded
        videos[name] = {"path": str(DATA / "videos" / file), "gaze": str(folder / f"{name}.csv"), "table": table}
    settings = {"frames": {"height": 960}, "viewports": {"width": 320, "height": 240, "sound": True}}
    config = folder / "real.yaml"
    config.write_text(
        yaml.safe_dump({"sources": [], "videos": videos, "dataset": {"name": "real", "folds": 3}} | settings)
    )
    Workflow(folder, (config,)).build()
    return folder / "results" / "real"


def events(results: Path, video: str) -> pd.DataFrame:
    return pd.read_parquet(results / "events" / f"{video}.parquet")


def test_the_events_of_the_ocean_sit_on_the_shark_and_the_diver(results: Path) -> None:
    """Places read off the stills by eye: head and body of the whale shark, the diver at the seam."""
    tracks = pd.read_parquet(results / "tracks" / "ocean.parquet")
    for time_s, yaw, pitch, what in [
        (3.0, 33, 12, "head"),
        (3.0, 68, 16, "body"),
        (3.0, -178, -62, "diver"),
        (14.0, -5, 8, "head"),
    ]:
        now = tracks[(tracks.time_s - time_s).abs() < 0.05]
        assert angular_distance(now.yaw_deg, now.pitch_deg, yaw, pitch).min() < 12, what


def test_every_event_has_watchers_and_a_plausible_length(results: Path) -> None:
    for video, duration_s in (("ocean", 20.0), ("hall", 40.07), ("overpass", 4.004)):
        found = events(results, video)
        assert len(found)
        assert (found.end_s < duration_s).all() and (found.end_s - found.start_s >= 1.9).all()
        assert (found.n_observers >= 3).all()


def page(results: Path, video: str) -> Any:
    """The data of the explorer's page of a video."""
    return data_of(results / "explorer" / "videos" / f"{video}.html")


def test_events_of_heads_are_marked_from_the_gaze_to_the_explorer(results: Path) -> None:
    annotations = pd.read_parquet(results / "dataset" / "annotations.parquet")
    assert annotations.groupby("video").gaze.first().to_dict() == {"hall": "head", "ocean": "eye", "overpass": "eye"}
    assert "Where only heads were recorded" in (results / "dataset" / "README.md").read_text(encoding="utf-8")
    recorded = {video: page(results, video)["recorded"] for video in ("hall", "ocean", "overpass")}
    assert recorded == {"hall": "head", "ocean": "eye", "overpass": "eye"}


def test_what_the_headers_get_wrong_is_told(results: Path) -> None:
    assert "header says 0 frames, decoding gives 1202" in page(results, "hall")["notes"]
    assert "header says 123 frames, decoding gives 120" in page(results, "overpass")["notes"]


def test_the_sample_aspect_is_honoured(results: Path) -> None:
    """640×322 pictures with a sample aspect of 161:160 are full panoramas."""
    assert len(list((results / "frames" / "hall").glob("*.jpg"))) == 641


def test_curators_hear_what_a_video_sounds_like_and_silence_of_the_others(results: Path) -> None:
    """Of the three only the car's video has sound; pictures are those of the silent viewports."""
    n_heard = 0
    for path in (results / "viewports_with_sound").rglob("*.mp4"):
        with av.open(path) as heard, av.open(results / "viewports" / path.parent.name / path.name) as silent:
            kinds = [stream.codec_context.name for stream in heard.streams]
            assert kinds == (["h264", "aac"] if path.parent.name == "overpass" else ["h264"])
            pictures = [[bytes(packet) for packet in one.demux(video=0) if packet.size] for one in (heard, silent)]
            assert pictures[0] == pictures[1]
            if "aac" in kinds:
                heard.seek(0)
                samples = np.concatenate([frame.to_ndarray().ravel() for frame in heard.decode(audio=0)])
                n_heard += bool(np.abs(samples).max() > 0.001)
    assert n_heard == len(list((results / "viewports" / "overpass").glob("*.mp4"))) > 0

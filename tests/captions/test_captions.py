"""Captions of a video's events: which pictures are described, what goes to notes, and which shard a video is in."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsalv360.captions import caption_video, notes, shard_of, spread
from tsalv360.captions.settings import CaptionSettings
from tsalv360.files import write_json
from tsalv360.tables import EVENTS, TRACKS, empty
from tsalv360.video import VideoWriter

Make = Callable[..., pd.DataFrame]


def test_shards_stay_as_they_are_on_every_machine_and_day() -> None:
    assert [shard_of(video, 1000) for video in ("001", "002", "127", "ocean-2")] == ["0403", "0833", "0675", "0320"]


def test_shards_are_all_used_and_balanced() -> None:
    counts = Counter(shard_of(f"{n:03d}", 8) for n in range(208))
    assert sorted(counts) == [f"{shard:04d}" for shard in range(8)]
    assert max(counts.values()) < 2.5 * 208 / 8


@pytest.mark.parametrize(
    ("n_pictures", "wanted", "numbers"),
    [(8, 8, list(range(8))), (80, 8, [5, 15, 25, 35, 45, 55, 65, 75]), (3, 8, [0, 1, 2]), (10, 1, [5]), (1, 4, [0])],
)
def test_pictures_are_spread_over_the_event(n_pictures: int, wanted: int, numbers: list[int]) -> None:
    assert spread(n_pictures, wanted) == numbers


@pytest.mark.parametrize("n_pictures", [2, 7, 33, 100])
def test_spread_pictures_are_different_and_lie_in_the_event(n_pictures: int) -> None:
    numbers = spread(n_pictures, 16)
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 0
    assert numbers[-1] < n_pictures


def test_notes_tell_when_where_how_far_and_by_how_many(make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16, 49)), yaw=170, pitch=0, step=1)  # 32 degrees, over the seam
    (event,) = make_events(track).itertuples()
    assert notes(event, track) == [
        "1.0 s to 3.0 s (2.0 s)",
        "around yaw 170°, pitch 0°, moving 32° in all",
        "7 observers, 5.0 at a time, confidence 0.61",
    ]


@pytest.fixture
def viewports(tmp_path: Path) -> Path:
    """A video of 16 gray pictures, 16 of a red disc on gray-green, 4 gray ones."""
    scene = np.full((120, 160, 3), (100, 110, 100), dtype=np.uint8)
    scene += np.random.default_rng(1).integers(0, 12, scene.shape, dtype=np.uint8)
    across, down = np.meshgrid(np.arange(160) - 80, np.arange(120) - 60)
    disc = scene.copy()
    disc[np.hypot(across, down) < 22] = (214, 40, 40)
    with VideoWriter(tmp_path / "v_1.mp4", 16, (120, 160)) as writer:
        for part, n in ((scene, 16), (disc, 16), (scene, 4)):
            for _ in range(n):
                writer.write(part)
    write_json(tmp_path / "viewports.json", {"events": {"v_1": {"lead_in": 16, "pictures": 16, "lead_out": 4}}})
    return tmp_path


def test_the_event_is_described_and_not_its_lead_in(viewports: Path, make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16)))
    captions = caption_video(viewports, make_events(track), track, CaptionSettings(backend="facts", n_frames=16))
    assert list(captions) == ["v_1"]
    caption = captions["v_1"]
    assert "red" in caption["caption"]
    assert "round" in caption["caption"]
    (candidate,) = caption["candidates"]
    assert (candidate["text"], candidate["model"]) == (caption["caption"], "facts")
    assert candidate["revision"]


def test_a_caption_tells_no_place_time_or_observers(viewports: Path, make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16)), yaw=-120, pitch=33)
    caption = caption_video(viewports, make_events(track), track, CaptionSettings())["v_1"]
    for word in ("yaw", "pitch", "observer", "°", "120", "33", " s "):
        assert word not in caption["caption"]
    assert any("yaw -120" in note for note in caption["notes"])


def test_a_video_without_events_has_no_captions(tmp_path: Path) -> None:
    write_json(tmp_path / "viewports.json", {"events": {}})
    assert caption_video(tmp_path, empty(EVENTS), empty(TRACKS), CaptionSettings()) == {}

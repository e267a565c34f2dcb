"""Label Studio tasks: what a curator sees, and that the hash changes with the event."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pandas as pd
import pytest
from entries import caption_entry, index_entry
from pydantic import TypeAdapter

from tsalv360.contracts.entries import ShownTimes, Task, ViewportLength
from tsalv360.contracts.tables import EVENTS, TRACKS, empty
from tsalv360.curation.tasks import _counter, _others, content_hash, make_tasks, source_time

INDEX = index_entry()
LENGTHS = {"v_1": ViewportLength(16, 3, 16), "v_2": ViewportLength(16, 2, 0)}
CAPTION = caption_entry("A red round shape.", "A round thing.", notes=["1.0 s to 2.0 s", "around yaw 0°"])


@pytest.fixture
def tracks(make_track: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([make_track("v_1", [16, 17, 18]), make_track("v_2", [40, 41], yaw=90)], ignore_index=True)


@pytest.fixture
def tasks(tracks: pd.DataFrame, make_events: Callable[..., pd.DataFrame]) -> list[dict[str, Any]]:
    captions = {"v_1": CAPTION, "v_2": CAPTION}
    made = make_tasks(INDEX, make_events(tracks), tracks, captions, LENGTHS, "results/my demo/viewports/v", "own")
    return [asdict(task) for task in made]


def test_every_event_is_a_task_of_plain_json(tasks: list[dict[str, Any]]) -> None:
    assert TypeAdapter(list[Task]).dump_python(TypeAdapter(list[Task]).validate_json(json.dumps(tasks))) == tasks
    assert [task["data"]["event_id"] for task in tasks] == ["v_1", "v_2"]
    data = tasks[0]["data"]
    assert (data["video"], data["source"], data["fps"]) == ("v", "own", "16")
    assert data["title"] == "Event v_1 of video v (own)"
    assert (data["start_s"], data["end_s"], data["n_observers"], data["confidence"]) == (1.0, 1.125, 7, 0.6123)
    assert data["facts"] == (
        "1.0 s to 2.0 s\naround yaw 0°\nIn these videos the event begins at 1.00 s and ends at 1.13 s."
    )


def test_media_have_the_urls_at_which_label_studio_serves_them(tasks: list[dict[str, Any]]) -> None:
    data = tasks[1]["data"]
    folder = "/data/local-files/?d=results/my%20demo/viewports/v"
    assert data["viewport_url"] == f"{folder}/v_2.mp4"
    assert data["overlay_url"] == f"{folder}/v_2.overlay.mp4"
    assert data["poster_url"] == f"{folder}/v_2.jpg"


def test_the_machine_caption_is_the_prediction_and_the_others_are_alternatives(tasks: list[dict[str, Any]]) -> None:
    (prediction,) = tasks[0]["predictions"]
    assert prediction["model_version"] == "facts 1"
    assert prediction["result"][0]["value"] == {"text": ["A red round shape."]}
    assert tasks[0]["data"]["caption_machine"] == "A red round shape."
    assert tasks[0]["data"]["alternatives"] == [{"value": "A round thing."}]


def test_an_event_without_a_caption_is_a_task_without_prediction(tracks: pd.DataFrame, make_events: Any) -> None:
    none = caption_entry("A dog runs.", caption=None)
    task, _ = make_tasks(INDEX, make_events(tracks), tracks, {"v_1": none, "v_2": CAPTION}, LENGTHS, "media", "own")
    assert task.predictions == []
    assert task.data.caption_machine == ""
    assert task.data.alternatives == [{"value": "A dog runs."}]


def test_the_hash_stays_while_the_reviewed_content_stays(tracks: pd.DataFrame) -> None:
    track = tracks[tracks.event_id == "v_1"]
    moved = track.assign(yaw_deg=track.yaw_deg + 0.01, pitch_deg=-1e-9, spread_deg=9.0, n_observers=1)
    assert content_hash(moved, CAPTION) == content_hash(track, CAPTION)
    assert content_hash(track, replace(CAPTION, notes=[])) == content_hash(track, CAPTION)
    rescored = [replace(candidate, score=-0.1) for candidate in CAPTION.candidates]
    assert content_hash(track, replace(CAPTION, candidates=rescored)) == content_hash(track, CAPTION)


@pytest.mark.parametrize("change", ["frame", "yaw_deg", "pitch_deg", "length", "caption"])
def test_the_hash_changes_with_frames_directions_and_captions(tracks: pd.DataFrame, change: str) -> None:
    track, caption = tracks[tracks.event_id == "v_1"], CAPTION
    if change == "caption":
        caption = caption_entry("Another.", "A round thing.")
    changed = track.iloc[:-1] if change == "length" else track
    if change in track:
        changed = track.assign(**{change: track[change] + 1})
    assert content_hash(changed, caption) != content_hash(track, CAPTION)


def test_the_other_events_have_times_and_the_nearest_is_first() -> None:
    spans = {"v_1": (0.0, 1.0), "v_2": (6.0, 8.0), "v_3": (2.0, 3.0), "v_4": (4.0, 5.0)}
    events = pd.DataFrame([(event, *span) for event, span in spans.items()], columns=["event_id", "start_s", "end_s"])
    assert _others(events, "v_4") == [
        {"value": "v_2", "hint": "6.0 s to 8.0 s"},
        {"value": "v_3", "hint": "2.0 s to 3.0 s"},
        {"value": "v_1", "hint": "0.0 s to 1.0 s"},
    ]


@pytest.mark.parametrize("picture", range(64))
def test_a_time_as_shown_is_in_its_picture(picture: int) -> None:
    shown = ShownTimes(0.0625, [(0.0, 64)])
    assert source_time(shown, _counter(picture, 16)) == round(picture / 16, 3)


def test_a_task_names_the_other_events_and_the_times_that_its_video_shows(tasks: list[dict[str, Any]]) -> None:
    data = tasks[0]["data"]
    assert [other["value"] for other in data["others"]] == ["v_2"]
    assert data["track"] == "1.000 0.0 0.0, 1.125 0.0 0.0"
    assert data["shown"] == {"step_s": 0.0625, "runs": [(0.0, 35)]}
    assert tasks[1]["data"]["shown"] == {"step_s": 0.0625, "runs": [(1.5, 18)]}


def test_a_video_without_events_has_no_tasks() -> None:
    assert make_tasks(INDEX, empty(EVENTS), empty(TRACKS), {}, {}, "media", "own") == []

"""The page of a video: its data against the tables, and the same as text for those without scripts."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from entries import caption_entry, index_entry
from explorer.made_dataset import EVIL, annotation, data_of, make_dataset, parse, trials_of

from tsalv360.contracts.entries import CaptionEntry, Failure, GazeRemark, Outcome
from tsalv360.contracts.tables import ANNOTATIONS, empty
from tsalv360.explorer.fates import banner
from tsalv360.explorer.inputs import Video, read_video
from tsalv360.explorer.stacked import Layout, layout_of
from tsalv360.explorer.video_page import NO_GAZE, Media, data_of_plain_video, data_of_video, gaze_of, write_video_page
from tsalv360.job.errors import InputError
from tsalv360.reliability import summarise
from tsalv360.sources.plausibility import summarise_gaze
from tsalv360.sources.recording import Origin, fixations_table

Made = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_dataset(tmp_path_factory.mktemp("made"))


def read(made: Made, k: int = 0, **others: Any) -> Video:
    files = {
        name: made[f"{name}es" if name == "index" else name][k]
        for name in ("index", "notes", "events", "tracks", "dropped")
    }
    truth = {path.stem: path for path in made["truth"]}["100" if k == 0 else "200"]
    return read_video(**files | {"truth": truth, "origin": Origin("src-1", f"licence {EVIL}", "head")} | others)


def make_data(video: Video, annotations: pd.DataFrame | None = None, **others: Any) -> Any:
    gaze = fixations_table(["b", "a", "a"], [0.0, 0.5, 1.0], 0.25, 0, [-179.96, 10.04, 20.0], [0.0, -5.0, 89.99])
    rows = [
        row for one in video.events.to_dict("records") for row in [annotation(one, f"caption of {one['event_id']}")]
    ]
    given = {
        "dataset": "small",
        "media": Media(layout_of(video.tracks, 480, 960), 4321, True),
        "fixations": gaze,
        "annotations": annotations if annotations is not None else pd.DataFrame(rows) if rows else empty(ANNOTATIONS),
        "curation": None,
        "captions": {str(event): caption_entry(f"draft of {event}") for event in video.events.event_id},
        "splits": ["fold 0: test"],
        "trials": pd.DataFrame(trials_of("100", 2)),
    }
    return data_of_video(video=video, **given | others)


@pytest.fixture(scope="module")
def data(made: Made) -> Any:
    return make_data(read(made))


def test_the_page_says_how_reliable_the_events_of_its_video_are(made: Made) -> None:
    measured = summarise(pd.DataFrame(trials_of("100", 2)))
    assert make_data(read(made))["reliability"] == {
        "agreement": f"{measured.agreement.value:.2f}",
        "chance": f"{measured.chance.value:.2f}",
    }
    alone = pd.DataFrame(trials_of("100", 2)[:1])  # without a trial
    assert make_data(read(made), trials=alone)["reliability"] is None


def test_the_video_and_its_stacked_video(data: Any) -> None:
    shown = {
        name: data[name] for name in ("dataset", "video", "source", "recorded", "fps", "duration_s", "n_observers")
    }
    assert shown == {
        "dataset": "small",
        "video": "100",
        "source": "src-1",
        "recorded": "head",
        "fps": 16.0,
        "duration_s": 10.0,
        "n_observers": 12,
    }
    assert data["notes"] == ["header says 0 frames, decoding gives 160", "7 of 90 gaze samples removed"]
    assert data["banner"] == "Captions: draft, written by a machine (facts), not curated"
    assert data["media"] == {
        "file": "100.mp4",
        "from_disk": True,
        "rate": 16.0,
        "frames": list(range(160)),
        "panorama": [960, 480],
        "tile": [256, 128],
        "columns": 3,
        "slots": 3,
        "bytes": 4321,
    }


def test_events_are_those_of_the_tables(data: Any, made: Made) -> None:
    video = read(made)
    assert [event["id"] for event in data["events"]] == ["100_1", "100_2"]
    second = data["events"][1]
    assert second["caption"] == "caption of 100_2" and second["origin"] == "machine: facts, revision 1"
    assert second["segments"] == [(2.0, 3.938), (5.0, 6.938)]
    assert (second["start_s"], second["end_s"], second["start_frame"], second["end_frame"]) == (2.0, 6.938, 32, 111)
    assert (second["n_observers"], second["share"], second["confidence"], second["by_chance"]) == (5, 0.5, 0.625, 1e-3)
    assert (second["colour"], second["slot"], second["verdict"], second["left_out"]) == (1, 2, None, "")
    track = video.tracks[video.tracks.event_id == "100_2"]
    assert second["track"]["picture"] == track.frame.tolist()  # at 16 fps every frame is kept
    assert second["track"]["yaw"] == second["track"]["camera_yaw"] == [-100.0] * len(track)
    assert second["track"]["camera_hfov"][0] == 75.0


def test_pictures_of_a_track_are_places_among_the_kept_frames(
    made: Made, make_track: Callable[..., pd.DataFrame]
) -> None:
    video, index = read(made), index_entry("100", fps=25.0, n_frames=250)
    tracks = make_track("100_1", index.kept_frames[7:12]).assign(time_s=np.array(index.kept_frames[7:12]) / 25)
    data = make_data(replace(video, index=index, events=video.events[:1], tracks=tracks, truth=None))
    assert data["events"][0]["track"]["picture"] == [7, 8, 9, 10, 11]
    assert [data["media"]["frames"][j] for j in (7, 11)] == [index.kept_frames[7], index.kept_frames[11]]


def test_known_events_and_how_they_were_found(data: Any) -> None:
    ball, kite = data["known"]
    assert (ball["name"], ball["found"], ball["start_s"], ball["end_s"]) == (f"ball {EVIL}", "100_1", 1.0, 3.938)
    assert (kite["found"], kite["segments"], kite["track"]["yaw"][0]) == (None, [(1.0, 3.938)], 90.0)
    assert kite["track"]["picture"] == list(range(16, 64))
    first, second = (event["known"] for event in data["events"])
    assert first == {
        "is_matched": True,
        "name": f"ball {EVIL}",
        "iou": 0.917,
        "error_deg": 0.996,
        "start_error_s": 0.25,
        "end_error_s": 0.0,
    }
    assert second["is_matched"] is False and second["name"] is None and second["iou"] is None


def test_without_known_events_there_is_no_comparison(made: Made) -> None:
    data = make_data(read(made, truth=None))
    assert data["known"] is None and all(event["known"] is None for event in data["events"])


def test_dropped_candidates_have_their_reason(data: Any) -> None:
    assert len(data["dropped"]) == 3
    assert data["dropped"][1] == {
        "start_s": 0.0,
        "end_s": 1.5,
        "yaw": 1.0,
        "pitch": 2.0,
        "n_observers": 4,
        "share": 0.25,
        "rule": "merge_deg",
        "reason": f"stays within 12° {EVIL}",
    }


def test_gaze_is_that_of_each_observer_at_each_picture() -> None:
    gaze = fixations_table(["b", "a", "a"], [0.0, 0.5, 1.0], 0.25, 0, [-179.96, 10.04, 20.0], [0.0, -5.06, 89.99])
    found = gaze_of(gaze, np.array([0.0, 0.25, 0.5, 1.2]))
    assert found["names"] == ["a", "b"]
    values = np.frombuffer(base64.b64decode(found["gaze"]), "<i2").reshape(2, 4, 2)
    none = [NO_GAZE, NO_GAZE]
    assert values.tolist() == [[none, none, [100, -51], [200, 900]], [[-1800, 0], none, none, none]]


def test_observers_that_the_source_hides_have_no_dots(made: Made, data: Any) -> None:
    assert data["observers"]["names"] == ["a", "b"]
    hidden = make_data(replace(read(made), n_observers=None))
    assert hidden["observers"] is None and hidden["n_observers"] is None


def test_what_curators_decided(made: Made) -> None:
    video = read(made)
    first = annotation(video.events.to_dict("records")[0], "a dog") | {"caption_origin": "edited", "verdict": "edit"}
    outcome = Outcome(
        ["ann", "ben"], [("100_2", "not_an_event, bad_end")], [], [], [], [], [("100_1", "no such event")]
    )
    annotations = pd.DataFrame([first | {"flags": ["bad_start"], "end_frame": 70, "n_curators": 2}])
    data = make_data(video, annotations, curation=outcome)
    edited, rejected = data["events"]
    assert (edited["verdict"], edited["caption"], edited["origin"]) == ("edit", "a dog", "edited: facts, revision 1")
    assert edited["corrected_frames"] == (20, 70) and (edited["start_frame"], edited["end_frame"]) == (20, 63)
    assert edited["flags"] == ["bad_start"] and edited["remarks"] == ["no such event"]
    assert (rejected["verdict"], rejected["left_out"]) == ("reject", "rejected")
    assert rejected["flags"] == ["not_an_event", "bad_end"] and rejected["caption"] == "draft of 100_2"
    assert data["banner"] == "Captions: reviewed by 2 curators"


@pytest.mark.parametrize(
    ("lists", "reason", "remarks"),
    [
        ({}, "no caption", []),
        ({"uncurated": [("100_1", "")]}, "not reviewed", []),
        ({"uncurated": [("100_1", "2 to 2")]}, "not reviewed", ["2 to 2"]),
        ({"merged": [("100_1", "100_2")]}, "part of 100_2, which it repeats", []),
        (
            {"review": [("100_1", "62% of the frames")]},
            "near a reviewed event, waits for a review of its own",
            ["near a reviewed event: 62% of the frames"],
        ),
    ],
)
def test_why_an_event_is_not_in_the_dataset(made: Made, lists: Any, reason: str, remarks: list[str]) -> None:
    names = "rejected", "merged", "uncurated", "review", "orphaned", "problems"
    outcome = Outcome(["ann"], **{name: [] for name in names} | lists)
    data = make_data(read(made), empty(ANNOTATIONS), curation=outcome)
    assert (data["events"][0]["left_out"], data["events"][0]["remarks"]) == (reason, remarks)


def test_a_captioner_that_failed_says_why(made: Made) -> None:
    failed = CaptionEntry(None, failures=[Failure("endpoint", "what?", f"HTTP 400 {EVIL}")])
    data = make_data(read(made), empty(ANNOTATIONS), captions={"100_1": failed})
    event = data["events"][0]
    assert (event["caption"], event["left_out"]) == (None, "no caption")
    assert event["remarks"] == [f"endpoint, “what?” wrote no caption: HTTP 400 {EVIL}"]


def test_gaze_that_looks_wrong_has_its_remark_and_its_picture(made: Made) -> None:
    time = np.arange(0, 2, 0.05)
    gaze = fixations_table(["a"] * 40, time, 0.05, 0, 60 * time - 60, np.zeros(40))
    video = read(made)
    remarks = [GazeRemark("gaze ends at 2 of 4 s", "gaze lasts", "Check `time_unit`.", "time")]
    data = make_data(replace(video, remarks=remarks, gaze=summarise_gaze(gaze, 4.0)))
    assert data["remarks"][0]["advice"] == "Check `time_unit`." and data["remarks"][0]["shown"] == "time"
    (picture,) = data["remark_pictures"]
    assert (picture["width"], picture["height"]) == (720, 134) and picture["uri"].startswith("data:image/jpeg;base64,")
    assert picture["text"].startswith("median speed of the gaze")


def test_text_from_data_is_data_and_the_page_needs_nothing_from_elsewhere(made: Made, tmp_path: Path) -> None:
    hostile = "</script><b>\u2028\u2029" + EVIL
    video = read(made)
    rows = [annotation(one, hostile) for one in video.events.to_dict("records")]
    data = make_data(video, pd.DataFrame(rows))
    write_video_page(tmp_path / "100.html", data)
    page, source = parse(tmp_path / "100.html"), (tmp_path / "100.html").read_text(encoding="utf-8")
    assert [a.get("src") for a in page.all("script")] == ["../live.js", "../explorer.js", None]
    assert "<b>" not in source and "<script>" not in source and "\u2028" not in source.partition('id="data"')[2]
    assert data_of(tmp_path / "100.html")["events"][0]["caption"] == hostile
    addresses = {a[name] for _, a in page.tags for name in ("src", "href") if a.get(name)}
    assert addresses == {"data:,", "../live.js", "../explorer.js", "../explorer.css", "../index.html", "100.sheet.jpg"}
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and "script-src 'self';" in policy and "media-src 'self' blob:" in policy


def test_without_scripts_events_and_captions_are_text(data: Any, made: Made, tmp_path: Path) -> None:
    write_video_page(tmp_path / "100.html", data)
    words = parse(tmp_path / "100.html").words()
    assert "100_2, 2.0 s to 6.9 s: caption of 100_2" in words
    write_video_page(tmp_path / "200.html", make_data(read(made, 1)))
    assert "No events: nothing in this video" in parse(tmp_path / "200.html").words()


def test_the_same_data_give_the_same_bytes(data: Any, made: Made, tmp_path: Path) -> None:
    write_video_page(tmp_path / "one.html", data)
    write_video_page(tmp_path / "two.html", make_data(read(made)))
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_video_without_a_dataset_has_a_page_too(tmp_path: Path) -> None:
    plain = data_of_plain_video("", index_entry("v"), Media(Layout((480, 960), 0, {}), 12, False))
    write_video_page(tmp_path / "v.html", plain)
    data = data_of(tmp_path / "v.html")
    assert (data["events"], data["known"], data["dropped"], data["observers"]) == ([], None, [], None)
    assert data["media"]["slots"] == 0 and data["sheet"] is None


@pytest.mark.parametrize("stage", ["indexes", "notes", "events", "tracks", "dropped"])
def test_a_damaged_file_is_named(made: Made, tmp_path: Path, stage: str) -> None:
    (tmp_path / "100.json").write_bytes(b"half")
    with pytest.raises(InputError, match=r"100\.json: found no readable"):
        read({**made, stage: [tmp_path / "100.json"]})


def test_banner_counts_what_is_draft() -> None:
    table = pd.DataFrame({"caption_origin": ["machine", "edited"], "n_curators": [0, 2], "model": ["facts", "facts"]})
    partly = "Captions: 1 of 2 are draft, written by a machine (facts), not curated"
    assert banner(table) == partly
    assert banner(table, 3) == f"{partly}; the others reviewed by 3 curators"
    assert banner(table[:1], 0) == "Captions: draft, written by a machine (facts), not curated"
    assert banner(table[1:], 1) == "Captions: reviewed by 1 curator"
    assert banner(table[1:]) == ""

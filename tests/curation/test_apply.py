"""The curators' decisions in a video's part of the dataset: what leaves, what is merged, and what is made again."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from curation.annotating import record
from entries import caption_entry, index_entry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shards import maps_in, read_map

from tsalv360.contracts.entries import CaptionEntry
from tsalv360.contracts.tables import CLIPS, DATASET_FIXATIONS, PART_ANNOTATIONS, POINTS, read_table, write_table
from tsalv360.curation.apply import Curation, VideoEvents, correct_bounds
from tsalv360.curation.records import Decision, EventRecord, read_records, write_records
from tsalv360.dataset.assemble import assemble_video
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps
from tsalv360.model.clip_tokens import count
from tsalv360.saliency import SaliencySettings, map_inputs, points_table, write_saliency_maps
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import angular_distance, pixel_to_direction

Make = Callable[..., pd.DataFrame]
FRAMES = list(range(160))
KEPT = pd.DataFrame({"frame": FRAMES, "time_s": np.array(FRAMES) / 16})
SALIENCY = SaliencySettings(sigma_deg=6, height=32, path_looks=0)  # what is bright is gaze
CURATION = Curation([], "keep_as_draft", lead_s=1.0, assign_deg=12.0, saliency=SALIENCY)
SEEN = {
    "ann": (0, range(10, 80)),
    "ben": (90, range(20, 60)),
    "cas": (179, range(50, 100)),
    "dan": (-178, range(100, 130)),
}
IN_EVENT = {"001_1": ("ann", range(20, 60)), "001_2": ("ben", range(20, 60)), "001_3": ("cas", range(50, 100))}


@dataclass
class Part:
    """A video's part of the dataset."""

    folder: Path

    @property
    def annotations(self) -> pd.DataFrame:
        return read_table(self.folder / "annotations.parquet", PART_ANNOTATIONS).set_index("event_id", drop=False)

    @property
    def owners(self) -> dict[str, list[str]]:
        """Whose gaze belongs to each event."""
        table = read_table(self.folder / "fixations.parquet", DATASET_FIXATIONS).dropna(subset="event_id")
        return {str(event): sorted(set(rows.observer)) for event, rows in table.groupby("event_id")}

    def gaze(self, event: str) -> list[int]:
        """The frames at which gaze belongs to an event."""
        table = read_table(self.folder / "fixations.parquet", DATASET_FIXATIONS)
        return sorted(set(table.frame[table.event_id == event]))

    def maps(self, event: str) -> list[int]:
        return maps_in(self.folder / "maps/001.parquet").get(event, [])

    def points(self, event: str) -> pd.DataFrame:
        table = read_table(self.folder / "points/001.parquet", POINTS)
        return table[table.event_id == event]

    def brightness(self, event: str, frame: int, yaw: float) -> int:
        """The map's value nearest to a direction on the horizon."""
        saliency = read_map(self.folder / "maps/001.parquet", event, frame)
        column, row = np.meshgrid(np.arange(64), np.arange(32))
        away = angular_distance(*pixel_to_direction(column, row, 32, 64), yaw, 0)
        return int(saliency.flat[away.argmin()])

    @property
    def left_out(self) -> dict[str, int]:
        return {name: count for name, count in read_json(self.folder / "left_out.json").items() if count}

    @property
    def outcome(self) -> dict[str, Any]:
        return {
            name: dict(pairs) for name, pairs in read_json(self.folder / "curation.json").items() if name != "curators"
        }


@dataclass
class Scene:
    """A video of three events, the third at the seam: what its stages wrote, and how it is assembled."""

    folder: Path
    tracks: pd.DataFrame
    events: pd.DataFrame
    captions: dict[str, CaptionEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = [(who, frame, yaw) for who, (yaw, frames) in SEEN.items() for frame in frames]
        who, frame, yaw = zip(*rows, strict=True)
        self.fixations = fixations_table(who, np.array(frame) / 16, 1 / 16, frame, yaw, 0.0)
        owned = [
            (k, event)
            for k, (name, at, _) in enumerate(rows)
            for event, (a, b) in IN_EVENT.items()
            if name == a and at in b
        ]
        self.assignments = pd.DataFrame(owned, columns=["row", "event_id"]).assign(distance_deg=0.0)
        of_video = map_inputs(self.fixations, self.assignments, self.tracks, KEPT)
        write_saliency_maps(self.folder / "saliency.parquet", of_video, SALIENCY)
        write_table(self.folder / "points.parquet", points_table(of_video, SALIENCY.window_s), POINTS)
        for event in self.events.event_id:
            self.captions[event] = caption_entry(f"The machine's {event}.", n_tokens=9)

    @property
    def detected(self) -> VideoEvents:
        return VideoEvents(self.events, self.tracks, self.fixations, self.assignments, self.captions)

    def review(self, name: str, verdict: str | None = "accept", caption: str | None = None, **more: Any) -> EventRecord:
        machine = self.captions[name].caption or ""
        caption = machine if caption is None else caption
        return record(self.detected.track(name), verdict, caption, machine=machine, **more)

    def assemble(self, *records: EventRecord, **changes: Any) -> Part:
        curation = replace(CURATION, records=list(records), **changes)
        assemble_video(
            self.folder / "part", index_entry("001", n_frames=len(FRAMES)), self.detected,
            self.folder / "saliency.parquet", self.folder / "points.parquet", curation,
        )  # fmt: skip
        return Part(self.folder / "part")


@pytest.fixture
def scene(tmp_path: Path, make_track: Make, make_events: Make) -> Scene:
    yaws = {"001_1": 0.0, "001_2": 90.0, "001_3": 179.0}
    tracks = pd.concat(
        [make_track(event, list(IN_EVENT[event][1]), yaw) for event, yaw in yaws.items()], ignore_index=True
    )
    return Scene(tmp_path, tracks, make_events(tracks))


def test_a_rejected_event_leaves_a_hole_and_its_gaze_belongs_to_no_event(scene: Scene) -> None:
    part = scene.assemble(scene.review("001_2", "reject", flags=["not_an_event"]))
    assert part.annotations.event_id.tolist() == ["001_1", "001_3"]
    assert part.owners == {"001_1": ["ann"], "001_3": ["cas"]}
    assert part.points("001_2").empty and len(part.points("001_1"))
    assert part.maps("001_2") == []
    assert set(read_table(part.folder / "clips.parquet", CLIPS).event_id) == {"001_1", "001_3"}
    assert part.left_out["events_rejected"] == 1
    assert part.outcome["rejected"] == {"001_2": "not_an_event"}


def test_accepted_and_edited_captions_enter_with_verdict_and_number_of_curators(scene: Scene) -> None:
    scene.captions["001_2"] = replace(
        scene.captions["001_2"], caption=None
    )  # the captioner failed, a curator wrote one
    edited = scene.review("001_2", "edit", "Ein Hund läuft davon. 🐕", flags=["bad_start"])
    part = scene.assemble(scene.review("001_1"), edited)
    rows = part.annotations
    assert rows.caption_origin.tolist() == ["accepted", "edited", "machine"]
    assert rows.caption.tolist() == ["The machine's 001_1.", "Ein Hund läuft davon. 🐕", "The machine's 001_3."]
    assert Maps(part.folder / "maps/001.parquet").caption("001_2") == rows.caption["001_2"]
    assert rows.caption_machine.tolist() == [f"The machine's {event}." for event in rows.event_id]
    assert rows.verdict.where(rows.verdict.notna(), "none").tolist() == ["accept", "edit", "none"]
    assert [flags.tolist() for flags in rows["flags"]][:2] == [[], ["not English", "bad_start"]]
    assert rows.n_curators.tolist() == [1, 1, 0]
    assert rows.n_tokens["001_1"] == 9 and rows.n_tokens["001_2"] == count(rows.caption["001_2"])


def test_the_text_wins_over_the_verdict(scene: Scene) -> None:
    part = scene.assemble(scene.review("001_1", "accept", "A dog."), scene.review("001_2", "edit"))
    assert part.annotations.caption_origin.tolist() == ["edited", "accepted", "machine"]


def test_undecided_events_leave_or_stay_as_drafts(scene: Scene) -> None:
    records = scene.review("001_1"), scene.review("001_3", None)
    part = scene.assemble(*records, uncurated="leave_out")
    assert part.annotations.event_id.tolist() == ["001_1"]
    assert part.left_out["events_uncurated"] == 2
    assert part.outcome["uncurated"] == {"001_2": "", "001_3": "annotated, not decided"}
    part = scene.assemble(*records)
    assert part.annotations.caption_origin.tolist() == ["accepted", "machine", "machine"]
    assert "events_uncurated" not in part.left_out


def test_an_event_that_is_only_near_a_reviewed_one_is_uncurated(scene: Scene) -> None:
    """001_1 was reviewed when it had twice its length, so that its caption does not enter."""
    old = scene.review("001_1", "edit", "An old caption.")
    scene.tracks = scene.tracks[(scene.tracks.event_id != "001_1") | (scene.tracks.frame < 40)]
    part = scene.assemble(old)
    assert part.annotations.caption["001_1"] == "The machine's 001_1."
    assert part.outcome["review"] == {
        "001_1": "50% of the frames in common with 001_1 of 1.250 s to 3.688 s (edit), 0.0° away"
    }
    assert scene.assemble(old, uncurated="leave_out").left_out["events_uncurated"] == 3


def test_a_video_without_any_event_left_has_a_part(scene: Scene) -> None:
    part = scene.assemble(*(scene.review(event, "reject") for event in IN_EVENT))
    assert part.annotations.empty and part.owners == {}
    assert part.left_out == {"events_rejected": 3, "videos_emptied": 1}
    assert read_table(part.folder / "clips.parquet", CLIPS).empty
    assert read_table(part.folder / "points/001.parquet", POINTS).event_id.isna().all()


def test_without_a_change_maps_and_points_are_those_of_the_stage(scene: Scene) -> None:
    part = scene.assemble(*(scene.review(event) for event in IN_EVENT))
    ours, theirs = Maps(part.folder / "maps/001.parquet"), Maps(scene.folder / "saliency.parquet")
    for event in IN_EVENT:
        for frame in part.maps(event):
            assert ours.content(event, frame) == theirs.content(event, frame)
    assert (part.folder / "points/001.parquet").samefile(scene.folder / "points.parquet")


def test_duplicates_are_merged_under_the_lower_id_with_frames_and_gaze_of_both(scene: Scene) -> None:
    """001_1 duplicates 001_3: the caption is that of 001_3, the id 001_1; where only one exists the map shows one."""
    part = scene.assemble(
        scene.review("001_1", duplicate_of="001_3"), scene.review("001_3", "edit", "A cat naps on it.")
    )
    rows = part.annotations
    assert rows.event_id.tolist() == ["001_1", "001_2"]
    assert (rows.caption["001_1"], rows.caption_origin["001_1"]) == ("A cat naps on it.", "edited")
    assert rows.caption_machine["001_1"] == "The machine's 001_3."
    assert (rows.start_frame["001_1"], rows.end_frame["001_1"], rows.end_frame_before["001_1"]) == (20, 99, 59)
    assert part.owners == {"001_1": ["ann", "cas"], "001_2": ["ben"]}
    assert part.maps("001_1") == list(range(20, 100))
    clips = read_table(part.folder / "clips.parquet", CLIPS).query("event_id == '001_1'").frames
    assert np.concatenate(clips.to_list()).tolist() == list(range(20, 100))
    assert [part.brightness("001_1", frame, 0) > 100 for frame in (30, 55, 90)] == [True, True, False]
    assert [part.brightness("001_1", frame, 179) > 100 for frame in (30, 55, 90)] == [False, True, True]
    assert set(part.points("001_1").observer) == {"ann", "cas"} and part.points("001_3").empty
    assert part.outcome["merged"] == {"001_3": "001_1"}
    assert part.left_out["events_merged"] == 1


def test_a_duplicate_fills_the_gap_of_the_event_that_it_duplicates(scene: Scene) -> None:
    scene.tracks = scene.tracks[(scene.tracks.event_id != "001_1") | ~scene.tracks.frame.between(30, 34)]
    part = scene.assemble(scene.review("001_2", duplicate_of="001_1"))
    clips = read_table(part.folder / "clips.parquet", CLIPS).query("event_id == '001_1'").frames
    assert np.concatenate(clips.to_list()).tolist() == list(range(20, 60))


def test_chains_and_rings_of_duplicates_are_one_event(scene: Scene) -> None:
    a, b, c = (scene.review(event) for event in IN_EVENT)
    chain = [named(a, "001_2"), named(b, "001_3", "reject"), c]
    ring = [named(a, "001_2"), named(b, "001_3"), named(c, "001_1")]
    for records in (chain, ring):
        part = scene.assemble(*records)
        assert part.annotations.event_id.tolist() == ["001_1"]
        assert part.owners == {"001_1": ["ann", "ben", "cas"]}
        assert part.outcome["merged"] == {"001_2": "001_1", "001_3": "001_1"}
        assert not part.outcome["problems"] and not part.outcome["rejected"]
    assert scene.assemble(*chain).annotations.caption.tolist() == ["The machine's 001_3."]


def test_a_duplicate_of_an_event_without_a_review_brings_its_own_caption(scene: Scene) -> None:
    part = scene.assemble(scene.review("001_3", "edit", "A cat.", duplicate_of="001_2"), uncurated="leave_out")
    assert part.annotations.caption.to_dict() == {"001_2": "A cat."}
    part = scene.assemble(scene.review("001_3", "reject", duplicate_of="001_2"), uncurated="leave_out")
    assert part.annotations.empty
    assert part.outcome["merged"] == {"001_3": "001_2"}
    assert set(part.outcome["uncurated"]) == {"001_1", "001_2"}
    assert part.outcome["uncurated"]["001_2"] == "not reviewed, except as an event that 001_3 repeats"


def test_events_that_were_only_rejected_as_duplicates_of_each_other_are_named(scene: Scene) -> None:
    a, b = (named(scene.review(event), other, "reject") for event, other in (("001_1", "001_2"), ("001_2", "001_1")))
    part = scene.assemble(a, b, uncurated="leave_out")
    assert part.outcome["uncurated"]["001_1"] == "only duplicates of each other, all rejected: accept one of them"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("001_2", "001_2, which is rejected"),
        ("001_9", "'001_9', which is not"),
        ("001_3", "'001_3', which is not"),
        (None, "duplicate of an event that is not named"),
    ],
)
def test_a_duplicate_of_an_event_that_is_rejected_or_gone_is_kept_and_listed(
    scene: Scene, target: str, why: str
) -> None:
    marked = {"duplicate_of": target, "flags": ["duplicate"]}
    part = scene.assemble(scene.review("001_2", "reject"), scene.review("001_3", "edit", "A cat.", **marked))
    assert part.annotations.caption["001_3"] == "A cat."
    assert why in part.outcome["problems"]["001_3"]
    assert part.outcome["rejected"] == {"001_2": ""} and not part.outcome["merged"]


def test_a_duplicate_is_merged_with_the_event_it_meant_when_ids_have_shifted(scene: Scene) -> None:
    """When they were reviewed, 001_2 was 001_1 and 001_3 was 001_2; only the record of the former shows that."""
    target, repeats = scene.review("001_2", event="001_1"), scene.review("001_3", event="001_2", duplicate_of="001_1")
    assert scene.assemble(target, repeats).outcome["merged"] == {"001_3": "001_2"}
    part = scene.assemble(repeats)
    assert not part.outcome["merged"] and "001_3" in part.outcome["problems"]


def test_a_shortened_event_loses_frames_maps_and_gaze(scene: Scene) -> None:
    """From 2.0005 s to 3 s: frames 32 to 48, since bounds are rounded to the millisecond."""
    part = scene.assemble(scene.review("001_1", start_s=2.0005, end_s=3.0))
    assert part.maps("001_1") == list(range(32, 49))
    row = part.annotations.loc["001_1"]
    assert row[["start_frame", "end_frame", "start_frame_before", "end_frame_before"]].tolist() == [32, 48, 20, 59]
    assert part.gaze("001_1") == list(range(31, 49))  # the sample before ends within half a frame, as for any event
    assert set(part.points("001_1").frame) == set(range(32, 49))
    assert (
        max(
            max(frames)
            for frames in read_table(part.folder / "clips.parquet", CLIPS).query("event_id == '001_1'").frames
        )
        <= 48
    )


@pytest.mark.parametrize(("fps", "gap_s", "owned"), [(16, 0.03, 2), (16, 0.05, 1), (8, 0.05, 2), (8, 0.07, 1)])
def test_gaze_within_half_a_frame_belongs_to_a_shortened_event(
    make_track: Make, make_events: Make, fps: int, gap_s: float, owned: int
) -> None:
    """As where events are detected: half a frame of the video's own, below 16 fps too. One fixation ends before 2 s."""
    frames = list(range(10 * fps))
    tracks = make_track("001_1", frames[fps : 4 * fps]).assign(time_s=lambda rows: rows.frame / fps)
    starts, durations = np.array([2 - gap_s - 0.5, 2.5]), np.array([0.5, 1.0])
    fixations = fixations_table(["ann", "ben"], starts, durations, np.round(starts * fps).astype(int), 0.0, 0.0)
    assignments = pd.DataFrame({"row": [0, 1], "event_id": "001_1", "distance_deg": 0.0})
    detected = VideoEvents(make_events(tracks), tracks, fixations, assignments, {})
    kept = pd.DataFrame({"frame": frames, "time_s": np.array(frames) / fps})
    bounds = correct_bounds(CURATION, {"001_1": Decision("edit", "A.", start_s=2.0)}, detected, kept)
    assert bounds.tracks["001_1"].time_s.min() == 2.0
    assert len(bounds.assignments) == owned


def test_an_extended_event_has_maps_of_free_gaze_near_the_direction_of_the_camera(scene: Scene) -> None:
    """001_1 grows by half a second at both ends, where ann still looks; 001_3 over the seam, where dan does, 3° off."""
    part = scene.assemble(scene.review("001_1", start_s=0.75, end_s=4.1875), scene.review("001_3", end_s=6.5))
    assert part.maps("001_1") == list(range(12, 68))
    assert part.gaze("001_1") == list(range(11, 68))
    assert part.maps("001_3") == list(range(50, 105))
    assert part.owners["001_3"] == ["cas", "dan"]
    assert part.brightness("001_1", 12, 0) > 200 and part.brightness("001_3", 104, -178) > 200
    assert part.annotations.start_frame["001_1"] == 12 and part.annotations.start_frame_before["001_1"] == 20
    assert part.maps("001_2") == list(range(20, 60))


def test_gaze_farther_away_than_assign_deg_is_not_assigned(scene: Scene) -> None:
    scene.fixations.loc[scene.fixations.observer == "dan", "yaw_deg"] = -168.0  # 13° from 001_3
    part = scene.assemble(scene.review("001_3", end_s=6.5))
    assert part.owners["001_3"] == ["cas"]
    assert part.annotations.end_frame["001_3"] == 104
    assert max(part.maps("001_3")) == 103  # within the window of the last sample, a quarter of a second before


def test_gaze_of_another_event_is_not_assigned(scene: Scene) -> None:
    late = scene.fixations.index[(scene.fixations.observer == "ann") & (scene.fixations.frame >= 60)]
    others = pd.DataFrame({"row": late, "event_id": "001_3", "distance_deg": 5.0})
    scene.assignments = pd.concat([scene.assignments, others], ignore_index=True)
    part = scene.assemble(scene.review("001_1", end_s=4.1875))
    assert max(part.gaze("001_1")) == 59 and part.owners["001_3"] == ["ann", "cas"]


def test_an_event_is_extended_in_the_direction_of_the_camera(scene: Scene) -> None:
    """The camera lags 10° behind 001_3 at its end, over the seam: dan, at −178°, is 13° from it then."""
    scene.tracks.loc[scene.tracks.event_id == "001_3", "camera_yaw_deg"] = 169.0
    decisions = {"001_3": Decision("accept", "A.", end_s=6.5)}
    bounds = correct_bounds(CURATION, decisions, scene.detected, KEPT)
    assert bounds.tracks["001_3"].yaw_deg.tolist() == [179.0] * 50 + [169.0] * 5
    assert len(bounds.assignments) == len(scene.assignments)
    wider = correct_bounds(replace(CURATION, assign_deg=13.1), decisions, scene.detected, KEPT)
    assert len(wider.assignments) == len(scene.assignments) + 5


@pytest.mark.parametrize(("lead_s", "start"), [(0.25, 16), (0.0, 20)])
def test_an_event_is_extended_only_as_far_as_its_video_shows(scene: Scene, lead_s: float, start: int) -> None:
    part = scene.assemble(scene.review("001_1", start_s=0.0), lead_s=lead_s)
    assert part.annotations.start_frame["001_1"] == start
    problem = f"its corrected bounds exceed its viewport video; it is extended by {lead_s:g} s at most"
    assert part.outcome["problems"] == {"001_1": problem}


def test_a_start_in_a_gap_is_the_next_frame_and_no_problem(scene: Scene) -> None:
    scene.tracks = scene.tracks[(scene.tracks.event_id != "001_1") | ~scene.tracks.frame.between(30, 39)]
    part = scene.assemble(scene.review("001_1", start_s=2.0))  # frame 32
    assert part.annotations.start_frame["001_1"] == 40 and not part.outcome["problems"]


@pytest.mark.parametrize("bounds", [(9.0, 9.5), (3.0, 2.0), (0.0, 1.0)])
def test_bounds_without_gaze_are_not_applied_and_listed(scene: Scene, bounds: tuple[float, float]) -> None:
    part = scene.assemble(scene.review("001_1", start_s=bounds[0], end_s=bounds[1]))
    assert part.maps("001_1") == list(range(20, 60))
    assert "contain no gaze" in part.outcome["problems"]["001_1"]


def test_a_changed_event_gets_spotlights_on_the_gaze_of_all_again(scene: Scene) -> None:
    """Eve looks 25° beside 001_1 and belongs to no event."""
    eve = fixations_table(["eve"], [0.0], [10.0], [0], [25.0], [0.0])
    scene.fixations = pd.concat([scene.fixations, eve], ignore_index=True)
    saliency = replace(SALIENCY, method="spotlight")
    part = scene.assemble(scene.review("001_1", start_s=2.0, end_s=3.0), saliency=saliency)
    assert part.maps("001_1") == list(range(32, 49))
    own = part.points("001_1")
    assert set(own.observer[own.frame == 40]) == {"ann", "eve"}
    assert part.brightness("001_1", 40, 0.0) == 255
    assert part.brightness("001_1", 40, 25.0) == pytest.approx(255 / 2, abs=25)  # (35° − 25°) / 20°, in wide pixels


def test_of_two_extended_events_the_nearer_one_has_the_gaze(scene: Scene) -> None:
    """Between 001_1, which ends at 0°, and 001_2, moved to 20°, free gaze at 11° is nearer to the latter."""
    second = scene.tracks.event_id == "001_2"
    scene.tracks.loc[second, ["yaw_deg", "camera_yaw_deg"]] = 20.0
    scene.fixations.loc[scene.fixations.observer == "ben", "yaw_deg"] = 20.0
    late = (scene.fixations.observer == "ann") & (scene.fixations.frame >= 60)
    scene.fixations.loc[late, "yaw_deg"] = 11.0
    part = scene.assemble(scene.review("001_1", end_s=4.25), scene.review("001_2", end_s=4.25))
    assert part.owners == {"001_1": ["ann"], "001_2": ["ann", "ben"], "001_3": ["cas"]}
    assert max(part.gaze("001_1")) == 59 and max(part.gaze("001_2")) == 68


def test_a_file_written_and_read_gives_the_same_part(scene: Scene) -> None:
    records = [scene.review("001_1", start_s=2.0), scene.review("001_2", "reject"), scene.review("001_3")]
    first = (scene.assemble(*records).folder / "SHA256SUMS").read_bytes()
    write_records(scene.folder / "001.json", "001", records[::-1])
    again = scene.assemble(*read_records(scene.folder / "001.json", "001"))
    assert (again.folder / "SHA256SUMS").read_bytes() == first


# What a wrong merge or an edit by hand leaves in a file of records.
ODD = [
    None, True, -1, 0, 10**30, 1e308, float("nan"), "", " ", "nan", "../../x_1", "001_1", "001_9", "x" * 999,
    "2026-01-01", "1.5 0 0 | 2 0 0, 3 0 0", "3 0 0, 1 0 0", "1 nan nan, 2 nan nan", "1 9e99 0, 2 0 0",
    "9999-99-99T99:99:99Z", "\ud800", [], {}, [None], ["001_1"],
]  # fmt: skip


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(ODD))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_of_records_is_refused_by_name_or_can_be_applied(scene: Scene, where: float, odd: Any) -> None:
    path = scene.folder / "001.json"
    write_records(path, "001", [scene.review("001_1", start_s=2.0), named(scene.review("001_3"), "001_1")])
    content = read_json(path)
    slots = list(places(content))
    holder, key = slots[int(where * len(slots))]
    holder[key] = odd
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        records = read_records(path, "001")
    except InputError as error:
        assert str(error).startswith(f"{path}: found ")
    else:
        assert set(scene.assemble(*records).annotations.event_id) <= set(IN_EVENT)


def test_a_lone_surrogate_in_a_file_of_records_is_refused_by_name(scene: Scene) -> None:
    path = scene.folder / "001.json"
    write_records(path, "001", [scene.review("001_1", "edit", caption="A \ud800 dog.")])
    with pytest.raises(InputError, match=re.escape(f"{path}: found a lone surrogate, '\\ud800', after")):
        read_records(path, "001")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where every value in a tree of JSON is: what holds it, and its key."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def named(record: EventRecord, target: str, verdict: str = "accept") -> EventRecord:
    """The same record, but as a duplicate."""
    assert record.decision
    return replace(record, decision=replace(record.decision, duplicate_of=target, verdict=verdict))  # type: ignore[arg-type]

"""A video's part of the dataset: clips, the published layout, checksums, and what is refused."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from entries import caption_entry, index_entry
from numpy.typing import NDArray
from shards import edit_maps, flip_byte, maps_in, read_map, write_maps

from tsalv360.contracts.entries import CaptionEntry
from tsalv360.contracts.tables import (
    ASSIGNMENTS,
    CLIPS,
    DATASET_FIXATIONS,
    EVENTS,
    FIXATIONS,
    PART_ANNOTATIONS,
    POINTS,
    TRACKS,
    empty,
    read_table,
    write_table,
)
from tsalv360.curation.apply import VideoEvents
from tsalv360.dataset.assemble import assemble_video, cut_clips
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.media.pictures import as_png
from tsalv360.sources.recording import fixations_table

Make = Callable[..., pd.DataFrame]

KEPT = [22, 23, 25, 27, 28, 30, 31, 33, 34, 36, 38, 39, 41, 42, 44, 45, 47, 48, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64]
POINTS_OF_A_FRAME = pd.DataFrame(
    {"event_id": ["127_1", None], "frame": 22, "observer": "a", "yaw_deg": [1.0, 2.0], "pitch_deg": 0.0, "weight": 1.0}
)
INDEX = index_entry("127", fps=25.0, n_frames=65, skip_first=20)


def caption(*texts: str) -> CaptionEntry:
    return caption_entry(*texts, n_tokens=9, flags=["not English"])


def maps_of(frames: list[int]) -> dict[int, NDArray[np.uint8]]:
    shown = {frame: np.zeros((48, 96), dtype=np.uint8) for frame in frames}
    for frame, saliency in shown.items():
        saliency[frame % 48, 7] = 255
    return shown


def edit(tmp_path: Path, change: Callable[[dict[str | None, dict[int, bytes]]], object]) -> None:
    """Change the maps that the saliency stage wrote."""
    edit_maps(tmp_path / "saliency.parquet", change)


def add_all_observers(tmp_path: Path) -> None:
    edit(tmp_path, lambda maps: maps.update({None: {frame: as_png(one) for frame, one in maps_of(KEPT).items()}}))


@pytest.fixture
def tracks(make_track: Make) -> pd.DataFrame:
    return pd.concat([make_track("127_1", KEPT[:20]), make_track("127_2", KEPT[5:14], yaw=90)], ignore_index=True)


@pytest.fixture
def captions() -> dict[str, CaptionEntry]:
    return {"127_1": caption("Ein Bär läuft, 360°."), "127_2": caption("A red round shape.")}


@pytest.fixture
def assemble(
    tmp_path: Path, tracks: pd.DataFrame, make_events: Make, captions: dict[str, CaptionEntry]
) -> Callable[[], Path]:
    """Assembles a video of two events from maps in tmp_path / saliency.parquet."""
    by_event = tracks.groupby("event_id").frame
    write_maps(tmp_path / "saliency.parquet", {str(event): maps_of(frames.tolist()) for event, frames in by_event})
    gaze = fixations_table(["a", "b", "c"], [0.9, 1.0, 1.1], 0.04, [22, 25, 27], [0, 90, -90], 0)
    assignments = pd.DataFrame({"row": [0, 1], "event_id": ["127_1", "127_2"], "distance_deg": [0.0, 0.0]})

    points = tmp_path / "points.parquet"
    write_table(points, POINTS_OF_A_FRAME, POINTS)

    def run() -> Path:
        detected = VideoEvents(make_events(tracks), tracks, gaze, assignments, captions)
        assemble_video(tmp_path / "part", INDEX, detected, tmp_path / "saliency.parquet", points)
        return tmp_path / "part"

    return run


def test_the_part_has_the_maps_of_its_events_with_their_captions(
    assemble: Callable[[], Path], tracks: pd.DataFrame
) -> None:
    maps = assemble() / "maps" / "127.parquet"
    assert maps_in(maps) == {event: track.frame.tolist() for event, track in tracks.groupby("event_id")}
    table = pd.read_parquet(maps)
    assert set(table.caption[table.event_id == "127_1"]) == {"Ein Bär läuft, 360°."}
    assert table.time_s.tolist() == tracks.time_s.tolist()
    assert table["map"][0]["path"] == f"{KEPT[0]:04d}.png"
    saliency = read_map(maps, "127_2", 30)
    assert (saliency.shape, saliency.dtype) == ((48, 96), np.uint8)
    assert np.argwhere(saliency).tolist() == [[30, 7]]


def test_clips_are_8_consecutive_kept_frames_with_a_map_for_the_last(assemble: Callable[[], Path]) -> None:
    part = assemble()
    clips = read_table(part / "clips.parquet", CLIPS)
    assert clips.clip_id.tolist() == ["127_1_0", "127_1_1", "127_2_0"]
    assert [frames.tolist() for frames in clips.frames] == [KEPT[:8], KEPT[8:16], KEPT[5:13]]
    assert clips.target_frame.tolist() == [KEPT[7], KEPT[15], KEPT[12]]
    for clip in clips.itertuples():
        assert clip.target_frame in maps_in(part / "maps" / "127.parquet")[clip.event_id]


def test_clips_say_how_many_looks_and_observers_their_targets_are_made_of(
    assemble: Callable[[], Path], tmp_path: Path
) -> None:
    looks = [("127_1", KEPT[7], "a"), ("127_1", KEPT[7], "a"), ("127_1", KEPT[7], "b"), ("127_2", KEPT[12], "c")]
    event, frame, observer = zip(*looks, (None, KEPT[7], "d"), ("127_1", KEPT[8], "e"), strict=True)
    points = pd.DataFrame({"event_id": event, "frame": frame, "observer": observer, "yaw_deg": 0.0, "pitch_deg": 0.0})
    write_table(tmp_path / "points.parquet", points.assign(weight=1.0), POINTS)
    clips = read_table(assemble() / "clips.parquet", CLIPS).set_index("clip_id")
    assert clips.loc["127_1_0", ["n_looks", "n_observers"]].tolist() == [3, 2]
    assert clips.loc["127_2_0", ["n_looks", "n_observers"]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("frames", "clips"),
    [
        (KEPT[:7], []),
        (KEPT[:8], [KEPT[:8]]),
        (KEPT[:15], [KEPT[:8]]),
        (KEPT[:8] + KEPT[9:17], [KEPT[:8], KEPT[9:17]]),
        (KEPT[:5] + KEPT[6:14] + KEPT[15:20], [KEPT[6:14]]),
        (KEPT[:9] + KEPT[12:28], [KEPT[:8], KEPT[12:20], KEPT[20:28]]),
    ],
)
def test_clips_start_again_after_every_gap(frames: list[int], clips: list[list[int]]) -> None:
    rows = cut_clips("127_1", "127", frames, KEPT, set(KEPT))
    assert [row["frames"] for row in rows] == clips
    assert [row["clip_id"] for row in rows] == [f"127_1_{n}" for n in range(len(clips))]


def test_a_clip_whose_last_frame_has_no_map_is_left_out() -> None:
    rows = cut_clips("127_1", "127", KEPT[:24], KEPT, set(KEPT) - {KEPT[15], KEPT[0]})
    assert [(row["clip_id"], row["target_frame"]) for row in rows] == [("127_1_0", KEPT[7]), ("127_1_1", KEPT[23])]


def test_checksums_hold_for_every_caption_and_map_and_notice_a_change(assemble: Callable[[], Path]) -> None:
    part = assemble()
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    lines = (part / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in lines} == {"maps/127.parquet", "points/127.parquet"}
    assert subprocess.run(check, cwd=part, check=False).returncode == 0
    caption = (part / "maps/127.parquet").read_bytes().index("Ein Bär".encode())
    flip_byte(part / "maps/127.parquet", caption)
    assert subprocess.run(check, cwd=part, capture_output=True, check=False).returncode == 1


def test_points_and_maps_of_all_observers_are_included_with_checksums(
    assemble: Callable[[], Path], tmp_path: Path
) -> None:
    add_all_observers(tmp_path)
    part = assemble()
    assert maps_in(part / "saliency_all" / "127.parquet") == {None: KEPT}
    assert "  saliency_all/127.parquet\n" in (part / "SHA256SUMS").read_text()
    assert read_table(part / "points/127.parquet", POINTS).yaw_deg.tolist() == [1.0, 2.0]
    assert None not in maps_in(part / "maps" / "127.parquet")


@pytest.mark.parametrize("name", ["points.parquet", "saliency.parquet"])
def test_a_damaged_file_is_not_passed_on(assemble: Callable[[], Path], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: found no readable"):
        assemble()


@pytest.mark.parametrize("event", [None, "127_2"])
def test_a_cut_map_is_not_passed_on(assemble: Callable[[], Path], tmp_path: Path, event: str | None) -> None:
    add_all_observers(tmp_path)
    edit(tmp_path, lambda maps: maps[event].update({30: maps[event][30][:-20]}))
    with pytest.raises(
        InputError, match=rf"saliency\.parquet: found no readable picture of {event or 'all observers'} in frame 30;"
    ):
        assemble()


def test_annotations_are_machine_drafts(assemble: Callable[[], Path]) -> None:
    annotations = read_table(assemble() / "annotations.parquet", PART_ANNOTATIONS)
    assert annotations.event_id.tolist() == ["127_1", "127_2"]
    assert set(annotations.video) == {"127"} and "source" not in annotations
    assert annotations.caption.tolist() == ["Ein Bär läuft, 360°.", "A red round shape."]
    assert annotations.caption_machine.tolist() == annotations.caption.tolist()
    assert set(annotations.caption_origin) == {"machine"}
    assert annotations.verdict.isna().all()
    assert annotations.n_curators.tolist() == [0, 0]
    assert annotations.n_tokens.tolist() == [9, 9]
    assert [flags.tolist() for flags in annotations["flags"]] == [["not English"]] * 2
    assert annotations.start_frame.tolist() == annotations.start_frame_before.tolist() == [KEPT[0], KEPT[5]]
    assert annotations.end_frame.tolist() == [KEPT[19], KEPT[13]]


def test_fixations_name_their_event_or_none(assemble: Callable[[], Path]) -> None:
    fixations = read_table(assemble() / "fixations.parquet", DATASET_FIXATIONS)
    assert fixations.event_id.where(fixations.event_id.notna(), "none").tolist() == ["127_1", "127_2", "none"]
    assert fixations.observer.tolist() == ["a", "b", "c"]
    assert set(fixations.video) == {"127"}


def test_a_map_of_zeros_is_refused_by_name_and_nothing_stays(assemble: Callable[[], Path], tmp_path: Path) -> None:
    edit(tmp_path, lambda maps: maps["127_2"].update({33: as_png(np.zeros((48, 96), dtype=np.uint8))}))
    with pytest.raises(InputError, match=r"saliency\.parquet: found a saliency map of zeros, of 127_2 in frame 33;"):
        assemble()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["points.parquet", "saliency.parquet"]


def test_a_damaged_map_is_refused_by_name(assemble: Callable[[], Path], tmp_path: Path) -> None:
    edit(tmp_path, lambda maps: maps["127_2"].update({33: b"half"}))
    with pytest.raises(InputError, match=r"saliency\.parquet: found no readable picture of 127_2 in frame 33;"):
        assemble()


def test_an_event_without_any_map_is_refused_by_name(assemble: Callable[[], Path], tmp_path: Path) -> None:
    edit(tmp_path, lambda maps: maps.pop("127_2"))
    with pytest.raises(InputError, match=r"saliency\.parquet: found no saliency map of 127_2"):
        assemble()


def test_a_video_without_events_has_a_part_too(tmp_path: Path) -> None:
    gaze = fixations_table(["a"], [0.0], 0.04, [0], [0], 0)
    points = tmp_path / "points.parquet"
    write_table(points, empty(POINTS), POINTS)
    write_maps(tmp_path / "saliency.parquet", {})
    for rows in (gaze, empty(FIXATIONS)):
        detected = VideoEvents(empty(EVENTS), empty(TRACKS), rows, empty(ASSIGNMENTS), {})
        assemble_video(tmp_path / "part", INDEX, detected, tmp_path / "saliency.parquet", points)
        assert len(read_table(tmp_path / "part/annotations.parquet", PART_ANNOTATIONS)) == 0
        assert len(read_table(tmp_path / "part/clips.parquet", CLIPS)) == 0
        fixations = read_table(tmp_path / "part/fixations.parquet", DATASET_FIXATIONS)
        assert len(fixations) == len(rows)
        assert fixations.event_id.isna().all()
        assert (tmp_path / "part/SHA256SUMS").read_text().endswith("  points/127.parquet\n")


def test_frames_without_a_map_or_a_clip_are_counted(assemble: Callable[[], Path], tmp_path: Path) -> None:
    """Of 20 and 9 frames three clips take 24; without the map of its last frame the first clip is lost as well."""
    nothing = dict.fromkeys(read_json(assemble() / "left_out.json"), 0)
    assert read_json(assemble() / "left_out.json") == nothing | {"frames_in_no_clip": 5}
    edit(tmp_path, lambda maps: maps["127_1"].pop(KEPT[7]))
    counted = {"frames_without_map": 1, "frames_in_no_clip": 13}
    assert read_json(assemble() / "left_out.json") == nothing | counted


def test_an_event_without_a_caption_is_left_out_and_counted(
    assemble: Callable[[], Path], captions: dict[str, CaptionEntry]
) -> None:
    captions["127_1"] = caption()
    part = assemble()
    assert list(maps_in(part / "maps" / "127.parquet")) == ["127_2"]
    for name, table in (("annotations", PART_ANNOTATIONS), ("clips", CLIPS)):
        assert set(read_table(part / f"{name}.parquet", table).event_id) == {"127_2"}
    left_out = read_json(part / "left_out.json")
    assert (left_out["events_without_caption"], left_out["frames_in_no_clip"]) == (1, 1)

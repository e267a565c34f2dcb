"""The dataset folder: all parts together, complete and checkable, with splits and a card that describes it."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from entries import caption_entry, index_entry
from shards import maps_in, write_maps

from tsalv360.config import load_config
from tsalv360.contracts.tables import (
    ANNOTATIONS,
    ASSIGNMENTS,
    CLIPS,
    DATASET_FIXATIONS,
    DROPPED,
    EVENTS,
    PART_ANNOTATIONS,
    POINTS,
    RELIABILITY,
    TRACKS,
    empty,
    read_table,
    write_table,
)
from tsalv360.curation.apply import VideoEvents
from tsalv360.dataset.assemble import assemble_video
from tsalv360.dataset.build import build_dataset
from tsalv360.dataset.splits import make_splits
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, write_json
from tsalv360.media.maps import Maps
from tsalv360.sources.recording import Origin, fixations_table

Make = Callable[..., pd.DataFrame]

VIDEOS = {"001": "ours", "002": "ours", "003": "theirs", "004": "theirs"}
LICENCES = {"ours": "CC BY 4.0", "theirs": "academic use"}
FRAMES = list(range(20))
DROPS = pd.DataFrame(
    {
        "video": "001", "start_s": 0.0, "end_s": 1.0, "yaw_deg": 0.0, "pitch_deg": 0.0, "n_observers": 3,
        "share": 0.2, "rule": ["min_duration_s", "min_duration_s", "max_spread_deg"], "reason": "lasts 1 s",
    }
)  # fmt: skip

TRIALS = pd.DataFrame(
    [
        {"video": video, "gaze": gaze, "number": 0, "n_observers": 9, "confidence": confidence, "found": found}
        for video, gaze, confidence, found in [
            ("001", "all", [0.9, 0.8], []),
            ("001", "half", [0.5, 0.3], [True, False]),
            ("001", "half", [0.45], [True]),
            ("001", "surrogate", [0.1], []),
            ("002", "all", [0.5], []),
        ]
    ]
)


def config(**changes: Any) -> dict[str, Any]:
    content = {"sources": [{"kind": "demo"}], "dataset": {"name": "small", "folds": 2}} | changes
    return load_config(content).data_settings()


def caption_of(video: str) -> str:
    return f"Ein Bär läuft in {video}, 360°."


@pytest.fixture
def parts(tmp_path: Path, make_track: Make, make_events: Make) -> list[Path]:
    """Three videos with one event each; video 003 has none."""
    paths = []
    for video in VIDEOS:
        event, saliency = f"{video}_1", tmp_path / "saliency" / f"{video}.parquet"
        tracks = empty(TRACKS) if video == "003" else make_track(event, FRAMES)
        events = empty(EVENTS) if video == "003" else make_events(tracks)
        maps = {frame: np.zeros((48, 96), dtype=np.uint8) for frame in tracks.frame}
        for frame, picture in maps.items():
            picture[frame, int(video)] = 255
        write_maps(saliency, {event: maps})
        gaze = fixations_table(["a", "b"], [0, 0.04], 0.04, [0, 1], 0, 0)
        assigned = pd.DataFrame({"row": [1], "event_id": [event], "distance_deg": [0.0]})
        captions = {event: caption_entry(caption_of(video), n_tokens=9)}
        paths.append(tmp_path / "parts" / video)
        points = tmp_path / "points" / f"{video}.parquet"
        write_table(points, empty(POINTS), POINTS)
        detected = VideoEvents(events, tracks, gaze, assigned if len(events) else empty(ASSIGNMENTS), captions)
        assemble_video(paths[-1], index_entry(video, n_frames=len(FRAMES)), detected, saliency, points)
    return paths


HEADS: dict[str, str] = {}  # what was recorded in videos, if not the eyes


def build(
    tmp_path: Path, parts: list[Path], dropped: pd.DataFrame = DROPS, trials: pd.DataFrame = TRIALS, **changes: Any
) -> Path:
    indexes = [index_entry(part.name, n_frames=1440) for part in parts]
    origins = {
        part.name: Origin(VIDEOS[part.name], LICENCES[VIDEOS[part.name]], HEADS.get(part.name, "eye")) for part in parts
    }
    content = config(**changes)
    settings = load_config({"sources": [], "dataset": content["dataset"]}).dataset
    sources = {video: origin.source for video, origin in origins.items()}
    folds = make_splits(sources, settings.folds, settings.validation_share, settings.seed)
    build_dataset(tmp_path / "dataset", parts, indexes, origins, dropped, trials, folds, content)
    return tmp_path / "dataset"


@pytest.mark.parametrize("name", ["maps/001.parquet", "points/002.parquet"])
def test_a_file_that_has_changed_since_it_was_assembled_is_refused_by_name(
    tmp_path: Path, parts: list[Path], name: str
) -> None:
    path = next(part / name for part in parts if (part / name).exists())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=re.escape(f"{path}: found another content")):
        build(tmp_path, parts)
    path.unlink()
    with pytest.raises(InputError, match=re.escape(str(path))):
        build(tmp_path, parts)
    assert not (tmp_path / "dataset").exists()


def test_events_of_heads_are_marked(tmp_path: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HEADS, "002", "head")
    dataset = build(tmp_path, parts)
    annotations = pd.read_parquet(dataset / "annotations.parquet")
    assert annotations.groupby("video").gaze.first().to_dict() == {"001": "eye", "002": "head", "004": "eye"}
    card = (dataset / "README.md").read_text("utf-8")
    assert f"| {VIDEOS['002']} | 1 | head | " in card
    assert "Where only heads were recorded, events and maps are of where heads point" in card


def test_the_folder_holds_all_parts_together(tmp_path: Path, parts: list[Path]) -> None:
    dataset = build(tmp_path, parts)
    assert sorted(path.name for path in dataset.iterdir()) == sorted(
        [
            "README.md",
            "SHA256SUMS",
            "annotations.parquet",
            "clips.parquet",
            "fixations.parquet",
            "maps",
            "points",
            "reliability.parquet",
            "splits.json",
        ]
    )
    found = {event: len(frames) for path in (dataset / "maps").iterdir() for event, frames in maps_in(path).items()}
    assert found == {"001_1": 20, "002_1": 20, "004_1": 20}
    assert Maps(dataset / "maps" / "002.parquet").caption("002_1") == caption_of("002")
    assert sorted(path.name for path in (dataset / "points").iterdir()) == [f"{video}.parquet" for video in VIDEOS]
    annotations = read_table(dataset / "annotations.parquet", ANNOTATIONS)
    assert annotations.event_id.tolist() == ["001_1", "002_1", "004_1"]
    assert annotations.source.tolist() == ["ours", "ours", "theirs"]
    assert read_table(dataset / "clips.parquet", CLIPS).clip_id.tolist() == [
        f"{video}_1_{n}" for video in ("001", "002", "004") for n in range(2)
    ]
    fixations = read_table(dataset / "fixations.parquet", DATASET_FIXATIONS)
    assert fixations.video.tolist() == [video for video in VIDEOS for _ in range(2)]
    assert fixations.event_id.notna().sum() == 3


def test_sha256sum_checks_every_file_but_its_own_list(tmp_path: Path, parts: list[Path]) -> None:
    dataset = build(tmp_path, parts)
    listed = [line.split("  ")[1] for line in (dataset / "SHA256SUMS").read_text().splitlines()]
    files = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    assert set(listed) == files
    assert len(listed) == len(files)
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=dataset, check=False).returncode == 0


def test_splits_name_every_video_even_one_without_events(tmp_path: Path, parts: list[Path]) -> None:
    folds = read_json(build(tmp_path, parts) / "splits.json")["folds"]
    assert len(folds) == 2
    assert sorted(video for fold in folds for video in fold["test"]) == list(VIDEOS)
    assert [{VIDEOS[video] for video in fold["test"]} for fold in folds] == [{"ours", "theirs"}] * 2


def test_the_card_lists_contents_licences_and_what_was_left_out(tmp_path: Path, parts: list[Path]) -> None:
    card = (build(tmp_path, parts) / "README.md").read_text(encoding="utf-8")
    for line in (
        "# small",
        "| videos | 4 (6.0 min) |",
        "| events | 3 |",
        "| clips of 8 frames | 6 |",
        "| fixation rows | 8 (38 % belong to an event) |",
        "| candidate events left out | 3 |",
        "| ours | 2 | eye | CC BY 4.0 |",
        "| theirs | 2 | eye | academic use |",
    ):
        assert line in card.splitlines()
    assert "draft" in card
    assert "not been curated" in card
    assert "- 2 candidate events by `events.min_duration_s:" in card
    assert "- 1 candidate events by `events.max_spread_deg:" in card
    assert "lose" not in card


def test_maps_as_files_are_those_of_the_dataset_and_their_readers_are_warned(tmp_path: Path, parts: list[Path]) -> None:
    plain = build(tmp_path, parts)
    before = {path.relative_to(plain).as_posix() for path in plain.rglob("*") if path.is_file()}
    dataset = build(tmp_path, parts, dataset={"name": "small", "folds": 2, "loose_maps": True})
    after = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file()}
    expected: dict[str, bytes] = {}
    for video in ("001", "002", "004"):
        maps, folder = Maps(dataset / "maps" / f"{video}.parquet"), f"TSV360_gt/{video}/{video}_1"
        expected |= {f"{folder}/{frame:04d}.png": maps.content(f"{video}_1", frame) for frame in FRAMES}
        expected[f"{folder}/description.txt"] = caption_of(video).encode("utf-8")
    assert after == before | expected.keys() and len(expected) == 63
    assert {name: (dataset / name).read_bytes() for name in expected} == expected
    assert "lose all 6 clips" in (dataset / "README.md").read_text("utf-8")
    assert subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=dataset).returncode == 0
    listed = [line.split("  ")[1] for line in (dataset / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert expected.keys() < set(listed) and len(listed) == len(set(listed))


def test_the_card_says_how_many_looks_a_map_is_made_of(tmp_path: Path, parts: list[Path]) -> None:
    def card(*n_looks: int | None) -> str:
        for part, n in zip((parts[0], parts[1], parts[3]), n_looks, strict=True):
            clips = read_table(part / "clips.parquet", CLIPS)
            counts = pd.array([n] * len(clips), dtype="Int64")
            write_table(part / "clips.parquet", clips.assign(n_looks=counts, n_observers=counts), CLIPS)
        return (build(tmp_path, parts) / "README.md").read_text(encoding="utf-8")

    assert "| looks that a clip's target map is made of, median | 9 by 9 observers |" in card(3, 9, 40).splitlines()
    assert "looks that" not in card(None, None, None), "of published maps nobody knows"


def write_curation(part: Path, origins: list[str], **left_out: int) -> None:
    """Turn a part into a curated one: origins of its captions, and what was left out."""
    annotations = read_table(part / "annotations.parquet", PART_ANNOTATIONS)
    write_table(part / "annotations.parquet", annotations.assign(caption_origin=origins), PART_ANNOTATIONS)
    names = ("rejected", "merged", "uncurated", "review", "orphaned", "problems")
    lists = {name: [[f"{part.name}_{k}", f"why {k}"]] for k, name in enumerate(names, start=5)}
    write_json(part / "curation.json", {"curators": ["ann", part.name], **lists})
    write_json(part / "left_out.json", read_json(part / "left_out.json") | left_out)


def test_a_curated_dataset_says_so_with_the_number_of_curators_and_what_they_changed(
    tmp_path: Path, parts: list[Path]
) -> None:
    write_curation(parts[0], ["edited"], events_rejected=2, events_merged=1)
    write_curation(parts[1], ["accepted"], events_uncurated=4)
    write_curation(parts[2], [], videos_emptied=1)
    dataset = build(tmp_path, parts)
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert "**Captions: partly draft.** 1 of 3 were written by machine (facts) and have not been curated." in card
    assert "Events were reviewed by 4 curators." in card
    for line in (
        "| captions | 1 edited, 1 accepted, 1 machine |",
        "- 2 events were rejected by curators",
        "- 1 events are part of another, which they duplicate",
        "- 4 events have no decision of a curator (`curation.uncurated: leave_out`)",
        "- 1 videos have no event left",
        "- 3 events rejected: 001_5 (why 5); 002_5 (why 5); 003_5 (why 5)",
    ):
        assert line in card.splitlines()
    for event in ("001_6", "001_8", "001_9", "001_10"):
        assert event in card
    lists = read_json(dataset / "curation.json")
    assert lists["n_curators"] == 4 and lists["orphaned"][0] == ["001_9", "why 9"]
    assert "ann" not in (dataset / "curation.json").read_text()  # names are not published
    assert "curation.json" in (dataset / "SHA256SUMS").read_text()


def test_a_dataset_with_only_curated_captions_is_no_draft(tmp_path: Path, parts: list[Path]) -> None:
    for part in (parts[0], parts[1], parts[3]):
        write_curation(part, ["accepted"])
    card = (build(tmp_path, parts) / "README.md").read_text(encoding="utf-8")
    assert "Captions: curated. Events were reviewed by 4 curators." in card
    assert "draft" not in card.split("## Settings")[0]


def test_the_card_lists_excluded_videos_with_their_reason(tmp_path: Path, parts: list[Path]) -> None:
    card = (build(tmp_path, parts, videos={"exclude": {"005": "too dark"}}) / "README.md").read_text(encoding="utf-8")
    assert "- video 005, excluded by the config: too dark" in card
    assert "| videos excluded | 1 |" in card


def test_png_frames_lose_no_clip_for_public_readers(tmp_path: Path, parts: list[Path]) -> None:
    card = (build(tmp_path, parts, frames={"format": "png"}) / "README.md").read_text(encoding="utf-8")
    assert "NNNN.png" in card
    assert "lose" not in card


def test_a_dataset_without_any_event_is_built_and_says_so(tmp_path: Path, parts: list[Path]) -> None:
    dataset = build(tmp_path, parts[2:3], empty(DROPPED), dataset={"name": "small", "folds": 1})
    assert len(read_table(dataset / "annotations.parquet", ANNOTATIONS)) == 0
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert "| events | 0 |" in card
    assert "nan" not in card
    assert "Nothing." in card


def test_the_card_says_how_reliable_the_events_are(tmp_path: Path, parts: list[Path]) -> None:
    dataset = build(tmp_path, parts)
    card = (dataset / "README.md").read_text(encoding="utf-8")
    for line in (
        "| events of two random halves of the observers agree, F1 | 0.67 |",
        "| events of a half, in a video | 1.5 |",
        "| events of surrogates, whose observers have nothing in common, per event | 0.50 |",
        "| 0.4 to 0.6 | 2 | 1.00 |",
        "| 0.2 to 0.4 | 1 | 0.00 |",
    ):
        assert f"\n{line}\n" in card, line
    assert "Measured in 1 video with 1 split and 1 surrogate" in " ".join(card.split())
    assert "Not measured in 1 video: " in card
    pd.testing.assert_frame_equal(
        read_table(dataset / "reliability.parquet", RELIABILITY)[["video", "gaze"]], TRIALS[["video", "gaze"]]
    )


def test_the_card_of_published_maps_says_that_nothing_was_measured(tmp_path: Path, parts: list[Path]) -> None:
    card = (build(tmp_path, parts, trials=empty(RELIABILITY)) / "README.md").read_text(encoding="utf-8")
    assert "Not measured: the maps and captions are as published." in card
    assert "F1" not in card and "nan" not in card and "found in the other half" not in card


@pytest.mark.filterwarnings("error")
def test_a_video_without_events_raises_no_warning(tmp_path: Path, parts: list[Path]) -> None:
    build(tmp_path, [parts[2], parts[0]])


def test_building_again_replaces_the_folder_and_gives_the_same_checksums(tmp_path: Path, parts: list[Path]) -> None:
    first = (build(tmp_path, parts) / "SHA256SUMS").read_text()
    (tmp_path / "dataset" / "left.txt").touch()
    assert (build(tmp_path, parts) / "SHA256SUMS").read_text() == first
    assert not (tmp_path / "dataset" / "left.txt").exists()


def test_no_text_from_data_or_config_becomes_markup_of_the_card(tmp_path: Path, parts: list[Path]) -> None:
    evil = "<script>alert('x')</script> | [a](https://evil.example)\n# Title\n```\n<script>"
    names = ("curators", "rejected", "merged", "uncurated", "review", "orphaned", "problems")
    write_json(parts[0] / "curation.json", {name: [] for name in names} | {"rejected": [("001_1", evil)]})
    card = (build(tmp_path, parts, videos={"exclude": {"005": evil}}) / "README.md").read_text(encoding="utf-8")
    text, settings = card.split("## Settings")
    assert text.count("&lt;script&gt;alert('x')") == 2
    assert "<script>" not in text and "[a](" not in text and "\n# Title" not in text
    assert settings.strip().startswith("````yaml") and settings.strip().endswith("\n````")

"""The folder that models read: the clips of the dataset and links that move with the results, and no more."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from entries import index_entry
from shards import write_maps

from tsalv360.config import load_config
from tsalv360.contracts.entries import CaptionEntry, LeftOut
from tsalv360.contracts.layout import CHECKSUMS, clip_row
from tsalv360.contracts.tables import (
    DATASET_FIXATIONS,
    DROPPED,
    PART_ANNOTATIONS,
    POINTS,
    RELIABILITY,
    empty,
    read_table,
    write_table,
)
from tsalv360.dataset.assemble import annotation_row, write_part
from tsalv360.dataset.build import build_dataset, collect_clips
from tsalv360.dataset.splits import make_splits
from tsalv360.job.files import read_json
from tsalv360.sources.recording import Origin
from tsalv360.training.clips import ClipFiles, read_clips

ORIGINS = {"001": Origin("ours", "CC BY"), "002": Origin("ours", "CC BY"), "003": Origin("theirs", "none")}
SHOWN = range(16)


def add_part(results: Path, video: str) -> Path:
    """The part of a video with maps of all observers, and its frames; video 003 has no event."""
    part, events = results / "parts" / video, [] if video == "003" else [f"{video}_1", f"{video}_2"]
    (results / "frames" / video).mkdir(parents=True)
    for number in SHOWN:
        frame = np.full((8, 16, 3), 10 * number + int(video), np.uint8)
        cv2.imwrite(str(results / "frames" / video / f"{number:04d}.png"), frame)
    write_maps(part / "saliency_all" / f"{video}.parquet", {None: {0: np.full((6, 12), 50, np.uint8)}})
    write_table(part / "points" / f"{video}.parquet", empty(POINTS), POINTS)
    annotations, clips = [], []
    maps: dict[str | None, dict[int, np.ndarray]] = {}
    for k, event in enumerate(events, 1):
        maps[event] = {number: np.full((6, 12), 100 * k + number, np.uint8) for number in SHOWN}
        text = CaptionEntry(f"Caption {k} of {video}.")
        annotations.append(annotation_row(video, event, (0, 15), text, "machine"))
        clips += [clip_row(event, video, n, [*range(8 * n, 8 * n + 8)]) for n in range(2)]
    write_maps(part / "maps" / f"{video}.parquet", maps, {row["event_id"]: row["caption"] for row in annotations})
    write_part(part, annotations, clips, empty(DATASET_FIXATIONS), LeftOut())
    return part


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results with three parts, and the folder of clips made of them."""
    collect(tmp_path / "results", [add_part(tmp_path / "results", video) for video in ORIGINS])
    return tmp_path / "results"


def collect(results: Path, parts: list[Path]) -> None:
    sources = {video: origin.source for video, origin in ORIGINS.items()}
    collect_clips(results / "clips", parts, make_splits(sources, 3, 0.5, 0))


def build(results: Path, origins: dict[str, Origin] = ORIGINS, **changes: Any) -> Path:
    config = load_config({"sources": [{"kind": "demo"}], "dataset": {"name": "small", "folds": 3}} | changes)
    parts = [results / "parts" / video for video in origins]
    indexes = [index_entry(video, n_frames=16) for video in origins]
    dropped, trials = empty(DROPPED), empty(RELIABILITY)
    settings, sources = config.dataset, {video: origin.source for video, origin in origins.items()}
    folds = make_splits(sources, settings.folds, settings.validation_share, settings.seed)
    build_dataset(results / "dataset", parts, indexes, origins, dropped, trials, folds, config.data_settings())
    return results / "dataset"


def content(folder: Path) -> dict[str, bytes | str]:
    """All of a folder: the targets of links, the contents of files."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("how", ["dataset", "published"])
def test_models_read_the_same_there_as_in_the_dataset(results: Path, how: Any) -> None:
    whole, linked = (ClipFiles(folder, results / "frames") for folder in (build(results), results / "clips"))
    ours, theirs = read_clips(linked, how), read_clips(whole, how)
    assert len(ours) == 8
    pd.testing.assert_frame_equal(ours, theirs)
    for clip in ours.itertuples():
        seen = clip.video, clip.event_id, clip.target_frame
        assert (linked.target(*seen) == whole.target(*seen)).all()
        assert linked.target(*seen)[0, 0] == np.float32(100 * int(clip.event_id[-1]) + clip.target_frame) / 255
        assert (linked.picture(clip.video, clip.target_frame) == whole.picture(clip.video, clip.target_frame)).all()
    pd.testing.assert_frame_equal(read_clips(linked, stride=3), read_clips(whole, stride=3))
    assert len(read_clips(linked, stride=3)) == 12


def test_its_folds_are_those_of_the_dataset(results: Path) -> None:
    folds = ClipFiles(results / "clips", results / "frames").splits
    assert (
        folds
        == read_json(build(results, dataset={"name": "small", "folds": 3, "validation_share": 0.5}) / "splits.json")[
            "folds"
        ]
    )
    assert sorted(video for fold in folds for video in fold["test"]) == [*ORIGINS]


def test_it_has_what_models_read_with_maps_and_points_as_links(results: Path) -> None:
    found = content(results / "clips")
    files = {"annotations.parquet", "clips.parquet", "splits.json", "SHA256SUMS"}
    assert {name for name, what in found.items() if isinstance(what, bytes)} == files
    assert {name: what for name, what in found.items() if name not in files} == {
        f"{folder}/{video}.parquet": f"../../parts/{video}/{folder}/{video}.parquet"
        for folder in ("maps", "points")
        for video in ORIGINS
    }
    annotations = pd.read_parquet(results / "clips" / "annotations.parquet")
    assert "source" not in annotations and set(annotations) == set(PART_ANNOTATIONS)
    assert len(read_table(results / "clips" / "points" / "003.parquet", POINTS)) == 0


def check_sums(folder: Path) -> int:
    """The status of sha256sum, whose list must have every file but itself."""
    listed = [line.split("  ")[1] for line in (folder / CHECKSUMS).read_text("utf-8").splitlines()]
    files = [Path(top, name) for top, _, names in os.walk(folder, followlinks=True) for name in names]
    assert sorted([*listed, CHECKSUMS]) == sorted(path.relative_to(folder).as_posix() for path in files)
    return subprocess.run(["sha256sum", "--check", "--quiet", "--strict", CHECKSUMS], cwd=folder).returncode


def test_sha256sum_checks_every_file_of_it(results: Path) -> None:
    assert check_sums(results / "clips") == 0
    (results / "parts/002/maps/002.parquet").write_bytes(b"another")
    assert check_sums(results / "clips") == 1


def test_results_that_are_moved_as_a_whole_can_still_be_read(results: Path, tmp_path: Path) -> None:
    before = read_clips(ClipFiles(results / "clips", results / "frames"))
    elsewhere = tmp_path / "far" / "away" / "under another name"
    shutil.copytree(results, elsewhere, symlinks=True)
    shutil.rmtree(results)
    moved = ClipFiles(elsewhere / "clips", elsewhere / "frames")
    pd.testing.assert_frame_equal(read_clips(moved), before)
    assert moved.target("001", "001_2", 7)[0, 0] == np.float32(207) / 255
    assert check_sums(elsewhere / "clips") == 0


def test_a_relative_path_gives_the_same_links(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(results / "clips")
    monkeypatch.chdir(tmp_path)
    collect(Path("results"), [Path("results", "parts", video) for video in ORIGINS])
    assert content(results / "clips") == before


def test_a_new_card_changes_nothing_in_it(results: Path) -> None:
    parts = [results / "parts" / video for video in ORIGINS]
    card = (build(results) / "README.md").read_text("utf-8")
    before = content(results / "clips")
    renamed = {video: Origin(f"{origin.source} 2", "another") for video, origin in ORIGINS.items()}
    other = build(results, renamed, videos={"exclude": {"009": "too dark"}}, events={"min_observers": 7})
    assert (other / "README.md").read_text("utf-8") != card
    assert set(pd.read_parquet(other / "annotations.parquet").source) == {"ours 2"}
    sources = {video: origin.source for video, origin in renamed.items()}
    collect_clips(results / "clips", parts, make_splits(sources, 3, 0.5, 0))
    assert content(results / "clips") == before


def test_made_again_from_other_parts_it_has_only_these(results: Path) -> None:
    collect(results, [results / "parts" / "002"])
    assert set(read_clips(ClipFiles(results / "clips", results / "frames")).video) == {"002"}
    assert [path.name for path in (results / "clips" / "maps").iterdir()] == ["002.parquet"]
    assert (results / "parts" / "001" / "maps" / "001.parquet").is_file()

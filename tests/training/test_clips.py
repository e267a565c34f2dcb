"""Clips: those that the published reader cuts from the same folder, overlapping ones, and refused ones."""

import json
from pathlib import Path

import numpy as np
import pytest
from shards import edit_maps, write_maps
from training.clipset import write_clipset

from tsalv360.contracts.entries import CaptionEntry
from tsalv360.contracts.tables import PART_ANNOTATIONS, write_rows
from tsalv360.dataset.assemble import annotation_row
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import as_png
from tsalv360.training.clips import ClipFiles, read_clips

LOADER = json.loads((Path(__file__).parents[1] / "data" / "golden" / "loader.json").read_text("utf-8"))


def test_published_clips_are_those_of_the_published_reader(tmp_path: Path) -> None:
    texts = {clip["event"]: clip["text"] for clip in LOADER["clips_sorted_by_event"]}
    maps: dict[str, dict[str | None, dict[int, bytes]]] = {}
    annotations = []
    for folder, names in LOADER["tree"].items():
        place = tmp_path / folder
        if folder.startswith("TSV360_gt/") and folder.count("/") == 2:
            numbers = [int(Path(name).stem) for name in names if name.endswith(".png")]
            maps.setdefault(place.parent.name, {})[place.name] = dict.fromkeys(numbers, b"")
            caption = CaptionEntry(texts.get(place.name, "unseen"))
            annotations.append(annotation_row(place.parent.name, place.name, (0, 1), caption, "published"))
        elif folder.startswith("frames"):
            place.mkdir(parents=True)
            for name in names:
                (place / name).touch()
    for video, of_video in maps.items():
        write_maps(tmp_path / "dataset" / "maps" / f"{video}.parquet", of_video)
    write_rows(tmp_path / "dataset" / "annotations.parquet", annotations, PART_ANNOTATIONS)
    clips = read_clips(ClipFiles(tmp_path / "dataset", tmp_path / "frames"), "published")
    known = [clip for clip in LOADER["clips_sorted_by_event"] if clip["event"] != "004_1"]  # JPEG maps, unlike TSV360
    assert len(clips) == len(known) == len(LOADER["clips_sorted_by_event"]) - 1 == 11
    for found, expected in zip(clips.itertuples(), known, strict=True):
        assert (found.event_id, found.caption) == (expected["event"], expected["text"])
        assert list(found.frames) == [int(Path(name).stem) for name in expected["frames"]]
        assert found.target_frame == int(Path(expected["gt_used"]).stem)


@pytest.fixture
def files(tmp_path: Path) -> ClipFiles:
    write_clipset(tmp_path, {"001": "train", "002": "validation"}, n_clips=3)
    return ClipFiles(tmp_path / "dataset", tmp_path / "frames")


def test_clips_of_the_dataset_come_with_their_captions_and_no_source(files: ClipFiles) -> None:
    clips = read_clips(files)
    assert len(clips) == 12
    assert clips.caption[0] == "a red disc on the left" and "source" not in clips


def test_both_ways_agree_where_frames_have_the_names_of_maps(files: ClipFiles) -> None:
    ours, theirs = read_clips(files), read_clips(files, "published")
    assert [list(frames) for frames in ours.frames] == [list(frames) for frames in theirs.frames]


def test_a_stride_makes_overlapping_clips_within_segments(files: ClipFiles) -> None:
    assert [list(frames) for frames in read_clips(files, stride=8).frames] == [
        list(f) for f in read_clips(files).frames
    ]
    clips = read_clips(files, stride=3)
    of_one = [list(frames) for frames in clips.frames[clips.event_id == "001_1"]]
    assert of_one == [list(range(start, start + 8)) for start in range(0, 17, 3)]
    assert clips.clip_id.is_unique


def test_overlapping_clips_span_no_gap_and_end_with_a_map(files: ClipFiles) -> None:
    for number in range(8, 16):  # frames of no event between two segments
        Path(files.frames, "001", f"{number:04d}.png").rename(Path(files.frames, "001", f"{number + 100:04d}.png"))
    table = read_clips(files)
    kept = table[~((table.video == "001") & (table.target_frame == 15))].drop(columns=["caption"])
    Path(files.frames, "001", "0010.png").write_bytes(Path(files.frames, "001", "0000.png").read_bytes())
    kept.to_parquet(files.dataset / "clips.parquet", index=False)
    edit_maps(files.dataset / "maps" / "001.parquet", lambda maps: maps["001_1"].pop(23))
    clips = read_clips(files, stride=1)
    assert [list(frames) for frames in clips.frames[clips.event_id == "001_1"]] == [list(range(8))]
    assert len(clips[clips.event_id == "001_2"]) == 2


def test_jpeg_frames_give_no_published_clip_and_the_error_says_so(files: ClipFiles) -> None:
    for path in files.frames.rglob("*.png"):
        path.rename(path.with_suffix(".jpg"))
    with pytest.raises(InputError, match=r"no clip \(published\).*frames\.format"):
        read_clips(files, "published")
    assert files.picture("001", 3).shape == (64, 128, 3)


def test_maps_are_read_from_0_to_1_and_zeros_are_refused_by_name(files: ClipFiles) -> None:
    assert files.target("001", "001_1", 4).max() == 1
    path, zeros = files.dataset / "maps" / "001.parquet", as_png(np.zeros((48, 96), dtype=np.uint8))
    edit_maps(path, lambda maps: maps["001_1"].update({4: zeros}))
    with pytest.raises(InputError, match=r"001\.parquet: found a saliency map of zeros, of 001_1 in frame 4"):
        files.target("001", "001_1", 4)
    edit_maps(path, lambda maps: maps["001_1"].pop(4))
    with pytest.raises(InputError, match=r"001\.parquet: found no map of 001_1 in frame 4"):
        files.target("001", "001_1", 4)

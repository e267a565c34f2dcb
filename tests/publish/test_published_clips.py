"""Clips of a published folder for PyTorch, frames that its user attaches, and folders that are not whole."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from publish.published import EXTRACTION, FOLDS, N_FRAMES, make_published, saliency
from torch.utils.data import DataLoader

import tsalv360
from tsalv360.cli import main
from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.job.errors import InputError
from tsalv360.sources.published import PublishedSource
from tsalv360.sources.published_folder import PublishedFolder, open_published


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    make_published(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A private copy of the published folder."""
    shutil.copytree(made / "publish", tmp_path / "publish")
    return tmp_path / "publish"


def attach(folder: Path, videos: Path) -> int:
    return main(["data", "attach", str(folder), "--videos", str(videos)])


def test_a_clip_has_its_frames_caption_target_and_looks(made: Path) -> None:
    clips = tsalv360.load_clips(made / "publish", fold=0, split="train")
    assert [clip["clip_id"] for clip in clips] == ["001_1_0", "001_2_0", "001_1_1", "001_2_1"]
    clip = clips[3]
    assert (clip["event_id"], clip["video"], clip["caption"]) == ("001_2", "001", "Caption 2 of 001.")
    assert clip["frames"].shape == (8, 64, 128, 3) and clip["frames"].dtype == torch.uint8
    for shown, number in zip(clip["frames"].numpy(), range(8, 16), strict=True):
        file = made / "frames" / "001" / f"{number:04d}.jpg"
        np.testing.assert_array_equal(shown, cv2.imread(str(file), cv2.IMREAD_COLOR_RGB))
    np.testing.assert_array_equal(clip["saliency"].numpy(), saliency("001", 2, 15) / np.float32(255))
    assert clip["fixations"].tolist() == [[20.0, 5.0], [20.0, 5.0]]
    assert len(clips[0]["fixations"]) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_batches(made: Path, workers: int) -> None:
    clips = tsalv360.load_clips(made / "publish")
    batches = list(DataLoader(clips, batch_size=3, collate_fn=clips.collate, num_workers=workers))
    assert [len(batch["caption"]) for batch in batches] == [3, 1]
    assert batches[0]["frames"].shape == (3, 8, 64, 128, 3) and batches[0]["saliency"].shape == (3, 32, 64)
    assert [len(looks) for looks in batches[0]["fixations"]] == [1, 2, 1]


def test_each_part_of_a_fold_has_the_clips_of_its_videos(made: Path) -> None:
    loaded = tsalv360.load_clips(made / "publish", 0, "validation").table
    assert set(loaded.video) == set(FOLDS[0]["validation"])
    for fold, split, message in ((2, "train", "fold 0 to 1"), (0, "tests", "train, validation or test")):
        with pytest.raises(InputError, match=message):
            tsalv360.load_clips(made / "publish", fold, split)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no clip in fold 1, split validation"):
        tsalv360.load_clips(made / "publish", 1, "validation")


def test_what_may_not_be_passed_on_is_not_in_the_folder(made: Path) -> None:
    published = made / "publish"
    for kind in ("frames", "viewports"):
        assert sorted(path.stem for path in (published / "data" / kind).iterdir()) == ["001", "002"]
    for kind in ("maps", "points", "fixations"):
        assert sorted(path.stem for path in (published / "data" / kind).iterdir()) == ["001", "002", "003"]
    videos = pd.read_parquet(published / "data" / "videos.parquet").set_index("video")
    assert videos.pictures.to_dict() == {
        "001": "recorded by us, CC BY 4.0",
        "002": "recorded by us, CC BY 4.0",
        "003": "",
    }


def test_clips_without_frames_are_refused_with_the_command_that_attaches_them(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no frames of 1 of 1 videos, such as 003.*data attach .* --videos FOLDER"):
        tsalv360.load_clips(folder, 0, "test")


def test_frames_are_attached_from_the_video_whatever_its_name_is(
    folder: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = tmp_path / "mine" / "deeper"
    videos.mkdir(parents=True)
    shutil.copy(made / "videos" / "003.mp4", videos / "another name.mp4")
    assert attach(folder, tmp_path / "mine") == 0
    printed = capsys.readouterr().out
    assert "Attached the frames of 1 videos" in printed and "differ" not in printed
    clips = tsalv360.load_clips(folder, 0, "test")
    frames = [cv2.imread(str(made / "frames" / "003" / f"{n:04d}.jpg"), cv2.IMREAD_COLOR_RGB) for n in range(8)]
    np.testing.assert_array_equal(clips[0]["frames"].numpy(), np.stack(frames))
    before = (folder / "attached" / "003.parquet").stat().st_mtime_ns
    assert attach(folder, tmp_path / "mine") == 0
    assert (folder / "attached" / "003.parquet").stat().st_mtime_ns == before
    assert sorted(path.name for path in (folder / "attached").iterdir()) == ["003.parquet"]


def test_another_video_of_the_same_name_is_not_attached(
    folder: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = (made / "videos" / "003.mp4").read_bytes()
    (tmp_path / "003.mp4").write_bytes(other[:-1] + bytes([other[-1] ^ 1]))
    assert attach(folder, tmp_path) == 1
    assert "003: not attached; " in (printed := capsys.readouterr().out) and "003.mp4 is another file" in printed
    (tmp_path / "003.mp4").unlink()
    assert attach(folder, tmp_path) == 1
    assert "no file in" in capsys.readouterr().out
    assert not (folder / "attached").exists()


def test_frames_that_another_decoder_gives_differently_are_attached_and_counted(
    folder: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sums = pd.read_parquet(folder / "data" / "checksums.parquet")
    sums.loc[(sums.video == "003") & (sums.frame < 3), "sha256"] = "0" * 64
    sums.to_parquet(folder / "data" / "checksums.parquet")
    assert attach(folder, made / "videos") == 0
    assert "003: 3 frames differ in bits from those published" in capsys.readouterr().out
    assert len(pd.read_parquet(folder / "attached" / "003.parquet")) == N_FRAMES


def test_half_a_download_is_not_taken_for_the_archive_of_tsv360(folder: Path) -> None:
    (folder / CHECKSUMS).unlink()
    (folder / "data" / "videos.parquet").unlink()
    with pytest.raises(InputError, match=f"publish: found no {CHECKSUMS}"):
        PublishedSource("published", str(folder)).recordings()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing map file": (lambda f: (f / "data/maps/001.parquet").unlink(), r"maps/001\.parquet: found no such file"),
    "a missing frames file": (
        lambda f: (f / "data/frames/001.parquet").unlink(),
        r"frames/001\.parquet: found no such",
    ),
    "a missing table": (lambda f: (f / "data/clips.parquet").unlink(), r"clips\.parquet: found no such file"),
    "half a map file": (lambda f: cut(f / "data/maps/001.parquet"), r"maps/001\.parquet: found no readable Parquet"),
    "half a table": (lambda f: cut(f / "data/events.parquet"), r"events\.parquet: found no readable Parquet"),
    "no checksums": (lambda f: (f / CHECKSUMS).unlink(), f"no {CHECKSUMS}"),
    "a damaged list of folds": (lambda f: cut(f / "splits.json"), r"splits\.json: found no readable JSON"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("what", DAMAGE)
def test_half_a_folder_is_refused_by_name(folder: Path, what: str) -> None:
    damage, message = DAMAGE[what]
    damage(folder)
    with pytest.raises(InputError, match=message):
        tsalv360.load_clips(folder)[0]


def test_a_changed_file_is_refused_where_it_is_imported(folder: Path) -> None:
    published = open_published(folder)
    maps = folder / "data" / "maps" / "001.parquet"
    published.check(maps)
    maps.write_bytes((folder / "data" / "maps" / "002.parquet").read_bytes())
    with pytest.raises(InputError, match=r"maps/001\.parquet: found another content"):
        PublishedFolder(folder).check(maps)


def test_ids_from_a_table_do_not_leave_the_folder(folder: Path) -> None:
    path = folder / "data" / "videos.parquet"
    videos = pd.read_parquet(path)
    videos.loc[0, "video"] = "../../elsewhere"
    videos.to_parquet(path)
    with pytest.raises(InputError, match=r"the id '\.\./\.\./elsewhere'"):
        PublishedFolder(folder)


def test_extraction_of_another_form_is_refused(folder: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "data" / "videos.parquet"
    videos = pd.read_parquet(path)
    videos["extraction"] = videos.extraction.str.replace(EXTRACTION.format, "/etc/passwd")
    videos.to_parquet(path)
    assert attach(folder, made / "videos") == 1
    assert "'/etc/passwd' at format" in capsys.readouterr().err


def test_a_filter_of_ffmpeg_that_reads_files_does_not_run(
    folder: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "data" / "videos.parquet"
    videos = pd.read_parquet(path)
    videos["index"] = videos["index"].str.replace('"conversion": ""', '"conversion": "movie=/etc/passwd"')
    assert videos["index"].str.contains("movie").all()
    videos.to_parquet(path)
    assert attach(folder, made / "videos") == 1
    assert "found the conversion 'movie=/etc/passwd'; expected v360 or pad" in capsys.readouterr().err


def test_a_place_that_is_neither_folder_nor_repository_is_refused() -> None:
    with pytest.raises(InputError, match=r"'no/such/folder', which does not exist; expected a folder that `snakemake"):
        tsalv360.load_clips("no/such/folder")

"""Shards: pictures read back byte for byte, shown by Hugging Face's `datasets`, and damaged ones refused by name."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image
from shards import flip_byte, write_maps
from torch.utils.data import DataLoader, Dataset

from tsalv360.contracts.shards import open_shard, write_shard
from tsalv360.contracts.tables import FRAMES
from tsalv360.job.errors import InputError
from tsalv360.job.log import logged
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import as_png

N = 75  # more than two row groups of maps


def picture(event: str | None, frame: int) -> np.ndarray:
    rng = np.random.default_rng([len(event or ""), frame])
    return rng.integers(0, 256, (12, 24), dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    frames = {event: {3 * n: picture(event, 3 * n) for n in range(N)} for event in ("v_1", "v_10", None)}
    write_maps(tmp_path / "v.parquet", frames, {"v_1": "A dog runs."})
    return tmp_path / "v.parquet"


class Maps1(Dataset[np.ndarray]):
    def __init__(self, path: Path) -> None:
        self.maps = Maps(path)

    def __len__(self) -> int:
        return N

    def __getitem__(self, n: int) -> np.ndarray:
        return self.maps.read("v_1", 3 * n)


def test_maps_are_read_in_any_order_as_they_were_written(path: Path) -> None:
    maps = Maps(path)
    assert maps.events == ["v_1", "v_10", None] and maps.numbers("v_10") == [3 * n for n in range(N)]
    places = [(event, 3 * n) for event in maps.events for n in range(N)]
    for k in np.random.default_rng(0).permutation(len(places)):
        assert maps.content(*places[k]) == as_png(picture(*places[k]))
        np.testing.assert_array_equal(maps.read(*places[k]), picture(*places[k]))
    assert (maps.caption("v_1"), maps.caption("v_10")) == ("A dog runs.", "")
    assert maps.find("v_1", 1) is None and maps.numbers("v_2") == []
    with pytest.raises(InputError, match=r"v\.parquet: found no map of v_2 in frame 0"):
        maps.read("v_2", 0)


def test_datasets_shows_them_as_pictures(path: Path, tmp_path: Path) -> None:
    loaded = load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    row = loaded[N + 7]
    assert (row["event_id"], row["frame"], row["caption"]) == ("v_10", 21, None)
    np.testing.assert_array_equal(np.asarray(row["map"]), picture("v_10", 21))
    streamed = next(iter(load_dataset("parquet", data_files=str(path), split="train", streaming=True)))
    np.testing.assert_array_equal(np.asarray(streamed["map"]), picture("v_1", 0))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_them(path: Path, method: str) -> None:
    data = Maps1(path)
    first = data[40]  # this process has the file open and rows of it in memory
    loader = DataLoader(data, batch_size=25, num_workers=2, multiprocessing_context=method)
    read = np.concatenate([batch.numpy() for batch in loader])
    np.testing.assert_array_equal(read, np.stack([picture("v_1", 3 * n) for n in range(N)]))
    np.testing.assert_array_equal(data[40], first)


def test_a_file_that_is_replaced_is_read_anew(path: Path) -> None:
    before = Maps(path).read("v_1", 0)
    write_maps(path, {"v_1": {0: 255 - before}})
    np.testing.assert_array_equal(Maps(path).read("v_1", 0), 255 - before)


@pytest.mark.parametrize("n", [0, 1, 20])
def test_nothing_stays_after_an_error(tmp_path: Path, n: int) -> None:
    """Whether rows wait, or some have been written: a row group of frames has 8."""
    with pytest.raises(RuntimeError), write_shard(tmp_path / "x.parquet", FRAMES) as shard:
        for frame in range(n):
            shard.add(b"content", f"{frame:04d}.jpg", video="v", frame=frame, time_s=0.0)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_after_an_error_the_file_of_before_stays(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError), write_shard(path, FRAMES) as shard:
        shard.add(b"content", "0000.jpg", video="v", frame=0, time_s=0.0)
        raise RuntimeError
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_rows_against_the_contract_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"-1\.0 in column time_s"), write_shard(tmp_path / "x", FRAMES) as shard:
        shard.add(b"content", "0000.jpg", video="v", frame=0, time_s=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_note_stays_with_the_file(tmp_path: Path) -> None:
    with write_shard(tmp_path / "x", FRAMES, note='{"Bär": 1}') as shard:
        shard.add(b"content", "0000.jpg", video="v", frame=0, time_s=0.0)
    found = open_shard(tmp_path / "x", FRAMES)
    assert found.note == '{"Bär": 1}' and found.content(0) == b"content"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_column(path: Path, name: str, change: Callable[[pa.ChunkedArray], Any]) -> None:
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(name), name, change(table[name])), path)


def without_a_column(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop(["frame"]), path)


def with_text_for_maps(path: Path) -> None:
    change_column(path, "map", lambda maps: pa.array(["x"] * len(maps)))


def with_text_for_numbers(path: Path) -> None:
    change_column(path, "frame", lambda frames: pa.array([f"frame {n}" for n in frames.to_pylist()]))


def with_halves_of_frames(path: Path) -> None:
    change_column(path, "frame", lambda frames: pa.array([n + 0.5 for n in frames.to_pylist()]))


def without_a_frame(path: Path) -> None:
    change_column(path, "frame", lambda frames: pa.array([*frames.to_pylist()[:-1], None], pa.int64()))


def frames_for_maps(path: Path) -> None:
    with write_shard(path, FRAMES) as shard:
        shard.add(b"content", "0000.jpg", video="v", frame=0, time_s=0.0)


def twice(path: Path, row: int) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(row, 1)]), path)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (Path.unlink, "found no such file"),
    "half": (cut, "found no readable Parquet file"),
    "no Parquet": (lambda path: path.write_bytes(b"<html>"), "found no readable Parquet file"),
    "nothing in it": (lambda path: path.write_bytes(b""), "found no readable Parquet file"),
    "a missing column": (without_a_column, r"found columns \[.*\]; expected also \['frame'\]"),
    "texts for maps": (with_text_for_maps, r"found no readable Parquet file \(column map holds no files\)"),
    "texts for numbers": (with_text_for_numbers, r"found .*'frame \d+'.* column frame "),
    "numbers that are no frames": (with_halves_of_frames, "found .*0.5"),
    "a map without a frame": (without_a_frame, "found nothing in column frame, row 224"),
    "one map twice": (lambda path: twice(path, 4), "found two maps of v_1 in frame 12"),
    "one of all observers twice": (lambda path: twice(path, 2 * N), "found two maps of all observers in frame 0"),
    "frames for maps": (frames_for_maps, r"found no readable Parquet file \('Column map does not exist in schema'\)"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_that_is_no_shard_is_refused_by_name(path: Path, what: str) -> None:
    damage, message = DAMAGE[what]
    damage(path)
    with pytest.raises(InputError, match=rf"v\.parquet: {message}"):
        Maps(path)


@pytest.mark.parametrize("type", [pa.int32(), pa.float64()])
def test_frames_of_another_type_of_number_are_whole_numbers(path: Path, type: pa.DataType) -> None:
    """As other programs write them."""
    change_column(path, "frame", lambda frames: frames.cast(type))
    maps = Maps(path)
    assert [f"{n:04d}" for n in maps.numbers("v_1")[:3]] == ["0000", "0003", "0006"]
    np.testing.assert_array_equal(maps.read("v_1", 3), picture("v_1", 3))


def test_a_damaged_picture_is_refused_and_a_log_says_how_to_make_its_file_again(path: Path) -> None:
    """One byte of one map, as a worn disk may change it: the file itself can be opened."""
    results = path.parent / "results"
    damaged = results / "saliency" / "v.parquet"
    damaged.parent.mkdir(parents=True)
    (results / "logs" / "sheets").mkdir(parents=True)
    shutil.copy(path, damaged)
    flip_byte(damaged, damaged.read_bytes().index(as_png(picture("v_10", 9))) + 1)
    maps, log = Maps(damaged), results / "logs" / "sheets" / "v.log"
    with pytest.raises(InputError, match=r"v\.parquet: found no readable picture of v_10 in frame 9;"):
        maps.read("v_10", 9)
    for event in maps.events:
        for n in set(maps.numbers(event)) - ({9} if event == "v_10" else set()):
            np.testing.assert_array_equal(maps.read(event, n), picture(event, n))
    with pytest.raises(SystemExit), logged(log, "v"):
        maps.read("v_10", 9)
    assert f"To make it again, run snakemake after:  rm -r {damaged}\n" in log.read_text()


def test_other_readers_get_whole_files(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "copy.parquet")
    for row in pq.read_table(tmp_path / "copy.parquet").slice(5, 3).to_pylist():
        shown = np.asarray(Image.open(io.BytesIO(row["map"]["bytes"])))
        np.testing.assert_array_equal(shown, picture("v_1", row["frame"]))
        assert row["map"]["path"] == f"{row['frame']:04d}.png"

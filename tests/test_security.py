"""Hostile files: what they ask for is not done, they take no memory, and they are named. docs/threats.md says the rest.

Beside the code: pickles of points (tests/sources/test_sports360.py), ids (tests/test_config.py), pages (tests/report).
"""

import copy
import json
import os
import resource
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from curation.annotating import DATA, annotation, exported
from entries import index_entry

from tsalv360.contracts.entries import ShownTimes
from tsalv360.curation import commands
from tsalv360.curation.export import read_export
from tsalv360.curation.records import CurationSettings, read_records
from tsalv360.curation.resolve import keep_export, merge
from tsalv360.curation.tasks import source_time
from tsalv360.dataset.assemble import import_video
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture, ready_frames
from tsalv360.media.video import probe
from tsalv360.sources.maps import read_fixation_maps


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def little_memory() -> Iterator[None]:
    """1 GB more of memory than now, at most."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 10**9, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def png(width: int, height: int) -> bytes:
    """A small file that says that it is a large gray picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    sizes = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(sizes) + 2) + sizes + scan + b"\xff\xd9"


@pytest.mark.parametrize("content", [png(40_000, 20_000), jpeg(60_000, 30_000)], ids=["png", "jpeg"])
def test_a_picture_too_large_for_memory_is_named(tmp_path: Path, content: bytes, little_memory: None) -> None:
    path = tmp_path / "maps" / "0000.png"
    event = tmp_path / "006" / "006_1"
    for folder in (path.parent, event):
        folder.mkdir(parents=True)
    path.write_bytes(content)
    (event / "0000.png").write_bytes(content)
    (event / "description.txt").write_text("A man juggles.")
    for read in (
        lambda: read_picture(path),
        lambda: read_fixation_maps(path.parent, 30),
        lambda: import_video(tmp_path / "part", index_entry("006", n_frames=1), event.parent),
    ):
        with pytest.raises(InputError, match=r"0000\.png: found a picture that is too large; expected at most 134"):
            read()
    assert not (tmp_path / "part").exists()


def film(path: Path, size: tuple[int, int], times: list[int]) -> Path:
    """A video of PNG pictures, width and height as given, shown at these times in s."""
    with av.open(path, "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "gray"
        for time in times:
            packet = av.Packet(png(*size))
            packet.stream, packet.is_keyframe, packet.time_base = stream, True, Fraction(1, 1)
            packet.pts = packet.dts = time
            container.mux(packet)
    return path


def test_a_video_too_large_for_memory_is_named(tmp_path: Path, little_memory: None) -> None:
    with pytest.raises(InputError, match=r"large\.mov: found no readable video .* of at most 134,217,728 pixels"):
        probe(film(tmp_path / "large.mov", (22_000, 11_000), [0, 1, 2]))


def test_a_video_of_years_is_named(tmp_path: Path) -> None:
    """Its grid of 16 frames per second would be counted for days."""
    with pytest.raises(
        InputError, match=r"long\.mov: found 3 frame\(s\) in \S+ s; expected more than 0 s, at most 86400 s"
    ):
        probe(film(tmp_path / "long.mov", (100, 50), [0, 1, 100_000]))


def test_a_frame_number_beyond_all_videos_is_named(tmp_path: Path) -> None:
    """All numbers below it that have no picture would be listed."""
    (tmp_path / "99999999999.jpg").touch()
    with pytest.raises(
        InputError, match=r"99999999999\.jpg: found the number 99999999999; expected one below 1,000,000"
    ):
        ready_frames(tmp_path)


HOSTILE: list[Any] = [
    "../../x", "/etc/x", "a;rm -rf $(touch x) `touch x`", "'\"\n{braces}<script>", "ｖ_1", "x" * 5000, "\x00\x1b[2J",
    "\ud800", "0001-01-01T00:00:00+14:00", None, True, 10**30, float("inf"), float("nan"), [[]], {"value": []},
]  # fmt: skip
EXPORT = exported(
    annotation(start=1.5, flags=["duplicate"], duplicate_of="v_2", rating=3, alternative="A ball."),
    drafts=({"user": 1},),
)


def places(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield from places(content[key], (*place, key))


@pytest.mark.parametrize("place", list(places(EXPORT)), ids=lambda place: ".".join(map(str, place)))
def test_an_export_with_anything_in_any_place_comes_in_or_is_named(tmp_path: Path, place: tuple[Any, ...]) -> None:
    """Nothing else is written, what is written can be read again, and nothing is passed over in silence."""
    settings = CurationSettings(folder=str(tmp_path / "curation"))
    folder = settings.file("demo", "v").parent
    for value in HOSTILE:
        holder = [copy.deepcopy(EXPORT)]
        at: Any = holder
        for key in (0, *place)[:-1]:
            at = at[key]
        at[(0, *place)[-1]] = value
        try:
            export = read_export(holder, {1: "ann@example.org"})
        except InputError:
            continue
        raw = keep_export(holder, tmp_path / "exports", datetime.now(UTC))
        assert repr(json.loads(raw.read_text(encoding="utf-8"))) == repr(json.loads(json.dumps(holder, sort_keys=True)))
        merged = merge(export, "demo", settings)
        assert merged.n_new or merged.notes["not counted"] or merged.notes["drafts, not submitted"]
        assert {path.name for path in folder.glob("*")} <= {"v.json"} and not (tmp_path / "x").exists()
        read_records(folder / "v.json", "v")
        (folder / "v.json").unlink(missing_ok=True)


def test_an_export_that_is_only_depth_is_named(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("[" * 200_000)
    with pytest.raises(InputError, match=r"export\.json: found no readable JSON"):
        commands.import_file(None, tmp_path / "export.json")  # type: ignore[arg-type]


def test_a_task_that_tells_of_more_pictures_than_there_can_be_takes_no_memory(little_memory: None) -> None:
    assert source_time(ShownTimes(0.0625, [(4.0, 10**12)]), 1.0) == 5.0
    assert source_time(ShownTimes(**DATA["shown"]), 1.0) == 5.0
    assert source_time(ShownTimes(0.5, [(0.0, 2), (9.0, 2)]), 2 / 16) == 9.0
    assert source_time(ShownTimes(0.5, [(0.0, 2), (9.0, 2)]), 60.0) == 9.5


def test_nothing_in_a_hostile_checkpoint_runs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tsalv360.model import load_checkpoint

    for content in (
        {"model": Call(os.mkdir, str(tmp_path / "ran"))},
        {"model": {}, "settings": Call(os.mkdir, str(tmp_path / "ran"))},
        {"model": {}, "settings": {"width": 10**6}},
        {"model": {}, "settings": {"tangents": (4096,) * 20}},
    ):
        torch.save(content, tmp_path / "best.pt")
        with pytest.raises(InputError, match=r"best\.pt: found (no checkpoint|settings that cannot be)"):
            load_checkpoint(tmp_path / "best.pt")
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "best.pt", weights_only=True)
    torch.save({"model": Call(os.mkdir, str(tmp_path / "ran"))}, tmp_path / "best.pt")
    torch.load(tmp_path / "best.pt", weights_only=False)
    assert (tmp_path / "ran").exists()  # lest the attack be harmless by itself


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights.pt", "openai", "weights.npz", "weights.safetensors"])
def test_nothing_in_hostile_weights_of_clip_runs(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("open_clip")
    from tsalv360.captions.compare import Similarity

    monkeypatch.chdir(tmp_path)
    attack = Call(os.mkdir, str(tmp_path / "ran"))
    if name.endswith("npz"):
        np.savez(name, weights=np.array([attack], dtype=object), allow_pickle=True)
    else:
        torch.save({"state_dict": attack}, name)
    with pytest.raises(InputError, match=f"{name}: found no weights that can be read"):
        Similarity(name)
    assert not (tmp_path / "ran").exists()

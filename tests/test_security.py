"""Hostile files: what they ask for is not done, they take no memory, and they are named. docs/threats.md says the rest.

Beside the code: pickles of points (tests/sources/test_sports360.py), ids (tests/test_config.py), pages
(tests/explorer).
"""

import copy
import json
import os
import pickle
import resource
import struct
import zipfile
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
    with pytest.raises(InputError, match=f"{name}: found no checkpoint"):
        Similarity(name)
    assert not (tmp_path / "ran").exists()


def torchscript(path: Path, pickled: bytes, storage: bytes = bytes(8)) -> Path:
    """Write a TorchScript archive of a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"data.pkl": pickled, "constants.pkl": b"\x80\x02).", "data/0": storage}.items():
            archive.writestr(f"weights/{name}", content)
    return path


def module(values: bytes) -> bytes:
    """A pickle of a module with these attributes, as TorchScript writes it."""
    return b"\x80\x02c__torch__\nM\n)\x81}(" + values + b"ub."


def tensor(shape: bytes, strides: bytes) -> bytes:
    """The attribute `w`, a tensor in the storage `0`."""
    storage = b"((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQK\0"
    hooks = b"\x89ccollections\nOrderedDict\n)R"
    return b"X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n" + storage + shape + strides + hooks + b"tR"


def text(content: str) -> bytes:
    return b"X" + struct.pack("<I", len(content)) + content.encode()


def test_a_torchscript_pickle_runs_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tsalv360.model.torchscript import read_torchscript

    path, ran = tmp_path / "weights.pt", str(tmp_path / "ran")
    good = module(tensor(b"K\x02\x85", b"K\x01\x85"))
    assert read_torchscript(torchscript(path, good))["w"].tolist() == [0, 0]
    call = text("w") + b"cposix\nmkdir\n" + text(ran) + b"\x85R"
    hidden = good[:-1].replace(b"collections\nOrderedDict\n)", b"posix\nmkdir\n" + text(ran) + b"\x85") + b"."
    attacks = {
        "a call": module(call),
        "a call beside a module": b"\x80\x02cposix\nmkdir\n" + text(ran) + b"\x85R0" + good[2:],
        "a call among the hooks": hidden,
        "a name from the stack": b"\x80\x04" + text("posix") + text("mkdir") + b"\x93" + text(ran) + b"\x85R.",
        "a class with a dot": module(text("w") + b"c__torch__.os\nmkdir\n" + text(ran) + b"\x85R"),
        "a function as a module": b"\x80\x02cposix\nmkdir\n" + text(ran) + b"\x85\x81.",
        "an older form of an object": b"\x80\x02(" + text(ran) + b"iposix\nmkdir\n.",
        "a __setstate__ as attribute": module(text("__setstate__") + b"cposix\nmkdir\n")[:-1] + text(ran) + b"b.",
        "its own state": b"\x80\x02c__torch__\nM\n)\x81" + text(ran) + b"b.",
    }
    for name, pickled in attacks.items():
        with pytest.raises(pickle.UnpicklingError, match="TorchScript that cannot be read"):
            print(name, read_torchscript(torchscript(path, pickled)))
    assert not Path(ran).exists()
    pickle.loads(attacks["a name from the stack"])
    assert Path(ran).exists()  # lest the attack be harmless by itself


def test_hostile_torchscript_takes_no_memory(tmp_path: Path, little_memory: None) -> None:
    pytest.importorskip("torch")
    from tsalv360.model.torchscript import read_torchscript

    path, huge = tmp_path / "weights.pt", b"J\0\0\0\x40"
    both = b"X\x01\0\0\0ah\0X\x01\0\0\0bh\0"  # each module holds the next one twice
    nested = b"\x80\x02" + b"c__torch__\nM\n)\x81q\0" + (b"c__torch__\nM\n)\x81}(" + both + b"ubq\0") * 60 + b"."
    loop = b"\x80\x02c__torch__\nM\n)\x81q\0}(X\x01\0\0\0ah\0ub."
    attacks = {
        "a tensor without strides": module(tensor(huge + b"\x85", b"K\0\x85")),
        "a tensor beyond its storage": module(tensor(b"K\x02\x85", huge + b"\x85")),
        "a negative size": module(tensor(b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86", b"K\x01K\x01\x86")),
        "a module in itself": loop,
        "modules held twice": nested,
        "a place in the memory of the unpickler": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "nothing": b"",
    }
    for name, pickled in attacks.items():
        with pytest.raises(pickle.UnpicklingError, match="TorchScript that cannot be read"):
            print(name, read_torchscript(torchscript(path, pickled)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("data.pkl", "constants.pkl", "data/0"):
            archive.writestr(f"weights/{name}", bytes(10**8))
    with pytest.raises(pickle.UnpicklingError, match="compressed"):
        read_torchscript(path)


def test_torchscript_is_not_run_as_weights(tmp_path: Path) -> None:
    """The code of a TorchScript file may change its weights while they are loaded; PyTorch's own reader runs it."""
    torch = pytest.importorskip("torch")
    from tsalv360.model.checkpoint import load_checkpoint, read_clip

    class Module(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("w", torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

        @torch.jit.export
        def __getstate__(self):  # type: ignore[no-untyped-def]
            return self.w, self.training

        @torch.jit.export
        def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
            self.w = state[0] + 41
            self.training = state[1]

    path = tmp_path / "RN50.pt"
    torch.jit.script(Module()).save(path)
    with pytest.raises(InputError, match=r"RN50\.pt: found no checkpoint \(TorchScript .*__setstate__\)"):
        read_clip(path)
    with pytest.raises(InputError, match=r"RN50\.pt: found no checkpoint \(TorchScript\)"):
        load_checkpoint(path)
    assert torch.jit.load(path).state_dict()["w"].tolist() == [42, 42]  # lest the code be harmless by itself

"""Sports-360: directions of its points, allowed content of its pickle, and that nothing in a hostile one runs."""

import os
import pickle
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import tsv360
from tsalv360.sources.sports360 import FORMAT, Sports360Source, read_sports360

POINTS = [(0.25, 0.75), (0.5, 0.5)]
VIDEO = {"0021": POINTS, "0022": [(0.0, 1.0)], "0024": []}


def write(folder: Path, content: Any, protocol: int = 4) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "vinfo.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


def refusal(folder: Path, content: Any, video_id: str = "218") -> str:
    path = write(folder, content)
    with pytest.raises(InputError) as caught:
        read_sports360(folder, video_id, 30)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Points


@pytest.mark.parametrize(
    ("x", "y", "yaw", "pitch"),
    [(0.5, 0.5, 0, 0), (0.75, 0.25, 90, 45), (0.25, 0.75, -90, -45), (0, 0, -180, 90), (1, 1, -180, -90)],
)
def test_positions_count_from_the_top_left(tmp_path: Path, x: float, y: float, yaw: float, pitch: float) -> None:
    write(tmp_path, {"218": {"0001": [(x, y)]}})
    table = read_sports360(tmp_path, "218", 30)
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (yaw, pitch)
    as_table(table, FIXATIONS, "read")


def test_every_point_counts_and_frames_keep_their_numbers(tmp_path: Path) -> None:
    write(tmp_path, {"217": {}, "218": {"0012": POINTS, "0003": [(0.1, 0.1)], "0004": POINTS}})
    table = read_sports360(tmp_path, "218", 30)
    assert table.frame.tolist() == [3, 4, 4, 12, 12]
    assert table.time_s.tolist() == pytest.approx([3 / 30, 4 / 30, 4 / 30, 12 / 30, 12 / 30])
    assert table.observer.tolist() == ["point-01", "point-01", "point-02", "point-01", "point-02"]
    assert table.fixation_id.tolist() == [0, 1, 0, 2, 1]  # known, so that no point is taken for a saccade


@pytest.mark.parametrize(
    ("frames", "step"), [([1], 1), ([1, 2, 3], 1), ([1, 6, 11, 16], 5), ([1, 2, 3, 30], 1), ([10, 5], 5)]
)
def test_a_point_lasts_until_the_next_listed_frame(tmp_path: Path, frames: list[int], step: int) -> None:
    write(tmp_path, {"218": {f"{n:04d}": [(0.5, 0.5)] for n in frames}})
    assert read_sports360(tmp_path, "218", 25).duration_s.tolist() == pytest.approx([step / 25] * len(frames))


def test_observers_that_are_not_stored_and_empty_frames_are_noted(tmp_path: Path) -> None:
    write(tmp_path, {"218": VIDEO | {"0030": [(1.001, 0.5)]}})
    notes: list[str] = []
    read_sports360(tmp_path, "218", 30, notes)
    assert notes == [
        "observers are not stored: the k-th point of a frame counts as observer point-k",
        "1 of 4 listed frames without a point",
        "1 positions outside 0 to 1 by a rounding error, wrapped or clipped",
    ]


def test_cached_maps_are_never_read(tmp_path: Path) -> None:
    write(tmp_path, {"218": VIDEO})
    before = read_sports360(tmp_path, "218", 30)
    (tmp_path / "218").mkdir()
    np.save(tmp_path / "218" / "0021_gt.npy", np.zeros((1, 2, 4)))
    (tmp_path / "218" / "0022_gt.npy").write_bytes(b"damaged")
    assert read_sports360(tmp_path, "218", 30).equals(before)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    for x in (0.25, 0.75):
        write(tmp_path, {"218": {"0001": [(x, 0.5)]}})
        assert read_sports360(tmp_path, "218", 30).yaw_deg.tolist() == [360 * x - 180]


# Allowed forms of the pickle

FORMS: dict[str, Callable[[list], Any]] = {
    "tuples": lambda points: points,
    "lists": lambda points: [list(point) for point in points],
    "array": np.array,
    "array in Fortran's order": lambda points: np.asfortranarray(np.array(points)),
    "big-endian array": lambda points: np.array(points, ">f8"),
    "arrays": lambda points: [np.array(point, "f4") for point in points],
    "scalars": lambda points: [tuple(np.array(point)) for point in points],
}
MAPPINGS: dict[str, Callable[[dict], Any]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "defaultdict": lambda content: defaultdict(list, content),
    "bytes as keys": lambda content: {key.encode(): value for key, value in content.items()},
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("form", FORMS)
def test_containers_and_arrays_of_every_protocol_are_read(
    tmp_path: Path, form: str, mapping: str, protocol: int
) -> None:
    frames = {"0001": FORMS[form](POINTS), "0002": np.zeros((0, 2)) if "array" in form else []}
    write(tmp_path, MAPPINGS[mapping]({"218": MAPPINGS[mapping](frames)}), protocol)
    notes: list[str] = []
    table = read_sports360(tmp_path, "218", 30, notes)
    assert table[["frame", "yaw_deg", "pitch_deg"]].to_numpy().tolist() == [[1, -90, -45], [1, 0, 0]]
    assert "1 of 2 listed frames without a point" in notes


def python2(value: Any) -> bytes:
    """Opcodes of protocol 2 as Python 2 writes them: text is bytes in its own opcodes."""
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode("latin1")
    if isinstance(value, dict):
        return b"}(" + b"".join(python2(key) + python2(item) for key, item in value.items()) + b"u"
    if isinstance(value, np.ndarray):
        dtype = b"cnumpy\ndtype\n" + python2("f8") + b"K\x00K\x01\x87R(K\x03" + python2("<") + b"NNNJ\xff\xff\xff\xffJ"
        dtype += b"\xff\xff\xff\xffK\x00tb"
        memory = b"T" + struct.pack("<I", value.nbytes) + value.tobytes()
        empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + python2("b") + b"tR"
        return empty + b"(K\x01K" + bytes([len(value)]) + b"K\x02\x86" + dtype + b"\x89" + memory + b"tb"
    return (
        b"](" + b"".join(b"G" + struct.pack(">d", x) + b"G" + struct.pack(">d", y) + b"\x86" for x, y in value) + b"e"
    )


@pytest.mark.parametrize("form", [list, np.array])
def test_a_file_of_python_2_is_read(tmp_path: Path, form: Callable[[list], Any]) -> None:
    write(tmp_path, b"\x80\x02" + python2({"218": {"0001": form(POINTS)}}) + b".")
    table = read_sports360(tmp_path, "218", 30)
    assert table[["frame", "yaw_deg", "pitch_deg"]].to_numpy().tolist() == [[1, -90, -45], [1, 0, 0]]


def test_an_ordered_dictionary_of_python_2_keeps_its_items(tmp_path: Path) -> None:
    frames = b"](](U\x040001" + python2(POINTS) + b"ee"  # a list of [key, value]
    write(tmp_path, b"\x80\x02}U\x03218ccollections\nOrderedDict\n" + frames + b"\x85Rs.")
    assert read_sports360(tmp_path, "218", 30).yaw_deg.tolist() == [-90, 0]


# Wrong structure


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "[1, 2]; expected a dictionary of ids of videos"),
        ({218: VIDEO}, "the key 218; expected ids of videos, each once"),
        ({"218": VIDEO, b"218": {}}, "the key b'218'; expected ids of videos, each once"),
        ({"218": [POINTS]}, ", video 218: found [[(0.25, 0.75), (0.5, 0.5)]]; expected a dictionary of frame numbers"),
        ({"218": {21: POINTS}}, ", video 218: found the key 21; expected frame numbers like 0021"),
        ({"218": {"21": POINTS}}, ", video 218: found the key '21'"),
        ({"218": {"00021": POINTS}}, ", video 218: found the key '00021'"),
        ({"218": {"002١": POINTS}}, ", video 218: found the key '002١'"),
        ({"218": {"0021.jpg": POINTS}}, ", video 218: found the key '0021.jpg'"),
        ({"218": {"0021": None}}, ", video 218, frame 0021: found None; expected a list of points (x, y)"),
        ({"218": {"0021": {0.5: 0.5}}}, ", video 218, frame 0021: found {0.5: 0.5}"),
        ({"218": {"0021": "0.5"}}, ", video 218, frame 0021: found '0.5'"),
        ({"218": {"0021": (0.5, 0.5)}}, ", video 218, frame 0021, point 1: found 0.5; expected (x, y)"),
        ({"218": {"0021": [*POINTS, (0.5,)]}}, ", video 218, frame 0021, point 3: found (0.5,)"),
        ({"218": {"0021": [(0.5, 0.5, 0.5)]}}, "point 1: found (0.5, 0.5, 0.5)"),
        ({"218": {"0021": [("0.5", 0.5)]}}, "point 1: found ('0.5', 0.5)"),
        ({"218": {"0021": [(True, 0.5)]}}, "point 1: found (True, 0.5)"),
        ({"218": {"0021": [(0.5, 480)]}}, "point 1: found (0.5, 480)"),
        ({"218": {"0021": [(0.5, 10**400)]}}, "point 1: found (0.5, 1000"),
        ({"218": {"0021": [(0.5, 0.5j)]}}, "asks for builtins.complex"),
        ({"218": VIDEO | {"0025": [(0.5, 0.5), (1.003, 0.5)]}}, "frame 0025, point 2: found the position (1.003, 0.5)"),
        ({"218": {"0021": [(float("nan"), 0.5)]}}, "frame 0021, point 1: found the position (nan, 0.5)"),
        ({"218": {"0021": [(0.5, float("inf"))]}}, "frame 0021, point 1: found the position (0.5, inf)"),
        ({"218": {"0021": np.zeros((2, 3))}}, "frame 0021, point 1: found [0.0, 0.0, 0.0]"),
        ({"218": {"0021": np.array([480, 960])}}, "frame 0021, point 1: found 480"),
    ],
)
def test_wrong_content_is_named_by_video_frame_and_point(tmp_path: Path, content: Any, found: str) -> None:
    assert found in refusal(tmp_path, content)


def test_the_error_for_an_unknown_video_names_the_nearest_ids(tmp_path: Path) -> None:
    videos = {str(number): {} for number in range(216, 320)}
    assert "found no video '2188' among 104 (nearest: 2" in refusal(tmp_path, videos, "2188")
    assert "found no video '218' among 0" in refusal(tmp_path, {})


def test_damage_in_another_video_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, {"217": {"frames": "gone"}, "218": VIDEO})
    assert len(read_sports360(tmp_path, "218", 30)) == 3


def test_a_missing_file_and_a_folder_in_its_place_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vinfo\.pkl: found no readable pickle \(FileNotFoundError"):
        read_sports360(tmp_path, "218", 30)
    (tmp_path / "vinfo.pkl").mkdir()
    with pytest.raises(InputError, match=r"vinfo\.pkl: found no readable pickle \(IsADirectoryError"):
        read_sports360(tmp_path, "218", 30)


# Damage


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, protocol: int) -> None:
    whole = pickle.dumps({"218": {"0021": POINTS, "0022": np.array(POINTS)}}, protocol)
    for length in range(len(whole)):
        assert "vinfo.pkl: found " in refusal(tmp_path, whole[:length])


LENGTHS = {
    "text": b"\x8d" + struct.pack("<Q", 2**62),
    "bytes": b"\x8e" + struct.pack("<Q", 2**40),
    "bytearray": b"\x96" + struct.pack("<Q", 2**35),
    "frame": b"\x95" + struct.pack("<Q", 2**40),
    "number": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "array without memory": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85C\x01btR.",
}


@pytest.mark.parametrize("damage", LENGTHS.values(), ids=LENGTHS.keys())
def test_a_length_beyond_the_file_is_refused_without_taking_memory(tmp_path: Path, damage: bytes) -> None:
    assert "vinfo.pkl: found " in refusal(tmp_path, b"\x80\x05" + damage)


@pytest.mark.parametrize("container", [b"}%bNs", b"\x8f(%b\x90", b"(%b\x91", b"c__builtin__\nset\n]%ba\x85R"])
def test_tuples_of_tuples_without_end_do_not_crash(tmp_path: Path, container: bytes) -> None:
    """Python does, on their hash."""
    assert "vinfo.pkl: found " in refusal(tmp_path, b"\x80\x04" + container % (b"N" + b"\x85" * 300_000) + b".")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_sets_beside_the_points_do_not_matter(tmp_path: Path, protocol: int) -> None:
    write(tmp_path, {"218": VIDEO, "split": {"train": {"218", "219"}, "test": frozenset(["220"])}}, protocol)
    assert len(read_sports360(tmp_path, "218", 30)) == 3


def test_a_memo_number_beyond_all_memory_takes_none(tmp_path: Path) -> None:
    """Python's own unpickler in C would fill 64 GiB."""
    whole = pickle.dumps({"218": VIDEO}, 2)
    place = whole.index(b"q\x02")
    write(tmp_path, whole[:place] + b"r\xff\xff\xff\xff" + whole[place + 2 :])
    assert len(read_sports360(tmp_path, "218", 30)) == 3


def test_an_array_of_nothing_takes_no_memory(tmp_path: Path) -> None:
    """Of shape (2147483647, 0)."""
    array = b"cnumpy.core.numeric\n_frombuffer\n(C\x00cnumpy\ndtype\nU\x02f8\x85RJ\xff\xff\xff\x7fK\x00\x86tR"
    assert "vinfo.pkl: found []; expected a dictionary" in refusal(tmp_path, b"\x80\x03" + array + b".")


@pytest.mark.parametrize("code", [b"0", b"2"], ids=["drops", "doubles"])
def test_a_code_that_drops_or_doubles_a_point_is_damage(tmp_path: Path, code: bytes) -> None:
    whole = pickle.dumps({"218": VIDEO}, 2)
    place = whole.index(b"\x86q\x05") + 3  # after the first point
    assert "no readable pickle (KeyError: " in refusal(tmp_path, whole[:place] + code + whole[place:])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_that_comes_twice_is_damage_and_hides_no_points(tmp_path: Path, protocol: int) -> None:
    whole = pickle.dumps({"218": VIDEO}, protocol)
    assert "the key '0022' twice" in refusal(tmp_path, whole.replace(b"0021", b"0022"))


def test_data_after_the_content_or_beneath_it_is_damage(tmp_path: Path) -> None:
    whole = pickle.dumps({"218": VIDEO}, 2)
    assert "something beside its content" in refusal(tmp_path, whole + b"\x00")
    assert "something beside its content" in refusal(tmp_path, b"\x80\x02N" + whole[2:])


# Hostile pickles


class Call:
    """Pickled, it asks for a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def stack_global(module: str, name: str, *arguments: str) -> bytes:
    """A pickle of protocol 4 that calls `module`'s `name`, which may be dotted."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    call = b"(" + b"".join(map(text, arguments)) + b"tR"
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + call + b"."


HOSTILE: dict[str, tuple[Callable[[str], Any], str]] = {
    "os.system": (lambda file: Call(os.system, f"touch {file}"), "posix.system"),
    "eval": (lambda file: Call(eval, f"open({file!r}, 'w')"), "builtins.eval"),
    "exec": (lambda file: Call(exec, f"open({file!r}, 'w')"), "builtins.exec"),
    "open": (lambda file: Call(open, file, "w"), "io.open"),
    "getattr": (lambda file: Call(getattr, Call(__import__, "os"), "mkdir"), "builtins.getattr"),
    "Path.touch": (lambda file: Call(Path.touch, Path(file)), "pathlib."),
    "numpy.save": (lambda file: Call(np.save, file, [1]), "numpy.save"),
    "numpy.load": (lambda file: Call(np.load, file), "numpy.load"),
    "numpy.memmap": (lambda file: Call(np.memmap, file, "f8", "w+", 0, (1,)), "numpy.memmap"),
    "numpy.fromfile": (lambda file: stack_global("numpy", "fromfile", file), "numpy.fromfile"),
    "numpy.lib": (lambda file: stack_global("numpy.lib.format", "open_memmap", file, "w+"), "numpy.lib.format.open"),
    "numpy.testing": (
        lambda file: stack_global("numpy.testing._private.utils", "runstring", f"open({file!r}, 'w')"),
        "numpy.testing._private.utils.runstring",
    ),
    "numpy.f2py": (lambda file: stack_global("numpy.f2py.crackfortran", "myeval", file), "numpy.f2py.crackfortran"),
    "an allowed name elsewhere": (lambda file: stack_global("shelve", "list", file), "shelve.list"),
    "dotted ndarray": (lambda file: stack_global("numpy", "ndarray.tofile", file), "numpy.ndarray.tofile"),
    "dotted numpy": (lambda file: stack_global("numpy", "os.mkdir", file), "numpy.os.mkdir"),
    "dotted builtins": (lambda file: stack_global("builtins", "list.__class__", file), "builtins.list.__class__"),
    "dotted codecs": (lambda file: stack_global("_codecs", "encode.__self__.open", file), "_codecs.encode.__self__"),
    "in an object array": (lambda file: np.array([Call(os.mkdir, file)], dtype=object), "a NumPy array or scalar of "),
    "in a set": (lambda file: {Call(os.mkdir, file)}, "posix.mkdir"),
    "as a key": (lambda file: {Call(os.mkdir, file): 1}, "posix.mkdir"),
    "as a state": (lambda _: b"c__builtin__\nset\n}U\x0c__setstate__c__builtin__\nlist\nsb.", "the state of something"),
    "a protocol 0 global": (lambda file: f"cos\nmkdir\n(S'{file}'\ntR.".encode(), "os.mkdir"),
    "an instance": (lambda file: f"(S'{file}'\nios\nmkdir\n.".encode(), "os.mkdir"),
    "an object": (lambda file: f"(cos\nmkdir\nS'{file}'\no.".encode(), "os.mkdir"),
    "a class of ours": (lambda file: Call(Sports360Source, file), "tsalv360.sources.sports360.Sports360Source"),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "name"), HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_in_a_hostile_pickle_runs(tmp_path: Path, attack: Callable[[str], Any], name: str) -> None:
    trace = tmp_path / "ran.npy"
    content = attack(str(trace))
    message = refusal(tmp_path / "data", content if isinstance(content, bytes) else {"218": {"0023": content}})
    assert f"found a pickle that asks for {name}" in message
    assert "expected containers, text, numbers and NumPy arrays of numbers" in message
    assert not trace.exists()


@pytest.mark.parametrize("name", ["os.system", "eval", "numpy.save", "in an object array", "as a key", "an object"])
def test_pythons_own_unpickler_runs_them(tmp_path: Path, name: str) -> None:
    """The attacks above must not be harmless by themselves."""
    trace = tmp_path / "ran.npy"
    content = HOSTILE[name][0](str(trace))
    pickle.loads(content if isinstance(content, bytes) else pickle.dumps(content))
    assert trace.exists()


@pytest.mark.parametrize("code", [b"\x82\x01", b"Pid\n", b"N\x51", b"\x97"], ids=["extension", "id", "id 2", "buffer"])
def test_other_doors_of_pickles_are_closed(tmp_path: Path, code: bytes) -> None:
    assert "vinfo.pkl: found no readable pickle" in refusal(tmp_path, b"\x80\x05" + code + b".")


# The source


def dataset(root: Path, *videos: str) -> Path:
    write(root, dict.fromkeys(videos, VIDEO))
    for video in videos:
        (root / video).mkdir()
    return root


def test_the_source_lists_the_videos_of_tsv360_that_have_a_folder(tmp_path: Path) -> None:
    known = tsv360.ids("Sports-360")
    root = dataset(tmp_path, known[1], known[0], "999")
    (root / known[2]).touch()
    source = Sports360Source(root=str(root))
    recordings = source.recordings()
    assert [recording.video_id for recording in recordings] == known[:2]
    first = recordings[0]
    assert (first.video, first.gaze) == (root / known[0], (root / "vinfo.pkl",))
    assert (first.source, first.gaze_format, first.skip_first, first.fps) == ("Sports-360", FORMAT, 20, 30)
    assert source.missing() == dict.fromkeys(known[2:], "no frames")


def test_all_videos_are_those_with_a_folder_of_three_digits(tmp_path: Path) -> None:
    root = dataset(tmp_path, "218", "999", "12", "notes")
    (root / "500").touch()
    source = Sports360Source(root=str(root), subset="all", fps=25)
    assert [(recording.video_id, recording.fps) for recording in source.recordings()] == [("218", 25), ("999", 25)]
    assert source.missing() == {}


def test_a_root_without_points_or_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sources\.root: found '.*vinfo\.pkl', which does not exist"):
        Sports360Source(root=str(tmp_path)).recordings()
    dataset(tmp_path, "999")
    with pytest.raises(InputError, match="found no video"):
        Sports360Source(root=str(tmp_path)).recordings()


# Any content

FRACTION = st.floats(-0.002, 1.002) | st.sampled_from([0.0, 1.0, 0.5])
FRAMES = st.dictionaries(st.integers(0, 12000), st.lists(st.tuples(FRACTION, FRACTION), max_size=4), max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    FRAMES, st.integers(0, pickle.HIGHEST_PROTOCOL), st.sampled_from(sorted(FORMS)), st.sampled_from(sorted(MAPPINGS))
)
def test_written_points_are_read_unchanged(
    tmp_path: Path, frames: dict[int, list[tuple[float, float]]], protocol: int, form: str, mapping: str
) -> None:
    form = "tuples" if form == "arrays" else form  # those are of single precision
    content = {f"{number:04d}": FORMS[form](points) for number, points in frames.items()}
    write(tmp_path, MAPPINGS[mapping]({"218": MAPPINGS[mapping](content)}), protocol)
    table = read_sports360(tmp_path, "218", 30)
    truth = [
        (number, f"point-{k:02d}", (360 * x) % 360 - 180, 90 - 180 * min(max(y, 0), 1))
        for number, points in sorted(frames.items())
        for k, (x, y) in enumerate(points, start=1)
    ]
    frame, observer, yaw, pitch = zip(*truth, strict=True) if truth else ((),) * 4
    assert table.frame.tolist() == list(frame)
    assert table.observer.tolist() == list(observer)
    np.testing.assert_allclose((table.yaw_deg - np.array(yaw) + 180) % 360, 180, atol=1e-9)
    np.testing.assert_allclose(table.pitch_deg, pitch, atol=1e-9)
    np.testing.assert_allclose(table.time_s, table.frame / 30)
    assert not table.duplicated(["observer", "fixation_id"]).any()

"""Sports-360 (Zhang et al., ECCV 2018): ready frames, and the gaze points of the observers in one pickle.

`vinfo.pkl` holds video id → frame id `%04d` → list of (x, y), fractions of the panorama with the origin at the top
left. A pickle can run any code, so this one is read by an unpickler that accepts containers, text, numbers and NumPy
arrays of numbers, builds the arrays itself, and refuses everything else before it is called.
"""

import difflib
import io
import pickle
import re
import reprlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Recording, directions_from_fractions, existing, fixations_table

FORMAT = "sports360"
POINTS = "vinfo.pkl"
_ADVICE = f"Use {POINTS} as published; copy it again if it is damaged."
_VIDEO = re.compile(r"[0-9]{3}")
_FRAME = re.compile(r"[0-9]{4}|[1-9][0-9]{4,6}")


@dataclass(frozen=True, config=STRICT)
class Sports360Source:
    """The folder of the Sports-360 data set."""

    kind: Literal["sports360"] = setting("sports360", "kind of source")
    root: str = setting(..., f"folder 360_Saliency_dataset_2018ECCV with {POINTS} and <VVV>/NNNN.jpg", runtime=True)
    fps: float = setting(30.0, "rate of its frames, which the data set does not store", unit="frames/s", ge=1, le=240)
    subset: tsv360.Subset = setting("tsv360", "videos to use: those of TSV360, or all")

    def recordings(self) -> list[Recording]:
        """Return the videos whose folder of frames exists, in the order of their ids."""
        points = existing(str(existing(self.root, "sources.root") / POINTS), "sources.root")
        licence = "not stated by its authors; academic use (Zhang et al., ECCV 2018)"
        recordings = [
            Recording(folder.name, tsv360.SPORTS360, folder, (points,), FORMAT, licence, skip_first=20, fps=self.fps)
            for folder in self._folders()
            if folder.is_dir()
        ]
        if not recordings:
            raise InputError(self.root, "no video", "<VVV>/NNNN.jpg with three digits", "Correct sources.root.")
        return recordings

    def missing(self) -> dict[str, str]:
        """Return the videos of TSV360 that `subset` asks for and that do not exist, each with what it lacks."""
        return {folder.name: "no frames" for folder in self._folders() if not folder.is_dir()}

    def _folders(self) -> list[Path]:
        """Return the folders of the selected videos, whether they exist or not."""
        root = existing(self.root, "sources.root")
        present = [path.name for path in root.iterdir() if _VIDEO.fullmatch(path.name) and path.is_dir()]
        return [root / video_id for video_id in tsv360.selected(self.subset, tsv360.SPORTS360, present)]


def read_sports360(root: str | Path, video_id: str, fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Return all points of a video as recorded fixations, rows of the fixations table.

    Parameters: the folder with `vinfo.pkl`; the id of the video; the rate of its frames; a list to which remarks are
    appended. Observers are not stored: the k-th point of a frame counts as observer `point-k`. A point lasts for the
    median step between the listed frames. Raises InputError, which names file, video, frame and point (from 1).
    """
    path, notes = Path(root) / POINTS, [] if notes is None else notes
    videos = _by_text(path, _load(path), "ids of videos")
    if video_id not in videos:
        near = ", ".join(difflib.get_close_matches(video_id, videos, 5, 0))
        found = f"no video '{video_id}' among {len(videos)} (nearest: {near})"
        raise InputError(path, found, "the points of the video", "Correct the id, or exclude the video.")
    place = f"{path}, video {video_id}"
    frames = _by_text(place, videos[video_id], "frame numbers like 0021", _FRAME)
    rows = [
        (int(name), f"point-{k:02d}", x, y, f"{place}, frame {name}, point {k}")
        for name in sorted(frames, key=int)
        for k, (x, y) in enumerate(_points(f"{place}, frame {name}", frames[name]), start=1)
    ]
    number, point, x, y, where = zip(*rows, strict=True) if rows else ((),) * 5
    frame, observer = np.asarray(number, dtype=int), pd.Series(point, dtype="str")
    notes.append("observers are not stored: the k-th point of a frame counts as observer point-k")
    if empty := sum(len(points) == 0 for points in frames.values()):
        notes.append(f"{empty} of {len(frames)} listed frames without a point")
    yaw, pitch = directions_from_fractions(x, y, "top left", where, notes)
    step = np.median(np.diff(sorted(map(int, frames)))) if len(frames) > 1 else 1
    fixation_id = observer.groupby(observer).cumcount()
    return fixations_table(observer, frame / fps, step / fps, frame, yaw, pitch, fixation_id)


def _by_text(where: object, content: object, expected: str, form: re.Pattern[str] = re.compile(".+")) -> dict[str, Any]:
    """Return a dictionary whose keys are text of this form; the file may store them as bytes, as Python 2 does."""
    if not isinstance(content, dict):
        raise InputError(where, reprlib.repr(content), f"a dictionary of {expected}", _ADVICE)
    named: dict[str, Any] = {}
    for key, value in content.items():
        name = key.decode("latin1") if isinstance(key, bytes) else key
        if not isinstance(name, str) or not form.fullmatch(name) or name in named:
            raise InputError(where, f"the key {reprlib.repr(key)}", f"{expected}, each once", _ADVICE)
        named[name] = value
    return named


def _points(where: str, points: object) -> list[tuple[float, float]]:
    """Return the points of a frame; their range is not checked."""
    if not isinstance(points, list | tuple):
        raise InputError(where, reprlib.repr(points), "a list of points (x, y)", _ADVICE)
    for k, point in enumerate(points, start=1):
        numbers = isinstance(point, list | tuple) and all(
            isinstance(value, float) or (type(value) is int and value in (0, 1)) for value in point
        )
        if not numbers or len(point) != 2:
            raise InputError(f"{where}, point {k}", reprlib.repr(point), "(x, y), fractions from 0 to 1", _ADVICE)
    return list(points)


# The restricted unpickler


def _load(path: Path) -> Any:
    """Return the content of the pickle; raise InputError if it is damaged or asks for anything that is refused."""
    try:
        return _unpickle(path.read_bytes())
    except _RefusedError as refused:
        found, expected = f"a pickle that asks for {refused}", "containers, text, numbers and NumPy arrays of numbers"
        raise InputError(path, found, expected, _ADVICE) from None
    except Exception as error:  # damage raises a dozen kinds of error
        found = f"no readable pickle ({type(error).__name__}: {error!s:.200})"
        raise InputError(path, found, f"the {POINTS} of the data set", _ADVICE) from error


@lru_cache(maxsize=1)
def _unpickle(data: bytes) -> Any:
    """Return the content of a pickle, cached for the next video."""
    file = io.BytesIO(data)
    unpickler = _Unpickler(file, encoding="latin1")
    content = unpickler.load()
    if unpickler.stack or unpickler.metastack or file.read(1):
        raise pickle.UnpicklingError("something beside its content")
    return content


class _RefusedError(Exception):
    """Something that a file of points does not need."""


class _Dict(dict[Any, Any]):
    """A dictionary that refuses a repeated key: it is damage, and the first value would be lost."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, tuple):
            raise TypeError("a tuple as key")  # Python crashes on the hash of a deep one
        if key in self:
            raise ValueError(f"the key {reprlib.repr(key)} twice")
        super().__setitem__(key, value)


class _Dtype:
    """Replaces `numpy.dtype`, so that no state from the file reaches NumPy."""

    def __init__(self, name: str, *_: object) -> None:
        if not re.fullmatch("[iuf][1248]", name):
            raise _RefusedError(f"a NumPy array or scalar of type {name:.20}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(list[Any]):
    """Replaces `numpy.ndarray`, which starts empty and then receives its state; holds its values as nested lists."""

    def __init__(self, _kind: object, shape: object, _type: object) -> None:
        super().__init__()
        if shape != (0,):
            raise ValueError("an array that does not start empty")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self[:] = _values(data, dtype, shape, "F" if fortran else "C")


def _values(data: bytes | str, dtype: _Dtype, shape: tuple[int, ...] = (), order: Literal["C", "F"] = "C") -> Any:
    """Return the values of an array or scalar from its memory, which Python 2 stores as Latin-1 text."""
    memory = np.frombuffer(_encode(data) if isinstance(data, str) else data, dtype.dtype)
    return memory.reshape(shape, order=order).tolist() if memory.size else []


def _encode(text: str = "", _encoding: str = "latin1") -> bytes:
    """Replaces `_codecs.encode` and `bytes`, with which protocol 2 writes bytes."""
    return text.encode("latin1")


def _ordered(items: Iterable[tuple[Any, Any]] = ()) -> _Dict:
    """Replaces `OrderedDict`, to which Python 2 passes all items at once."""
    content = _Dict()
    for key, value in items:
        content[key] = value
    return content


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _ordered,
    ("collections", "defaultdict"): lambda _factory: _Dict(),
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
}
for _module in ("builtins", "__builtin__"):
    _ALLOWED |= {(_module, name): list for name in ("list", "set", "frozenset")} | {(_module, "bytes"): _encode}
for _module in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_module}.multiarray", "_reconstruct"] = _Array
    _ALLOWED[f"{_module}.multiarray", "scalar"] = lambda dtype, data: _values(data, dtype)
    _ALLOWED[f"{_module}.numeric", "_frombuffer"] = _values


class _Unpickler(pickle._Unpickler):
    """The unpickler written in Python: a single damaged number makes the one in C fill all memory."""

    stack: list[Any]
    metastack: list[Any]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _RefusedError(f"{module}.{name}")
        return _ALLOWED[module, name]

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Dtype):
            raise _RefusedError("the state of something else than a NumPy array")
        self.stack[-1].__setstate__(state)

    def load_empty_dict(self) -> None:
        self.stack.append(_Dict())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append(_ordered(zip(items[::2], items[1::2], strict=True)))

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dict
    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]
    dispatch[pickle.EMPTY_SET[0]] = dispatch[pickle.EMPTY_LIST[0]]  # sets become lists, so that nothing is hashed
    dispatch[pickle.ADDITEMS[0]] = dispatch[pickle.APPENDS[0]]
    dispatch[pickle.FROZENSET[0]] = dispatch[pickle.LIST[0]]
    for _code in pickle.POP + pickle.POP_MARK + pickle.DUP:
        del dispatch[_code]  # no valid file needs them here, and one in a wrong place hides points

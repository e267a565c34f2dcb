"""Sports-360 (Zhang et al., ECCV 2018): ready frames, and the points its observers looked at in one pickle.

`vinfo.pkl` holds video id → frame id `%04d` → list of (x, y), fractions of the panorama with the origin at the top
left. A pickle can run any code, so this one is read by an unpickler that knows containers, text, numbers and NumPy
arrays of numbers, makes the latter itself, and refuses everything else before it is called.
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
    fps: float = setting(30.0, "rate of its frames, which the data set does not store", unit="1/s", ge=1, le=240)
    subset: tsv360.Subset = setting("tsv360", "videos that are taken: those of tsv360, or all")

    def recordings(self) -> list[Recording]:
        """The videos whose folder of frames is there, in the order of their ids."""
        root = existing(self.root, "sources.root")
        points = existing(str(root / POINTS), "sources.root")
        licence = "not stated by its authors; academic use (Zhang et al., ECCV 2018)"
        recordings = [
            Recording(video_id, tsv360.SPORTS360, folder, (points,), FORMAT, licence, skip_first=20, fps=self.fps)
            for video_id in self._ids(root)
            if (folder := ready_frames(root, video_id)).is_dir()
        ]
        if not recordings:
            raise InputError(root, "no video", "<VVV>/NNNN.jpg with three digits", "Correct sources.root.")
        return recordings

    def missing(self) -> dict[str, str]:
        """Videos of TSV360 that are not there, where `subset` asks for them, each with what of it lacks."""
        if self.subset != "tsv360":
            return {}
        root = existing(self.root, "sources.root")
        return {video_id: "no frames" for video_id in self._ids(root) if not ready_frames(root, video_id).is_dir()}

    def _ids(self, root: Path) -> list[str]:
        if self.subset == "tsv360":
            return tsv360.ids(tsv360.SPORTS360)
        return sorted(path.name for path in root.iterdir() if _VIDEO.fullmatch(path.name) and path.is_dir())


def ready_frames(root: str | Path, video_id: str) -> Path:
    """The folder of a video's frames, NNNN.jpg."""
    return Path(root) / video_id


def read_sports360(root: str | Path, video_id: str, fps: float) -> pd.DataFrame:
    """All points of a video, as recorded fixations.

    Parameters: the folder with `vinfo.pkl`, the id of the video, the rate of its frames. Returns the columns of the
    fixations table. Who looked is not stored: the k-th point of a frame counts as observer `point-k`. A point lasts
    for the median step between the listed frames. Raises InputError naming file, video, frame and point (from 1).
    """
    path = Path(root) / POINTS
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
    notes = ["who looked is not stored: the k-th point of a frame counts as observer point-k"]
    if empty := sum(len(points) == 0 for points in frames.values()):
        notes.append(f"{empty} of {len(frames)} listed frames without a point")
    yaw, pitch = directions_from_fractions(x, y, "top left", list(where), notes)
    step = np.median(np.diff(sorted(map(int, frames)))) if len(frames) > 1 else 1
    fixation_id = observer.groupby(observer).cumcount()
    return fixations_table(observer, frame / fps, step / fps, frame, yaw, pitch, fixation_id, notes=notes)


def _by_text(where: object, content: object, expected: str, form: re.Pattern[str] = re.compile(".+")) -> dict[str, Any]:
    """A dictionary whose keys are text of this form, or, as Python 2 may have written them, its bytes."""
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
    """The points of a frame, not yet checked for their range."""
    if not isinstance(points, list | tuple):
        raise InputError(where, reprlib.repr(points), "a list of points (x, y)", _ADVICE)
    for k, point in enumerate(points, start=1):
        if not (isinstance(point, list | tuple) and len(point) == 2 and all(map(_is_coordinate, point))):
            raise InputError(f"{where}, point {k}", reprlib.repr(point), "(x, y), fractions from 0 to 1", _ADVICE)
    return list(points)


def _is_coordinate(value: object) -> bool:
    return isinstance(value, float) or (type(value) is int and value in (0, 1))


# The restricted unpickler


def _load(path: Path) -> Any:
    """What the pickle holds; InputError when it cannot be read or asks for what it does not need."""
    try:
        return _unpickle(path.read_bytes())
    except _RefusedError as refused:
        raise InputError(
            path, f"a pickle that asks for {refused}", "containers, text, numbers and NumPy arrays of numbers", _ADVICE
        ) from None
    except Exception as error:  # damage shows as any of a dozen kinds
        found = f"no readable pickle ({type(error).__name__}: {error!s:.200})"
        raise InputError(path, found, f"the {POINTS} of the data set", _ADVICE) from error


@lru_cache(maxsize=1)
def _unpickle(data: bytes) -> Any:
    """The content of a pickle, kept for the next video."""
    file = io.BytesIO(data)
    unpickler = _Unpickler(file, encoding="latin1")
    content = unpickler.load()
    if unpickler.stack or unpickler.metastack or file.read(1):
        raise pickle.UnpicklingError("something beside its content")
    return content


class _RefusedError(Exception):
    """Something that a file of points does not need."""


class _Dict(dict[Any, Any]):
    """A dictionary in which a key that comes twice is damage: its first value would be lost."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, tuple):
            raise TypeError("a tuple as key")  # Python crashes on the hash of a deep one
        if key in self:
            raise ValueError(f"the key {reprlib.repr(key)} twice")
        super().__setitem__(key, value)


class _Dtype:
    """In place of `numpy.dtype`, so that no state from the file reaches NumPy."""

    def __init__(self, name: str, *_: object) -> None:
        if not re.fullmatch("[iuf][1248]", name):
            raise _RefusedError(f"a NumPy array or scalar of type {name:.20}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(list[Any]):
    """In place of `numpy.ndarray`, which starts empty and is given its state: its values as nested lists."""

    def __init__(self, _kind: object, shape: object, _type: object) -> None:
        super().__init__()
        if shape != (0,):
            raise ValueError("an array that does not start empty")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self[:] = _values(data, dtype, shape, "F" if fortran else "C")


def _values(data: bytes | str, dtype: _Dtype, shape: tuple[int, ...] = (), order: Literal["C", "F"] = "C") -> Any:
    """The values of an array or scalar from its memory, which from Python 2 comes as Latin-1 text."""
    memory = np.frombuffer(_bytes(data) if isinstance(data, str) else data, dtype.dtype)
    return memory.reshape(shape, order=order).tolist() if memory.size else []


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    return _values(data, dtype)


def _bytes(text: str = "", _encoding: str = "latin1") -> bytes:
    """In place of `_codecs.encode` and `bytes`, with which protocol 2 writes bytes."""
    return text.encode("latin1")


def _ordered(items: Iterable[tuple[Any, Any]] = ()) -> _Dict:
    """In place of `OrderedDict`, to which Python 2 gives all items at once."""
    content = _Dict()
    for key, value in items:
        content[key] = value
    return content


def _default(_factory: object) -> _Dict:
    """In place of `defaultdict`."""
    return _Dict()


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _bytes,
    ("collections", "OrderedDict"): _ordered,
    ("collections", "defaultdict"): _default,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
}
for _module in ("builtins", "__builtin__"):
    _ALLOWED |= dict.fromkeys([(_module, "list"), (_module, "set"), (_module, "frozenset")], list)
    _ALLOWED[_module, "bytes"] = _bytes
for _module in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_module}.multiarray", "_reconstruct"] = _Array
    _ALLOWED[f"{_module}.multiarray", "scalar"] = _scalar
    _ALLOWED[f"{_module}.numeric", "_frombuffer"] = _values


class _Unpickler(pickle._Unpickler):
    """The unpickler written in Python: for one damaged number, that in C fills all memory."""

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
        del dispatch[_code]  # nothing here is written with them, and one in a wrong place hides points

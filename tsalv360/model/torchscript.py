"""Reads the weights in a TorchScript file, the form of OpenAI's `RN50.pt`, without running the code in it.

PyTorch's own reader compiles that code and runs its `__setstate__`. Here modules become plain names and values, from
which the state dict follows; of all that a pickle can call, only the rebuilding of a tensor is there.
"""

import math
import pickle
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

_TYPES = {
    f"{name}Storage": dtype
    for name, dtype in {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
    }.items()
}
_CODES = {  # all that PyTorch writes; others, such as those that import by name from the stack, are unknown here
    *(pickle.PROTO, pickle.STOP, pickle.MARK, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINUNICODE),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.GLOBAL, pickle.NEWOBJ, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID),
}


def is_torchscript(path: str | Path) -> bool:
    """Whether a file is a zip archive that holds TorchScript."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of the module in a TorchScript file under the names of its state dict.

    Raises pickle.UnpicklingError for a damaged file, and for one that holds anything else than modules and tensors or
    rebuilds its state with code.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_tensors(_Unpickler(_Records(archive, Path(path).stat().st_size)).load()))
    except Exception as error:  # damage raises a dozen kinds of error
        raise pickle.UnpicklingError(f"TorchScript that cannot be read: {error!s:.200}") from error


class _Module:
    """A module, of which only the attributes are known."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}


class _Dict(dict[str, Any]):
    """A dictionary with names as keys."""

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError("a key that is no name")
        super().__setitem__(key, value)


def _tensors(root: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a module and of the modules in it with their dotted names."""
    seen = set()
    to_do = [("", root)]
    while to_do:
        prefix, module = to_do.pop()
        if not isinstance(module, _Module) or id(module) in seen:
            raise ValueError(f"{prefix.rstrip('.') or 'the content'} is no module of its own")
        seen.add(id(module))
        for name, value in module.attributes.items():
            if isinstance(value, Tensor):
                yield prefix + name, value
            elif isinstance(value, _Module):
                to_do.append((f"{prefix}{name}.", value))


class _Records:
    """The records of an archive. They take no more memory than the file is long, as PyTorch does not compress them."""

    def __init__(self, archive: zipfile.ZipFile, most: int) -> None:
        self._archive, self._left = archive, most
        (pickled,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
        self._root = pickled.removesuffix("data.pkl")
        self.pickled = self._read("data.pkl")
        if f"{self._root}byteorder" in archive.namelist() and self._read("byteorder") != b"little":
            raise ValueError("numbers in an unusual order of bytes")
        self.storage = cache(self._storage)

    def _read(self, name: str) -> bytes:
        record = self._archive.getinfo(self._root + name)
        self._left -= record.file_size
        if record.compress_type != zipfile.ZIP_STORED or self._left < 0:
            raise ValueError(f"{name} is compressed, or read twice")
        return self._archive.read(record)

    def _storage(self, dtype: torch.dtype, name: str) -> Tensor:
        content = bytearray(self._read(f"data/{name}"))
        return torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)


class _Unpickler(pickle._Unpickler):
    """The unpickler written in Python: a single damaged number makes the one in C fill all memory."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = {code[0]: pickle._Unpickler.dispatch[code[0]] for code in _CODES}

    def __init__(self, records: _Records) -> None:
        super().__init__(BytesIO(records.pickled))
        self._records = records

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if (module, name) not in _ALLOWED:
            raise ValueError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, name, _device, _length = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise ValueError("a part of an unknown kind")
        return self._records.storage(dtype, name)

    def load_empty_dict(self) -> None:
        self.stack.append(_Dict())

    def load_newobj(self) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        if kind is not _Module or arguments:
            raise ValueError("an object that is no module")
        self.stack.append(_Module())

    def load_build(self) -> None:
        state, module = self.stack.pop(), self.stack[-1]
        if not isinstance(module, _Module) or not isinstance(state, _Dict):
            raise ValueError("a module that rebuilds its state with its own code (__setstate__)")
        module.attributes = state

    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dict
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build


def _tensor(storage: Tensor, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> Tensor:
    """Replaces `torch._utils._rebuild_tensor_v2`; as_strided refuses a tensor that reaches beyond its storage."""
    if min(shape, default=0) < 0 or math.prod(shape) > len(storage):
        raise ValueError("a tensor larger than its storage")
    return storage.as_strided(shape, strides, offset)


def _left_out(*_: object) -> None:
    """Replaces lists and dictionaries in an attribute: a state dict does not hold them."""


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("collections", "OrderedDict"): _left_out,  # the hooks of a tensor, always empty
    ("torch.jit._pickle", "restore_type_tag"): _left_out,
}
for _kind in ("int", "double", "bool", "tensor"):
    _ALLOWED["torch.jit._pickle", f"build_{_kind}list"] = _left_out

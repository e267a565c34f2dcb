"""CLIP's tokenizer."""

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


@cache
def clip_tokenizer() -> Any:
    """That of open_clip, from its file alone: the package imports models of all kinds, which takes seconds.

    ImportError where open_clip (the extra `train`) is not installed.
    """
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ImportError("open_clip is not installed")
    spec = spec_from_file_location("clip_tokenizer", Path(package.origin).with_name("tokenizer.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()

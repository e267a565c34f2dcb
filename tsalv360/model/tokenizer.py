"""CLIP's tokenizer: prompts as tokens."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from torch import Tensor

from tsalv360.job.errors import InputError

LENGTH = 77  # tokens that CLIP reads, those of start and end included
PADDING, START, END = 0, 49406, 49407


def tokenize(prompts: Sequence[str], truncate: bool = False) -> Tensor:
    """Return the tokens [B, 77] of sentences, padded with 0.

    Raises InputError for a prompt without words, and for one of more than 77 tokens unless `truncate` cuts it there.
    """
    for prompt in () if truncate else prompts:
        n_tokens = len(clip_tokenizer().encode(prompt)) + 2
        if n_tokens > LENGTH:
            where, found = f"prompt {prompt[:40]!r} …", f"{n_tokens} tokens (start and end included)"
            advice = "Shorten it, or cut it explicitly with tokenize(prompts, truncate=True)."
            raise InputError(where, found, f"at most {LENGTH}", advice)
    tokens: Tensor = clip_tokenizer()(list(prompts), LENGTH)
    check_tokens(tokens)
    return tokens


def check_tokens(tokens: Tensor) -> None:
    """Raise InputError unless these are integer tokens [B, 77] with a word in each row."""
    if tokens.ndim != 2 or tokens.shape[1] != LENGTH or tokens.is_floating_point():
        raise InputError("tokens", f"{tokens.dtype} {list(tokens.shape)}", f"integers [B, {LENGTH}]", "Use tokenize.")
    if empty := (~word_mask(tokens).any(1)).nonzero().flatten().tolist():
        raise InputError(f"prompt {empty[0]}", "no word in it", "a sentence", "Say what to look for.")


def word_mask(tokens: Tensor) -> Tensor:
    """Return a mask of tokens [B, 77] that is True where a token is neither padding nor start nor end."""
    return (tokens != PADDING) & (tokens != START) & (tokens != END)


@cache
def clip_tokenizer() -> Any:
    """Return open_clip's tokenizer, loaded from its file alone: importing the whole package takes seconds.

    Raises ImportError where open_clip (the extra `train`) is not installed.
    """
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ImportError("open_clip is not installed")
    spec = spec_from_file_location("clip_tokenizer", Path(package.origin).with_name("tokenizer.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()

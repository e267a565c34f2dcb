"""CLIP's tokenizer.

Prompts as CLIP's tokens.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tsalv360.job.errors import InputError


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


LENGTH = 77  # tokens that CLIP reads, with those of start and end
PADDING, START, END = 0, 49406, 49407


def tokenize(prompts: Sequence[str], truncate: bool = False) -> Tensor:
    """Tokens [B, 77] of sentences, padded with 0.

    InputError for a prompt without words, and for one of more than 77 tokens, unless `truncate` cuts it there.
    """
    tokens = torch.zeros(len(prompts), LENGTH, dtype=torch.long)
    for row, prompt in zip(tokens, prompts, strict=True):
        found = [START, *clip_tokenizer().encode(prompt), END]
        if len(found) > LENGTH and not truncate:
            raise InputError(
                f"prompt {prompt[:40]!r} …",
                f"{len(found)} tokens (with those of start and end)",
                f"at most {LENGTH}",
                "Shorten it, or cut it explicitly with tokenize(prompts, truncate=True).",
            )
        found = [*found[: LENGTH - 1], END] if len(found) > LENGTH else found
        row[: len(found)] = torch.tensor(found)
    check_tokens(tokens)
    return tokens


def word_mask(tokens: Tensor) -> Tensor:
    """True where tokens [B, 77] are neither padding nor start nor end."""
    return (tokens != PADDING) & (tokens != START) & (tokens != END)


def check_tokens(tokens: Tensor) -> None:
    """InputError unless these are [B, 77] tokens and each row holds a word."""
    if tokens.ndim != 2 or tokens.shape[1] != LENGTH or tokens.is_floating_point():
        raise InputError("tokens", f"{tokens.dtype} {list(tokens.shape)}", f"integers [B, {LENGTH}]", "Use tokenize.")
    if empty := (~word_mask(tokens).any(1)).nonzero().flatten().tolist():
        raise InputError(f"prompt {empty[0]}", "no word in it", "a sentence", "Say what to look for.")

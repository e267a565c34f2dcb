"""Tokenizers of encoders: CLIP's, and those that other encoders of open_clip need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra
from tsalv360.model.architectures import architecture_of, configuration
from tsalv360.model.clip_tokens import END, LENGTH, PADDING, START, count, encode


@dataclass(frozen=True)
class Tokenizer:
    """What turns sentences into the tokens of an encoder, and tells which of these are words."""

    length: int  # tokens that the encoder reads, those of start and end included
    special: tuple[int, ...]  # tokens that are no words, such as padding, start and end
    count: Callable[[str], int]  # tokens of a sentence, special ones included
    tokens: Callable[[list[str], int], Tensor]  # [B, length] of sentences, padded or cut

    def __call__(self, prompts: Sequence[str], truncate: bool = False) -> Tensor:
        """Return the tokens [B, length] of sentences; raises as `tokenize`."""
        for prompt in () if truncate else prompts:
            if (n_tokens := self.count(prompt)) > self.length:
                where, found = f"prompt {prompt[:40]!r} …", f"{n_tokens} tokens (start and end included)"
                advice = "Shorten it, or cut it explicitly with tokenize(prompts, truncate=True)."
                raise InputError(where, found, f"at most {self.length}", advice)
        tokens = self.tokens(list(prompts), self.length)
        self.check(tokens)
        return tokens

    def check(self, tokens: Tensor) -> None:
        """Raise InputError unless these are integer tokens [B, length] with a word in each row."""
        if tokens.ndim != 2 or tokens.shape[1] != self.length or tokens.is_floating_point():
            found = f"{tokens.dtype} {list(tokens.shape)}"
            raise InputError("tokens", found, f"integers [B, {self.length}]", "Use tokenize.")
        if empty := (~self.word_mask(tokens).any(1)).nonzero().flatten().tolist():
            raise InputError(f"prompt {empty[0]}", "no word in it", "a sentence", "Say what to look for.")

    def word_mask(self, tokens: Tensor) -> Tensor:
        """Return a mask of tokens [B, length] that is True where a token is a word or a part of one."""
        mask = torch.ones_like(tokens, dtype=torch.bool)
        for token in self.special:
            mask &= tokens != token
        return mask


@cache
def tokenizer_of(encoder: str) -> Tokenizer:
    """Return the tokenizer of an encoder, named as in `model.encoder`.

    Raises InputError where a tokenizer that does not come with open_clip is not on this machine.
    """
    architecture = architecture_of(encoder)
    return _own_tokenizer(encoder, architecture.name) if architecture else clip_words(LENGTH)


def clip_words(length: int) -> Tokenizer:
    """Return CLIP's tokenizer for encoders that read `length` tokens."""
    return Tokenizer(length, (PADDING, START, END), count, _clip_tokens)


def tokenize(prompts: Sequence[str], truncate: bool = False, encoder: str = "clip") -> Tensor:
    """Return the tokens [B, 77] of sentences, padded with 0; other encoders of open_clip read other numbers of tokens.

    Raises InputError for a prompt without words, and for one of more tokens than the encoder reads unless `truncate`
    cuts it there.
    """
    return tokenizer_of(encoder)(prompts, truncate)


def _clip_tokens(prompts: Sequence[str], length: int) -> Tensor:
    """Return CLIP's tokens [B, length] of sentences, padded or cut."""
    tokens = torch.full((len(prompts), length), PADDING)
    for row, prompt in zip(tokens, prompts, strict=True):
        encoded = [START, *encode(prompt)[: length - 2], END]
        row[: len(encoded)] = torch.tensor(encoded)
    return tokens


def _own_tokenizer(encoder: str, name: str) -> Tokenizer:
    """Return the tokenizer of an encoder. InputError where it does not come with open_clip and is not in the cache."""
    text = configuration(name)["text_cfg"]
    length, source = text.get("context_length", LENGTH), text.get("hf_tokenizer_name")
    if not source:
        return clip_words(length)
    require_extra(f"the tokenizer of {encoder}", "captions", ("transformers",))
    from open_clip.tokenizer import HFTokenizer

    options = {"tokenizer_mode": text.get("tokenizer_mode"), **text.get("tokenizer_kwargs", {})}
    try:
        loaded = HFTokenizer(source, length, local_files_only=True, **options)
    except (OSError, ValueError):  # not there, or not all of it
        found = f"no tokenizer of {source} in the Hugging Face cache"
        advice = f"Download it:  hf download {source} --include '*token*' '*.model' 'vocab*' 'config.json'"
        raise InputError("model.encoder", found, f"the tokenizer of {encoder}", advice) from None
    own = loaded.tokenizer
    special = {0} if loaded.strip_sep_token else set()  # what takes the place of a separator

    def count(prompt: str) -> int:
        return len(own(loaded.clean_fn(prompt)).input_ids)

    return Tokenizer(length, tuple(sorted(special | set(own.all_special_ids))), count, loaded)

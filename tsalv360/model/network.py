"""How much each tangent image has to do with the text.

The whole model: what it sees is encoded frame by frame, then decoded for each prompt.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.job.errors import InputError
from tsalv360.model.attention import VSTCA
from tsalv360.model.decoder import DecoderBlock, MapNorm
from tsalv360.model.encoders import FrameFeatures, TextFeatures
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tangent import ErpToTangent, TangentToErp, sphere
from tsalv360.model.tokenizer import check_tokens, tokenize, word_mask

_TEMPERATURE = 0.01  # of CLIP's training


def weigh(text: Tensor, seen: Tensor, kind: Literal["minmax", "softmax", "raw"]) -> Tensor:
    """Weights [B, F, K], float32, of tangent images by the cosine of their vectors with that of the text.

    `minmax` spreads each frame's cosines from 0 to 1, and is 0 where all are equal; `softmax` has mean 1 in each
    frame; `raw` is the cosine.

    Parameters: `text` [B, E]; `seen` [B, F, K, E].
    """
    cosine = functional.cosine_similarity(text[:, None, None].float(), seen.float(), dim=-1)
    if kind == "raw":
        return cosine
    if kind == "softmax":
        return cosine.shape[-1] * (cosine / _TEMPERATURE).softmax(-1)
    least, most = cosine.amin(-1, keepdim=True), cosine.amax(-1, keepdim=True)
    return (cosine - least) / (most - least + 1e-6)


class TSalV360(nn.Module):
    """Saliency of the last of a few frames of a 360° video, for a sentence.

    Weights are random until they are loaded; nothing is ever downloaded. Parameters carry the published names.
    """

    def __init__(self, settings: ModelSettings | None = None) -> None:
        super().__init__()
        self.settings = s = settings or ModelSettings()
        self.clip = _encoders(s)
        self.VSTCA = nn.ModuleList(
            VSTCA(channels, place, s) for channels, place in zip(s.channels, sphere(s), strict=True)
        )
        self.resnet_norm_layer = nn.ModuleList(
            MapNorm(channels, size, size) for channels, size in zip(s.channels, s.sizes, strict=True)
        )
        sizes = (*s.sizes, s.decoded_size, s.decoded_size)
        shapes_of_blocks = zip((0, *s.decoder), (*s.channels, 0, 0), (*s.decoder, 1), sizes, strict=True)
        self.decoders = nn.ModuleList(DecoderBlock(*shape, s.n_tangents) for shape in shapes_of_blocks)
        self.to_tangent = ErpToTangent(s)
        self.to_erp = TangentToErp(s)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.parameters()).dtype

    @property
    def _at_once(self) -> int:
        """With CLIP a CPU gains nothing by more."""
        return 1 if self.device.type == "cpu" and self.settings.encoder == "clip" else 8

    def forward(self, clips: Tensor, prompts: Sequence[str] | Tensor) -> Tensor:
        """Saliency [B, 1, 480, 960], float32 in 0 to 1, of the last frame of each clip for its prompt.

        Parameters: `clips` [B, F, 3, H, W], normalised by CLIP's mean and deviation, or uint8 RGB [B, F, H, W, 3];
        `prompts` one sentence for each, or tokens [B, 77] (which several GPUs can share).
        """
        n_frames = self.settings.n_frames
        if clips.ndim != 5 or clips.shape[1] != n_frames or len(clips) != len(prompts):
            found = f"clips {list(clips.shape)} and {len(prompts)} prompts"
            raise InputError("model", found, f"[B, {n_frames}, 3, H, W] and B prompts", "Give each clip its prompt.")
        last = [frame % n_frames == n_frames - 1 for frame in range(len(clips) * n_frames)]
        frames = self.encode_frames(clips.flatten(0, 1), last)
        windows = [frames[start : start + n_frames] for start in range(0, len(frames), n_frames)]
        return self.decode(windows, self.encode_text(prompts))

    def encode_frames(
        self, frames: Tensor, keep_maps: Sequence[bool] | None = None, at_once: int | None = None
    ) -> list[FrameFeatures]:
        """What is seen in each frame; text plays no part in it.

        Parameters
        ----------
        frames : normalised float [N, 3, H, W], or uint8 RGB [N, H, W, 3]; W = 2H, else InputError.
        keep_maps : which frames a clip may end with, by default all; the others take a hundredth of the memory.
        at_once : frames in one pass, by default eight, with CLIP on a CPU one. Memory grows with it.
        """
        height, width = frames.shape[1:3] if frames.dtype == torch.uint8 else frames.shape[2:]
        if width != 2 * height:
            raise InputError("frames", f"{width} × {height} pixels", "panoramas twice as wide as high", "Resize them.")
        at_once = at_once or self._at_once
        keep = keep_maps or [True] * len(frames)
        found: list[FrameFeatures] = []
        for start in range(0, len(frames), at_once):
            tangents = self.to_tangent(frames[start : start + at_once].to(self.device)).to(self.dtype)
            pictures = tangents.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            seen = self.clip.visual(pictures)
            parts = [part.unflatten(0, tangents.shape[:2]) for part in (seen.vectors, *seen.maps)]
            for vectors, *maps in zip(*parts, strict=True):
                # clones, lest one frame's maps hold the memory of all
                kept = tuple(level.clone() for level in maps) if keep[len(found)] else None
                found.append(FrameFeatures(vectors, tuple(level.mean((2, 3)) for level in maps), kept))
        return found

    def encode_text(self, prompts: Sequence[str] | Tensor) -> TextFeatures:
        """Sentences, or their tokens [B, 77], encoded. InputError where `tokenize` raises it."""
        tokens = prompts if isinstance(prompts, Tensor) else tokenize(prompts)
        check_tokens(tokens)
        tokens = tokens.to(self.device)
        vectors, words = self.clip.encode_text(tokens)
        return TextFeatures(vectors, words, word_mask(tokens))

    def decode(
        self, clips: Sequence[Sequence[FrameFeatures]], text: TextFeatures, at_once: int | None = None
    ) -> Tensor:
        """Saliency [B, 1, 480, 960] as `forward` gives it, of frames and text that are encoded.

        Clips and prompts are paired; one clip serves all prompts, and one prompt all clips. What the prompts share is
        computed once. `at_once` pairs are decoded in one pass, by default eight, with CLIP on a CPU one.
        """
        n_frames = self.settings.n_frames
        if any(len(clip) != n_frames for clip in clips):
            found = f"{sorted({len(clip) for clip in clips})} frames"
            raise InputError("clips", found, f"{n_frames} each", "Repeat the first frame where a clip is short.")
        if len(clips) != len(text.vectors) and 1 not in (len(clips), len(text.vectors)):
            found = f"{len(clips)} clips and {len(text.vectors)} prompts"
            raise InputError("decode", found, "as many, or one of either", "Decode one clip for all prompts.")
        ends = [maps for clip in clips if (maps := clip[-1].maps)]
        if len(ends) < len(clips):
            raise InputError("clips", "a last frame without maps", "one that kept them", "See keep_maps.")
        seen = torch.stack([torch.stack([frame.vectors for frame in clip]) for clip in clips])
        weight = weigh(text.vectors, seen, self.settings.similarity)[..., None].to(self.dtype)
        words, mask = text.words.expand(len(weight), -1, -1), text.mask.expand(len(weight), -1)
        shared, vectors = [], []
        levels: Any = zip(self.VSTCA, self.resnet_norm_layer, self.decoders[:3], strict=True)
        for level, (attend, norm, block) in enumerate(levels):
            pooled = torch.stack([torch.stack([frame.pooled[level] for frame in clip]) for clip in clips])
            vectors.append(attend(pooled * weight, words, mask, last_only=True)[:, 0])
            shared.append(block.of_maps(torch.stack([norm(end[level]) for end in ends])))
        step = at_once or self._at_once
        parts = [slice(start, start + step) for start in range(0, len(weight), step)]
        return torch.cat(
            [
                self._panorama([maps if len(ends) == 1 else maps[part] for maps in shared], [v[part] for v in vectors])
                for part in parts
            ]
        )

    def _panorama(self, maps: list[Tensor], vectors: list[Tensor]) -> Tensor:
        """Saliency of convolved feature maps [B or 1, K, C', h, w] and vectors [B, K, C] of the levels."""
        x: Any = None
        blocks: Any = self.decoders
        for block, ours, theirs in zip(blocks[:3], maps, vectors, strict=True):
            x = block(x, ours + block.of_vectors(theirs, ours.shape[-1]))
        for block in blocks[3:]:
            x = block(x, None)
        return self.to_erp(x[:, :, 0].float().sigmoid())

    def compile(self, *args: Any, **options: Any) -> None:
        """`torch.compile` the parts that gain by it, in place; names of the weights stay."""
        for part in (self.clip.visual, *self.VSTCA, *self.resnet_norm_layer, *self.decoders):
            part.compile(*args, **options)


def _encoders(settings: ModelSettings) -> Any:
    """The encoders that the settings name."""
    if settings.encoder == "small":
        from tsalv360.model.encoders import SmallEncoders

        return SmallEncoders(settings)
    from tsalv360.model.encoders import Clip

    return Clip(settings)

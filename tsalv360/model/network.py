"""The whole model: frames are encoded one by one, then decoded for each prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.job.errors import InputError
from tsalv360.model.attention import VSTCA
from tsalv360.model.encoders import FrameFeatures, Shape, SmallEncoders, TextFeatures
from tsalv360.model.presence import Presence
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tangent import DEVIATION, MEAN, ErpToTangent, TangentToErp, sphere
from tsalv360.model.tokens import tokenizer_of

_TEMPERATURE = 0.01  # of CLIP's training


class TSalV360(nn.Module):
    """Saliency of the last frame of a 360° clip for a sentence.

    Weights are random until they are loaded; nothing is downloaded. Parameters have the published names.

    >>> import torch
    >>> from tsalv360.model import ModelSettings
    >>> small = ModelSettings(encoder="small", width=2, embedding=32, heads=4, patch_size=64, map_size=(120, 240))
    >>> model = TSalV360(small).eval()
    >>> clips = torch.zeros(1, 8, 120, 240, 3, dtype=torch.uint8)
    >>> with torch.inference_mode():
    ...     model(clips, ["a man juggles"]).shape
    torch.Size([1, 1, 240, 480])
    """

    frame_height: int | None = None  # of the frames in training, pixels, if the checkpoint says it
    presence: Presence | None = None  # likewise

    def __init__(self, settings: ModelSettings | None = None) -> None:
        super().__init__()
        self.settings = s = settings or ModelSettings()
        self.clip, shape = _encoders(s), encoder_shape(s)
        self.adapters = nn.ModuleList(map(LevelAdapter, shape.channels, s.channels, s.sizes))
        levels = list(zip(s.channels, s.sizes, sphere(s), strict=True))
        self.VSTCA = nn.ModuleList(VSTCA(channels, place, s, shape.embedding) for channels, _, place in levels)
        self.resnet_norm_layer = nn.ModuleList(MapNorm(channels, size, size) for channels, size, _ in levels)
        sizes = (*s.sizes, s.decoded_size, s.decoded_size)
        blocks = zip((0, *s.decoder), (*s.channels, 0, 0), (*s.decoder, 1), sizes, strict=True)
        self.decoders = nn.ModuleList(DecoderBlock(*shape, s.n_tangents) for shape in blocks)
        self.to_tangent = ErpToTangent(s, shape.picture, *_normalisation(s))
        self.to_erp = TangentToErp(s)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.parameters()).dtype

    def forward(self, clips: Tensor, prompts: Sequence[str] | Tensor) -> Tensor:
        """Return the saliency [B, 1, 480, 960], float32 from 0 to 1, of the last frame of each clip for its prompt.

        Parameters: `clips` [B, F, 3, H, W], normalised by CLIP's mean and deviation (`model.to_tangent` has those of
        other encoders), or uint8 RGB [B, F, H, W, 3]; `prompts` one sentence for each, or tokens [B, 77] (which several
        GPUs can share).
        """
        n_frames = self.settings.n_frames
        if clips.ndim != 5 or clips.shape[1] != n_frames or len(clips) != len(prompts):
            found = f"clips {list(clips.shape)} and {len(prompts)} prompts"
            raise InputError("model", found, f"[B, {n_frames}, 3, H, W] and B prompts", "Give each clip its prompt.")
        keep_maps = ([False] * (n_frames - 1) + [True]) * len(clips)
        frames = self.encode_frames(clips.flatten(0, 1), keep_maps)
        windows = [frames[start : start + n_frames] for start in range(0, len(frames), n_frames)]
        return self.decode(windows, self.encode_text(prompts))

    def encode_frames(
        self, frames: Tensor, keep_maps: Sequence[bool] | None = None, batch_size: int | None = None
    ) -> list[FrameFeatures]:
        """Return the features of each frame; no text plays a part in them.

        Parameters
        ----------
        frames : normalised float [N, 3, H, W], or uint8 RGB [N, H, W, 3]; W = 2H, else InputError.
        keep_maps : which frames a clip may end with, by default all; the others take a hundredth of the memory.
        batch_size : frames in one pass, by default 8, or 1 with CLIP on a CPU. Memory grows with it.
        """
        height, width = frames.shape[1:3] if frames.dtype == torch.uint8 else frames.shape[2:]
        if width != 2 * height:
            raise InputError("frames", f"{width} × {height} pixels", "panoramas twice as wide as high", "Resize them.")
        keep_maps = keep_maps or [True] * len(frames)
        features: list[FrameFeatures] = []
        for part in self._parts(len(frames), batch_size):
            tangents = self.to_tangent(frames[part].to(self.device)).to(self.dtype)
            images = self.clip.visual(tangents.flatten(0, 1).contiguous(memory_format=torch.channels_last))
            by_frame = (tensor.unflatten(0, tangents.shape[:2]) for tensor in (images.vectors, *images.maps))
            for keep, vectors, *maps in zip(keep_maps[part], *by_frame, strict=True):
                # clones, because one frame's part of the maps would hold the memory of all
                kept = tuple(level.clone() for level in maps) if keep else None
                features.append(FrameFeatures(vectors, tuple(level.mean((2, 3)) for level in maps), kept))
        return features

    def encode_text(self, prompts: Sequence[str] | Tensor) -> TextFeatures:
        """Return the features of sentences, or of their tokens [B, 77]. Raises InputError as `tokenize` does."""
        tokenizer = tokenizer_of(self.settings.encoder)
        tokens = prompts if isinstance(prompts, Tensor) else tokenizer(prompts)
        tokenizer.check(tokens)
        tokens = tokens.to(self.device)
        vectors, words = self.clip.encode_text(tokens)
        return TextFeatures(vectors, words, tokenizer.word_mask(tokens))

    def decode(
        self, clips: Sequence[Sequence[FrameFeatures]], text: TextFeatures, batch_size: int | None = None
    ) -> Tensor:
        """Return the saliency [B, 1, 480, 960] of encoded clips and prompts, as `forward` does.

        Clips and prompts are paired; one clip serves all prompts, and one prompt all clips. What the pairs share is
        computed once. `batch_size` pairs are decoded in one pass, by default 8, or 1 with CLIP on a CPU.
        """
        n_frames = self.settings.n_frames
        if any(len(clip) != n_frames for clip in clips):
            found = f"{sorted({len(clip) for clip in clips})} frames"
            raise InputError("clips", found, f"{n_frames} each", "Repeat the first frame where a clip is short.")
        if len(clips) != len(text.vectors) and 1 not in (len(clips), len(text.vectors)):
            found = f"{len(clips)} clips and {len(text.vectors)} prompts"
            raise InputError("decode", found, "as many, or one of either", "Decode one clip for all prompts.")
        last_maps = [maps for clip in clips if (maps := clip[-1].maps)]
        if len(last_maps) < len(clips):
            raise InputError("clips", "a last frame without maps", "one that kept them", "See keep_maps.")
        images = torch.stack([torch.stack([frame.vectors for frame in clip]) for clip in clips])
        weight = weigh(text.vectors, images, self.settings.similarity)[..., None].to(self.dtype)
        words, mask = text.words.expand(len(weight), -1, -1), text.mask.expand(len(weight), -1)
        maps_of_levels, vectors_of_levels = [], []
        levels: Any = zip(self.adapters, self.VSTCA, self.resnet_norm_layer, self.decoders[:3], strict=True)
        for level, (adapter, attention, norm, block) in enumerate(levels):
            pooled = torch.stack([torch.stack([frame.pooled[level] for frame in clip]) for clip in clips])
            pooled = adapter.vectors(pooled)
            vectors_of_levels.append(attention(pooled * weight, words, mask, last_only=True)[:, 0])
            maps_of_levels.append(block.convolve_maps(torch.stack([norm(adapter(maps[level])) for maps in last_maps])))
        panoramas = []
        for part in self._parts(len(weight), batch_size):
            x: Any = None
            blocks: Any = self.decoders
            for block, maps, vectors in zip(blocks[:3], maps_of_levels, vectors_of_levels, strict=True):
                shared = maps if len(clips) == 1 else maps[part]
                x = block(x, shared + block.convolve_vectors(vectors[part], shared.shape[-1]))
            for block in blocks[3:]:
                x = block(x, None)
            panoramas.append(self.to_erp(x[:, :, 0].float().sigmoid()))
        return torch.cat(panoramas)

    def _parts(self, n: int, batch_size: int | None) -> list[slice]:
        """Return the parts of n items that are computed in one pass. With CLIP a CPU gains nothing by more than one."""
        step = batch_size or (1 if self.device.type == "cpu" and self.settings.encoder != "small" else 8)
        return [slice(start, start + step) for start in range(0, n, step)]

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile with `torch.compile`, in place, the parts that gain by it; the names of the weights stay."""
        for part in (self.clip.visual, *self.VSTCA, *self.resnet_norm_layer, *self.decoders):
            part.compile(*args, **options)


class LevelAdapter(nn.Module):
    """Brings the features of a level to the channels and the size that attention and decoder read.

    Those of CLIP RN50 and of small encoders have them already, so their adapters hold no weights and change nothing.
    """

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__()
        self._size = size
        self.project = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps [N, C', size, size] of maps [N, C, h, w] of frozen encoders."""
        if maps.shape[-1] != self._size:  # first, since its gradient is not deterministic on a GPU
            shrinks = maps.shape[-1] > self._size
            maps = functional.interpolate(
                maps.float(), (self._size, self._size), mode="bilinear", antialias=shrinks
            ).to(maps.dtype)
        return self.project(maps) if self.project else maps

    def vectors(self, pooled: Tensor) -> Tensor:
        """Return the vectors [..., C'] of the means of maps [..., C]."""
        if not self.project:
            return pooled
        return functional.linear(pooled, self.project.weight[:, :, 0, 0], self.project.bias)


class DecoderBlock(nn.Module):
    """A 3 × 3 convolution within each tangent image, norm and ReLU; with features of a level, twice the size.

    The last block, with one channel, is the convolution alone. In the first three blocks, the input of the convolution,
    which is linear, is a sum: feature maps, which do not depend on the text, and one vector of the text's attention,
    the same all over a tangent image. So the maps are convolved once for any number of prompts, and the vector on
    3 × 3 pixels: zero padding makes only corners and edges differ.
    """

    def __init__(self, before: int, skip: int, after: int, size: int, n_tangents: int) -> None:
        """Parameters: channels of the block before, of the features and of the result; side of the maps."""
        super().__init__()
        conv = nn.Conv3d(before + skip, after, (3, 3, 1), padding=(1, 1, 0)).to(memory_format=torch.channels_last_3d)
        self.block = nn.Sequential(conv, *([MapNorm(after, size, size, n_tangents)] if after > 1 else []))

    def convolve_maps(self, maps: Tensor) -> Tensor:
        """Return the convolution [B, K, C', h, w] of feature maps [B, K, C, h, w], without bias."""
        return self._convolve(maps, slice(-maps.shape[2], None))

    def convolve_vectors(self, vectors: Tensor, size: int) -> Tensor:
        """Return the convolution [B, K, C', size, size] of maps that are one vector all over, [B, K, C]."""
        corner_edge_inside = self.convolve_maps(vectors[..., None, None].expand(-1, -1, -1, 3, 3))
        which = torch.ones(size, dtype=torch.long, device=vectors.device)
        which[0], which[-1] = 0, 2
        return corner_edge_inside[..., which[:, None], which]

    def forward(self, x: Tensor | None, skip: Tensor | None) -> Tensor:
        """Return [B, K, C', 2h, 2w] from the block before, [B, K, C, h, w], and the convolved features `skip`."""
        y: Tensor = self.block.get_parameter("0.bias")[:, None, None]
        if skip is not None:
            y = y + skip
        if x is not None:
            y = y + self._convolve(x, slice(0, x.shape[2]))
        if len(self.block) > 1:
            y = self.block[1](y).relu()
        if skip is not None:
            size = 2 * y.shape[-1]
            y = functional.interpolate(y.flatten(0, 1), (size, size), mode="bilinear").unflatten(0, y.shape[:2])
        return y

    def _convolve(self, x: Tensor, inputs: slice) -> Tensor:
        """Return the convolution [B, K, C', h, w] of [B, K, C, h, w] by the weights of some input channels."""
        weight = self.block.get_parameter("0.weight")[:, inputs, :, :, 0]
        return functional.conv2d(x.flatten(0, 1), weight, padding=1).unflatten(0, x.shape[:2])


class MapNorm(nn.Module):
    """Layer norm over everything but the batch, with a weight for every value.

    `shape` is that of the published weights: C, h, w, and K where all tangent images are normalised together. In
    memory the weights lie as the maps do, K first and C last.
    """

    eps = 1e-5

    def __init__(self, *shape: int) -> None:
        super().__init__()
        stored, shown = ((3, 1, 2, 0), (3, 1, 2, 0)) if len(shape) == 4 else ((1, 2, 0), (2, 0, 1))
        self.weight = nn.Parameter(torch.ones(shape).permute(stored).contiguous().permute(shown))
        self.bias = nn.Parameter(torch.zeros(shape).permute(stored).contiguous().permute(shown))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, h, w] one by one, or the K maps of [B, K, C, h, w] together."""
        weight, bias = ((p.permute(3, 0, 1, 2) if x.ndim == 5 else p) for p in (self.weight, self.bias))
        dims = tuple(range(1, x.ndim))
        centred = x - x.mean(dims, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(centred.square().mean(dims, keepdim=True) + self.eps)
        return torch.addcmul(bias, centred * scale, weight).to(x.dtype)


def weigh(text: Tensor, images: Tensor, kind: Literal["minmax", "softmax", "raw"]) -> Tensor:
    """Return the weights [B, F, K], float32, of tangent images by the cosine of their vectors with the text's.

    `minmax` scales each frame's cosines from 0 to 1, all to 0 if they are equal; `softmax` has mean 1 in each frame;
    `raw` is the cosine. Parameters: `text` [B, E]; `images` [B, F, K, E].
    """
    cosine = functional.cosine_similarity(text[:, None, None].float(), images.float(), dim=-1)
    if kind == "raw":
        return cosine
    if kind == "softmax":
        return cosine.shape[-1] * (cosine / _TEMPERATURE).softmax(-1)
    low, high = cosine.amin(-1, keepdim=True), cosine.amax(-1, keepdim=True)
    return (cosine - low) / (high - low + 1e-6)


def encoder_shape(settings: ModelSettings) -> Shape:
    """Return what the encoders of a model read and return."""
    if settings.encoder in ("clip", "small"):
        return Shape(settings.embedding, settings.channels, settings.sizes, settings.patch_size)
    from tsalv360.model.openclip import shape_of

    return shape_of(settings.encoder)


def _encoders(settings: ModelSettings) -> Any:
    if settings.encoder == "small":
        return SmallEncoders(settings)
    # open_clip takes seconds to import, which small encoders do without
    if settings.encoder == "clip":
        from tsalv360.model.clip import Clip

        return Clip(settings)
    from tsalv360.model.openclip import OpenClip

    return OpenClip(settings)


def _normalisation(settings: ModelSettings) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if settings.encoder in ("clip", "small"):
        return MEAN, DEVIATION
    from tsalv360.model.openclip import normalisation

    return normalisation(settings.encoder)

"""Settings of the model's shape. The defaults are those of the published weights.

A checkpoint holds its own settings; the upper limits keep a hostile one from taking all memory.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.model.architectures import PREFIX, architecture_of, check_name

CLIP_TOKENS = 49408
_MAX_PIXELS = 2**26  # of a frame's tangent images, 74 times the published
Width = Annotated[int, Field(ge=1, le=4096)]


@dataclass(frozen=True, config=STRICT)
class ModelSettings:
    """Encoders, tangent images, attention and decoder of the model. Published weights need the defaults."""

    encoder: str = setting(
        "clip",
        "image and text encoders: clip (CLIP RN50), small (small ones that are trained from nothing), or "
        "open_clip:NAME or open_clip:NAME/WEIGHTS, any model of open_clip and the weights that are published for it, "
        "such as open_clip:ViT-B-32/laion2b_s34b_b79k",
    )
    similarity: Literal["minmax", "softmax", "raw"] = setting(
        "minmax",
        "how the cosine of a tangent image with the text becomes its weight: scaled from the frame's minimum to its "
        "maximum (published), by CLIP's softmax over the frame, or unchanged",
    )
    geometry: Literal["published", "corrected"] = setting(
        "published", "tangent images as published, up to a degree off, or with pixel centres everywhere"
    )
    n_frames: int = setting(
        8,
        "frames of a clip; the saliency is that of the last one; the workflow takes 8 alone, since clips of datasets "
        "have 8",
        ge=1,
        le=64,
    )
    tangents: tuple[Width, ...] = setting(
        (3, 6, 6, 3), "tangent images in each row of latitude; the rows are evenly spaced from the top"
    )
    fov_deg: float = setting(
        80.0,
        "field of view of a tangent image; its value in radians is also the side of the tangent plane",
        unit="deg",
        gt=10,
        lt=115,
    )
    patch_size: int = setting(
        224,
        "side of a tangent image; for open_clip's encoders it is theirs, and decoded ones have a quarter of this",
        unit="px",
        multiple_of=32,
        ge=64,
        le=1024,
    )
    map_size: tuple[Width, Width] = setting(
        (240, 480),
        "height and width of the panorama that tangent images are projected to; the map is then enlarged to twice that",
    )
    width: int = setting(
        64,
        "channels of the image encoder's first stage; attention and decoder read 32, 16 and 8 times as many, to which "
        "features of open_clip's encoders are projected",
        ge=1,
        le=256,
    )
    embedding: int = setting(
        1024,
        "dimensions of the embedding that images and text share; open_clip's encoders have their own",
        ge=1,
        le=8192,
    )
    text_width: int = setting(512, "channels of the text encoder; open_clip's encoders have their own", ge=1, le=4096)
    vocabulary: int = setting(
        CLIP_TOKENS,
        "rows of the token embedding; in small encoders several tokens share a row, and open_clip's have their own",
        ge=1,
        le=200_000,
    )
    heads: int = setting(8, "attention heads", ge=1, le=256)
    depth: int = setting(1, "attention blocks per level", ge=1, le=64)
    dropout: float = setting(0.0, "dropout rate of the feed-forward layers", ge=0, lt=1)
    decoder: tuple[Width, Width, Width, Width] = setting((1024, 512, 512, 128), "channels of the decoder blocks")

    @classmethod
    def tiny(cls) -> "ModelSettings":
        """Return the settings of a small model that runs in a fraction of a second and needs no weights of CLIP."""
        return cls(
            encoder="small", geometry="corrected", similarity="raw", patch_size=64, map_size=(120, 240), width=2,
            embedding=32, text_width=32, vocabulary=4096, heads=4, decoder=(32, 16, 16, 8),
        )  # fmt: skip

    @property
    def n_tangents(self) -> int:
        """K, the number of tangent images of a frame."""
        return sum(self.tangents)

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels of the features of each level that attention and decoder read, the deepest first."""
        return 32 * self.width, 16 * self.width, 8 * self.width

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Side of the feature maps of each level that the decoder reads, the deepest first."""
        return self.patch_size // 32, self.patch_size // 16, self.patch_size // 8

    @property
    def decoded_size(self) -> int:
        """Side of a decoded tangent image."""
        return self.patch_size // 4

    @model_validator(mode="after")
    def _check_encoder(self) -> Self:
        if architecture := architecture_of(self.encoder):
            check_name(architecture.name)
        elif self.encoder not in ("clip", "small"):
            raise ValueError(f"the encoder {self.encoder!r} is unknown; take clip, small, or {PREFIX}NAME")
        return self

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        if self.channels[-1] % self.heads:
            raise ValueError(f"{self.channels[-1]} channels (8 times width) cannot be shared by {self.heads} heads")
        if self.encoder == "clip" and (self.width % 2 or self.text_width % 64):
            raise ValueError("CLIP needs an even width and a text_width that is a multiple of 64")
        if self.encoder == "clip" and self.vocabulary < CLIP_TOKENS:
            found = f"vocabulary {self.vocabulary}, below CLIP's {CLIP_TOKENS} tokens"
            raise ValueError(f"{found}; only small encoders can have fewer")
        if self.n_tangents * self.patch_size**2 > _MAX_PIXELS:
            raise ValueError(f"{self.n_tangents} tangent images of {self.patch_size} px a side, above 2²⁶ pixels")
        return self

"""Pictures as data URIs, for a page that needs no other file."""

from typing import NamedTuple

from tsalv360.media.pictures import as_jpeg, data_url, resized
from tsalv360.sphere.projection import Picture

_QUALITY = 75  # of JPEG


class Embedded(NamedTuple):
    """A picture as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def embed(picture: Picture, width: int) -> Embedded:
    """Return an RGB picture [H, W, 3] as JPEG, reduced to `width` pixels where it is wider."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    if width < picture.shape[1]:
        picture = resized(picture, (height, width))
    return Embedded(data_url("image/jpeg", as_jpeg(picture, _QUALITY)), picture.shape[1], picture.shape[0])

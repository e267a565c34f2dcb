"""Maps as pages hold them: small, 8 bit, PNG in base64."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.saliency import resize_maps

SMALL = (96, 192)  # height and width
_COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 9]


def small_png(values: NDArray[np.float32]) -> tuple[float, str]:
    """Return the maximum of a map [H, W], not negative, and its gray PNG of size `SMALL` in base64; 255 is that value.

    Where the map is larger than `SMALL`, the brightest pixel may be below 255.
    """
    top = float(values.max())
    reduced = resize_maps(values[None], SMALL)[0]
    gray = np.rint(reduced * (255 / max(top, 1e-12))).clip(0, 255).astype(np.uint8)
    return top, base64.b64encode(cv2.imencode(".png", gray, _COMPRESSION)[1].tobytes()).decode()

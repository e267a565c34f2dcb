"""How much each tangent image has to do with the text."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

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

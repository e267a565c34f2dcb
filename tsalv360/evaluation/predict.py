"""What a model predicts for clips and prompts: clips and prompts share what is seen in a frame."""

from collections.abc import Sequence
from math import gcd
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tsalv360.job.errors import InputError
from tsalv360.model import FrameFeatures, TSalV360
from tsalv360.model.network import weigh
from tsalv360.saliency import Map
from tsalv360.training.clips import ClipFiles

_KEPT = 2  # videos: the clips' own, and that whose frames are shown in place of them


class Predict(Protocol):
    """Saliency maps [prompts, h, w], not negative, of the last of a video's `frames` (native numbers)."""

    def __call__(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Maps for the last frame of a clip."""


class OfModel:
    """The model's maps. Clips of a video come best in the order of time: then few frames are encoded twice."""

    def __init__(self, model: TSalV360, files: ClipFiles) -> None:
        self._model, self._files = model, files
        self._seen: dict[str, dict[int, FrameFeatures]] = {}

    def __call__(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """See `Predict`. InputError for a model whose saliency is no number."""
        different = list(dict.fromkeys(prompts))
        with torch.inference_mode():
            text = self._model.encode_text(different)
            maps = self._model.decode([self._clip(video, frames)], text)[:, 0].cpu().numpy()
        if not np.isfinite(maps).all():
            found = f"saliency that is no number in frame {frames[-1]} of video {video}"
            raise InputError("the model", found, "numbers", "Look at the loss of its training.")
        return maps[[different.index(prompt) for prompt in prompts]]

    def zero_shot(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Without training: how like each prompt the tangent images are to CLIP, from the least to the most."""
        with torch.inference_mode():
            seen = self._clip(video, frames)[-1].vectors[None, None].expand(len(prompts), -1, -1, -1)
            weight = weigh(self._model.encode_text(prompts).vectors, seen, "minmax")[:, 0, :, None, None]
            size = self._model.settings.decoded_size
            return self._model.to_erp(weight.expand(-1, -1, size, size))[:, 0].cpu().numpy()

    def _clip(self, video: str, frames: Sequence[int]) -> list[FrameFeatures]:
        """A clip's frames, of which those that are new are encoded; maps are kept of a video's latest end alone."""
        if video not in self._seen:
            for old in list(self._seen)[: 1 - _KEPT]:
                del self._seen[old]
        seen, last = self._seen.setdefault(video, {}), frames[-1]
        if last in seen and seen[last].maps is None:
            del seen[last]
        seen |= {number: frame.without_maps() for number, frame in seen.items() if frame.maps and number != last}
        new = [number for number in frames if number not in seen]
        if new:
            pictures = torch.from_numpy(np.stack([self._files.picture(video, int(number)) for number in new]))
            encoded = self._model.encode_frames(pictures, [number == last for number in new])
            seen |= dict(zip(new, encoded, strict=True))
        return [seen[number] for number in frames]


def in_size(maps: NDArray[Any], size: tuple[int, int]) -> Map:
    """Panoramas [P, h, w] in another size [P, H, W], without an edge at the seam."""
    (h, w), (height, width) = maps.shape[1:], size
    if (h, w) == size:
        return maps
    margin = w // gcd(w, width)  # whole pixels in both sizes
    wrapped = np.pad(maps, ((0, 0), (0, 0), (margin, margin)), mode="wrap")
    cut = margin * width // w
    kernel = cv2.INTER_LINEAR if width > w else cv2.INTER_AREA
    resized = [cv2.resize(one, (width + 2 * cut, height), interpolation=kernel) for one in wrapped]
    return np.stack(resized)[..., cut : cut + width]

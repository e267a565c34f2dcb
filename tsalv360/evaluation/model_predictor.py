"""Predictions of a trained model for the clips of an evaluation, the only part of it that needs PyTorch."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tsalv360.job.errors import InputError
from tsalv360.model import FrameFeatures, TSalV360
from tsalv360.model.network import weigh
from tsalv360.training.clips import ClipFiles

_KEPT_VIDEOS = 2  # that of the clips, and that whose frames replace theirs


class ModelPredictor:
    """The predictor of a model. Called for clips in the order of time, it encodes few frames twice."""

    def __init__(self, model: TSalV360, files: ClipFiles) -> None:
        self._model, self._files = model, files
        self._encoded: dict[str, dict[int, FrameFeatures]] = {}

    def __call__(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Return the model's maps, see `Predictor`. InputError where they are not finite."""
        different = list(dict.fromkeys(prompts))
        with torch.inference_mode():
            text = self._model.encode_text(different)
            maps = self._model.decode([self._encode(video, frames)], text)[:, 0].cpu().numpy()
        if not np.isfinite(maps).all():
            found = f"NaN or infinite saliency in frame {frames[-1]} of video {video}"
            raise InputError("the model", found, "finite numbers", "Check the loss of its training.")
        return maps[[different.index(prompt) for prompt in prompts]]

    def zero_shot(self, video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
        """Return CLIP's own similarity of the tangent images to each prompt, scaled from 0 to 1, without training."""
        with torch.inference_mode():
            vectors = self._encode(video, frames)[-1].vectors[None, None].expand(len(prompts), -1, -1, -1)
            weight = weigh(self._model.encode_text(prompts).vectors, vectors, "minmax")[:, 0, :, None, None]
            size = self._model.settings.decoded_size
            return self._model.to_erp(weight.expand(-1, -1, size, size))[:, 0].cpu().numpy()

    def _encode(self, video: str, frames: Sequence[int]) -> list[FrameFeatures]:
        """Return the features of a clip's frames. Feature maps, which are large, are kept of the last frame alone."""
        if video not in self._encoded:
            for old in list(self._encoded)[: 1 - _KEPT_VIDEOS]:
                del self._encoded[old]
        known, last = self._encoded.setdefault(video, {}), frames[-1]
        if last in known and known[last].maps is None:
            del known[last]
        known |= {number: frame.without_maps() for number, frame in known.items() if frame.maps and number != last}
        new = [number for number in frames if number not in known]
        if new:
            pictures = torch.from_numpy(np.stack([self._files.picture(video, int(number)) for number in new]))
            known |= zip(new, self._model.encode_frames(pictures, [number == last for number in new]), strict=True)
        return [known[number] for number in frames]

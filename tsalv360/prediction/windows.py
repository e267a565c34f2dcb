"""Windows of a video, one clip of the model each. Every frame is encoded once, for all windows and prompts."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra
from tsalv360.media.pictures import check_rate, kept_pictures, probe_ready, resized
from tsalv360.media.video import View, probe
from tsalv360.model.language import language_remark
from tsalv360.sphere.projection import Picture

if TYPE_CHECKING:
    from tsalv360.model import FrameFeatures, TSalV360
    from tsalv360.model.encoders import TextFeatures
    from tsalv360.model.presence import Presence

log = logging.getLogger(__name__)
Precision = Literal["float32", "bfloat16", "float16"]
HEIGHT = 960  # of frames, as published


def predict(
    video: str | Path,
    prompts: str | Sequence[str],
    checkpoint: "str | Path | TSalV360",
    *,
    stride: int = 1,
    device: str = "auto",
    precision: Precision = "float32",
    height: int | None = None,
    fps: float | None = None,
    view: View = "whole",
    force_2to1: bool = False,
) -> "Predictions":
    """Return the saliency of prompts in a 360° video, window by window. All input is checked before the first one.

    Parameters
    ----------
    video : any that FFmpeg decodes, or a folder of frames such as `0021.jpg`, numbered at the native rate.
    prompts : sentences of at most 77 tokens.
    checkpoint : a file of the published form or of `save_checkpoint`, or a model, which is used as it is.
    stride : frames at 16 fps from one window to the next, 1 to 8; at 8 the clips do not overlap.
    device : as PyTorch names it; `auto` is a GPU if there is one.
    precision : of the model's weights.
    height : of the frames that the model was trained with, in pixels; by default as the checkpoint says, or 960.
    fps : native rate of a folder of frames.
    view : the part of each picture that is the panorama, for stereo videos.
    force_2to1 : take pictures of any shape as full panoramas.

    Raises InputError if one of these cannot be used, and if the extra `train` is not installed.
    """
    require_extra("predict", "train", ("torch", "open_clip"))
    import torch

    from tsalv360.model import TSalV360

    prompts = [prompts] if isinstance(prompts, str) else prompts
    if not prompts:
        raise InputError("predict", "no prompt", "at least one", "Say what to look for.")
    for remark in filter(None, map(language_remark, prompts)):
        log.warning("%s", remark)
    footage = open_footage(Path(video), fps, HEIGHT if height is None else height, view, force_2to1)
    model = checkpoint if isinstance(checkpoint, TSalV360) else load_model(checkpoint, device, precision)
    if height is None:
        footage = at_height_of(model, footage)
    n_frames = model.settings.n_frames
    if not 1 <= stride <= n_frames:
        raise InputError("stride", str(stride), f"1 to {n_frames}, the frames of a clip", "Correct it.")
    if len(footage.numbers) < n_frames:
        found = f"{len(footage.numbers)} frames at {float(footage.rate):g} fps"
        raise InputError(video, found, f"at least the {n_frames} of a clip", "Give a longer video.")
    with torch.inference_mode():
        return Predictions(model, footage, prompts, model.encode_text(prompts), stride)


@dataclass(frozen=True)
class Window:
    """Saliency of the last frame of a clip: its native number, time, RGB picture, and a map per prompt."""

    frame: int
    time_s: float
    picture: Picture  # [height, 2 · height, 3]
    maps: NDArray[np.float32]  # [prompts, H, W], 0 to 1


class Predictions:
    """The windows of a video: `len` is their number, and iterating computes them one by one."""

    def __init__(
        self, model: "TSalV360", footage: "Footage", prompts: Sequence[str], text: "TextFeatures", stride: int
    ) -> None:
        self.footage, self.prompts = footage, list(prompts)
        self._model, self._text, self._stride = model, text, stride
        self._batch_size = 1 if model.device.type == "cpu" else model.settings.n_frames

    @property
    def presence(self) -> "Presence | None":
        """What the peak of a map tells, if the checkpoint says it."""
        return self._model.presence

    @property
    def rate(self) -> Fraction:
        """Windows per second."""
        return self.footage.rate / self._stride

    def __len__(self) -> int:
        return (len(self.footage.numbers) - self._model.settings.n_frames) // self._stride + 1

    def pictures(self) -> Iterator[tuple[int, Picture]]:
        """Yield the native number and the RGB picture of every window's frame, without computing maps."""
        first = self._model.settings.n_frames - 1
        for k, (number, picture) in enumerate(zip(self.footage.numbers, self.footage.pictures(), strict=True)):
            if k >= first and (k - first) % self._stride == 0:
                yield number, picture

    def __iter__(self) -> Iterator[Window]:
        import torch

        return torch.inference_mode()(self._windows)()

    def _windows(self) -> Iterator[Window]:
        import torch

        n_frames, size, numbers = self._model.settings.n_frames, self._batch_size, self.footage.numbers
        clip: deque[FrameFeatures] = deque(maxlen=n_frames)
        pictures = self.footage.pictures()
        for start in range(0, len(numbers), size):
            batch = list(islice(pictures, size))
            first = start - n_frames + 1  # frame that the clip ending with the first of the batch starts with
            ends = [n >= 0 and n % self._stride == 0 for n in range(first, first + len(batch))]
            frames = self._model.encode_frames(torch.from_numpy(np.stack(batch)), ends, len(batch))
            for number, picture, frame, is_end in zip(numbers[start : start + size], batch, frames, ends, strict=True):
                clip.append(frame)
                if is_end:
                    maps = self._model.decode([list(clip)], self._text)[:, 0].cpu().numpy()
                    if not np.isfinite(maps).all():
                        found = f"saliency that is not finite in frame {number}"
                        advice = "Use precision float32, or another checkpoint."
                        raise InputError(self.footage.path, found, "numbers", advice)
                    yield Window(number, number / self.footage.fps, picture, maps)
                    clip[-1] = frame.without_maps()


def at_height_of(model: "TSalV360", footage: "Footage") -> "Footage":
    """Return footage at the height of the frames that a model was trained with, if its checkpoint says it."""
    return replace(footage, height=model.frame_height or HEIGHT)


def load_model(checkpoint: str | Path, device: str, precision: str = "float32") -> "TSalV360":
    """Return the model of a checkpoint; `device` as in `predict`. InputError for an unknown device or precision."""
    import torch

    from tsalv360.model import load_checkpoint

    if precision not in get_args(Precision):
        raise InputError("precision", precision, ", ".join(get_args(Precision)), "Correct it.")
    if device == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        device = found.type if found else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # unknown, or not there
        reason = str(error).partition("\n")[0]
        raise InputError("device", f"{device} ({reason})", "auto, cpu, cuda, cuda:1, mps …", "Correct it.") from None
    return load_checkpoint(checkpoint, device, getattr(torch, precision))


@dataclass(frozen=True)
class Footage:
    """The frames of a video, or of a folder of frames, on the 16 fps grid.

    `numbers` are native, of `video`.
    """

    path: Path
    numbers: list[int]
    video: VideoInfo
    height: int
    view: View

    @property
    def fps(self) -> float:
        """Native frames per second."""
        return self.video.fps

    @property
    def rate(self) -> Fraction:
        """Kept frames per second: 16, or the native rate if it is lower."""
        return min(Fraction(FPS), Fraction(self.fps).limit_denominator(1001))

    def pictures(self) -> Iterator[Picture]:
        """Yield the kept frames one by one, uint8 RGB [height, 2 · height, 3]."""
        for _, picture in kept_pictures(self.path, self.numbers, self.video, self.view):
            yield np.ascontiguousarray(resized(picture, (self.height, 2 * self.height))[..., ::-1])


def open_footage(path: Path, fps: float | None, height: int, view: View, force_2to1: bool) -> Footage:
    """Return the footage of a video or folder; parameters as in `predict`. Raises InputError as `probe` does."""
    if height < 2:
        expected, advice = "pixels, such as 960", "Name the height that the model was trained with."
        raise InputError("height", str(height), expected, advice)
    if path.is_dir():
        if not fps or fps < 0:
            advice = "Name it: --fps 30, or fps=30."
            raise InputError(path, f"a folder of frames and fps {fps}", "the rate that they are numbered at", advice)
        info = probe_ready(path, fps, force_2to1, view)
        check_rate(path, info, skip_first=0)
    elif fps:
        raise InputError(path, f"a video, and fps {fps:g}", "fps for folders of frames alone", "Leave fps out.")
    else:
        info = probe(path, force_2to1, view, pose="ignore")  # no gaze is compared with the maps
    for note in info.notes:
        log.warning("%s: %s", path, note)
    return Footage(path, info.frames_to_keep(skip_first=0), info, height, view)

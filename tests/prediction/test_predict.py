"""Windows of a video: their frames and times, and the saliency, which is that of the model itself."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import tsalv360
from tsalv360.contracts.grid import frame_numbers
from tsalv360.job import libraries as extras
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import write_picture
from tsalv360.media.video import read_pictures
from tsalv360.model import FrameFeatures, ModelSettings, TSalV360, save_checkpoint
from tsalv360.prediction import Predictions

PROMPTS = ["a red ball rolls", "two dogs run"]
HEIGHT = 96


def maps_of(predictions: Predictions) -> NDArray[np.float32]:
    return np.stack([window.maps for window in predictions])


@cache
def whole(model: TSalV360, video: Path, numbers: tuple[int, ...], prompt: str) -> NDArray[np.float32]:
    """Return the map that the whole model predicts for one clip."""
    with torch.no_grad():
        return model(torch.from_numpy(read_pictures(video, list(numbers)))[None], [prompt])[0, 0].numpy()


def test_the_package_loads_without_torch() -> None:
    code = "import sys, tsalv360; tsalv360.predict; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("fps", "stride", "frames", "rate"),
    [
        (25, 1, [11, 12, 14, 16, 17, 19, 20, 22, 23, 25, 27, 28], 16),
        (25, 3, [11, 16, 20, 25], Fraction(16, 3)),
        (25, 8, [11, 23], 2),
        (30, 1, [13, 15, 17, 19, 21, 22, 24, 26, 28], 16),
        (30, 8, [13, 28], 2),
        (10, 1, list(range(7, 30)), 10),
        (10, 8, [7, 15, 23], Fraction(10, 8)),
    ],
)
def test_windows_lie_on_the_grid(
    tmp_path: Path,
    write_video: Callable[..., Path],
    shown_number: Callable[..., int],
    planted: Callable[..., TSalV360],
    fps: int,
    stride: int,
    frames: list[int],
    rate: Fraction,
) -> None:
    video = write_video(tmp_path / "v.mp4", n_frames=30, fps=fps)
    blank = planted(np.zeros((4, 8), dtype=np.float32))
    predictions = tsalv360.predict(video, PROMPTS[0], blank, stride=stride, height=HEIGHT)
    found = list(predictions)
    assert [window.frame for window in found] == frames
    assert [window.time_s for window in found] == pytest.approx([frame / fps for frame in frames])
    assert [shown_number(window.picture) for window in found] == frames
    assert len(predictions) == len(frames) and predictions.rate == rate


@pytest.mark.parametrize("batch_size", [1, 8])
def test_windows_are_what_the_whole_model_gives(video: Path, model: TSalV360, batch_size: int) -> None:
    numbers = frame_numbers(25, 60, skip_first=0)
    for stride in (1, 3):
        predictions = tsalv360.predict(video, PROMPTS, model, stride=stride, height=HEIGHT)
        predictions._batch_size = batch_size
        for k, window in enumerate(predictions):
            if k % 5:
                continue  # every fifth is enough
            clip = numbers[k * stride : k * stride + 8]
            assert window.frame == clip[-1]
            for found, prompt in zip(window.maps, PROMPTS, strict=True):
                assert np.abs(found - whole(model, video, tuple(clip), prompt)).max() < 1e-6


def test_every_frame_is_encoded_once_and_few_are_held(
    video: Path, model: TSalV360, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, held, encode, decode = [], [], model.encode_frames, model.decode
    monkeypatch.setattr(model, "encode_frames", lambda frames, *more: seen.append(len(frames)) or encode(frames, *more))
    monkeypatch.setattr(
        model, "decode", lambda clips, text: held.append([f.maps is not None for f in clips[0]]) or decode(clips, text)
    )
    predictions = tsalv360.predict(video, PROMPTS, model, height=HEIGHT)
    assert len(maps_of(predictions)) == len(predictions) == 32
    assert sum(seen) == 39
    assert held == [[False] * 7 + [True]] * 32, "feature maps of the last frame alone"


def test_several_prompts_give_the_same_maps_as_one_by_one(video: Path, checkpoint: Path) -> None:
    together = maps_of(tsalv360.predict(video, PROMPTS, checkpoint, stride=8, height=HEIGHT, device="cpu"))
    for k, prompt in enumerate(PROMPTS):
        alone = maps_of(tsalv360.predict(video, prompt, checkpoint, stride=8, height=HEIGHT, device="cpu"))
        assert np.abs(together[:, k] - alone[:, 0]).max() < 1e-6
    assert np.abs(together[:, 0] - together[:, 1]).max() > 1e-4, "the prompt matters"


def test_frames_have_the_size_of_training(video: Path, model: TSalV360) -> None:
    for height in (960, 50):
        window = next(iter(tsalv360.predict(video, PROMPTS, model, stride=8, height=height)))
        assert window.picture.shape == (height, 2 * height, 3)
        assert window.maps.shape == (2, 240, 480) and window.maps.dtype == np.float32


@pytest.mark.parametrize(("held", "height"), [(64, 64), (None, 960), ("x", 960), (10**9, 960), (-2, 960)])
def test_frames_have_the_size_that_the_checkpoint_holds(
    video: Path, model: TSalV360, tmp_path: Path, held: object, height: int
) -> None:
    save_checkpoint(model, tmp_path / "a.pt", {"frame_height": held})
    window = next(iter(tsalv360.predict(video, PROMPTS, tmp_path / "a.pt", stride=8, device="cpu")))
    assert window.picture.shape == (height, 2 * height, 3)
    given = next(iter(tsalv360.predict(video, PROMPTS, tmp_path / "a.pt", stride=8, device="cpu", height=50)))
    assert given.picture.shape == (50, 100, 3)


def test_a_folder_of_frames_gives_the_maps_of_the_video(tmp_path: Path, video: Path, model: TSalV360) -> None:
    numbers = frame_numbers(25, 60, skip_first=0)
    for number, picture in zip(numbers, read_pictures(video, numbers), strict=True):
        write_picture(tmp_path / f"{number:04d}.png", picture[..., ::-1])
    expected = tsalv360.predict(video, PROMPTS, model, stride=8, height=HEIGHT)
    found = tsalv360.predict(tmp_path, PROMPTS, model, stride=8, height=HEIGHT, fps=25)
    assert [(w.frame, w.time_s) for w in found] == [(w.frame, w.time_s) for w in expected]
    assert np.abs(maps_of(found) - maps_of(expected)).max() < 0.01  # PyAV's two ways to RGB differ by a level
    (tmp_path / "0011.png").unlink()
    with pytest.raises(InputError, match="such as 11"):
        tsalv360.predict(tmp_path, PROMPTS, model, fps=25)


def test_half_precision(video: Path, checkpoint: Path, model: TSalV360) -> None:
    expected = maps_of(tsalv360.predict(video, PROMPTS, model, stride=8, height=HEIGHT))
    half = tsalv360.predict(video, PROMPTS, checkpoint, stride=8, height=HEIGHT, device="cpu", precision="bfloat16")
    assert 0 < np.abs(maps_of(half) - expected).max() < 0.02


def test_input_is_checked_before_the_first_window(video: Path, tmp_path: Path, model: TSalV360) -> None:
    with pytest.raises(InputError, match="no prompt"):
        tsalv360.predict(video, [], model)
    with pytest.raises(InputError, match=r"fps None; expected the rate"):
        tsalv360.predict(tmp_path, PROMPTS, model)
    with pytest.raises(InputError, match=r"a video, and fps 25"):
        tsalv360.predict(video, PROMPTS, model, fps=25)
    with pytest.raises(InputError, match="height: found 0"):
        tsalv360.predict(video, PROMPTS, model, height=0)
    with pytest.raises(InputError, match="precision: found float8"):
        tsalv360.predict(video, PROMPTS, tmp_path, precision="float8")
    for stride in (0, 9):
        with pytest.raises(InputError, match=f"stride: found {stride}; expected 1 to 8"):
            tsalv360.predict(video, PROMPTS, model, stride=stride)


def test_a_prompt_in_another_language_is_remarked_and_answered(
    video: Path, model: TSalV360, caplog: pytest.LogCaptureFixture
) -> None:
    predictions = tsalv360.predict(video, ["a dog", "ein Hund und eine Katze"], model, height=64)
    assert len(predictions.prompts) == 2
    (remark,) = caplog.messages
    assert remark.startswith("'ein Hund und eine Katze' is written with the words ein, und, eine")


def test_saliency_that_is_not_finite_is_an_error(video: Path, planted: Callable[..., TSalV360]) -> None:
    model = planted(np.full((4, 8), np.nan, dtype=np.float32))
    with pytest.raises(InputError, match=r"not finite in frame 11; .*float32"):
        list(tsalv360.predict(video, PROMPTS[0], model, height=HEIGHT))


def test_without_the_extra_the_error_has_the_line_that_installs_it(
    video: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"no torch, open_clip; .*pip install .*'\.\[train\]'"):
        tsalv360.predict(video, PROMPTS, checkpoint)


@pytest.mark.slow
def test_the_model_in_full_size(
    tmp_path: Path, write_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames are not encoded again, as `whole` does: half a minute for what the tiny model tests already."""
    video = write_video(tmp_path / "v.mp4", n_frames=8, fps=16)
    torch.manual_seed(0)
    model = TSalV360(ModelSettings()).eval()
    pictures, frames, encode = [], [], model.encode_frames

    def record(given: torch.Tensor, *more: Any) -> list[FrameFeatures]:
        pictures.append(given.numpy())
        frames.extend(encode(given, *more))
        return frames[-len(given) :]

    monkeypatch.setattr(model, "encode_frames", record)
    found = list(tsalv360.predict(video, PROMPTS, model, height=HEIGHT))
    assert [window.frame for window in found] == [7]
    assert np.array_equal(np.concatenate(pictures), read_pictures(video, list(range(8))))
    with torch.no_grad():
        expected = model.decode([frames], model.encode_text([PROMPTS[1]]))[0, 0].numpy()
    assert np.abs(found[0].maps[1] - expected).max() < 1e-5

"""The files of predictions, and the command `tsalv360 predict`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

import tsalv360
from tsalv360.cli import main
from tsalv360.job.errors import InputError
from tsalv360.media.video import probe, read_pictures
from tsalv360.model import ModelSettings, TSalV360
from tsalv360.model.presence import Presence
from tsalv360.model.tangent import ErpToTangent, TangentToErp
from tsalv360.prediction import write_predictions
from tsalv360.prediction.outputs import finds_nothing, peak_and_spread, summary
from tsalv360.saliency import saliency_map
from tsalv360.sphere.directions import angular_distance

PROMPTS = ["A red ball rolls!", "two dogs run", "a boat"]
FRAMES = [11, 23, 36, 48]  # of clips that do not overlap
SIZE = 240, 480


@pytest.fixture
def command(video: Path, checkpoint: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs `tsalv360 predict` on the video with the tiny checkpoint."""

    def run(*more: str, source: Path = video, text: str = "a boat", weights: Path = checkpoint) -> int:
        fixed = ["--checkpoint", str(weights), "--output", str(tmp_path / "out"), "--stride", "8", "--height", "96"]
        return main(["predict", str(source), "--text", text, *fixed, "--device", "cpu", *more])

    return run


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("yaw", [-180.0, -179.9, -90.0, 0.0, 33.0, 179.9])
@pytest.mark.parametrize("pitch", [-89.9, -45.0, 0.0, 20.0, 89.9])
def test_peak_and_spread_anywhere_on_the_sphere(yaw: float, pitch: float) -> None:
    found_yaw, found_pitch, peak, spread = peak_and_spread(0.4 * saliency_map([yaw], [pitch], sigma=5.0))
    assert angular_distance(yaw, pitch, found_yaw, found_pitch) < 0.3  # pixels are 0.375° wide
    assert peak == pytest.approx(0.4)
    assert spread == pytest.approx(np.sqrt(2) * 5, rel=0.01)  # of a normal distribution on a plane, nearly


def test_spread_of_uniform_and_of_no_saliency() -> None:
    even = peak_and_spread(np.full((480, 960), 0.5, dtype=np.float32))[3]
    assert even == pytest.approx(np.degrees(np.sqrt((np.pi**2 - 4) / 2)), rel=1e-3)
    assert peak_and_spread(np.zeros((480, 960), dtype=np.float32))[2:] == (0, 0)


@pytest.mark.parametrize("geometry", ["published", "corrected"])
def test_directions_of_the_model_are_those_of_the_project(geometry: str) -> None:
    """A light in a panorama has the same direction after the projection to tangent images and back."""
    settings = ModelSettings(geometry=geometry)
    to_tangent, to_erp = ErpToTangent(settings, size=56), TangentToErp(settings)
    for place in [(180, 0), (0, 0), (-70, 50), (70, -50), (0, 89), (0, -89)]:
        light = torch.from_numpy(saliency_map([place[0]], [place[1]], sigma=8.0))
        seen = to_tangent(light.expand(1, 3, -1, -1))[:, :, 0]
        found = peak_and_spread(to_erp(seen)[0, 0].numpy())
        assert angular_distance(*place, *found[:2]) < 2.2, "a pixel of a tangent image is 1.2° wide"


def test_table_and_pictures_show_what_was_planted(
    tmp_path: Path, video: Path, planted: Callable[..., TSalV360]
) -> None:
    places = [(179.0, 10.0), (-40.0, -60.0), (0.0, 89.0)]  # seam, below, pole
    maps = [saliency_map([yaw], [pitch], sigma=10.0, size=SIZE) * 0.5 for yaw, pitch in places]
    predictions = tsalv360.predict(video, PROMPTS, planted(*maps), stride=8, height=96)
    table = write_predictions(predictions, tmp_path / "out", compare=True)
    assert files(tmp_path / "out") == [
        "1-a-red-ball-rolls.overlay.mp4",
        "1-a-red-ball-rolls.saliency.mp4",
        "2-two-dogs-run.overlay.mp4",
        "2-two-dogs-run.saliency.mp4",
        "3-a-boat.overlay.mp4",
        "3-a-boat.saliency.mp4",
        "compare.mp4",
        "table.csv",
    ]
    assert table.frame.tolist() == FRAMES * 3 and table.time_s.tolist() == [frame / 25 for frame in FRAMES] * 3
    for k, (yaw, pitch) in enumerate(places, 1):
        rows = table[table.prompt == k]
        assert (rows.text == PROMPTS[k - 1]).all()
        assert (angular_distance(rows.yaw_deg, rows.pitch_deg, yaw, pitch) < 0.6).all()
        assert rows.peak.to_numpy() == pytest.approx(0.5, abs=1e-3)
        assert rows.spread_deg.to_numpy() == pytest.approx(14.1, abs=0.3)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "table.csv"), table, atol=1e-6)

    shown = read_pictures(video, FRAMES)
    compare = read_pictures(tmp_path / "out" / "compare.mp4", [0, 1, 2, 3])
    assert compare.shape == (4, 2 * SIZE[0], 2 * SIZE[1], 3)
    assert compare[:, SIZE[0] + 40 :, SIZE[1] + 40 :].max() < 20, "three of four cells"
    for k, values in enumerate(maps):
        name = tmp_path / "out" / ["1-a-red-ball-rolls", "2-two-dogs-run", "3-a-boat"][k]
        for kind in ("overlay", "saliency"):
            info = probe(f"{name}.{kind}.mp4")
            assert (info.n_frames, info.fps, info.height, info.width) == (4, 2, *SIZE)
        gray = read_pictures(f"{name}.saliency.mp4", [0, 3])[..., 0].astype(float)
        assert np.abs(gray - 255 * values / values.max()).mean() < 3, "scaled to its maximum"
        overlay = read_pictures(f"{name}.overlay.mp4", [0, 1, 2, 3]).astype(float)
        cell = compare[:, SIZE[0] * (k // 2) :, SIZE[1] * (k % 2) :][:, : SIZE[0], : SIZE[1]]
        plain = np.stack([cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_CUBIC) for picture in shown])
        change = np.abs(overlay - plain).mean(-1)
        high, low = values > 0.4, values < 0.005
        high[:40] = low[:40] = False  # there is the prompt
        if high.any():  # not at the pole
            assert change[:, high].mean() > 3 * change[:, low].mean() + 10
            assert np.abs(cell - overlay)[:, high].mean() < 15
        assert np.abs(cell - overlay)[:, low].mean() < 15


def test_all_prompts_and_times_share_one_scale(
    tmp_path: Path, video: Path, model: TSalV360, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is faint beside another prompt, or beside a later time, is dark in the videos; `tsv360` is not."""
    heights = np.array([[0.02, 0.02, 0.02, 0.5], [0.1, 0.1, 0.1, 0.1]], dtype=np.float32)  # prompt × window
    light = saliency_map([60.0], [10.0], sigma=10.0, size=SIZE)
    count = iter(range(4))
    monkeypatch.setattr(
        model, "decode", lambda clips, text: torch.from_numpy(heights[:, next(count), None, None] * light)[:, None]
    )
    predictions = tsalv360.predict(video, PROMPTS[:2], model, stride=8, height=96)
    write_predictions(predictions, tmp_path / "out", format="tsv360")
    for k, name in enumerate(["1-a-red-ball-rolls", "2-two-dogs-run"]):
        gray = read_pictures(tmp_path / "out" / f"{name}.saliency.mp4", [0, 1, 2, 3])
        assert gray.max((1, 2, 3)) == pytest.approx(255 * heights[k] / 0.5, abs=3)
        for path in sorted((tmp_path / "out" / "TSV360_gt").rglob("*.png")):
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).max() == 255


def test_a_prompt_that_nothing_fits_is_said(
    video: Path, tmp_path: Path, model: TSalV360, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps that peak no higher than those of other videos' captions found nothing, if peaks tell anything at all."""
    heights = np.array([[0.1, 0.1, 0.8, 0.9], [0.1, 0.2, 0.1, 0.05]], dtype=np.float32)  # prompt × window
    light = saliency_map([60.0], [-30.0], sigma=10.0, size=SIZE)
    low, high = np.linspace(0, 0.5, 101), np.linspace(0.4, 1, 101)
    shown = {}
    for name, presence in (
        ("telling", Presence.measured(high, low)),
        ("not telling", Presence.measured(low, low)),
        ("unknown", None),
    ):
        count = iter(range(4))
        monkeypatch.setattr(
            model,
            "decode",
            lambda clips, text, n=count: torch.from_numpy(heights[:, next(n), None, None] * light)[:, None],
        )
        monkeypatch.setattr(model, "presence", presence)
        predictions = tsalv360.predict(video, PROMPTS[:2], model, stride=8, height=96)
        table = write_predictions(predictions, tmp_path / name, compare=True)
        shown[name] = "\n".join(summary(table, presence))
        if presence:
            assert table.false_alarms.to_numpy() == pytest.approx((1 - table.peak / 0.5).clip(0), abs=1e-3)
        else:
            assert table.false_alarms.isna().all()
        assert finds_nothing(table, presence).tolist() == [
            name == "telling" and height < 0.45 for height in heights.ravel()
        ]
    corners = [
        read_pictures(tmp_path / name / "1-a-red-ball-rolls.overlay.mp4", [0, 1, 2, 3])[:, :24, :90].astype(float)
        for name in shown
    ]
    for other in corners[1:]:
        changed = np.abs(corners[0] - other).mean((1, 2, 3)) > 5
        assert changed.tolist() == [True, True, False, False], "the text in the corner"
    assert "1 A red ball rolls!: found in 2 of 4 maps, first at 1.44 s" in shown["telling"]
    assert "2 two dogs run: nothing found" in shown["telling"]
    assert "finds 92% of right prompts, and 10% of other videos' captions" in shown["telling"]
    assert "of this model does not mean that something fits" in shown["not telling"]
    assert "the checkpoint does not say" in shown["unknown"]


def test_overlays_are_as_high_as_the_frames(tmp_path: Path, video: Path, planted: Callable[..., TSalV360]) -> None:
    lights = [saliency_map([yaw], [0.0], sigma=10.0, size=SIZE) for yaw in (-180.0, 30.0)]
    predictions = tsalv360.predict(video, PROMPTS[:2], planted(*lights), stride=8, height=320)
    write_predictions(predictions, tmp_path / "out", compare=True)
    compare = read_pictures(tmp_path / "out" / "compare.mp4", [0])[0].astype(float)
    assert compare.shape == (320, 1280, 3)
    for name, cell in (("1-a-red-ball-rolls", compare[:, :640]), ("2-two-dogs-run", compare[:, 640:])):
        overlay = read_pictures(tmp_path / "out" / f"{name}.overlay.mp4", [0])[0].astype(float)
        assert np.abs(cell - overlay)[60:].mean() < 10
        assert read_pictures(tmp_path / "out" / f"{name}.saliency.mp4", [0]).shape[1:3] == SIZE


def test_maps_as_numbers(tmp_path: Path, video: Path, model: TSalV360) -> None:
    predictions = tsalv360.predict(video, PROMPTS[:2], model, stride=8, height=96)
    expected = {window.frame: window.maps for window in predictions}
    write_predictions(predictions, tmp_path / "png", maps="png", table="parquet")
    table = write_predictions(predictions, tmp_path / "npz", maps="npz")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "png" / "table.parquet"), table)
    for k, name in enumerate(["1-a-red-ball-rolls", "2-two-dogs-run"]):
        with np.load(tmp_path / "npz" / f"{name}.npz") as arrays:
            assert sorted(arrays) == [f"{frame:04d}" for frame in FRAMES]
            for frame in FRAMES:
                assert np.array_equal(arrays[f"{frame:04d}"], expected[frame][k])
                picture = cv2.imread(str(tmp_path / "png" / name / f"{frame:04d}.png"), cv2.IMREAD_UNCHANGED)
                assert picture.dtype == np.uint16
                assert np.abs(picture / 65535 - expected[frame][k]).max() < 1 / 65535


def test_maps_as_tsv360_has_them(tmp_path: Path, video: Path, model: TSalV360) -> None:
    source = tmp_path / "My_video 1.mp4"
    source.symlink_to(video)
    predictions = tsalv360.predict(source, PROMPTS[:2], model, stride=8, height=96)
    write_predictions(predictions, tmp_path / "out", format="tsv360")
    root = tmp_path / "out" / "TSV360_gt"
    expected = [f"My-video-1/My-video-1_{k}/{frame:04d}.png" for k in (1, 2) for frame in FRAMES]
    assert [name for name in files(root) if name.endswith("png")] == expected
    assert (root / "My-video-1" / "My-video-1_1" / "description.txt").read_text() == PROMPTS[0]
    picture = cv2.imread(str(root / expected[0]), cv2.IMREAD_UNCHANGED)
    assert picture.shape == SIZE and picture.dtype == np.uint8 and picture.max() == 255


def test_the_command(command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--text", "two dogs run", "--compare", "--maps", "npz", "--table", "parquet") == 0
    said = capsys.readouterr().out
    assert "8 maps" in said and "the checkpoint does not say how high" in said
    assert files(tmp_path / "out") == [
        "1-a-boat.npz",
        "1-a-boat.overlay.mp4",
        "2-two-dogs-run.npz",
        "2-two-dogs-run.overlay.mp4",
        "compare.mp4",
        "table.parquet",
    ]
    assert names(tmp_path) == ["out"]
    assert command() == 1
    assert "out: found something there; expected a new or an empty folder" in capsys.readouterr().err


def test_bad_input_is_named(
    command: Callable[..., int],
    tmp_path: Path,
    write_video: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (no_video := tmp_path / "notes.txt").write_text("no video")
    flat = write_video(tmp_path / "flat.mp4", size=(96, 128))
    short = write_video(tmp_path / "short.mp4", n_frames=10)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "0001.txt").touch()
    before = names(tmp_path)
    cases = {
        "notes.txt: found no readable video": command(source=no_video),
        "nowhere.mp4: found no such file": command(source=tmp_path / "nowhere.mp4"),
        "flat.mp4: found 128×96 pictures": command(source=flat),
        "short.mp4: found 7 frames at 16 fps; expected at least the 8": command(source=short),
        "found no ready frames": command("--fps", "25", source=tmp_path / "frames"),
        "found no word in it": command(text=" "),
        "found 103 tokens": command(text="ball " * 101),
        "notes.txt: found no checkpoint": command(weights=no_video),
        "nowhere.pt: found no such file": command(weights=tmp_path / "nowhere.pt"),
        "stride: found 9; expected 1 to 8": command("--stride", "9"),
        "device: found abacus": command("--device", "abacus"),
        "device: found cuda:77": command("--device", "cuda:77"),
    }
    said = capsys.readouterr().err
    assert [message for message in cases if message not in said] == []
    assert set(cases.values()) == {1} and "Traceback" not in said
    assert names(tmp_path) == before


def test_pictures_of_any_shape_by_force(
    command: Callable[..., int], tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    flat = write_video(tmp_path / "flat.mp4", size=(96, 128))
    assert command("--force-2to1", source=flat) == 0
    stereo = write_video(tmp_path / "stereo.mp4", size=(192, 192))
    assert command("--view", "top", "--output", str(tmp_path / "top"), source=stereo) == 0


@pytest.mark.parametrize("maps", ["video", "png", "npz"])
def test_a_full_disk_is_an_error_and_nothing_is_left(
    video: Path, model: TSalV360, mount: Callable[[str], Path], maps: str
) -> None:
    disk = mount("size=60k")
    predictions = tsalv360.predict(video, PROMPTS, model, height=96)
    with pytest.raises(InputError, match=r"No space left.*expected space"):
        write_predictions(predictions, disk / "out", maps=maps)
    assert list(disk.iterdir()) == []


def test_a_frame_that_is_damaged_leaves_nothing(tmp_path: Path, video: Path, model: TSalV360) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, picture in enumerate(read_pictures(video, list(range(30)))):
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)
    (folder / "0023.png").write_bytes(b"half")
    predictions = tsalv360.predict(folder, PROMPTS, model, fps=25, height=96)
    with pytest.raises(InputError, match=r"0023\.png: found no readable picture"):
        write_predictions(predictions, tmp_path / "out")
    assert names(tmp_path) == ["frames"]


def test_a_killed_run_leaves_no_partial_output_and_can_be_run_again(
    command: Callable[..., int], tmp_path: Path, video: Path, checkpoint: Path
) -> None:
    arguments = [
        "--text",
        "a boat",
        "--checkpoint",
        str(checkpoint),
        "--output",
        str(tmp_path / "out"),
        "--height",
        "96",
    ]
    process = subprocess.Popen([sys.executable, "-m", "tsalv360.cli", "predict", str(video), *arguments])
    while not list(tmp_path.glob(".out.*.partial/*.overlay.mp4")):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    assert command() == 0
    assert names(tmp_path) == ["out"]
    assert len(pd.read_csv(tmp_path / "out" / "table.csv")) == 4

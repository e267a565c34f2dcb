"""`tsalv360 explore VIDEO`: an explorer of any video, which is gone when the command ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from explorer.test_explore_server import command, decoded, maps_in, until

import tsalv360
from tsalv360.cli import main
from tsalv360.media.pictures import read_picture
from tsalv360.media.video import read_pictures
from tsalv360.model import ModelSettings, TSalV360, save_checkpoint
from tsalv360.prediction.small import SMALL
from tsalv360.saliency import resize_maps

pytestmark = pytest.mark.slow
KEPT = [round(k / 16 * 25) for k in range(39)]  # of the 60 frames of `video`


def page_data(page: str) -> dict[str, object]:
    return json.loads(page.partition('id="data">')[2].partition("</script>")[0])


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the commands that a test starts."""
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def folder_of(temporary: Path) -> Path:
    (folder,) = [path for path in temporary.iterdir() if path.name.startswith("tsalv360-")]
    return folder


def test_the_pages_of_a_video(tmp_path: Path, temporary: Path, video: Path, shown_number: Callable[..., int]) -> None:
    (source := tmp_path / "My <b>video 1.mp4").symlink_to(video)
    with command(tmp_path, str(source), "--height", "96") as (client, process):
        name = "My-b-video-1"
        assert f"videos/{name}.html" in client.get("/")[2].decode()
        page = client.get(f"/videos/{name}.html")[2].decode()
        data = page_data(page)
        assert (data["video"], data["fps"], data["events"], data["known"]) == (name, 25, [], None)
        assert "<b>video" not in page
        media = data["media"]
        assert isinstance(media, dict)
        assert (media["frames"], media["rate"], media["slots"], media["from_disk"]) == (KEPT, 16, 0, False)
        status, headers, content = client.get(f"/videos/{media['file']}")
        assert status == 200 and headers["Content-Type"] == "video/mp4" and len(content) == media["bytes"]
        (tmp_path / "shown.mp4").write_bytes(content)
        shown = read_pictures(tmp_path / "shown.mp4", list(range(39)))
        assert shown.shape[1:3] == (128, 256) == tuple(media["panorama"])[::-1]
        assert [shown_number(picture) for picture in shown] == KEPT
        assert client.get("/live.js")[2] == b"window.TSALV360_LIVE = null;\n"
        assert client.get("/explorer.js")[0] == client.get("/explorer.css")[0] == 200
        assert not (folder_of(temporary) / "frames").exists(), "only a model needs them"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert list(temporary.iterdir()) == []


def test_a_model_sees_the_frames_as_in_training(tmp_path: Path, temporary: Path, video: Path) -> None:
    torch.manual_seed(0)
    model = TSalV360(ModelSettings.tiny()).eval()
    save_checkpoint(model, tmp_path / "fold1" / "best.pt")
    how = ["--checkpoint", "fold1/best.pt", "--device", "cpu", "--height", "96"]
    with command(tmp_path, str(video), *how) as (client, process):
        assert b'"fold1/best.pt"' in client.get("/live.js")[2]
        maps = maps_in(client.ask("whole", "a boat"))
        frames = folder_of(temporary) / "frames" / "whole"
        assert [int(path.stem) for path in sorted(frames.iterdir())] == KEPT
        pictures = np.stack([read_picture(path) for path in sorted(frames.iterdir())]).astype(float)
        differences = [
            np.abs(pictures - read_pictures(video, KEPT)[..., order]).mean() for order in ([0, 1, 2], [2, 1, 0])
        ]
        assert differences[0] < differences[1] / 2, "red is red"
        assert client.get("/../frames/whole/0000.jpg")[0] == 404
        windows = list(tsalv360.predict(frames, "a boat", model, fps=25, height=96))
        assert len(maps) == len(windows) == 32
        for one in maps:
            known = windows[one["picture"] - 7].maps
            assert np.abs(decoded(one) - resize_maps(known, SMALL)[0]).max() < one["value"] / 255
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_end_while_the_video_is_encoded_leaves_nothing(
    tmp_path: Path, temporary: Path, number: int, write_video: Callable[..., Path]
) -> None:
    long = write_video(tmp_path / "long.mp4", n_frames=200, size=(480, 960))
    start = [sys.executable, "-m", "tsalv360.cli", "explore", "--no-browser", str(long)]
    with subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: list(temporary.rglob("*.partial.mp4")))
        process.send_signal(number)
        assert process.wait(10) == (130 if number == signal.SIGINT else 128 + number)
        assert process.stdout and process.stdout.read() == ""
    assert list(temporary.iterdir()) == []


def test_what_cannot_be_explored_is_said_before_anything_is_written(
    tmp_path: Path, temporary: Path, video: Path, write_video: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    flat = write_video(tmp_path / "flat.mp4", size=(96, 128))
    cases = {
        "notes.txt: found no readable video": [str(tmp_path / "notes.txt")],
        "flat.mp4: found 128×96 pictures": [str(flat)],
        "nowhere.pt: found no such file": [str(video), "--checkpoint", str(tmp_path / "nowhere.pt")],
        "port: found 70000": [str(video), "--port", "70000"],
        "explore: found --device; expected --checkpoint with it": [str(video), "--device", "cpu"],
        "explore: found --fps, --force-2to1; expected VIDEO with it": ["--fps", "25", "--force-2to1"],
    }
    for message, arguments in cases.items():
        assert main(["explore", "--no-browser", *arguments]) == 1
        assert message in capsys.readouterr().err
    assert list(temporary.iterdir()) == []


def test_a_viewer_needs_no_torch() -> None:
    code = "import sys, tsalv360.explorer.commands; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_line_alone_loads_no_server() -> None:
    code = "import sys, tsalv360.cli; sys.exit('uvicorn' in sys.modules or 'starlette' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

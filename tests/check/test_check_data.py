"""`tsalv360 data check`: what it finds in folders as they are on disk, and whether a build can run."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tsalv360.check import DataCheck, as_text, check_data
from tsalv360.cli import main
from tsalv360.config import load_config
from tsalv360.contracts.grid import frame_numbers
from tsalv360.job import libraries as extras
from tsalv360.sources import READERS, Recording, tsv360
from tsalv360.sources.demo import DemoSource
from tsalv360.sources.recording import fixations_table

FPS = 25
PANORAMA = (96, 192)
CORRECT = "Correct the files, or the code."
SMALL = {"sources": [], "dataset": {"name": "checked", "folds": 1}, "frames": {"height": 96}}


def checked(content: dict[str, object]) -> DataCheck:
    return check_data(load_config({**SMALL, **content}), cores=2)


def write_gaze(path: Path, seconds: float = 2, observers: int = 4) -> Path:
    rows = [f"p{person},{n / FPS},{10 + person},5" for person in range(observers) for n in range(int(seconds * FPS))]
    path.write_text("\n".join(["observer,time_s,yaw_deg,pitch_deg", *rows, ""]))
    return path


def write_samples(folder: Path, video: str, rows: int) -> None:
    """Raw VR-EyeTracking gaze of three observers."""
    for person in ("p001", "p002", "p003"):
        path = folder / person / f"{video}._2017-10-01-11-38_ori_0.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"frame,{n},forward,0.5,0.5,eye,0.5,0.5\n" for n in range(1, rows + 1)))


def write_maps(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True)
    _, picture = cv2.imencode(".png", np.full((2, 4), 9, dtype=np.uint8))
    for number in numbers:
        (folder / f"{number:04d}.png").write_bytes(picture.tobytes())


@pytest.fixture
def own(tmp_path: Path, write_video: Callable[..., Path]) -> dict[str, dict[str, str]]:
    """Two videos of 2.4 s with a gaze table each."""
    return {
        name: {
            "path": str(write_video(tmp_path / f"{name}.mp4", fps=FPS, size=PANORAMA)),
            "gaze": str(write_gaze(tmp_path / f"{name}.csv")),
        }
        for name in ("harbour", "market")
    }


def test_broken_videos_are_advised_to_be_excluded_but_not_all_of_them(own: dict[str, dict[str, str]]) -> None:
    Path(own["harbour"]["path"]).write_bytes(b"no video")
    shown = as_text(checked({"videos": own}))
    assert "1 of 2 videos are usable. To build without the others, add to the config:" in shown
    Path(own["market"]["path"]).write_bytes(b"no video")
    shown = as_text(checked({"videos": own}))
    assert "0 of 2 videos are usable." in shown and "To build without" not in shown


def test_videos_and_gaze_are_counted_as_in_the_build(own: dict[str, dict[str, str]]) -> None:
    check = checked({"videos": own})
    assert check.can_build and check.problems == [] and check.tsv360 == []
    harbour, market = check.videos
    assert (harbour.video, market.video, harbour.source) == ("harbour", "market", "own")
    assert (harbour.fps, harbour.n_frames, harbour.width, harbour.height) == (FPS, 60, 192, 96)
    assert harbour.kept_frames == len(frame_numbers(FPS, 60, 0))
    assert (harbour.n_observers, harbour.n_gaze, harbour.gaze_unit) == (4, 200, "samples")
    assert harbour.problems == harbour.remarks == []


def test_gaze_that_looks_wrong_is_a_remark_with_the_setting_that_mends_it(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    path = write_video(tmp_path / "market.mp4", n_frames=200, fps=FPS, size=PANORAMA)
    rows = [f"p{k},{n / FPS},{np.sin(n / 20 + k):.4f},{0.1 * np.cos(n / 9):.4f}" for k in range(3) for n in range(200)]
    gaze = tmp_path / "market.csv"
    gaze.write_text("\n".join(["observer,time_s,yaw_deg,pitch_deg", *rows, ""]))
    own = {"path": str(path), "gaze": str(gaze)}
    check = checked({"videos": {"market": own}})
    (remark,) = check.videos[0].remarks
    assert check.can_build and "all gaze lies within" in remark and "`angle_unit: rad`" in remark
    mended = checked({"videos": {"market": own | {"table": {"angle_unit": "rad"}}}})
    assert mended.videos[0].remarks == []
    gaze.write_text("\n".join(["observer,time_s,yaw_deg,pitch_deg", *rows[:70], *rows[200:270], *rows[400:470], ""]))
    (remark,) = checked({"videos": {"market": own | {"table": {"angle_unit": "rad"}}}}).videos[0].remarks
    assert "gaze ends at 2.8 of 8 s" in remark


def test_a_start_turn_that_the_remark_names_is_taken_off_by_its_setting(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    path = write_video(tmp_path / "market.mp4", n_frames=150, fps=FPS, size=PANORAMA)
    rows = [
        f"p{k},{n / FPS},{110 + k + (n > 25) * 40 * np.sin(n // 15 + k):.3f},{-9 * (n > 25):.3f}"
        for k in range(6)
        for n in range(150)
    ]
    gaze = tmp_path / "market.csv"
    gaze.write_text("\n".join(["observer,time_s,yaw_deg,pitch_deg", *rows, ""]))
    own = {"path": str(path), "gaze": str(gaze)}
    (remark,) = checked({"videos": {"market": own}}).videos[0].remarks
    assert "all observers begin near yaw 112°" in remark and "`sphere_yaw: 112`" in remark
    assert checked({"videos": {"market": own | {"table": {"sphere_yaw": 112}}}}).videos[0].remarks == []


def test_one_broken_video_hides_no_other_and_its_gaze_is_checked_too(
    tmp_path: Path, own: dict[str, dict[str, str]]
) -> None:
    whole = Path(own["harbour"]["path"]).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    bad_row = tmp_path / "bad.csv"
    bad_row.write_text("observer,time_s,yaw_deg,pitch_deg\np1,0,0,0\np1,0.04,0,high\n")
    videos = {
        **own,
        "cut": {**own["market"], "path": str(tmp_path / "cut.mp4")},
        "late": {**own["market"], "gaze": str(write_gaze(tmp_path / "late.csv", seconds=9))},
        "row": {**own["market"], "gaze": str(bad_row)},
        "gone": {**own["market"], "gaze": str(tmp_path / "gone.csv")},
    }
    check = checked({"videos": videos})
    assert not check.can_build
    problems = {video.video: video.problems for video in check.videos}
    assert problems["harbour"] == problems["market"] == []
    assert "truncated" in problems["cut"][0]
    assert "gaze of observer p0 from 0.00 to 8.96 s" in problems["late"][0]
    assert "bad.csv, line 3" in problems["row"][0]
    (plan,) = check.problems
    assert plan.startswith("videos.gone.gaze") and "does not exist" in plan


def test_what_the_fixations_stage_would_refuse_is_a_problem(tmp_path: Path, own: dict[str, dict[str, str]]) -> None:
    """Milliseconds read as microseconds or as seconds: gaze that is never still, gaze that never ends."""
    rows = [f"p1,{40 * n},{3 * (n % 2)},5" for n in range(50)]
    (tmp_path / "market.csv").write_text("\n".join(["observer,time_s,yaw_deg,pitch_deg", *rows, ""]))
    problems = {}
    for unit in ("ms", "us", "s"):
        videos = {"market": {**own["market"], "table": {"time_unit": unit}}}
        problems[unit] = checked({"videos": videos}).videos[0].problems
    assert problems["ms"] == []
    assert "found none in 50 gaze samples" in problems["us"][0]
    assert "gaze of observer p1 from 0.00 to 1960.00 s" in problems["s"][0]
    right = {"market": {**own["market"], "table": {"time_unit": "ms"}}}
    slow = checked({"videos": right, "fixations": {"max_velocity_deg_s": 10}})
    assert "found none in 50 gaze samples" in slow.videos[0].problems[0]


def test_a_reader_whose_table_breaks_the_contract_is_a_problem_that_names_the_file(
    own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for time_s, yaw, found in [([0, 0.04], [0, 190], "190.0 in column yaw_deg"), ([0, 0], [0, 0], "two rows of")]:
        table = fixations_table(["A3", "A3"], time_s, 0.04, [0, 1], yaw, 0)
        monkeypatch.setitem(READERS, "gaze_table", lambda recording, fps, notes, table=table: table)
        check = checked({"videos": {"market": own["market"]}})
        (problem,) = check.videos[0].problems
        assert problem.startswith(f"video market, gaze {own['market']['gaze']}: found {found}")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("hz"), "failed with KeyError: 'hz'. Correct"),
        (
            UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"),
            "failed with UnicodeEncodeError: 'ascii' codec",
        ),
    ],
)
def test_a_reader_that_fails_hides_no_other_video(
    own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    read = READERS["gaze_table"]

    def fail(recording: Recording, fps: float, notes: list[str]) -> object:
        if recording.video_id == "market":
            raise error
        return read(recording, fps, notes)

    monkeypatch.setitem(READERS, "gaze_table", fail)
    check = checked({"videos": own})
    harbour, market = check.videos
    assert not check.can_build and harbour.problems == [] and harbour.n_gaze == 200
    (problem,) = market.problems
    assert problem.startswith(f"gaze {own['market']['gaze']}: the reader of gaze_table {message}")


def test_a_video_that_cannot_be_read_hides_no_other(
    own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsalv360.check.videos.probe_recording", lambda recording, *_: {}[recording.video_id])
    for video in checked({"videos": own}).videos:
        assert video.problems == [f"reading {video.path} failed with KeyError: '{video.video}'. {CORRECT}"]


def test_a_file_with_an_impossible_id_is_a_problem_until_it_is_excluded(
    own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [
        Recording(name, "own", Path(video["path"]), (Path(video["gaze"]),), "gaze_table", "none")
        for name, video in zip(("harbour", "my market"), own.values(), strict=True)
    ]
    monkeypatch.setattr(DemoSource, "recordings", lambda self: clips)
    check = checked({"sources": [{"kind": "demo"}]})
    (problem,) = check.problems
    assert problem.startswith(f"{own['market']['path']}: found the id 'my market'") and not check.can_build
    assert [video.problems for video in check.videos] == [[], []]
    assert checked({"sources": [{"kind": "demo"}], "videos": {"exclude": {"my market": "its name"}}}).can_build


def test_too_few_observers_are_a_remark_and_do_not_stop_a_build(tmp_path: Path, own: dict[str, dict[str, str]]) -> None:
    write_gaze(tmp_path / "market.csv", observers=2)
    check = checked({"videos": own})
    assert check.can_build
    assert check.videos[1].remarks == ["fewer than 3 observers (events.min_observers), so no events"]


def test_captioners_that_take_time_or_are_not_installed_are_a_remark(
    own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked({"sources": [], "videos": own}).remarks == []
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    endpoint = {"backends": ["endpoint", "facts"], "endpoint": {"model": "m"}}
    time, missing = checked({"sources": [], "videos": own, "captions": endpoint}).remarks
    assert time == "the time below does not include captions by endpoint"
    assert "found no openai" in missing and "pip install" in missing


def test_ready_frames_of_another_size_are_a_problem_unless_resampled_and_matching_ones_take_no_space(
    tmp_path: Path, own: dict[str, dict[str, str]]
) -> None:
    (tmp_path / "ready").mkdir()
    for number in range(50):
        cv2.imwrite(str(tmp_path / "ready" / f"{number:04d}.jpg"), np.zeros((96, 192, 3), np.uint8))
    videos = {"market": {**own["market"], "path": str(tmp_path / "ready"), "fps": FPS}}
    results = {"videos": videos, "results": str(tmp_path)}
    same, other = (checked({**results, "frames": {"height": height}}) for height in (96, 64))
    assert same.can_build and same.needs.frames_bytes == 0
    assert not other.can_build and "expected 128×64" in other.videos[0].problems[0]
    resampled = checked({**results, "frames": {"height": 64, "ready": "resample"}})
    assert resampled.can_build and resampled.needs.frames_bytes > 0


def test_what_does_not_fit_on_the_disk_cannot_be_built(
    mount: Callable[[str], Path], own: dict[str, dict[str, str]]
) -> None:
    disk = mount("size=200k")
    check = checked({"videos": own, "results": str(disk)})
    assert not check.can_build
    assert "GB free; expected about" in check.problems[0] and str(disk) in check.problems[0]


# TSV360


@pytest.fixture
def vr_eyetracking(tmp_path: Path, write_video: Callable[..., Path]) -> dict[str, object]:
    """003 (30 fps) whole, 006 (29.97 fps) at 25 fps, 011 without gaze, 014 without video."""
    (tmp_path / "videos").mkdir()
    for video, fps in (("003", 30), ("006", 25), ("011", 30)):
        write_video(tmp_path / "videos" / f"{video}.mp4", fps=fps, size=PANORAMA)
    for video in ("003", "006", "014"):
        write_samples(tmp_path / "gaze", video, 58)
    source = {"kind": "vr_eyetracking", "videos": str(tmp_path / "videos"), "gaze": str(tmp_path / "gaze")}
    return {"sources": [{**source, "subset": "tsv360"}], "dataset": {"name": "checked", "folds": "tsv360"}}


def test_missing_videos_of_tsv360_are_listed_with_the_reason_and_where_to_get_them(
    vr_eyetracking: dict[str, object],
) -> None:
    check = checked(vr_eyetracking)
    first, second = check.tsv360
    assert (first.data_set, first.present, len(first.missing)) == ("VR-EyeTracking", 3, 108)
    assert first.missing["014"] == "no video" and first.missing["004"] == "neither video nor gaze"
    assert "xuyanyu-shh" in first.page and "Saliency-detection-in-360-video" in second.page
    assert (second.data_set, second.present) == ("Sports-360", 0)
    assert set(second.missing) == set(tsv360.ids("Sports-360"))
    problems = {video.video: video.problems for video in check.videos}
    assert problems["003"] == problems["006"] == []
    assert "no gaze file" in problems["011"][0]
    assert not check.can_build


def test_an_excluded_video_is_neither_missing_nor_a_problem(vr_eyetracking: dict[str, object]) -> None:
    check = checked({**vr_eyetracking, "videos": {"exclude": {"011": "no gaze"}}})
    assert check.can_build and check.excluded == {"011": "no gaze"}
    assert check.tsv360[0].present == 2 and "011" not in check.tsv360[0].missing


def test_a_video_of_another_rate_than_published_is_a_remark(vr_eyetracking: dict[str, object]) -> None:
    right, wrong, _ = checked(vr_eyetracking).videos
    assert not any("as published" in remark for remark in right.remarks)
    assert wrong.remarks == ["25 fps, but 29.97 as published, to which its gaze is numbered"]


def test_maps_are_counted_against_the_published_number(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    (tmp_path / "videos").mkdir()
    for video in ("003", "006"):
        write_maps(tmp_path / "videos" / video, range(1749 if video == "006" else 1266))
    write_maps(tmp_path / "maps" / "003", range(30))
    write_maps(tmp_path / "maps" / "006", range(1731))
    source = {"kind": "vr_eyetracking", "videos": str(tmp_path / "videos"), "gaze": str(tmp_path / "maps")}
    few, all_published = checked(
        {"sources": [{**source, "gaze_format": "saliency_maps"}], "frames": {"height": 64, "ready": "resample"}}
    ).videos
    assert tsv360.map_counts()["003"] == (1266, 1251) and tsv360.map_counts()["006"] == (1749, 1731)
    assert few.remarks == ["30 maps, but 1251 as published: copy the others", "no maps of the last 1236 frames"]
    assert (all_published.n_gaze, all_published.gaze_unit, all_published.n_observers) == (1731, "maps", None)
    assert all_published.remarks == ["no maps of the last 18 frames as published"]


@pytest.fixture
def published(tmp_path: Path) -> dict[str, object]:
    """282 and 286, in which the published lists disagree, with one event of 30 maps each."""
    for video in ("282", "286"):
        frames, event = tmp_path / "frames" / video, tmp_path / "TSV360_gt" / video / f"{video}_1"
        frames.mkdir(parents=True)
        for number in frame_numbers(30, 90, 20):
            cv2.imwrite(str(frames / f"{number:04d}.jpg"), np.zeros((96, 192, 3), np.uint8))
        write_maps(event, range(21, 51))
        (event / "description.txt").write_text("A man juggles.")
    source = {"kind": "published", "path": str(tmp_path / "TSV360_gt")}
    return {
        "sources": [{**source, "frames": str(tmp_path / "frames")}],
        "dataset": {"name": "checked", "folds": "tsv360"},
    }


def test_the_two_videos_in_which_the_lists_disagree_are_explained(published: dict[str, object]) -> None:
    check = checked(published)
    assert check.can_build
    inferred, in_none = check.remarks
    assert inferred.startswith("282") and "by inference" in inferred
    assert in_none.startswith("286") and "in no fold" in in_none
    assert check.videos[0].remarks[-2:] == ["events: 1", "14 maps have no frame and are left out"]
    assert check.tsv360[1].missing["218"] == "no events"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda event: (event / "description.txt").unlink(), "no readable caption"),
        (lambda event: (event / "first.png").write_bytes(b""), "this name"),
        (lambda event: [path.unlink() for path in event.glob("00[2-5]?.png")], "no map that has a frame"),
    ],
)
def test_a_damaged_published_event_is_named(
    tmp_path: Path, published: dict[str, object], damage: Callable[[Path], object], message: str
) -> None:
    damage(tmp_path / "TSV360_gt" / "286" / "286_1")
    check = checked(published)
    assert not check.can_build and check.videos[0].problems == []
    assert message in check.videos[1].problems[0] and "286_1" in check.videos[1].problems[0]


# The command


@pytest.fixture
def config(tmp_path: Path, own: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "videos": own}))
    return path


def test_the_command_prints_a_table_writes_json_and_leaves_nothing_else(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(tmp_path.iterdir())
    assert main(["data", "check", "--configfile", str(config), "--json", "check.json"]) == 0
    text = capsys.readouterr().out
    assert any(line.split()[:3] == ["harbour", "own", "192×96"] for line in text.splitlines())
    assert "The build can run, with 2 of 2 videos." in text
    content = json.loads((tmp_path / "check.json").read_text("utf-8"))
    assert content["can_build"] is True and content["videos"][1]["n_gaze"] == 200
    assert set(tmp_path.iterdir()) - before == {tmp_path / "check.json"}


def test_the_exit_status_is_1_and_the_printed_line_excludes_the_broken_video(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "market.csv").write_text("nothing")
    assert main(["data", "check", "--configfile", str(config)]) == 1
    text = capsys.readouterr().out
    assert "PROBLEM" in text and "1 of 2 videos are usable" in text
    without = tmp_path / "without.yaml"
    without.write_text(text.splitlines()[-1])
    assert main(["data", "check", "--configfile", str(config), str(without)]) == 0
    assert "market: reason" in capsys.readouterr().out


def test_the_local_config_overrides_the_default_unless_another_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.yaml").write_text("dataset: {name: mine}\n")
    main(["data", "check"])
    shown = capsys.readouterr()
    assert "results/mine" in shown.out and "drawn by the build" in shown.out and "overrides" in shown.err
    main(["data", "check", "--configfile", str(config)])
    assert "results/checked" in capsys.readouterr().out


def test_a_wrong_key_or_a_missing_config_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("frames: {heigth: 96}")
    assert main(["data", "check", "--configfile", str(wrong)]) == 1
    assert "did you mean frames.height" in capsys.readouterr().err
    assert main(["data", "check", "--configfile", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_the_command_is_installed() -> None:
    command = Path(sys.executable).with_name("tsalv360")
    done = subprocess.run([command, "data", "check", "--help"], capture_output=True, text=True, check=True)
    assert "Exit status 0 when the build can run" in " ".join(done.stdout.split())

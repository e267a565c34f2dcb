"""`tsalv360 data import`: what it prints is the entry of the config that reads the table as it was meant."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from tsalv360.cli import main
from tsalv360.sources import OwnVideo, read_gaze
from tsalv360.sphere.directions import to_vectors

FPS = 25


def gaze() -> pd.DataFrame:
    """Four observers who begin at the front and look around, mostly a little below the horizon, for 8 s at 50 Hz."""
    rng = np.random.default_rng(3)
    time = np.arange(400) / 50
    look = (time * 2.3).astype(int)
    parts = []
    for name in ("Ana", "Bo", "Čeněk", "李"):
        yaw = np.cumsum(np.r_[0, rng.normal(0, 50, 20)])[look]
        pitch = np.r_[0, rng.normal(-14, 6, 20)][look]
        parts.append(pd.DataFrame({"who": name, "time": time, "yaw": (yaw + 180) % 360 - 180, "pitch": pitch}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def video(tmp_path: Path, write_video: Callable[..., Path]) -> Path:
    return write_video(tmp_path / "harbour.mp4", n_frames=200, fps=FPS)


def imported(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[str, dict[str, OwnVideo]]:
    """What the command prints, and the videos of the entry below it."""
    assert main(["data", "import", *map(str, arguments)]) == 0
    out = capsys.readouterr().out
    return out, {name: OwnVideo(**entry) for name, entry in yaml.safe_load(out)["videos"].items()}


def assert_read_as_meant(own: OwnVideo, video_id: str, table: pd.DataFrame) -> None:
    found = read_gaze(own.recording(video_id), FPS).samples.sort_values(["observer", "time_s"])
    meant = table.sort_values(["who", "time"])
    assert found.observer.tolist() == meant.who.tolist()
    assert found.time_s.to_numpy() == pytest.approx(meant.time.to_numpy(), abs=1e-5)
    difference = (found.yaw_deg.to_numpy() - meant.yaw.to_numpy() + 180) % 360 - 180
    assert np.abs(difference).max() < 0.01
    assert found.pitch_deg.to_numpy() == pytest.approx(meant.pitch.to_numpy(), abs=0.01)


def test_the_entry_reads_the_table_as_it_was_meant(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = gaze()
    angles = {"longitude": np.radians(table.yaw), "latitude": -np.radians(table.pitch)}
    written = pd.DataFrame({"subject": table.who, "time_ms": 1000 * table.time, **angles})
    written.to_csv(tmp_path / "gaze.tsv", sep="\t", index=False)
    before = sorted(tmp_path.iterdir())
    out, videos = imported(capsys, tmp_path / "gaze.tsv", "--video", video)
    assert sorted(tmp_path.iterdir()) == before, "it writes nothing"
    assert videos.keys() == {"harbour"}
    assert_read_as_meant(videos["harbour"], "harbour", table)
    panorama = [line for line in out.splitlines() if line.startswith("# |")]
    assert len(panorama) == 15 and {len(line.removesuffix(" horizon")) for line in panorama} == {64}
    assert [sum(str(n) in line for line in panorama) for n in (1, 2, 3)] == [1, 1, 1]
    for said in (
        "1600 samples of 4 observers",
        "below the horizon",
        "within 30° of the front",
        "50 samples per second",
    ):
        assert said in out
    assert re.search(r"of 8\.00 s of video", out)
    assert re.search(
        r"1: Ana at 0\.000 s looks 0\.0° (right|left), 0\.0° (up|down)\n#    subject Ana, time_ms 0\.0", out
    )
    assert "the numbers cannot tell: else `yaw: left`" in out and "else up" in out


def test_what_may_be_wrong_and_gaze_of_another_length_is_said(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = gaze()
    columns = {"observer": table.who, "time_s": 2 * table.time, "yaw_deg": table.yaw, "pitch_deg": table.pitch}
    pd.DataFrame(columns).to_csv(tmp_path / "long.csv", index=False)
    out, _ = imported(capsys, tmp_path / "long.csv", "--video", video)
    assert "a build refuses it" in out
    turned = columns | {"time_s": table.time, "yaw_deg": (table.yaw + 90) % 360}
    pd.DataFrame({**turned, "observer": table.who}).to_csv(tmp_path / "turned.csv", index=False)
    more = pd.concat([pd.DataFrame(turned).assign(observer=table.who + n) for n in "ab"])
    more.to_csv(tmp_path / "turned.csv", index=False)
    out, _ = imported(capsys, tmp_path / "turned.csv")
    assert "all observers begin near yaw 90°" in out and "`path` must name the video" in out


def test_one_table_of_several_videos_gives_the_entry_of_the_one_that_is_named(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = gaze()
    rows = pd.DataFrame({"participant": table.who, "t": table.time, "yaw": table.yaw, "pitch": table.pitch})
    both = pd.concat([rows.assign(stimulus=name) for name in ("forest.mp4", "harbour.mp4")])
    both.to_csv(tmp_path / "all.csv", index=False)
    out, videos = imported(capsys, tmp_path / "all.csv", "--video", video)
    assert videos["harbour"].gaze_id == "harbour.mp4" and "2 videos" in out and "forest.mp4" in out
    assert_read_as_meant(videos["harbour"], "harbour", table)


def test_a_file_of_a_known_data_set_gets_its_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[n, 0.5 + n / 99, 0.5, 250.0 * n, 200, 1, 2] for n in range(20)] * 3
    text = "".join(", ".join(map(str, row)) + "\n" for row in rows)
    header = "# Idx, longitude, latitude, start timestamp, duration, start frame, end frame\n"
    (tmp_path / "4_Ocean_fixations.csv").write_text(header + text)
    out, videos = imported(capsys, tmp_path / "4_Ocean_fixations.csv")
    assert videos["4-Ocean-fixations"].gaze_format == "salient360"
    assert "60 fixations of 3 observers" in out


def test_the_picture_shows_the_three_rows_over_the_first_frame(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = gaze()
    columns = {"observer": table.who, "time_s": table.time, "yaw_deg": table.yaw, "pitch_deg": table.pitch}
    pd.DataFrame(columns).to_csv(tmp_path / "gaze.csv", index=False)
    imported(capsys, tmp_path / "gaze.csv", "--video", video, "--picture", tmp_path / "gaze.png")
    picture = cv2.imread(str(tmp_path / "gaze.png"))
    assert picture is not None and picture.shape == (480, 960, 3)
    assert (picture == (0, 159, 230)).all(axis=2).sum() > 50  # the rings, orange
    assert main(["data", "import", str(tmp_path / "gaze.csv"), "--picture", str(tmp_path / "a.png")]) == 1
    assert "--video" in capsys.readouterr().err


def test_what_is_missing_or_of_different_tables_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("observer,time_s,yaw_deg,pitch_deg\na,0,1,2\n")
    (tmp_path / "b.csv").write_text("who,t,x,y\na,0,1,2\n")
    for arguments, said in (
        ([tmp_path / "none.csv"], "no table"),
        ([tmp_path], "b.csv: found the columns who, t, x, y"),
        ([tmp_path / "a.csv", "--video", tmp_path / "none.mp4"], "no such file"),
    ):
        assert main(["data", "import", *map(str, arguments)]) == 1
        assert said in capsys.readouterr().err


def test_a_table_that_the_guess_does_not_read_is_shown_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("observer,time_s,alpha,beta\n" + "".join(f"a,{n / 50},1,2\n" for n in range(50)))
    assert main(["data", "import", str(tmp_path / "a.csv")]) == 1
    out = capsys.readouterr().out
    assert "no direction was recognised in ['observer', 'time_s', 'alpha', 'beta']" in out
    assert yaml.safe_load(out)["videos"]["a"]["gaze"].endswith("a.csv")


CONVENTIONS = {
    "unit vectors of Unity, one file for each observer": lambda g: {
        "timestamp_ns": (1e9 * g.time).round().astype("int64"),
        "dir_x": to_vectors(g.yaw, g.pitch)[:, 1],
        "dir_y": to_vectors(g.yaw, g.pitch)[:, 2],
        "dir_z": to_vectors(g.yaw, g.pitch)[:, 0],
    },
    "unit vectors of OpenXR": lambda g: {
        "user": g.who,
        "time": g.time,
        "gaze.x": to_vectors(g.yaw, g.pitch)[:, 1],
        "gaze.y": to_vectors(g.yaw, g.pitch)[:, 2],
        "gaze.z": -to_vectors(g.yaw, g.pitch)[:, 0],
    },
    "x forward, z up, right-handed": lambda g: {
        "user": g.who,
        "ticks": (1e7 * g.time).round().astype("int64"),
        "gaze_x": to_vectors(g.yaw, g.pitch)[:, 0],
        "gaze_y": -to_vectors(g.yaw, g.pitch)[:, 1],
        "gaze_z": to_vectors(g.yaw, g.pitch)[:, 2],
    },
    "head angles of Unity": lambda g: {
        "participant": g.who,
        "t_ms": 1000 * g.time,
        "cam_yaw": g.yaw % 360,
        "cam_pitch": -g.pitch % 360,
        "cam_roll": 0.0,
    },
    "pixels and a device clock": lambda g: {
        "participant": g.who,
        "clock_us": (1e6 * (g.time + 77.5)).round().astype("int64"),
        "px_x": 4096 * (g.yaw / 360 + 0.5),
        "px_y": 2048 * (0.5 - g.pitch / 180),
    },
    "dates": lambda g: {
        "participant": g.who,
        "when": [(pd.Timestamp("2026-03-01T10:00:00") + pd.Timedelta(seconds=s)).isoformat() for s in g.time],
        "azimuth": g.yaw,
        "elevation": g.pitch,
    },
    "blinks with a validity": lambda g: {
        "participant": g.who,
        "time": g.time,
        "u": (g.yaw / 360 + 0.5).where(g.index % 40 > 3),
        "v": (0.5 - g.pitch / 180).where(g.index % 40 > 3),
        "valid": np.where(g.index % 40 > 3, "True", "False"),
    },
}


@pytest.mark.parametrize("separator, decimal, encoding", [(";", ",", "utf-8"), ("\t", ".", "utf-16"), (",", ".", "gz")])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_is_read_as_it_was_meant(
    tmp_path: Path,
    video: Path,
    capsys: pytest.CaptureFixture[str],
    convention: str,
    separator: str,
    decimal: str,
    encoding: str,
) -> None:
    table, folder = gaze(), tmp_path / "recordings"
    folder.mkdir()
    written = pd.DataFrame(CONVENTIONS[convention](table))
    single = any(name in written for name in ("user", "participant"))
    parts = {"harbour": written} if single else {f"harbour_{who}": written[table.who == who] for who in set(table.who)}
    how = {"sep": separator, "decimal": decimal, "index": False, "lineterminator": "\r\n"}
    for name, part in parts.items():
        path = folder / f"{name}.csv{'.gz' if encoding == 'gz' else ''}"
        part.to_csv(path, encoding="utf-8" if encoding == "gz" else encoding, **how)
    out, videos = imported(capsys, folder, "--video", video)
    kept = table[table.index % 40 > 3] if "valid" in written else table
    assert_read_as_meant(videos["harbour"], "harbour", kept)
    assert "Uncertain" in out


def test_files_of_several_videos_in_one_folder_are_a_doubt_and_the_named_video_selects_its_own(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, folder = gaze(), tmp_path / "recordings"
    folder.mkdir()
    columns = table.rename(columns={"yaw": "yaw_deg", "pitch": "pitch_deg"})
    for who, own in columns.groupby("who"):
        for name in ("harbour", "market"):
            own.drop(columns="who").to_csv(folder / f"{name}_{who}.csv", index=False)
    out, _ = imported(capsys, folder)
    assert "begin with harbour, market: if these are videos" in " ".join(out.replace("#", " ").split())
    out, videos = imported(capsys, folder, "--video", video)
    assert "market" not in out and videos["harbour"].gaze.endswith("recordings/harbour_*.csv")
    assert_read_as_meant(videos["harbour"], "harbour", table)

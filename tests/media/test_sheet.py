"""Contact sheets: tracks where they are, stills in order, one strip per event, rings where the event is seen."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from entries import index_entry
from numpy.typing import NDArray
from shards import write_maps

from tsalv360.contracts.tables import EVENTS, TRACKS, empty
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.media.drawing import COLOURS, MARGIN, WIDTH
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.media.sheet import (
    HEADER,
    LABEL,
    PANORAMA,
    STILL_WIDTH,
    TITLE,
    draw_sheet,
    left_of,
    moment_of,
    rows_shown,
    write_sheet,
)
from tsalv360.media.video import VideoWriter

LEAD, LEVEL = 2, 3  # pictures before and after; gray levels between pictures
STILL = 129, STILL_WIDTH  # height and width of stills of 4:3
INDEX = index_entry(n_frames=64)


class Made:
    """The folders of the stages of a video of 64 gray frames, with viewport videos whose picture j is j levels bright.

    Pictures of the twins with saliency are 60 levels brighter.
    """

    def __init__(self, folder: Path, events: pd.DataFrame, tracks: pd.DataFrame) -> None:
        self.folder, self.events, self.tracks = folder, events, tracks
        for frame in range(64):
            write_picture(folder / "frames" / f"{frame:04d}.png", np.full((120, 240, 3), 128, np.uint8))
        lengths = {}
        for event, track in tracks.groupby("event_id", sort=False):
            lengths[event] = {"lead_in": LEAD, "pictures": len(track), "lead_out": LEAD}
            for kind, extra in (("", 0), (".overlay", 60)):
                with VideoWriter(folder / "viewports" / f"{event}{kind}.mp4", 16, (48, 64), crf=1) as writer:
                    for j in range(len(track) + 2 * LEAD):
                        writer.write(np.full((48, 64, 3), LEVEL * j + extra, np.uint8))
        write_json(folder / "viewports" / "viewports.json", {"fps": 16, "events": lengths})

    def sheet(self) -> NDArray[np.uint8]:
        stages = (self.folder / name for name in ("frames", "saliency.parquet", "viewports"))
        return draw_sheet(INDEX, self.events, self.tracks, *stages)


@pytest.fixture
def make(tmp_path: Path, make_events: Any) -> Any:
    """Makes the stages' folders for tracks."""
    for name in ("frames", "viewports"):
        (tmp_path / name).mkdir()
    write_maps(tmp_path / "saliency.parquet", {})

    def of(*tracks: pd.DataFrame) -> Made:
        whole = pd.concat(tracks) if tracks else empty(TRACKS)
        return Made(tmp_path, make_events(whole) if tracks else empty(EVENTS), whole)

    return of


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All texts of the sheets that are drawn."""
    texts: list[str] = []
    put_text = cv2.putText

    def record(picture: Any, text: str, *arguments: Any) -> Any:
        texts.append(text)
        return put_text(picture, text, *arguments)

    monkeypatch.setattr("cv2.putText", record)
    return texts


def panorama(sheet: NDArray[np.uint8]) -> NDArray[np.int_]:
    top = MARGIN + TITLE
    return sheet[top : top + PANORAMA[0], MARGIN : MARGIN + PANORAMA[1]].astype(int)


def pixel(yaw: float, pitch: float) -> tuple[int, int]:
    """Row and column in the panorama."""
    return round((0.5 - pitch / 180) * PANORAMA[0] - 0.5), round((yaw / 360 + 0.5) * PANORAMA[1] - 0.5) % PANORAMA[1]


def like(picture: NDArray[np.int_], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.abs(picture - colour).max(axis=-1) < 40


def strip_tops(sheet: NDArray[np.uint8]) -> list[tuple[tuple[int, ...], int]]:
    """Colour and first row of each bar at the left of the strips, from above."""
    bar = [tuple(pixel.tolist()) for pixel in sheet[:, MARGIN + 1]]
    return [(bar[r], r) for r in range(1, len(bar)) if bar[r] in COLOURS and bar[r - 1] == (255, 255, 255)]


def still(sheet: NDArray[np.uint8], event: int, place: int, overlay: bool = False) -> NDArray[np.int_]:
    top = strip_tops(sheet)[event][1] + HEADER + overlay * (STILL[0] + LABEL)
    left = MARGIN + left_of(place)
    return sheet[top : top + STILL[0], left : left + STILL[1]].astype(int)


def test_each_track_is_drawn_in_its_colour_at_its_pixels(make: Any, make_track: Any) -> None:
    tracks = [make_track(f"v_{k + 1}", list(range(40)), -170, 60 - 25 * k, 1.5) for k in range(5)]
    shown = panorama(make(*tracks).sheet())
    for k, track in enumerate(tracks):
        for row in track.itertuples():
            if 9 < row.frame < 39 and abs(row.frame - 20) > 5:  # beside dot, number and ring
                line, column = pixel(row.yaw_deg, row.pitch_deg)
                assert like(shown[line, column], COLOURS[k]), (row.event_id, row.frame)
                assert (shown[line + 8, column] == 128).all() and (shown[line - 8, column] == 128).all()


def test_a_track_over_the_seam_reaches_both_edges_and_crosses_nothing_else(make: Any, make_track: Any) -> None:
    shown = panorama(make(make_track("v_1", list(range(40)), 150, 20, 1.5)).sheet())
    line, _ = pixel(0, 20)
    assert like(shown[line, [890, 920, 939, 0, 20]], COLOURS[0]).all()
    end = pixel(150 + 39 * 1.5 - 360, 20)[1]
    assert (shown[:, end + 6 : pixel(150, 20)[1] - 12] == 128).all()


def test_a_gap_between_segments_is_not_joined(make: Any, make_track: Any) -> None:
    track = make_track("v_1", list(range(60)), -90, 0, 2)
    shown = panorama(make(track[(track.frame < 20) | (track.frame >= 40)]).sheet())
    line, first = pixel(-90 + 19 * 2, 0)
    last = pixel(-90 + 40 * 2, 0)[1]
    gap = shown[:, first + 18 : last - 18]  # beside the ring
    assert gap.shape[1] > 50 and (gap == 128).all()
    assert like(shown[line, last + 20], COLOURS[0])


def test_a_dot_shows_the_start(make: Any, make_track: Any) -> None:
    shown = panorama(make(make_track("v_1", list(range(40)), -40, 10, 2)).sheet())
    line, column = pixel(-40, 10)
    assert like(shown[line - 4 : line + 5, column], COLOURS[0]).all()
    assert (shown[line - 9, column] == 128).all()


def test_stills_go_from_the_first_picture_to_the_last_between_one_before_and_one_after(
    make: Any, make_track: Any, written: list[str]
) -> None:
    sheet = make(make_track("v_1", list(range(10, 41)))).sheet()
    rows = [0, 6, 12, 18, 24, 30]
    levels = [still(sheet, 0, place).mean() for place in range(8)]
    assert levels == pytest.approx([LEVEL * j for j in [0, *(LEAD + row for row in rows), LEAD + 31 + LEAD - 1]], abs=2)
    middle = (slice(20), slice(None))  # above the ring
    overlaid = [still(sheet, 0, place, overlay=True)[middle].mean() for place in range(1, 7)]
    assert overlaid == pytest.approx([LEVEL * (LEAD + row) + 60 for row in rows], abs=2)
    labels = [text for text in written if "looking" in text or " s before" in text or " s after" in text]
    times = [f"{(10 + row) / 16:.1f} s, 5 looking" for row in rows]
    assert labels == ["0.1 s before", "0.1 s after", *times]
    assert "video v" in written


def test_a_short_event_shows_each_picture_once(make: Any, make_track: Any) -> None:
    assert rows_shown(3) == [0, 1, 2]
    sheet = make(make_track("v_1", [10, 11, 12])).sheet()
    assert [round(still(sheet, 0, place).mean()) for place in (1, 2, 3)] == pytest.approx([6, 9, 12], abs=1)
    assert (still(sheet, 0, 4)[20:] == 255).all()


@pytest.mark.parametrize("n", [1, 3, 12, 16])
def test_every_event_has_a_strip_of_its_colour_in_the_order_of_the_events(
    make: Any, make_track: Any, written: list[str], n: int
) -> None:
    made = make(*(make_track(f"v_{k + 1}", list(range(3 * k, 3 * k + 12)), 20 * k - 160) for k in range(n)))
    sheet = made.sheet()
    assert [colour for colour, _ in strip_tops(sheet)] == [COLOURS[k % len(COLOURS)] for k in range(n)]
    ids = [text for text in written if text.startswith("v_")]
    assert ids == [f"v_{k + 1}" for k in range(n)] * 2, "in the legend and in the strips"
    assert sheet.shape[1] == WIDTH + 2 * MARGIN
    assert (sheet[:, :MARGIN] == 255).all() and (sheet[-MARGIN:] == 255).all()


def test_the_ring_is_where_the_camera_sees_the_event(make: Any, make_track: Any) -> None:
    """The camera lags by 10 degrees and points 5 degrees too high."""
    track = make_track("v_1", list(range(31)), 175, 0, 1)
    track["camera_yaw_deg"] = (track.yaw_deg - 10 + 180) % 360 - 180
    track["camera_pitch_deg"] = 5.0
    sheet = make(track).sheet()
    rows, columns = np.nonzero(like(still(sheet, 0, 6, overlay=True), COLOURS[0]))
    focal = STILL[1] / 2 / np.tan(np.radians(75 / 2))
    assert columns.mean() == pytest.approx(STILL[1] / 2 + focal * np.tan(np.radians(10)), abs=1.5)
    assert rows.mean() == pytest.approx(STILL[0] / 2 + focal * np.tan(np.radians(5)), abs=1.5)
    assert not like(still(sheet, 0, 6), COLOURS[0]).any(), "the upper row stays plain"


def test_saliency_is_laid_over_the_other_panorama_at_its_place(make: Any, make_track: Any) -> None:
    made = make(make_track("v_1", list(range(31)), 60, -30))
    plain = made.sheet().astype(int)
    saliency = np.zeros((48, 96), np.uint8)
    row, column = round((0.5 + 30 / 180) * 48), round((60 / 360 + 0.5) * 96)
    saliency[row - 2 : row + 2, column - 2 : column + 2] = 255
    write_maps(made.folder / "saliency.parquet", {"v_1": {15: saliency}})
    changed = np.argwhere(np.abs(made.sheet() - plain).max(axis=2) > 30)
    top, left = MARGIN + TITLE + PANORAMA[0] - 234, MARGIN + WIDTH - 468
    assert changed.mean(axis=0) == pytest.approx([top + 234 * 2 / 3, left + 468 * 2 / 3], abs=3)


def test_the_panoramas_show_the_middle_frame_of_those_with_the_most_events(make_track: Any) -> None:
    tracks = pd.concat([make_track("v_1", list(range(20))), make_track("v_2", list(range(10, 40)))])
    assert moment_of(tracks, list(range(64))) == 15
    assert moment_of(empty(TRACKS), [3, 5, 8]) == 5


def test_a_video_without_events_says_so(make: Any, written: list[str]) -> None:
    sheet = make().sheet()
    assert any(text.startswith("No events") for text in written)
    assert not strip_tops(sheet)
    assert (panorama(sheet) == 128).all()


def test_a_viewport_video_that_is_missing_or_damaged_is_named(make: Any, make_track: Any) -> None:
    made = make(make_track("v_1", list(range(20))), make_track("v_2", list(range(20))))
    (made.folder / "viewports" / "v_2.overlay.mp4").write_bytes(b"half")
    with pytest.raises(InputError, match=r"v_2\.overlay\.mp4: found no readable video"):
        made.sheet()
    (made.folder / "viewports" / "v_1.mp4").unlink()
    with pytest.raises(InputError, match=r"v_1\.mp4: found no readable video"):
        made.sheet()


def test_a_viewport_video_of_another_length_is_named(make: Any, make_track: Any) -> None:
    made = make(make_track("v_1", list(range(20))))
    with VideoWriter(made.folder / "viewports" / "v_1.mp4", 16, (48, 64)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(InputError, match=r"v_1\.mp4: .*1 of 8 wanted pictures"):
        made.sheet()
    made.tracks = made.tracks[:15]
    with pytest.raises(InputError, match="viewports: found 20 pictures of v_1; expected 15, one per row of its track"):
        made.sheet()


def test_a_frame_that_is_missing_or_damaged_is_named(make: Any, make_track: Any) -> None:
    made = make(make_track("v_1", list(range(21))))
    (made.folder / "frames" / "0010.png").write_bytes(b"half")
    with pytest.raises(InputError, match=r"0010\.png: found no readable picture"):
        made.sheet()
    (made.folder / "frames" / "0010.png").unlink()
    with pytest.raises(InputError, match="frames: found no frame 0010"):
        made.sheet()


def test_a_sheet_with_fine_detail_is_written_with_less_quality(tmp_path: Path) -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (600, 900, 3), dtype=np.uint8), (0, 0), 1)
    write_sheet(tmp_path / "fine.jpg", noise, max_bytes=10**9)
    fine = (tmp_path / "fine.jpg").stat().st_size
    write_sheet(tmp_path / "small.jpg", noise, max_bytes=round(0.7 * fine))
    assert 0.4 * fine < (tmp_path / "small.jpg").stat().st_size <= 0.7 * fine
    assert read_picture(tmp_path / "small.jpg").shape == noise.shape
    assert np.abs(read_picture(tmp_path / "fine.jpg").astype(int) - noise).mean() < 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fine.jpg", "small.jpg"]

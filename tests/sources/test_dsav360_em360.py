"""D-SAV360 and 360_em_dataset, of which only the form is known: files of this form are read, damage is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.errors import InputError
from tsalv360.sources import OwnVideo, read_dsav360, read_em360, read_gaze
from tsalv360.sources.em360 import STILL, labelled_samples
from tsalv360.sphere.directions import to_vectors, vector_angle

CSV = "video,id,frame,t,u,v,fixation,valid_fix_classification"
ARFF = """@RELATION gaze_360

%@METADATA distance_mm 0.00
%@METADATA height_px 1080
%@METADATA width_px 1920

@ATTRIBUTE time INTEGER
@ATTRIBUTE x NUMERIC
@ATTRIBUTE y NUMERIC
@ATTRIBUTE confidence NUMERIC
@ATTRIBUTE x_head NUMERIC
@ATTRIBUTE y_head NUMERIC
@ATTRIBUTE angle_deg_head NUMERIC
@ATTRIBUTE labeller_1 {unassigned,fixation,saccade,SP,noise,VOR,OKN}

@DATA
"""


def rows(*cells: tuple[object, ...], unit: int = 1) -> list[str]:
    """Rows of D-SAV360: video, observer, frame at 60 Hz, u, v."""
    return [f"{video},{who},{frame},{frame / 60 * unit:.6f},{u},{v},1,True" for video, who, frame, u, v in cells]


def write(path: Path, lines: list[str], header: str = CSV) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("unit", [1, 1000])
def test_rows_of_a_video_count_at_60_hz_whatever_its_rate(tmp_path: Path, unit: int) -> None:
    cells = [(12, "a", 0, 0.75, 0.25), (12, "a", 60, 0.5, 0.5), (12, "b", 120, 0, 1), (13, "a", 0, 0.1, 0.1)]
    table = read_dsav360([write(tmp_path / "part.csv", rows(*cells, unit=unit))], "0012", 25)
    assert table.observer.tolist() == ["a", "a", "b"]
    assert table.time_s.tolist() == pytest.approx([0, 1, 2])
    assert table.frame.tolist() == [0, 25, 50]
    assert table.yaw_deg.tolist() == [90, 0, -180]
    assert table.pitch_deg.tolist() == [45, 0, -90]
    as_table(table, FIXATIONS, "read")


def test_errors_of_the_recorder_and_copies_are_dropped_and_counted(tmp_path: Path) -> None:
    cells = [(12, "a", 0, 0.5, 0.5), (12, "a", 1, 0.5, 0.5), (12, "a", 2, 0.4, 0.5), (12, "a", 2, 0.4, 0.5)]
    notes: list[str] = []
    assert len(read_dsav360([write(tmp_path / "part.csv", rows(*cells))], "12", 25, notes)) == 2
    assert notes == [
        "of 4 rows dropped: 1 errors of the recorder (frame 0 at the centre)",
        "of 4 rows dropped: 1 exact copies",
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("12,a,1,5.0,0.5,0.4,1,True", "t 5 and frame 1"),
        ("12,a,1,0.0166,0.5,1.4,1,True", "the position (0.5, 1.4)"),
        ("12,a,one,0.0166,0.5,0.4,1,True", "'one' in column frame"),
        ("12,,1,0.0166,0.5,0.4,1,True", "'12,,1"),
        ("12,a,1,0.0166,0.5", "'12,a,1"),
    ],
)
def test_a_row_of_dsav360_that_cannot_be_read_is_named(tmp_path: Path, line: str, found: str) -> None:
    first, *others = rows(*[(12, "a", frame, 0.2, 0.2) for frame in (0, 2, 3)])
    path = write(tmp_path / "part.csv", [first, line, *others])
    with pytest.raises(InputError) as caught:
        read_dsav360([path], "12", 25)
    assert str(caught.value).startswith(f"{path}, line 3: found {found}")


def test_another_header_and_a_missing_video_of_dsav360_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: found 'video,id,frame,t,x,y"):
        read_dsav360([write(tmp_path / "a.csv", [], CSV.replace("u,v", "x,y"))], "12", 25)
    with pytest.raises(InputError, match=r"found videos 12; expected also '5'"):
        read_dsav360([write(tmp_path / "a.csv", rows((12, "a", 0, 0.1, 0.1)))], "5", 25)


def arff(path: Path, samples: list[tuple[object, ...]]) -> Path:
    """Samples are time, x, y, confidence and label."""
    lines = [f"{t},{x},{y},{confidence},960.00,540.00,1.22,{label}" for t, x, y, confidence, label in samples]
    path.write_text(ARFF + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_pixels_of_a_panorama_that_is_not_2_to_1_fill_the_sphere_and_labels_are_kept(tmp_path: Path) -> None:
    samples = [
        (0, "960.00", "540.00", "1.00", "fixation"),
        (5000, 1440, 270, 1, "saccade"),
        (13000, 0, 1080, 1, "SP"),
        (18000, -1, -1, 0, "noise"),
    ]
    path, notes = arff(tmp_path / "p7.arff", samples), list[str]()
    table = read_em360([path], 25, notes)
    assert table.yaw_deg.tolist() == [0, 90, -180]
    assert table.pitch_deg.tolist() == [0, 45, -90]
    assert table.time_s.tolist() == [0, 0.005, 0.013]
    assert table.duration_s.to_numpy() == pytest.approx(0.005)
    as_table(table, FIXATIONS, "read")
    assert notes == [
        "p7: of 4 rows dropped: 1 of confidence below 0.5",
        "labels by hand, which the fixation stage does not use: 1 fixation, 1 saccade, 1 SP",
    ]
    assert labelled_samples([path], 25).label.tolist() == ["fixation", "saccade", "SP"]


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        ((1, 960, 540, 1, "stare"), "'1,960,540"),
        ((1, 960, "?", 1, "fixation"), "'1,960,?"),
        ((0, 960, 540, 1, "fixation"), "the time 0"),
        ((1, 960, 1200, 1, "fixation"), "the position (0.5, 1.11111)"),
    ],
)
def test_a_sample_of_360_em_that_cannot_be_read_is_named(
    tmp_path: Path, sample: tuple[object, ...], found: str
) -> None:
    first, last = (0, 1, 1, 1, "SP"), (9, 1, 1, 1, "SP")
    path = arff(tmp_path / "p7.arff", [first, sample, last])
    line = ARFF.count("\n") + 2
    with pytest.raises(InputError) as caught:
        read_em360([path], 25)
    assert str(caught.value).startswith(f"{path}, line {line}: found {found}")


@pytest.mark.parametrize(
    ("old", "new"),
    [("gaze_360", "gaze"), ("width_px", "width"), ("px 1080", "px 0"), ("@DATA", ""), ("x NUM", "u NUM")],
)
def test_another_header_of_360_em_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = arff(tmp_path / "p7.arff", [(0, 1, 1, 1, "SP")])
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"p7\.arff, line \d+: found"):
        read_em360([path], 25)


def test_labels_by_hand_are_a_truth_for_the_fixation_stage(tmp_path: Path) -> None:
    """Rests of 0.5 s and pursuit at 30 deg/s, with jumps of 20° within 25 ms between them, at 120 Hz."""
    samples, yaw = [], 0.0
    for n in range(8):
        label, speed = ("fixation", 0.0) if n % 2 else ("SP", 30.0)
        steps = [(speed / 120, label)] * 60 + [(20 / 3, "saccade")] * 3
        for step, name in steps:
            yaw += step
            samples.append((yaw, name))
    pixels = [
        (int(k / 120 * 1e6), (yaw + 100) % 360 / 360 * 1920, 540, 1, name) for k, (yaw, name) in enumerate(samples)
    ]
    table = labelled_samples([arff(tmp_path / "p1.arff", pixels)], 30)
    found = find_fixations(table.drop(columns="label"), FixationSettings())
    still, kept = table.label.isin(STILL), table.time_s.isin(found.time_s)
    assert (still == kept).mean() > 0.97


POINT = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(POINT, min_size=1, max_size=6))
def test_written_positions_are_read_in_both_forms(tmp_path: Path, points: list[tuple[float, float]]) -> None:
    numbered = [(frame, x, y) for frame, (x, y) in enumerate(points, start=1)]
    one = read_dsav360([write(tmp_path / "a.csv", rows(*[(1, "a", n, x, y) for n, x, y in numbered]))], "1", 60)
    other = read_em360([arff(tmp_path / "a.arff", [(n, 1920 * x, 1080 * y, 1, "SP") for n, x, y in numbered])], 60)
    x, y = np.array(points).T
    for table in (one, other):
        angle = vector_angle(to_vectors(table.yaw_deg, table.pitch_deg), to_vectors(360 * x - 180, 90 - 180 * y))
        assert angle.max() < 1e-6
    assert one.frame.tolist() == [n for n, _, _ in numbered]


def test_folders_of_both_are_formats_of_own_videos(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    write(tmp_path / "1.csv", rows((5, "a", 0, 0.1, 0.1)))
    write(tmp_path / "2.csv", rows((5, "b", 0, 0.1, 0.1)))
    for name in ("p1", "p2", "p3"):
        arff(tmp_path / f"{name}.arff", [(0, 1, 1, 1, "SP")])
    for form, n in (("dsav360", 2), ("em360", 3)):
        video = OwnVideo(path=str(tmp_path / "a.mp4"), gaze=str(tmp_path), gaze_format=form, gaze_id="5")  # type: ignore[arg-type]
        assert read_gaze(video.recording("mine"), 25).n_observers == n

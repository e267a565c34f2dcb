"""Gaze that was read wrongly is remarked on, gaze as viewers have it is not."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.entries import GazeRemark
from tsalv360.sources import read_salient360, read_vr_eyetracking
from tsalv360.sources.demo import DemoSource, make_scene
from tsalv360.sources.demo.files import watch
from tsalv360.sources.plausibility import plausibility_remarks, speeds_of, summarise_gaze
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import to_angles, to_vectors, wrap_yaw

REAL = Path(os.environ.get("TSALV360_REAL_DATA", "."))
Recorded = tuple[pd.DataFrame, float]


def turned(gaze: pd.DataFrame, yaw: object, pitch: object) -> pd.DataFrame:
    return gaze.assign(yaw_deg=wrap_yaw(yaw), pitch_deg=np.clip(pitch, -90, 90))


def timed(gaze: pd.DataFrame, factor: float) -> pd.DataFrame:
    return gaze.assign(time_s=gaze.time_s * factor, duration_s=gaze.duration_s * factor)


def found(remarks: list[GazeRemark]) -> str:
    return "; ".join(map(str, remarks))


def simulated(number: int = 0, source: DemoSource = DemoSource()) -> Recorded:  # noqa: B008  it is frozen
    """The gaze of a demo video's observers at 16 to 30 fps."""
    scene = make_scene(source, source.recordings()[number].video_id)
    parts = []
    for k, viewing in enumerate(watch(scene, 24)):
        frame = np.flatnonzero(viewing.kept)
        yaw, pitch = to_angles(viewing.gaze[frame])
        parts.append(fixations_table([f"P{k}"] * len(frame), frame / scene.fps, 1 / scene.fps, frame, yaw, pitch))
    return pd.concat(parts, ignore_index=True), scene.n_frames / scene.fps


def wandering(seed: int = 0, seconds: float = 20.0, n: int = 8) -> Recorded:
    """Observers who start at the front and make a saccade of about 40° twice a second, at 60 Hz."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, seconds, 1 / 60)
    parts = []
    for k in range(n):
        looks = np.searchsorted(np.cumsum(rng.uniform(0.2, 0.8, int(6 * seconds))), time)
        jumps = np.cumsum(rng.normal(0, 40, looks.max() + 1))
        heights = rng.normal(-3, 12, looks.max() + 1).clip(-60, 60)
        yaw = np.where(looks == 0, 0.0, jumps[looks]) + rng.normal(0, 0.2, len(time))
        pitch = np.where(looks == 0, 0.0, heights[looks])
        parts.append(fixations_table([f"P{k}"] * len(time), time, 1 / 60, time * 30 // 1, wrap_yaw(yaw), pitch))
    return pd.concat(parts, ignore_index=True), seconds


GAZE: dict[str, Callable[[], Recorded]] = {"simulated": simulated, "wandering": wandering}


@pytest.fixture(scope="module", params=GAZE)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return GAZE[request.param]()


WRONG: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "radians as degrees": (lambda g: turned(g, np.radians(g.yaw_deg), np.radians(g.pitch_deg)), "angle_unit: rad"),
    "radians from 0 on": (lambda g: turned(g, np.radians(g.yaw_deg % 360), np.radians(g.pitch_deg)), "angle_unit: rad"),
    "fractions as degrees": (lambda g: turned(g, g.yaw_deg / 360 + 0.5, 0.5 - g.pitch_deg / 180), "fractions"),
    "pixels of a picture half as large": (
        lambda g: turned(g, (g.yaw_deg - 180) / 2, 45 + g.pitch_deg / 2),
        "`width` and `height`",
    ),
    "x and y exchanged": (lambda g: turned(g, 2 * g.pitch_deg, g.yaw_deg / 2), "exchanged"),
    "z up and not y": (lambda g: turned(g, *to_angles(to_vectors(g.yaw_deg, g.pitch_deg)[:, [2, 1, 0]])), "which axis"),
    "a start turn left in": (lambda g: turned(g, g.yaw_deg + 90, g.pitch_deg), "sphere_yaw"),
    "yaw from the left edge": (lambda g: turned(g, g.yaw_deg + 180, g.pitch_deg), "left edge"),
    "pitch from the pole": (lambda g: turned(g, g.yaw_deg, 90 - g.pitch_deg), "exchanged"),
    "frames counted at half the rate": (lambda g: timed(g, 0.5), "time_s"),
    "milliseconds of a second's thousandth": (lambda g: timed(g, 1e-3), "time_unit"),
    "a clock that starts late": (lambda g: g[g.time_s > 4], "time_zero"),
    "all observers under each other's names": (
        lambda g: g.assign(observer=np.random.default_rng(0).permutation(g.observer)),
        "a name of its own",
    ),
}


def test_gaze_as_viewers_have_it_is_not_remarked_on(recorded: Recorded) -> None:
    assert plausibility_remarks(*recorded) == []


def test_no_video_of_the_demo_is_remarked_on() -> None:
    """Some have things near both poles."""
    demo = DemoSource(n_videos=24, min_duration_s=6, max_duration_s=7.5)
    assert [plausibility_remarks(*simulated(number, demo)) for number in range(24)] == [[]] * 24


@pytest.mark.parametrize("fault", WRONG)
def test_gaze_read_wrongly_is_remarked_on_with_the_setting_that_mends_it(recorded: Recorded, fault: str) -> None:
    gaze, seconds = recorded
    spoil, setting = WRONG[fault]
    assert setting in found(plausibility_remarks(spoil(gaze), seconds))


def test_gaze_above_the_horizon_may_be_upside_down(recorded: Recorded) -> None:
    gaze, seconds = recorded
    low = turned(gaze, gaze.yaw_deg, -20 + gaze.pitch_deg / 4)
    long = pd.concat([low, low.assign(time_s=low.time_s + seconds)])  # of short gaze nothing is said
    assert "upside down" not in found(plausibility_remarks(long, 2 * seconds))
    assert "`pitch: down`" in found(plausibility_remarks(turned(long, long.yaw_deg, -long.pitch_deg), 2 * seconds))


def test_observers_who_stop_early_are_named(recorded: Recorded) -> None:
    gaze, seconds = recorded
    cut = gaze[(gaze.observer != "P3") | (gaze.time_s < 4)]
    (remark,) = plausibility_remarks(cut, seconds)
    assert "1 of" in remark.found and "P3 at 4.0 s" in remark.found
    nobody = cut.assign(observer=[str(n) for n in range(len(cut))])
    assert plausibility_remarks(nobody, seconds, has_observers=False) == []


def test_a_few_seconds_of_one_observer_are_not_telling() -> None:
    gaze, _ = wandering(n=1)
    short = turned(gaze, gaze.yaw_deg / 100, gaze.pitch_deg / 100)
    assert plausibility_remarks(short[short.time_s < 5], 5.0) == []
    assert plausibility_remarks(gaze.iloc[:0], 5.0) == []


def test_recorded_fixations_have_no_speed() -> None:
    gaze, seconds = wandering()
    fixations = gaze.assign(fixation_id=np.arange(len(gaze)))
    assert speeds_of(fixations).empty
    assert plausibility_remarks(fixations, seconds) == []


def reacting(cuts: np.ndarray, late_s: float, seed: int) -> Recorded:
    """Observers of whom most jump 0.3 s after each cut; all gaze comes late."""
    gaze, seconds = wandering(seed, 60.0, 12)
    rng = np.random.default_rng(seed)
    parts = []
    for _, own in gaze.groupby("observer"):
        yaw = own.yaw_deg.to_numpy().copy()
        for cut in cuts:
            if rng.random() < 0.7:
                yaw[own.time_s > cut + late_s + rng.normal(0.3, 0.03)] += 90
        parts.append(turned(own, yaw, own.pitch_deg))
    return pd.concat(parts, ignore_index=True), seconds


@pytest.mark.parametrize("late_s, said", [(0.0, ""), (2.0, "2.0 s too late"), (-1.5, "1.5 s too early")])
def test_gaze_shifted_against_the_cuts_is_remarked_on(late_s: float, said: str) -> None:
    cuts = np.array([4.3, 11.9, 17.0, 26.4, 30.1, 39.7, 44.2, 53.8])
    remarks = plausibility_remarks(*reacting(cuts, late_s, 1), cuts_s=cuts.tolist())
    assert (said in found(remarks)) if said else remarks == []
    assert plausibility_remarks(*reacting(cuts, late_s, 1), cuts_s=cuts.tolist()[:4]) == []  # too few to tell


def test_the_summary_counts_gaze_where_it_is_and_how_it_moves() -> None:
    time = np.arange(0, 2, 0.1)
    gaze = fixations_table(["a"] * 20, time, 0.1, 0, np.where(time < 1, -179.0, -139.0), np.full(20, 85.0))
    summary = summarise_gaze(gaze, 3.0, [1.00049])
    density = np.array(summary.density)
    assert density.sum() == 20 and density[0, 0] == density[0, 4] == 10
    assert summary.cuts_s == [1.0] and len(summary.speed_deg_s) == 30
    assert np.argmax([speed or 0 for speed in summary.speed_deg_s]) == 9
    assert summary.speed_deg_s[25] is None


@pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder")
@pytest.mark.parametrize("video", ["006", "011", "014", "146", "4_Ocean", "16_Turtle"])
def test_real_gaze_is_not_remarked_on_and_is_when_read_wrongly(video: str) -> None:
    if video.isdigit():
        gaze = read_vr_eyetracking(REAL / "vr_eyetracking" / "Gaze_txt_files", video, 30)
        seconds = gaze.time_s.max() + 0.1
    else:
        path = REAL / "salient360" / "HE" / "Scanpaths" / "L" / f"{video}_fixations.csv"
        gaze, seconds = read_salient360(path, 30, []), 20.0
    assert plausibility_remarks(gaze, seconds) == []
    needs_a_common_start = {"a start turn left in", "yaw from the left edge"}
    for fault, (spoil, setting) in WRONG.items():
        if not video.isdigit() and ("name" in setting or fault in needs_a_common_start):
            continue  # fixations have no speed, and observers of Salient360! start in directions of their own
        assert setting in found(plausibility_remarks(spoil(gaze), seconds)), fault

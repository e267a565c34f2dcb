"""How far fixations agree with those of pymovements on the same rows of real gaze, and how long both take.

    python benchmarks/fixations.py RAW.csv [more …]

`RAW.csv` are raw recordings of the Salient360! toolbox, at 250 Hz. pymovements finds fixations by the same method
(I-VT, velocity by `smooth`: Engbert & Kliegl) in a plane, so azimuth is shortened by the cosine of the pitch. Both use
the thresholds of `fixations`. Prints the agreement by sample. Not a test.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pymovements as pm
from timing import machine

from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.sources import read_salient360_raw

SETTINGS = FixationSettings()
RATE = 250.0


def by_pymovements(samples: pd.DataFrame) -> np.ndarray:
    """Return whether each sample is in a fixation of pymovements."""
    ms = np.rint(1000 * samples.time_s).astype(int)
    yaw = np.degrees(np.unwrap(np.radians(samples.yaw_deg)))
    planar = np.cumsum(np.diff(yaw, prepend=yaw[0]) * np.cos(np.radians(samples.pitch_deg)))
    content = {"time": ms, "x": planar, "y": samples.pitch_deg.to_numpy()}
    gaze = pm.Gaze(
        pl.DataFrame(content),
        time_column="time",
        position_columns=["x", "y"],
        experiment=pm.Experiment(sampling_rate=RATE),
    )
    gaze.pos2vel("smooth")
    gaze.detect(
        "ivt",
        minimum_duration=round(SETTINGS.min_duration_ms),
        velocity_threshold=SETTINGS.max_velocity_deg_s,
    )
    inside = np.zeros(len(ms), dtype=bool)
    for onset, offset in gaze.events.frame.select("onset", "offset").iter_rows():
        inside |= (ms >= onset) & (ms <= offset)
    return inside


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Return Cohen's kappa of two labellings."""
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float(((a == b).mean() - chance) / (1 - chance))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", nargs="+", type=Path)
    print(f"{machine()}, pymovements {pm.__version__}\n")
    print("| recording | samples | in fixations, ours | pymovements | same label | kappa | ms, ours | pymovements |")
    print("|---|---|---|---|---|---|---|---|")
    for path in parser.parse_args().raw:
        samples = read_salient360_raw([path], 30).sort_values("time_s", ignore_index=True)
        begun = time.perf_counter()
        kept = find_fixations(samples, SETTINGS)
        middle = time.perf_counter()
        theirs = by_pymovements(samples)
        ended = time.perf_counter()
        ours = samples.time_s.isin(kept.time_s).to_numpy()
        print(
            f"| {path.stem} | {len(samples)} | {ours.mean():.3f} | {theirs.mean():.3f} | {(ours == theirs).mean():.3f} "
            f"| {kappa(ours, theirs):.2f} | {1000 * (middle - begun):.0f} | {1000 * (ended - middle):.0f} |"
        )


if __name__ == "__main__":
    main()

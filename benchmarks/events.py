"""Accuracy of events of simulated observers with known truth, and how each setting affects it.

    python benchmarks/events.py [--scenarios 100] [--first 1000] [--elsewhere GAZE] [--sweep] [--json FILE]

Scenarios come from `tsalv360.sources.demo.scenarios`, numbered from `--first`; those below 1000 were used for tuning.
With `--elsewhere`, a folder of raw VR-EyeTracking gaze, observers who look elsewhere follow a real recording: of any of
its videos and observers, from any time on. Prints Markdown tables: the two methods, that of TSV360 also with the least
length of the default; recall by kind of event; with `--sweep`, the score with each setting below and above its default.
An event counts as detected when the temporal intersection over union is at least 0.5 and the median angle over the
overlap at most 10°; every detected event counts once. Uses all cores. Not a test.
"""

import argparse
import json
import os
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from real_events import FRAME_S, read
from timing import machine

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.events import EventSettings, detect_events
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.log import progress
from tsalv360.metrics.events import Match, Track, match_events, score
from tsalv360.sources.demo.observers import SimulatedViewing
from tsalv360.sources.demo.scenarios import KINDS, Scenario, draw_scenario, observed, view
from tsalv360.sources.vr_eyetracking import gaze_files

SWEEP = {
    "window_s": (0.25, 0.8),
    "step_s": (0.125, 0.5),
    "min_share": (0.07, 0.14),
    "max_spread_deg": (6.5, 9.0),
    "link_deg": (7.0, 14.0),
    "assign_deg": (9.0, 15.0),
    "merge_deg": (8.0, 16.0),
    "fill_gap_s": (0.4, 1.6),
    "max_gap_s": (2.0, 6.0),
    "min_duration_s": (1.0, 3.0),
    "max_duration_s": (10.0, 40.0),
    "false_discovery_rate": (0.02, 1.0),
}
AS_LONG = "`method: tsv360`, 2 s and more"
HEADER = "| F1 | precision | recall | angle, ° | start, s | end, s | start ≤ 0.5 s | end ≤ 0.5 s |"


class Outcome(NamedTuple):
    """One scenario: the kinds of its events, the number of detected events, and which of them match."""

    kinds: list[str]
    n_found: int
    matches: list[Match]


def elsewhere_as_recorded(scenario: Scenario, viewings: list[SimulatedViewing], folder: Path) -> list[SimulatedViewing]:
    """Return the viewings in which gaze elsewhere is that of recordings, each of any video, observer and start."""
    rng, changed = np.random.default_rng([22, scenario.seed]), []
    videos = sorted(video for video in FRAME_S if gaze_files(folder, video))
    for viewing in viewings:
        recorded = read(folder, str(rng.choice(videos)))
        own = recorded.fixations[recorded.fixations.observer == rng.choice(recorded.fixations.observer.unique())]
        times = (scenario.times + rng.uniform(0, recorded.end_s)) % recorded.end_s
        there = sample_gaze(own.reset_index(drop=True), times).vectors[:, 0]
        elsewhere = viewing.target < 0
        gaze = np.where(elsewhere[:, None], np.nan_to_num(there), viewing.gaze)
        changed.append(replace(viewing, gaze=gaze, kept=viewing.kept & ~(elsewhere & np.isnan(there[:, 0]))))
    return changed


def run(folder: Path | None, settings: EventSettings, as_long: bool, seed: int) -> Outcome:
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    scenario = draw_scenario(seed)
    if as_long:
        n_frames = round(settings.min_duration_s * scenario.fps)
        settings = replace(settings, tsv360=replace(settings.tsv360, min_length_frames=n_frames))
    viewings = view(scenario)
    known = observed(scenario, elsewhere_as_recorded(scenario, viewings, folder) if folder else viewings)
    fixations = find_fixations(known.gaze, FixationSettings())
    found = detect_events(fixations, "v", scenario.fps, settings).tracks
    tracks = [Track.of(track) for _, track in found.groupby("event_id", sort=False)]
    return Outcome(known.kinds, len(tracks), match_events(known.tracks, tracks))


def row(outcomes: list[Outcome]) -> dict[str, float]:
    matches = [match for outcome in outcomes for match in outcome.matches]
    total = score(matches, sum(len(o.kinds) for o in outcomes), sum(o.n_found for o in outcomes))
    within = {
        f"{end}_within": float(np.mean([abs(getattr(match, f"{end}_error_s")) <= 0.5 for match in matches]))
        for end in ("start", "end")
    }
    return asdict(total) | within


def line(r: dict[str, float]) -> str:
    shares = " | ".join(f"{r[name]:.3f}" for name in ("f1", "precision", "recall"))
    errors = " | ".join(f"{r[name]:.2f}" for name in ("error_deg", "start_error_s", "end_error_s"))
    return f"{shares} | {errors} | {100 * r['start_within']:.0f} % | {100 * r['end_within']:.0f} % |"


def by_kind(outcomes: list[Outcome]) -> str:
    true = Counter(kind for outcome in outcomes for kind in outcome.kinds)
    found = Counter(outcome.kinds[match.true] for outcome in outcomes for match in outcome.matches)
    lines = [f"| {kind} | {true[kind]} | {found[kind] / max(true[kind], 1):.3f} |" for kind in KINDS]
    return "\n".join(["| kind of event | true | recall |", "|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", type=int, default=100)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--elsewhere", type=Path, metavar="GAZE")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    default = EventSettings()
    published = replace(default, method="tsv360")
    ways = {"**default**": default, "`method: tsv360`": published, AS_LONG: published}
    for name, values in SWEEP.items() if asked.sweep else ():
        for value in values:
            ways[f"`{name}` {value:g} (default {getattr(default, name):g})"] = replace(default, **{name: value})
    seeds = range(asked.first, asked.first + asked.scenarios)
    rows, kinds = {}, ""
    print(f"{machine()}; scenarios {seeds[0]} to {seeds[-1]}\n\n| settings {HEADER}\n|{'---|' * 9}")
    with ProcessPoolExecutor(os.cpu_count()) as pool, progress(total=len(ways) * len(seeds), what="scenarios") as bar:
        for way, settings in ways.items():
            outcomes = []
            for outcome in pool.map(partial(run, asked.elsewhere, settings, way == AS_LONG), seeds):
                outcomes.append(outcome)
                bar.update()
            rows[way], kinds = row(outcomes), kinds or by_kind(outcomes)
            print(f"| {way} | {line(rows[way])}", flush=True)
    print(f"\n{kinds}")
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

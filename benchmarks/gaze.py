"""How simulated observers look about, beside real ones: the statistics to which the simulator is fitted.

    python benchmarks/gaze.py GAZE [--scenarios 40]

`GAZE` is a folder of raw VR-EyeTracking gaze (p001, p002, …); all of its videos are used. Prints a Markdown table of
means over videos: of real gaze, of scenarios (`tsalv360.sources.demo.scenarios`), and of the demo's videos. Not a test.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from real_events import FRAME_S, read
from timing import machine

from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.metrics.gaze import gaze_statistics
from tsalv360.sources.demo import DemoSource, make_scene, video_ids
from tsalv360.sources.demo.files import watch
from tsalv360.sources.demo.scenarios import draw_scenario, observed, samples_of, view
from tsalv360.sources.vr_eyetracking import gaze_files


def statistics(fixations: pd.DataFrame, duration_s: float) -> dict[str, float]:
    return asdict(gaze_statistics(fixations, duration_s))


def of_scenario(seed: int) -> dict[str, float]:
    scenario = draw_scenario(seed)
    gaze = observed(scenario, view(scenario)).gaze
    return statistics(find_fixations(gaze, FixationSettings()), scenario.duration_s)


def of_demo(source: DemoSource, video: str) -> dict[str, float]:
    scene = make_scene(source, video)
    gaze = [samples_of(one, scene.times, f"p{k:02d}") for k, one in enumerate(watch(scene, source.n_observers))]
    return statistics(find_fixations(pd.concat(gaze), FixationSettings()), scene.n_frames / scene.fps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gaze", type=Path)
    parser.add_argument("--scenarios", type=int, default=40)
    asked = parser.parse_args()
    videos = sorted(video for video in FRAME_S if gaze_files(asked.gaze, video))
    if not videos:
        parser.error(f"{asked.gaze}: found no gaze of VR-EyeTracking's videos; expected p001/, p002/, …")
    real = [read(asked.gaze, video) for video in videos]
    demo = DemoSource()
    columns = {
        f"real ({', '.join(videos)})": [statistics(one.fixations, one.end_s) for one in real],
        f"{asked.scenarios} scenarios": [of_scenario(seed) for seed in range(1000, 1000 + asked.scenarios)],
        "demo": [of_demo(demo, video) for video in video_ids(demo)],
    }
    table = pd.DataFrame({name: pd.DataFrame(rows).mean() for name, rows in columns.items()})
    print(f"{machine()}\n\n| statistic | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    for name, values in table.iterrows():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |")


if __name__ == "__main__":
    main()

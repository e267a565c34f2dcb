"""Events in the gaze of other demos: seeds that were not used for tuning."""

from pathlib import Path

import pytest

from tsalv360.contracts.grid import frame_numbers
from tsalv360.events import detect_events
from tsalv360.fixations import FixationSettings, find_fixations, within_video
from tsalv360.metrics.events import Track, match_events
from tsalv360.sources.demo import DemoSource, make_scene, video_ids
from tsalv360.sources.demo.files import gaze_text, truth, watch
from tsalv360.sources.vr_eyetracking import read_gaze_files


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(11, 31))
def test_the_watched_events_of_any_demo_are_found(tmp_path: Path, seed: int) -> None:
    source = DemoSource(seed=seed)
    n_true = n_found = n_matched = 0
    for video in video_ids(source):
        scene = make_scene(source, video)
        viewings = watch(scene, source.n_observers)
        paths = []
        for number, viewing in enumerate(viewings):
            paths.append(tmp_path / f"p{number:03d}" / f"{video}._2017-10-1-11-38_ori_0.txt")
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_text(gaze_text(viewing))
        gaze = within_video(read_gaze_files(paths, scene.fps), scene.n_frames / scene.fps, scene.n_frames, video)
        fixations = find_fixations(gaze, FixationSettings())
        found = detect_events(fixations, video, scene.fps, frames=frame_numbers(scene.fps, scene.n_frames, 0))
        known = [Track.of(event) for event in truth(scene, viewings)["events"]]
        tracks = [Track.of(track) for _, track in found.tracks.groupby("event_id", sort=False)]
        n_true, n_found = n_true + len(known), n_found + len(tracks)
        n_matched += len(match_events(known, tracks))
    assert 2 * n_matched / (n_true + n_found) >= 0.85

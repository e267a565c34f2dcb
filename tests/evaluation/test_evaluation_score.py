import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from evaluation.scene import EVENTS, SETTINGS, SIGMA, SIZE, ignores_text, knows_all, make_scene, one, target
from shards import write_maps

from tsalv360 import metrics
from tsalv360.contracts.tables import FIXATION_METRICS, FOLD_SCORES, as_table
from tsalv360.evaluation.score import score_fold
from tsalv360.evaluation.summary import difference
from tsalv360.evaluation.truth import Truth, fifths, halves
from tsalv360.job.errors import InputError
from tsalv360.media.maps import Maps


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def table(truth: Truth) -> pd.DataFrame:
    return score_fold(truth, knows_all, SETTINGS, SIGMA, processes=2).table


def test_a_perfect_model_has_perfect_scores_and_the_gap_between_the_two_maps(table: pd.DataFrame) -> None:
    as_table(table, FOLD_SCORES, "scores")
    model = table[table.predictor == "model"]
    assert model[["cc", "sim", "cc_sphere", "sim_sphere"]].to_numpy() == pytest.approx(1, abs=1e-6)
    assert model[["kld", "kld_reversed"]].to_numpy() == pytest.approx(0, abs=1e-6)
    gap = difference(table, "model", "wrong_prompt").set_index("clip_id")
    expected = 1 - metrics.cc(target("001_2"), target("001_1"))
    assert list(gap.index) == ["001_1_1", "001_2_0"]
    assert gap.cc.to_numpy() == pytest.approx(float(expected), abs=1e-6)


def test_a_model_that_ignores_text_has_no_gap(truth: Truth) -> None:
    table = score_fold(truth, ignores_text, SETTINGS, SIGMA).table
    for other in ("wrong_prompt", "neutral_prompt"):
        gap = difference(table, "model", other)
        assert len(gap) and (gap[["cc", "kld", "nss"]] == 0).all(axis=None)


def test_uniform_maps_score_at_chance(table: pd.DataFrame) -> None:
    density = target("001_1").astype(float) / target("001_1").sum(dtype=float)
    entropy = -(density[density > 0] * np.log(density[density > 0])).sum()
    for predictor in ("uniform", "neutral_prompt", "other_video"):
        row = one(table, predictor, "001_1_0")
        assert row.cc == 0 and row.nss == 0 and row.auc_judd == row.auc_shuffled == 0.5
        assert row.kld == pytest.approx(np.log(SIZE[0] * SIZE[1]) - entropy, abs=1e-4)


def test_the_mean_map_of_the_training_videos_is_the_baseline_of_information_gain(table: pd.DataFrame) -> None:
    row = one(table, "mean_map", "001_1_0")
    mean = sum(target(event) / target(event).sum() for event in ("003_1", "004_1"))
    assert row.cc == pytest.approx(float(metrics.cc(mean, target("001_1"))), abs=1e-6)
    assert row.information_gain == row.information_gain_sphere == 0
    equator = np.broadcast_to(mean.mean(1, keepdims=True), SIZE)
    assert one(table, "equator", "001_1_0").cc == pytest.approx(float(metrics.cc(equator, target("001_1"))), abs=1e-6)


def test_observers_who_agree_predict_each_other(table: pd.DataFrame) -> None:
    row = one(table, "observers", "002_1_0")
    assert row.cc == pytest.approx(1, abs=1e-6) and row.auc_judd > 0.999 and row.auc_shuffled == 1
    assert row.nss == pytest.approx(one(table, "model", "002_1_0").nss, rel=0.01)
    assert 0 < row.kld < 0.1  # the floor


def test_observers_who_disagree_do_not(tmp_path: Path) -> None:
    points = pd.DataFrame({"observer": list("abcd"), "yaw_deg": [-120.0, -30, 60, 150], "pitch_deg": 0.0, "weight": 1})
    rng = np.random.default_rng(0)
    first, second = halves(points, SIGMA, SIZE, rng)
    assert metrics.cc(first, second) < 0
    seen = set()
    for others, own, n in fifths(points, SIGMA, SIZE, rng):
        assert n == 1 and others[own] < 1e-3
        seen.add(np.flatnonzero(own)[0])
    assert len(seen) == 4


def test_clips_without_a_wrong_prompt_are_counted(table: pd.DataFrame) -> None:
    model = table[table.predictor == "model"].set_index("clip_id")
    assert model.n_others.to_dict() == {"001_1_0": 0, "001_1_1": 1, "001_2_0": 1, "002_1_0": 1, "002_2_0": 1}
    assert model.n_wrong.to_dict() == {"001_1_0": 0, "001_1_1": 1, "001_2_0": 1, "002_1_0": 0, "002_2_0": 0}
    assert set(table[table.predictor == "wrong_prompt"].clip_id) == {"001_1_1", "001_2_0"}
    assert model.event_s["001_1_0"] == 1 and model.peak_pitch_deg["001_1_0"] == pytest.approx(10, abs=4.5 / 2)


@pytest.mark.parametrize("targets", ["as_they_are", "rescaled"])
def test_targets_below_255_are_rescaled_on_request_alone(tmp_path: Path, targets: str) -> None:
    """As in published data sets: every map reaches 100 of 255."""
    truth = make_scene(tmp_path)
    for path in (tmp_path / "dataset" / "maps").iterdir():
        maps = Maps(path)
        dimmed = {
            event: {n: (maps.read(event, n) * (100 / 255)).round().astype(np.uint8) for n in maps.numbers(event)}
            for event in maps.events
        }
        write_maps(path, dimmed)
    scored = score_fold(truth, knows_all, replace(SETTINGS, targets=targets), SIGMA)
    assert set(scored.table.target_peak) == {100}
    shown = scored.maps["001_1_0"]["target"]
    assert shown.max() == pytest.approx(1 if targets == "rescaled" else 100 / 255, abs=0.02)
    assert one(scored.table, "model", "001_1_0").cc > 0.999


def test_without_gaze_fixation_metrics_are_empty(tmp_path: Path) -> None:
    table = score_fold(make_scene(tmp_path, n_observers=0), knows_all, SETTINGS, SIGMA).table
    assert table[list(FIXATION_METRICS)].isna().all(axis=None) and table.cc.notna().all()
    assert "observers" not in set(table.predictor)
    alone = score_fold(make_scene(tmp_path / "one", n_observers=1), knows_all, SETTINGS, SIGMA).table
    assert alone.nss.notna().all() and "observers" not in set(alone.predictor)


def test_frames_of_the_next_video_replace_those_of_a_clip(truth: Truth) -> None:
    calls: list[tuple[str, int, tuple[str, ...]]] = []

    def record(video: str, frames: list[int], prompts: list[str]) -> np.ndarray:
        calls.append((video, int(frames[-1]), tuple(prompts)))
        return knows_all(video, frames, prompts)

    score_fold(truth, record, SETTINGS, SIGMA)
    replacements = {prompts[0]: (video, frame) for video, frame, prompts in calls if len(prompts) == 1}
    assert replacements == {
        EVENTS["001_1"][4]: ("002", 7),
        EVENTS["001_2"][4]: ("002", 7),
        EVENTS["002_1"][4]: ("001", 7),
        EVENTS["002_2"][4]: ("001", 15),
    }


def test_a_fold_without_test_clips_is_refused(truth: Truth, tmp_path: Path) -> None:
    other = make_scene(tmp_path)
    (tmp_path / "dataset" / "splits.json").write_text('{"folds": [{"train": ["001"], "validation": [], "test": []}]}')
    with pytest.raises(InputError, match="no test clip in fold 0"):
        score_fold(other, knows_all, SETTINGS, SIGMA)


_SCORES = """
import sys
from pathlib import Path
from evaluation.scene import SETTINGS, SIGMA, knows_all, make_scene
from tsalv360.evaluation.score import score_fold

score_fold(make_scene(Path(sys.argv[1])), knows_all, SETTINGS, SIGMA, processes=2)
print("scored", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_processes_that_compute_metrics_end_with_a_killed_job(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCORES, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as job:
        assert job.stdout and job.stdout.readline() == "scored\n"
        workers = psutil.Process(job.pid).children(recursive=True)
        commands = [worker.cmdline() for worker in workers]
        job.kill()
    assert sum("popen_loky" in " ".join(command) for command in commands) == 2
    assert psutil.wait_procs(workers, timeout=30)[1] == []

"""Training: it learns, resumes after a kill as if there had been none, and is the same in one process and in two."""

import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import TypeAdapter
from torch.optim.lr_scheduler import LambdaLR
from training.clipset import write_clipset

from tsalv360 import metrics
from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint
from tsalv360.training.batches import Batch, ClipBatches, plain_batches
from tsalv360.training.clips import ClipFiles, read_clips
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings, launch
from tsalv360.training.state import State, data_checksum
from tsalv360.training.train import BatchModel, rate_factor, train_fold

MODEL = replace(ModelSettings.tiny(), map_size=(24, 48))
QUICK = TrainSettings(epochs=2, batch_size=4, group=2, learning_rate=1e-3, precision="no")
ON_CPU = ComputeSettings(device="cpu")


def job(folder: Path, name: str = "run", compute: ComputeSettings = ON_CPU, **settings: Any) -> TrainJob:
    train = replace(QUICK, **settings)
    data = folder / "dataset", folder / "frames"
    places = folder / name / "models", folder / name / "running", folder / "features"
    return TrainJob(*data, 0, train, MODEL, *places, compute)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clipset(folder, {"001": "train", "002": "train", "003": "validation"}, n_clips=3)
    return folder


@pytest.fixture(scope="module")
def whole(made: Path) -> TrainJob:
    """Return the job of a run that nothing interrupted."""
    train_fold(one := job(made, "whole"))
    return one


def steps(one: TrainJob) -> pd.DataFrame:
    return pd.read_csv(one.output / "steps.csv")


def weights(one: TrainJob, which: str = "last") -> dict[str, torch.Tensor]:
    return load_checkpoint(one.output / f"{which}.pt").state_dict()


def assert_same(one: TrainJob, other: TrainJob, **tolerance: float) -> None:
    """Assert equal losses and weights; with a tolerance, a small root mean square difference of weights.

    AdamW divides a gradient by its own size, so if one is nearly zero, rounding alone can reverse a step.
    """
    pd.testing.assert_frame_equal(steps(one), steps(other), check_exact=not tolerance, **tolerance)
    ours, theirs = weights(one), weights(other)
    for name in ours:
        apart = (ours[name] - theirs[name]).double().square().mean().sqrt()
        assert apart <= tolerance.get("atol", 0) / 10, name


def test_results_hold_their_provenance(whole: TrainJob) -> None:
    assert sorted(path.name for path in whole.output.iterdir()) == ["best.pt", "last.pt", "metrics.csv", "steps.csv"]
    assert load_checkpoint(whole.output / "best.pt").frame_height == 64
    made_of = torch.load(whole.output / "best.pt", weights_only=True)["provenance"]
    assert made_of["train"]["learning_rate"] == 1e-3 and made_of["fold"] == 0
    assert torch.__version__.startswith(made_of["versions"]["torch"]) and len(made_of["data"]) == 64
    table = pd.read_csv(whole.output / "metrics.csv")
    assert list(table) == ["epoch", "step", "cc", "sim", "kld"] and table.step.to_list() == [3, 6]
    assert made_of["epoch"] == table.cc.idxmax()
    assert list((whole.running / "tensorboard").iterdir())
    assert not (whole.running / "state.pt").exists()


def test_the_best_model_says_how_high_its_maps_peak(tmp_path: Path) -> None:
    """Peaks are those of the validation clips with their captions, and with captions that only other videos have."""
    write_clipset(tmp_path, {"001": "train", "002": "train", "003": "validation"}, n_clips=3)
    annotations = tmp_path / "dataset" / "annotations.parquet"
    table = pd.read_parquet(annotations)
    table["caption"] = table.caption.where(table.video == "003", "a green kite")
    table.to_parquet(annotations)
    train_fold(one := job(tmp_path))
    best = load_checkpoint(one.output / "best.pt")
    files = ClipFiles(one.dataset, one.frames)
    clips = read_clips(files)
    presence = best.presence
    assert presence
    for found, captions in ((presence.right, clips.caption), (presence.absent, "a green kite")):
        data = ClipBatches(clips.assign(caption=captions), files, (48, 96))
        batch = data[[sample for part in plain_batches(clips[clips.video == "003"], 8) for sample in part]]
        with torch.inference_mode():
            peaks = BatchModel(best)(batch).amax((1, 2, 3))
        assert [found[0], found[-1]] == pytest.approx([float(peaks.min()), float(peaks.max())], abs=1e-5)
    assert presence.right != presence.absent


def test_without_captions_of_other_videos_peaks_tell_nothing(whole: TrainJob) -> None:
    assert load_checkpoint(whole.output / "best.pt").presence is None


def test_validation_is_the_metric_of_the_last_model(made: Path, whole: TrainJob) -> None:
    files = ClipFiles(made / "dataset", made / "frames")
    clips = read_clips(files)
    held_out = clips[clips.video == "003"]
    network = BatchModel(load_checkpoint(whole.output / "last.pt"))
    found = []
    for group in plain_batches(held_out, 1):
        batch = ClipBatches(clips, files, (48, 96))[group]
        with torch.inference_mode():
            prediction = network(batch).numpy()
        found.append(float(metrics.cc(prediction, batch.targets.numpy())[0, 0]))
    assert np.mean(found) == pytest.approx(pd.read_csv(whole.output / "metrics.csv").cc.iloc[-1], abs=1e-5)


@pytest.mark.parametrize("kept_every_s", [0, 1e9], ids=["in an epoch", "between epochs"])
def test_a_killed_run_ends_as_if_it_had_not_been_killed(
    made: Path, whole: TrainJob, monkeypatch: pytest.MonkeyPatch, kept_every_s: float
) -> None:
    one = job(made, f"killed{kept_every_s:g}", replace(ON_CPU, keep_every_s=kept_every_s))
    before = State.add_step

    def power_cut(state: State, n_clips: int, **numbers: float) -> None:
        if state.step == 4:
            raise KeyboardInterrupt
        before(state, n_clips, **numbers)

    with monkeypatch.context() as patch:
        patch.setattr(State, "add_step", power_cut)
        with pytest.raises(KeyboardInterrupt):
            train_fold(one)
    assert not one.output.exists()
    left = torch.load(one.running / "state.pt", weights_only=True)
    assert len(left["steps"]) == (4 if kept_every_s == 0 else 3)
    train_fold(one)
    assert_same(one, whole)


def test_accumulated_parts_are_the_whole_batch(made: Path, whole: TrainJob) -> None:
    train_fold(parts := job(made, "parts", replace(ON_CPU, accumulate=3)))
    assert_same(parts, whole, atol=2e-5, rtol=1e-3)


@pytest.mark.slow
def test_two_processes_train_the_same_model(
    made: Path, whole: TrainJob, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "2")  # as Snakemake does
    two = job(made, "two", replace(ON_CPU, processes=2))
    status, printed = launch(two, cores=2), capfd.readouterr()
    assert status == 0, printed
    assert "Fold 0: 12 clips, 6 for validation, 6 steps, 2 process(es) of 1 thread(s) on cpu." in printed.out
    assert_same(two, whole, atol=2e-5, rtol=1e-3)
    assert len(list((two.running / "tensorboard").iterdir())) == 1
    table, alone = (pd.read_csv(one.output / "metrics.csv") for one in (two, whole))
    pd.testing.assert_frame_equal(table, alone, rtol=1e-3)


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_checkpoint_leaves_the_one_before(made: Path, whole: TrainJob) -> None:
    one = job(made, "torn", replace(ON_CPU, keep_every_s=0))
    script = (
        "import sys, os, signal, torch\n"
        "from tsalv360.training import state, train\n"
        "from tsalv360.training.settings import read_job\n"
        "save, seen = torch.save, []\n"
        "def torn(content, path):\n"
        "    if 'optimizer' in content and len(content['steps']) == 3:\n"
        "        open(path, 'wb').write(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    save(content, path)\n"
        "torch.save = torn\n"
        "train.train_fold(read_job(sys.argv[1]))\n"
    )
    one.running.mkdir(parents=True)
    (one.running / "job.json").write_bytes(TypeAdapter(TrainJob).dump_json(one))
    died = subprocess.run([sys.executable, "-c", script, str(one.running / "job.json")], capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert len(torch.load(one.running / "state.pt", weights_only=True)["steps"]) == 2
    train_fold(one)
    assert_same(one, whole)


def left_by_a_kill(made: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> TrainJob:
    """Return the job of a run of one epoch that was killed at its end: its running checkpoint exists."""
    one = job(made, name, epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(State, "finish", lambda *_: None)
        train_fold(one)
    return one


def test_with_other_settings_data_or_another_version_training_starts_again(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = left_by_a_kill(made, "again", monkeypatch)
    (made.parent / "other").mkdir(exist_ok=True)
    write_clipset(made.parent / "other", {"001": "train", "002": "validation"}, n_clips=3)
    data = {"dataset": made.parent / "other" / "dataset", "frames": made.parent / "other" / "frames"}
    for other in (replace(one, stage="train version 2"), replace(one, **data)):
        with monkeypatch.context() as patch:
            patch.setattr(State, "finish", lambda *_: None)
            train_fold(other)
        assert "training starts again" in capsys.readouterr().out
        left = torch.load(one.running / "state.pt", weights_only=True)
        assert (left["made_of"]["stage"], len(left["steps"])) == (
            other.stage,
            3 if other.dataset == made / "dataset" else 2,
        )
    train_fold(other := replace(one, train=replace(one.train, seed=5)))
    assert "training starts again" in capsys.readouterr().out
    assert len(steps(other)) == 3
    train_fold(alone := job(made, "never killed", epochs=1, seed=5))
    assert_same(other, alone)


def test_a_killed_run_resumes_under_another_name_on_other_hardware_and_with_newer_code(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = left_by_a_kill(made, "renamed", monkeypatch)
    monkeypatch.setattr("tsalv360.training.state.revision", lambda: "a later commit")
    compute = ComputeSettings("cpu", cores=1, workers=1, accumulate=2, keep_every_s=7, deterministic=True)
    train_fold(replace(one, train=replace(one.train, name="other"), compute=compute))
    assert "training resumes after step 3" in capsys.readouterr().out
    assert len(steps(one)) == 3
    held = torch.load(one.output / "last.pt", weights_only=True)["provenance"]
    assert (held["revision"], held["name"]) == ("a later commit", "other")


def digest_of(sums: str, name: str) -> str:
    return sums[sums.index(name) - 66 : sums.index(name) - 2]


def test_the_checksum_depends_on_what_a_fold_learns_from_alone(tmp_path: Path) -> None:
    write_clipset(tmp_path, {"001": "train", "002": "validation", "003": "test"}, n_clips=1)
    dataset, frames = tmp_path / "dataset", tmp_path / "frames"
    sums = (dataset / "SHA256SUMS").read_text()
    before = data_checksum(dataset, frames, 0)
    (dataset / "README.md").write_text("another card")
    (dataset / "SHA256SUMS").write_text(sums.replace(digest_of(sums, "maps/003.parquet"), "0" * 64))
    (frames / "003" / "0000.png").write_bytes(b"of a test video")
    assert data_checksum(dataset, frames, 0) == before
    for name in ("maps/001.parquet", "maps/002.parquet"):
        digest = digest_of(sums, name)
        (dataset / "SHA256SUMS").write_text(sums.replace(f"{digest}  {name}", f"{digest[::-1]}  {name}"))
        assert data_checksum(dataset, frames, 0) != before
    (dataset / "SHA256SUMS").write_text(sums)
    (frames / "001" / "0000.png").write_bytes(b"of a training video")
    assert data_checksum(dataset, frames, 0) != before


def test_a_loss_that_is_not_finite_names_the_clips(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(network: BatchModel, batch: Batch) -> torch.Tensor:
        prediction = torch.rand(len(batch.rows), 1, 48, 96, requires_grad=True)
        return torch.where(torch.arange(len(prediction))[:, None, None, None] == 1, torch.nan, prediction)

    monkeypatch.setattr(BatchModel, "forward", broken)
    with pytest.raises(InputError, match=r"^clips 00\d_\d_\d: found a loss that is not finite"):
        train_fold(job(made, "nan"))


def test_a_caption_that_clip_cannot_read_is_refused_before_anything_runs(made: Path, tmp_path: Path) -> None:
    write_clipset(tmp_path, {"001": "train"}, n_clips=1)
    path = tmp_path / "dataset" / "annotations.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "caption"] = "very " * 90
    table.to_parquet(path)
    with pytest.raises(InputError, match="92 tokens"):
        train_fold(job(tmp_path))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_four_clips_are_learnt_by_heart(tmp_path: Path) -> None:
    write_clipset(tmp_path, {"001": "train"}, n_clips=2)
    train_fold(one := job(tmp_path, epochs=100, learning_rate=4e-3, warmup=0.1, schedule="cosine"))
    files = ClipFiles(tmp_path / "dataset", tmp_path / "frames")
    clips = read_clips(files)
    (group,) = plain_batches(clips, 4)
    batch = ClipBatches(clips, files, (48, 96))[group]
    with torch.inference_mode():
        prediction = BatchModel(load_checkpoint(one.output / "last.pt"))(batch)
    assert len(batch.rows) == 4
    assert metrics.cc(prediction.numpy(), batch.targets.numpy()).min() > 0.95


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_schedule_equals_the_formula_at_each_step_also_after_a_kill(schedule: str) -> None:
    settings, n = TrainSettings(learning_rate=3e-4, warmup=0.33, schedule=schedule), 10

    def formula(step: int) -> float:
        warm = settings.warmup * n
        if step < warm:
            return settings.learning_rate * (step + 1) / (warm + 1)
        if schedule == "constant":
            return settings.learning_rate
        return settings.learning_rate * (1 + np.cos(np.pi * (step - warm) / (n - warm))) / 2

    def begin() -> tuple[torch.optim.Optimizer, LambdaLR]:
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], settings.learning_rate)
        return optimizer, LambdaLR(optimizer, partial(rate_factor, settings, n))

    optimizer, rates = begin()
    for step in range(n):
        if step == 5:
            kept = optimizer.state_dict(), rates.state_dict()
            optimizer, rates = begin()
            optimizer.load_state_dict(kept[0])
            rates.load_state_dict(kept[1])
        assert optimizer.param_groups[0]["lr"] == rates.get_last_lr()[0] == pytest.approx(formula(step), rel=1e-12)
        optimizer.step()
        rates.step()


def test_the_rate_warms_up_and_falls() -> None:
    settings = TrainSettings(warmup=0.2, schedule="cosine")
    rates = [rate_factor(settings, 100, step) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 21) and rates[20] == 1 and max(rates) == 1
    assert rates[60] == pytest.approx(0.5) and 0 < rates[99] < 0.001
    assert np.all(np.diff(rates[:21]) > 0) and np.all(np.diff(rates[20:]) < 0)
    constant = replace(settings, warmup=0.0, schedule="constant")
    assert {rate_factor(constant, 100, step) for step in range(100)} == {1.0}


def test_frames_are_read_once_for_all_clips_that_show_them(made: Path) -> None:
    files = ClipFiles(made / "dataset", made / "frames")
    clips = read_clips(files)
    same = clips[(clips.video == "001") & (clips.target_frame == 7)]
    (group,) = plain_batches(same, 8)
    batch = ClipBatches(clips, files, (48, 96))[group]
    assert len(batch.rows) == 2 and len(batch.frames) == 8
    assert batch.windows == [list(range(8))] * 2 and batch.ends == [False] * 7 + [True]


def test_published_clip_adapts_its_statistics_only_where_asked(made: Path) -> None:
    clip = ModelSettings(width=2, text_width=64, embedding=32, heads=4, decoder=(32, 16, 16, 8), patch_size=64)
    model = TSalV360(clip)
    assert not model.train().clip.visual.bn1.training
    model.clip.adapts = True
    assert model.train().clip.visual.bn1.training and not model.eval().clip.visual.bn1.training

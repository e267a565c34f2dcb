"""Cached features: they equal those of the encoder, and nothing is computed twice."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch
from training.clipset import write_clipset

from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, write_json
from tsalv360.model import ModelSettings, TSalV360
from tsalv360.training.batches import ClipBatches, Sample
from tsalv360.training.clips import Augmentation, ClipFiles, read_clips
from tsalv360.training.features import cached_augmentations, start_model, write_features
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings, check_cache
from tsalv360.training.train import BatchModel, train_fold

MODEL = replace(ModelSettings.tiny(), encoder="clip", text_width=64, vocabulary=49408, map_size=(24, 48))
QUICK = TrainSettings(weights="random", epochs=1, batch_size=4, group=2, cached_rolls=2)


class Made(NamedTuple):
    files: ClipFiles
    features: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("cached")
    write_clipset(folder, {"001": "train", "002": "validation", "003": "test"})
    one = Made(ClipFiles(folder / "dataset", folder / "frames"), folder / "features")
    write_features(one.features, one.files, 0, MODEL, QUICK)
    return one


def job(made: Made, name: str, features: Path, settings: TrainSettings) -> TrainJob:
    folder = made.features.parent / name
    return TrainJob(
        made.files.dataset,
        made.files.frames,
        0,
        settings,
        MODEL,
        folder / "m",
        folder / "r",
        features,
        ComputeSettings(device="cpu"),
    )


@pytest.fixture()
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of frames of each call of the encoder."""
    seen: list[int] = []
    encode = TSalV360.encode_frames

    def counted(model: TSalV360, frames: torch.Tensor, *rest: Any) -> Any:
        seen.append(len(frames))
        return encode(model, frames, *rest)

    monkeypatch.setattr(TSalV360, "encode_frames", counted)
    return seen


@pytest.mark.parametrize("augmented", [Augmentation(), Augmentation(1, 2, mirrored=True)], ids=["as it is", "changed"])
def test_a_batch_predicts_the_same_from_features_as_from_frames(
    made: Made, augmented: Augmentation, encoded: list[int]
) -> None:
    clips = read_clips(made.files)
    rows = clips.index[clips.video == "001"]
    # frames that end one clip and not another
    batch = [*(Sample(row, augmented) for row in rows[:2]), *(Sample(row) for row in rows[2:])]
    network = BatchModel(start_model(MODEL, QUICK).eval())
    predicted = []
    for features in (None, made.features):
        n_encoded = len(encoded)
        one = ClipBatches(clips, made.files, (48, 96), features)[batch]
        with torch.inference_mode():
            predicted.append(network(one))
    assert len(encoded) == n_encoded
    torch.testing.assert_close(*predicted, atol=2e-3, rtol=0)


def test_training_reads_features_and_learns_the_same(made: Made, tmp_path: Path, encoded: list[int]) -> None:
    unchanged = replace(QUICK, roll=False, flip="never", learning_rate=1e-3)
    write_features(tmp_path, made.files, 0, MODEL, unchanged)
    n_encoded = len(encoded)
    cached = job(made, "from features", tmp_path, unchanged)
    train_fold(cached := replace(cached, compute=replace(cached.compute, workers=1)))
    assert len(encoded) == n_encoded
    train_fold(plain := job(made, "from frames", tmp_path, replace(unchanged, cached_rolls=0)))
    ours, theirs = (pd.read_csv(one.output / "steps.csv").loss for one in (cached, plain))
    assert len(ours) and ours.to_list() == pytest.approx(theirs.to_list(), rel=2e-3)


def test_the_cache_takes_the_disk_space_that_was_announced(made: Made, tmp_path: Path, capsys: Any) -> None:
    write_features(tmp_path, made.files, 0, MODEL, QUICK)
    printed = capsys.readouterr().out
    assert "2 of 2 videos (32 frames, 4 of them the end of a clip, 4 augmentations of each)" in printed
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.npy")) / 1e9
    assert float(printed.partition("take ")[2].split(" GB")[0]) == pytest.approx(size, rel=0.02)
    assert not (tmp_path / "003").exists()  # a test video


def test_only_what_changed_is_computed_again(made: Made, tmp_path: Path, encoded: list[int]) -> None:
    shutil.copytree(made.files.frames, tmp_path / "frames")
    files = ClipFiles(made.files.dataset, tmp_path / "frames")

    def computed(**changes: Any) -> int:
        encoded.clear()
        settings = replace(QUICK, **{"roll": False, "flip": "never", **changes})
        write_features(tmp_path / "features", files, 0, MODEL, settings)
        return sum(encoded)

    assert computed() == 32
    assert computed(learning_rate=0.5) == 0
    shutil.copyfile(files.path("001", 3), files.path("001", 4))
    assert computed() == 16
    (tmp_path / "features" / "002" / "made_of.json").unlink()
    assert computed() == 16
    assert computed(flip="skip") == 32 * 2
    assert computed(seed=1) == 32  # of random weights


FOLDS = """
import sys
from pathlib import Path
from training.test_cache import MODEL, QUICK
from tsalv360.training.features import write_features
from tsalv360.training.clips import ClipFiles

folder = Path(sys.argv[1])
files = ClipFiles(folder / "dataset", folder / "frames")
print("begun", flush=True)
sys.stdin.readline()
write_features(folder / "features", files, int(sys.argv[2]), MODEL, QUICK, "cpu", 1)
"""


@pytest.fixture
def two_folds(tmp_path: Path) -> ClipFiles:
    """Fold 0 sees 001 and 002, fold 1 sees 002 and 003."""
    write_clipset(tmp_path, {"001": "train", "002": "validation", "003": "test"})
    folds = read_json(tmp_path / "dataset" / "splits.json")["folds"]
    folds.append({"train": ["003"], "validation": ["002"], "test": ["001"]})
    write_json(tmp_path / "dataset" / "splits.json", {"folds": folds})
    return ClipFiles(tmp_path / "dataset", tmp_path / "frames")


def test_another_fold_computes_what_the_first_did_not(two_folds: ClipFiles, tmp_path: Path, encoded: list[int]) -> None:
    features = tmp_path / "features"
    write_features(features, two_folds, 0, MODEL, QUICK)
    assert sum(encoded) == 32 * 4
    assert sorted(path.name for path in features.iterdir()) == ["001", "002", "fold0.json"]
    kept = (features / "002" / "made_of.json").stat().st_mtime_ns
    encoded.clear()
    write_features(features, two_folds, 1, MODEL, QUICK)
    assert sum(encoded) == 16 * 4
    assert sorted(path.name for path in features.iterdir()) == ["001", "002", "003", "fold0.json", "fold1.json"]
    assert (features / "002" / "made_of.json").stat().st_mtime_ns == kept
    seen = [read_json(features / f"fold{fold}.json")["videos"] for fold in (0, 1)]
    assert seen == [["001", "002"], ["002", "003"]]


def test_a_job_killed_in_a_video_writes_no_list_of_the_fold(
    two_folds: ClipFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = TSalV360.encode_frames

    def killed(model: TSalV360, frames: torch.Tensor, *rest: Any) -> Any:
        if (tmp_path / "features" / "001").exists():
            raise KeyboardInterrupt
        return encode(model, frames, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(TSalV360, "encode_frames", killed)
        with pytest.raises(KeyboardInterrupt):
            write_features(tmp_path / "features", two_folds, 0, MODEL, QUICK)
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["001"]


@pytest.mark.slow
def test_jobs_of_two_folds_at_once_share_what_they_have_in_common(two_folds: ClipFiles, tmp_path: Path) -> None:
    paths = os.pathsep.join(str(path) for path in Path(__file__).parents[1:3])
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", FOLDS, str(tmp_path), fold],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for fold in "01"
    ]
    for job in begun:
        assert job.stdout and job.stdout.readline() == "begun\n"
    printed = []
    for job in begun:
        assert job.stdin
        job.stdin.write("\n")
        job.stdin.flush()
    for job in begun:
        out, errors = job.communicate(timeout=120)
        assert job.returncode == 0, errors
        printed.append(out)
    assert sorted(re.search(r"Features of (\d) of 2 videos", text)[1] for text in printed) == ["1", "2"]  # type: ignore[index]
    names = sorted(path.name for path in (tmp_path / "features").iterdir())
    assert names == ["001", "002", "003", "fold0.json", "fold1.json"]


def test_too_little_disk_is_refused_before_anything_is_computed(
    made: Made, tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1_000_000))  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"found 0\.001 GB free; expected 0\.\d+ GB for cached features"):
        write_features(tmp_path, made.files, 0, MODEL, QUICK)
    assert not encoded and not any(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"encoder": "small"}, {"clip_batch_norm": "published"}])
def test_features_that_training_changes_are_not_cached(change: dict[str, Any]) -> None:
    model = ModelSettings.tiny() if "encoder" in change else MODEL
    settings = replace(QUICK, **{key: value for key, value in change.items() if key != "encoder"})
    with pytest.raises(InputError, match=r"^train\.cached_rolls: found .*; expected encoders that training leaves"):
        check_cache(model, settings)
    check_cache(model, replace(settings, cached_rolls=0))


def test_rolls_by_fractions_of_pixels_are_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="5 rolls of frames of 128 pixels and maps of 96"):
        write_features(tmp_path, made.files, 0, MODEL, replace(QUICK, cached_rolls=5))


def test_epochs_draw_from_cached_augmentations_alone() -> None:
    plain, mirrored = ([Augmentation(roll, 2, flip) for roll in (0, 1)] for flip in (False, True))
    assert cached_augmentations(QUICK) == plain + mirrored
    assert cached_augmentations(replace(QUICK, flip="never")) == plain
    assert cached_augmentations(replace(QUICK, roll=False)) == [plain[0], mirrored[0]]

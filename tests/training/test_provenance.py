"""The provenance of a model: everything that its weights follow from, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import ROOT
from training.clipset import write_clipset

from tsalv360.contracts.settings import tracked
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, read_table, write_table
from tsalv360.dataset.assemble import checksum_lines
from tsalv360.job.files import read_json, write_json
from tsalv360.model import ModelSettings
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings
from tsalv360.training.state import data_checksum, made_of, provenance, revision


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    """A job of a fold with videos 001 (train), 002 (validation) and 003 (test); fold 1 tests 001."""
    write_clipset(tmp_path, {"001": "train", "002": "validation", "003": "test"}, n_clips=1)
    splits = read_json(tmp_path / "dataset" / "splits.json")
    splits["folds"].append({"train": ["002"], "validation": ["003"], "test": ["001"]})
    write_json(tmp_path / "dataset" / "splits.json", splits)
    places = (tmp_path / name for name in ("models", "running", "features"))
    return TrainJob(tmp_path / "dataset", tmp_path / "frames", 0, TrainSettings(), ModelSettings.tiny(), *places)


def sum_again(dataset: Path) -> None:
    files = sorted(path for path in dataset.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    (dataset / "SHA256SUMS").write_text("".join(checksum_lines(files, dataset)), encoding="utf-8")


def change_table(dataset: Path, name: str, video: str, **values: Any) -> None:
    """Set columns of a table in the rows of a video."""
    columns = CLIPS if name == "clips" else PART_ANNOTATIONS
    table = read_table(dataset / f"{name}.parquet", columns)
    for column, value in values.items():
        table[column] = table[column].where(table.video != video, value)
    write_table(dataset / f"{name}.parquet", table, columns)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" ")


def without_first_clip(dataset: Path, video: str) -> None:
    clips = read_table(dataset / "clips.parquet", CLIPS)
    write_table(dataset / "clips.parquet", clips.drop(clips.index[clips.video == video][0]), CLIPS)


def test_a_video_in_another_part_of_the_fold_counts(job: TrainJob) -> None:
    splits = read_json(job.dataset / "splits.json")
    before = data_checksum(job.dataset, job.frames, 0)
    splits["folds"][0] = {"train": ["002"], "validation": ["001"], "test": ["003"]}
    write_json(job.dataset / "splits.json", splits)
    assert data_checksum(job.dataset, job.frames, 0) != before


CHANGES: dict[str, Callable[[TrainJob, str], Any]] = {
    "map": lambda job, video: append(job.dataset / f"maps/{video}.parquet"),
    "caption": lambda job, video: change_table(job.dataset, "annotations", video, caption="Another."),
    "size of a frame": lambda job, video: append(job.frames / video / "0003.png"),
    "number of a frame": lambda job, video: (job.frames / video / "0003.png").rename(job.frames / video / "0013.png"),
    "frame more": lambda job, video: (job.frames / video / "0008.png").write_bytes(b"new"),
    "clip": lambda job, video: without_first_clip(job.dataset, video),
    "last frame of a clip": lambda job, video: change_table(job.dataset, "clips", video, target_frame=6),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_fold_learns_from_counts_and_what_it_tests_does_not(job: TrainJob, what: str) -> None:
    def now() -> list[str]:
        sum_again(job.dataset)
        return [data_checksum(job.dataset, job.frames, fold) for fold in (0, 1)]

    before = now()
    CHANGES[what](job, "003")
    of_test = now()
    assert of_test[0] == before[0] and of_test[1] != before[1]  # fold 1 validates with 003
    CHANGES[what](job, "001")
    of_training = now()
    assert of_training[0] != before[0] and of_training[1] == of_test[1]
    CHANGES[what](job, "002")
    of_both = now()
    assert of_both[0] != of_training[0] and of_both[1] != of_training[1]


def test_card_points_and_other_columns_of_captions_do_not_count(job: TrainJob) -> None:
    before = data_checksum(job.dataset, job.frames, 0)
    (job.dataset / "README.md").write_text("another card")
    (job.dataset / "points").mkdir()
    (job.dataset / "points" / "001.parquet").write_bytes(b"points")
    (job.frames / "001" / "frames.json").write_text("{}")
    held = {"caption_origin": "accepted", "n_curators": 2, "verdict": "accept", "model": "another", "n_tokens": 7}
    change_table(job.dataset, "annotations", "001", **held)
    sum_again(job.dataset)
    assert data_checksum(job.dataset, job.frames, 0) == before


def test_moved_data_are_the_same(job: TrainJob, tmp_path: Path) -> None:
    before = made_of(job)
    (tmp_path / "elsewhere").mkdir()
    for name in ("dataset", "frames"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert made_of(replace(job, dataset=tmp_path / "elsewhere/dataset", frames=tmp_path / "elsewhere/frames")) == before


def test_name_compute_settings_and_output_folders_do_not_count(job: TrainJob) -> None:
    other = replace(
        job, train=replace(job.train, name="other"), output=Path("o"), running=Path("r"), features=Path("f")
    )
    other = replace(other, compute=ComputeSettings("cpu", 2, 3, 4, 5, 6.0, True))
    assert made_of(other) == made_of(job)
    assert tracked(ComputeSettings()) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "2"},
        {"fold": 1},
        {"train": TrainSettings(seed=1)},
        {"train": TrainSettings(precision="bf16")},
        {"model": replace(ModelSettings.tiny(), map_size=(24, 48))},
    ],
    ids=str,
)
def test_stage_fold_settings_and_model_count(job: TrainJob, change: dict[str, Any]) -> None:
    assert made_of(replace(job, **change)) != made_of(job)


def test_weights_count_by_their_content_not_their_place(job: TrainJob, tmp_path: Path) -> None:
    def of(path: Path, content: bytes) -> dict[str, Any]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return made_of(replace(job, train=replace(job.train, weights=str(path))))

    first = of(tmp_path / "RN50.pt", b"one")
    assert of(tmp_path / "models" / "clip.pt", b"one") == first != of(tmp_path / "RN50.pt", b"two")
    assert "clip.pt" not in str(first) and "RN50" not in str(first)
    drawn = made_of(replace(job, train=replace(job.train, weights="random")))
    assert drawn["train"]["weights"] == "random" and drawn["weights"] is None


def test_a_checkpoint_also_holds_its_run_and_the_code(job: TrainJob) -> None:
    held, made = provenance(job), made_of(job)
    assert {key: held[key] for key in made} == made
    assert held["name"] == "default" and held["frame_height"] == 64
    assert set(held) - set(made) == {"name", "frame_height", "versions", "revision"}


def test_an_installed_package_is_not_taken_for_its_users_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsalv360.training.state.FILES", ROOT / "tests")  # in a repository, but no clone
    assert revision() is None

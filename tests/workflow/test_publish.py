"""`snakemake publish` in the real workflow, and what reads its folder: `datasets`, PyTorch, pandas, another build."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import load_dataset
from running import ROOT, Workflow
from workflow.conftest import copy_of, once

import tsalv360
from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.dataset.loose import loose_files
from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps
from tsalv360.publish.check import check_folder
from tsalv360.training.clips import ClipFiles, read_clips

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(built: Workflow, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """The tiny dataset, published; do not change it."""

    def make(folder: Path) -> None:
        copy_of(built.folder, folder)
        Workflow(folder).build("publish")

    return Workflow(once(tmp_path_factory, worker_id, "published", make))


def again(published: Workflow, folder: Path) -> Workflow:
    """A build in another folder whose only source is the published one."""
    folder.mkdir()
    return Workflow(folder, published.configs).with_config(
        sources=[{"kind": "published", "path": str(published.results / "publish")}],
        dataset={"name": "again", "folds": "published"},
    )


def test_everything_that_the_build_has_is_in_the_folder(published: Workflow) -> None:
    folder = published.results / "publish"
    check_folder(folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for video in ("001", "002"):
        kinds = "maps", "saliency_all", "points", "fixations", "frames", "viewports"
        assert {f"data/{kind}/{video}.parquet" for kind in kinds} <= names
        assert {f"explorer/videos/{video}.html", f"explorer/videos/{video}.mp4"} <= names
    assert {"README.md", "croissant.json", "LICENSE.md", "CITATION.cff", "datacite.json", "zenodo.json"} <= names
    with tarfile.open(folder / "TSV360_gt.tar") as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    shards = (published.results / "dataset" / "maps").iterdir()
    assert files == {name: content for shard in shards for name, content in loose_files(Maps(shard))}


def test_what_is_published_twice_has_the_same_bytes(published: Workflow, tmp_path: Path) -> None:
    copy_of(published.folder, tmp_path / "copy")
    before = (published.results / "publish" / CHECKSUMS).read_text()
    Workflow(tmp_path / "copy").build("--force", "publish")
    assert (tmp_path / "copy" / "results" / "tiny" / "publish" / CHECKSUMS).read_text() == before


def test_datasets_reads_again_what_was_published_anew(published: Workflow, tmp_path: Path) -> None:
    """It keeps what it has read from a folder, until the header of the card changes."""
    folder, cache = tmp_path / "publish", str(tmp_path / "cache")
    copy_of(published.results / "publish", folder)
    before = load_dataset(str(folder), cache_dir=cache)["train"]["event_id"][:]
    shutil.rmtree(folder)
    copy_of(published.folder, tmp_path / "copy")
    run = Workflow(tmp_path / "copy", published.configs).with_config(dataset={"first_event": 0})
    run.build("publish")
    copy_of(run.results / "publish", folder)
    after = [f"{event[:4]}{int(event[4:]) - 1}" for event in before]
    assert load_dataset(str(folder), cache_dir=cache)["train"]["event_id"][:] == after


def test_datasets_loads_every_part_and_streams(published: Workflow, tmp_path: Path) -> None:
    folder = str(published.results / "publish")

    def load(*name: str, **how: object) -> object:
        return load_dataset(folder, *name, cache_dir=str(tmp_path), **how)

    annotations = pd.read_parquet(published.results / "dataset" / "annotations.parquet")
    assert load()["train"]["caption"][:] == annotations.caption.tolist()
    clips = load("clips")["train"]
    assert clips[0]["frames"] == pd.read_parquet(published.results / "dataset" / "clips.parquet").frames[0].tolist()
    folds = read_json(published.results / "dataset" / "splits.json")["folds"]
    test = load("maps-fold0", split="test")
    assert set(test.unique("event_id")) == {event for event in annotations.event_id if event[:3] in folds[0]["test"]}
    first = next(iter(load("maps-fold0", split="test", streaming=True)))
    for row in (test[0], first):
        maps = Maps(published.results / "dataset" / "maps" / f"{row['event_id'][:3]}.parquet")
        np.testing.assert_array_equal(np.asarray(row["map"]), maps.read(row["event_id"], row["frame"]))
        assert row["caption"] == annotations.set_index("event_id").caption[row["event_id"]]
    assert load("frames", split="train")[0]["picture"].size == (320, 160)
    assert len(load("viewports", split="train").remove_columns("viewport")) == len(annotations)


def test_another_build_from_it_has_the_same_clips_targets_and_splits(published: Workflow, tmp_path: Path) -> None:
    copied = again(published, tmp_path / "again")
    copied.build("all", "results/again/clips")
    results = copied.folder / "results" / "again"
    published.build("results/tiny/clips")
    ours, theirs = (ClipFiles(of / "clips", of / "frames") for of in (published.results, results))
    assert ours.splits == theirs.splits
    clips = read_clips(ours)
    pd.testing.assert_frame_equal(clips, read_clips(theirs))
    loaded = {
        clip["clip_id"]: clip
        for part in ("train", "test")
        for clip in tsalv360.load_clips(published.results / "publish", 0, part)
    }
    assert set(loaded) == set(clips.clip_id)
    for row in clips.itertuples():
        target = ours.target(row.video, row.event_id, row.target_frame)
        np.testing.assert_array_equal(target, theirs.target(row.video, row.event_id, row.target_frame))
        np.testing.assert_array_equal(target, loaded[row.clip_id]["saliency"].numpy())
        frames = np.stack([ours.picture(row.video, number) for number in row.frames])
        np.testing.assert_array_equal(frames, np.stack([theirs.picture(row.video, n) for n in row.frames]))
        np.testing.assert_array_equal(frames, loaded[row.clip_id]["frames"].numpy())
    for name in ("annotations", "fixations"):
        read = [pd.read_parquet(of / "dataset" / f"{name}.parquet") for of in (published.results, results)]
        pd.testing.assert_frame_equal(*read)


def test_a_model_is_trained_and_evaluated_from_it(published: Workflow, tmp_path: Path) -> None:
    run = again(published, tmp_path / "again")
    run.build("train", "evaluate", "--config", "folds=[0]")
    scores = pd.read_parquet(run.folder / "results" / "again" / "evaluation" / "default" / "scores.parquet")
    model = scores[scores.predictor == "model"]
    assert len(model) and model.nss.notna().all() and "observers" in set(scores.predictor)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "half": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "maps/001.parquet"),
    "missing": (lambda path: path.unlink(), "maps/001.parquet: found no such file"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_folder_is_refused_by_name(published: Workflow, tmp_path: Path, what: str) -> None:
    copy_of(published.results / "publish", tmp_path / "publish")
    damage, message = DAMAGE[what]
    damage(tmp_path / "publish" / "data" / "maps" / "001.parquet")
    run = Workflow(tmp_path, published.configs).with_config(
        sources=[{"kind": "published", "path": str(tmp_path / "publish")}],
        dataset={"name": "again", "folds": "published"},
    )
    done = run.run("--cores", "2")
    assert done.returncode != 0 and message in done.stdout
    assert not (tmp_path / "results" / "again" / "dataset").exists()


def test_without_permission_no_picture_leaves_the_build(published: Workflow, tmp_path: Path) -> None:
    """The videos as own ones, whose licence is not stated."""
    copy_of(published.folder, tmp_path / "copy")
    gaze = tmp_path / "copy" / "data" / "tiny"
    videos = {
        f"own-{video}": {
            "path": str(next(gaze.rglob(f"{video}.mp4"))),
            "gaze": str(gaze / "Gaze_txt_files"),
            "gaze_format": "vr_eyetracking",
            "gaze_id": video,
        }
        for video in ("001", "002")
    }
    run = Workflow(tmp_path / "copy", published.configs).with_config(
        sources=[], videos=videos, dataset={"name": "own"}, results="own-results"
    )
    run.build("publish")
    folder = tmp_path / "copy" / "own-results" / "own" / "publish"
    check_folder(folder)
    assert not (folder / "explorer").exists()
    assert sorted(path.name for path in (folder / "data").iterdir() if path.is_dir()) == [
        "fixations", "maps", "points", "saliency_all"
    ]  # fmt: skip
    text = (folder / "LICENSE.md").read_text("utf-8")
    assert "own" in text and "not stated" in text
    done = subprocess.run(
        [*(sys.executable, "-m", "tsalv360.cli", "data", "attach"), str(folder), "--videos", str(gaze)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Attached the frames of 2 videos" in done.stdout, done.stderr
    assert "differ" not in done.stdout
    assert len(tsalv360.load_clips(folder, 0, "test")[0]["frames"]) == 8


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "publishing.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_docs_run(published: Workflow, tmp_path: Path, number: int) -> None:
    code = EXAMPLES[number]
    assert len(code.strip().splitlines()) <= 10
    code = code.replace("results/demo/publish", str(published.results / "publish"))
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

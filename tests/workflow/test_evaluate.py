"""The evaluation in the workflow: its plan, and what stops it before anything runs."""

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from running import Workflow
from workflow.test_captioners import HIDE

from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps

pytestmark = pytest.mark.slow


def test_the_plan_contains_each_fold_once(fresh: Workflow) -> None:
    planned = fresh.planned("evaluate")
    assert planned["train_fold"] == planned["evaluate_fold"] == planned["evaluate"] == 1
    both = fresh.with_config(folds=[0, 1]).planned("evaluate")
    assert both["train_fold"] == both["evaluate_fold"] == 2 and both["evaluate"] == 1


def test_features_are_computed_before_a_fold_trains(copy: Workflow) -> None:
    cached = {"weights": "random", "cached_rolls": 1, "flip": "never", "epochs": 1}
    both = copy.with_config(
        folds=[0, 1], model={"encoder": "clip", "text_width": 64, "vocabulary": 49408}, train=cached
    )
    planned = both.planned("train")
    assert planned["features"] == 2 and planned["train_fold"] == 2
    one = both.with_config(folds=[1])
    one.build("train")
    log = (copy.results / "logs" / "features" / "fold1.log").read_text(encoding="utf-8")
    assert re.search(r"Features of \d of \d videos \(.*\) take \S+ GB in results/tiny/features", log)
    assert one.planned("train") == {}
    assert both.planned("train") == {"features": 1, "train_fold": 1}
    done = copy.with_config(train={"cached_rolls": 4}).run("-n", "train")
    assert done.returncode != 0 and "train.cached_rolls: found small encoders" in done.stdout


def test_what_cannot_be_evaluated_stops_the_plan(fresh: Workflow) -> None:
    done = fresh.with_config(dataset={"folds": 1}).run("-n", "evaluate")
    assert done.returncode != 0 and "dataset.folds: 1 fold tests no video" in done.stdout
    (fresh.folder / "sitecustomize.py").write_text(HIDE.format(names=["torch"]))
    path = f"{fresh.folder}{os.pathsep}{os.getenv('PYTHONPATH', '')}"
    done = fresh.run("-n", "evaluate", PYTHONPATH=path)
    assert done.returncode != 0 and "no torch" in done.stdout
    assert "pip install --constraint constraints.txt --editable '.[train]'" in done.stdout


def test_pages_and_predictions_do_not_need_each_other(copy: Workflow) -> None:
    explorer = copy.results / "explorer"
    shutil.rmtree(explorer)
    one = copy.with_config(folds=[0])
    one.build("evaluate")
    assert [path.name for path in explorer.iterdir()] == ["predictions"]
    tested = read_json(copy.results / "dataset" / "splits.json")["folds"][0]["test"]
    scripts = {path: path.read_bytes() for path in (explorer / "predictions" / "default").glob("*.js")}
    assert sorted(path.stem for path in scripts) == sorted(tested)
    one.build("explorer")
    assert (explorer / "index.html").exists()
    assert one.planned("evaluate", "explorer") == {}
    other = one.with_config(train={"name": "other"})
    other.build("evaluate")
    assert (explorer / "predictions" / "models.js").read_text() == 'window.TSALV360_MODELS = ["default", "other"];\n'
    others = (explorer / "predictions" / "other").glob("*.js")
    assert all(b'{"model": "other"' in path.read_bytes() for path in others)
    assert {path: path.read_bytes() for path in (explorer / "predictions" / "default").glob("*.js")} == scripts
    assert one.planned("evaluate", "explorer") == other.planned("evaluate", "explorer") == {}


def other_models_maps(workflow: Workflow, fold: int) -> Path:
    """A folder with the targets of a fold's test videos as another model's maps."""
    folder = workflow.folder / "maps"
    for video in read_json(workflow.results / "dataset" / "splits.json")["folds"][fold]["test"]:
        maps = Maps(workflow.results / "dataset" / "maps" / f"{video}.parquet")
        for event in filter(None, maps.events):
            (folder / video / event).mkdir(parents=True)
            for number in maps.numbers(event):
                (folder / video / event / f"{number:04d}.png").write_bytes(maps.content(event, number))
    return folder


def test_maps_alone_are_evaluated_without_a_model_and_without_pytorch(copy: Workflow) -> None:
    folder = other_models_maps(copy, 0)
    (copy.folder / "sitecustomize.py").write_text(HIDE.format(names=["torch"]))
    path = f"{copy.folder}{os.pathsep}{os.getenv('PYTHONPATH', '')}"
    alone = copy.with_config(folds=[0, 1], evaluate={"model": False, "external": {"Other 2": str(folder)}})
    assert alone.planned("evaluate") == {"evaluate_fold": 2, "evaluate": 1, "clips": 1}
    alone = alone.with_config(folds=[0])
    done = alone.run("--cores", "2", "evaluate", PYTHONPATH=path)
    assert done.returncode == 0, done.stdout
    evaluation = copy.results / "evaluation" / "without_model"
    scores = pd.read_parquet(evaluation / "scores.parquet")
    assert "model" not in set(scores.predictor)
    assert scores[scores.predictor == "external:Other 2"].cc.to_numpy() == pytest.approx(1, abs=1e-6)
    names = {"scores.parquet", "summary.parquet", "tables.md", "tables.tex", "intervals.png"}
    assert {file.name for file in evaluation.iterdir()} == {*names, "fold0.parquet", "fold0.jpg"}
    assert not (copy.results / "models").exists()
    assert alone.planned("evaluate") == {}
    picture = next(folder.rglob("*.png"))
    picture.write_bytes(picture.read_bytes() + b" ")
    assert alone.planned("evaluate") == {"evaluate_fold": 1, "evaluate": 1}
    done = alone.with_config(evaluate={"external": {"Other 2": "gone"}}).run("-n", "evaluate")
    assert done.returncode != 0
    assert "evaluate.external.Other 2: found 'gone', which does not exist" in done.stdout

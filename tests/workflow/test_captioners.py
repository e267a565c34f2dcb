"""Captioners in the workflow: a model, a server that fails, and an extra that is not installed."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from captions.conftest import make_checkpoint
from captions.faults import serve
from running import Workflow

from tsalv360.model.clip_tokens import count

pytestmark = pytest.mark.slow


SECRETS = {"OPENAI_API_KEY": "sk-very-secret", "LABEL_STUDIO_API_KEY": "0123456789abcdef" * 2}
HIDE = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {names} else find(name, *more)
"""


def entries(workflow: Workflow) -> dict[str, dict]:
    shards = sorted((workflow.results / "captions" / "shards").glob("*.json"), key=lambda path: path.stat().st_mtime)
    return {
        event: entry for p in shards for video in json.loads(p.read_text()).values() for event, entry in video.items()
    }


def test_a_model_captions_the_dataset_and_its_answers_are_kept(copy: Workflow, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "model", "llava-next-video", ends=60)
    llava = {"video_model": str(folder), "dtype": "float32", "device_map": "cpu"}
    captions = {"backends": ["llava-next-video", "facts"], "llava": llava, "max_failed": 99}
    modelled = copy.with_config(captions=captions)
    modelled.build()
    made = entries(modelled)
    assert made and all(len(entry["candidates"]) + len(entry["failures"]) == 2 for entry in made.values())
    shown = [entry["candidates"][0] for entry in made.values() if entry["caption"]]
    assert shown and all(one["model"] == str(folder) and one["score"] < 0 for one in shown)
    assert all(one["revision"].startswith("sha256:") for one in shown)
    annotations = pd.read_parquet(modelled.results / "dataset" / "annotations.parquet")
    assert set(annotations.model) == {str(folder)}

    (folder / "model.safetensors").unlink()  # known answers need no weights, but their revision must be found
    later = modelled.with_config(captions={"n_frames": 7})
    done = later.run("--cores", "2")
    assert done.returncode != 0 and "no model.safetensors" in done.stdout


def test_a_server_that_fails_in_part_costs_the_captions_it_failed(copy: Workflow) -> None:
    n_events = len(entries(copy))
    with serve(400) as server:
        endpoint = {"url": server.url, "model": "tiny", "concurrency": 1, "backoff_s": 0}
        served = copy.with_config(captions={"backends": ["endpoint"], "endpoint": endpoint, "shards": 1})
        done = served.run("--cores", "2", **SECRETS)
        assert done.returncode != 0
        assert f"1 of {n_events} events" in done.stdout and "HTTP 400" in done.stdout
        server.script.append(400)
        asked = len(server.requests)
        served.with_config(captions={"max_failed": 1}).build()
        assert len(server.requests) == asked + 1
    (lost,) = [event for event, entry in entries(served).items() if entry["caption"] is None]
    annotations = pd.read_parquet(served.results / "dataset" / "annotations.parquet")
    assert len(annotations) == n_events - 1 and lost not in set(annotations.event_id)
    tasks = json.loads((served.results / "curation_tasks" / f"{lost.split('_')[0]}.json").read_text())
    assert [task["data"]["event_id"] for task in tasks if not task["predictions"]] == [lost]
    index = (served.results / "explorer" / "index.html").read_text(encoding="utf-8")
    assert "1 caption that failed" in index and "HTTP 400" in index
    assert "1 events have no caption" in (served.results / "dataset" / "README.md").read_text(encoding="utf-8")
    assert served.run("--report", "snakemake-report.html", **SECRETS).returncode == 0
    asked_with = {headers["authorization"] for headers in server.headers}
    assert f"Bearer {SECRETS['OPENAI_API_KEY']}" in asked_with
    for secret in SECRETS.values():
        assert secret not in done.stdout
        assert not [p for p in copy.folder.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]


def test_a_missing_extra_stops_the_plan_with_the_line_that_installs_it(fresh: Workflow) -> None:
    (fresh.folder / "sitecustomize.py").write_text(HIDE.format(names=["openai"]))
    environment = {"PYTHONPATH": f"{fresh.folder}{os.pathsep}{os.getenv('PYTHONPATH', '')}"}
    endpoint = fresh.with_config(captions={"backends": ["facts", "endpoint"], "endpoint": {"model": "m"}})
    done = endpoint.run("-n", **environment)
    assert done.returncode != 0
    assert "captions.backends: endpoint: found no openai; expected the extra captions." in done.stdout
    assert "pip install --constraint constraints.txt --editable '.[captions]'" in done.stdout
    assert fresh.run("-n", **environment).returncode == 0


def test_captions_by_facts_import_no_torch(fresh: Workflow, tmp_path: Path) -> None:
    """Without the libraries of the extras everything is built, the numbers of CLIP tokens included."""
    hidden = ("torch", "torchvision", "transformers", "openai", "open_clip", "accelerate")
    for name in hidden:
        (tmp_path / "hidden" / name).mkdir(parents=True)
        (tmp_path / "hidden" / name / "__init__.py").write_text(f"raise SystemExit('{name} was imported')")
    (tmp_path / "hidden" / "sitecustomize.py").write_text(HIDE.format(names=hidden))
    done = fresh.run("--cores", "2", PYTHONPATH=str(tmp_path / "hidden"))
    assert done.returncode == 0, done.stdout
    assert all(entry["n_tokens"] == count(entry["caption"]) for entry in entries(fresh).values())

"""What the commands of the curation tell and refuse before they touch a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tsalv360.config import Config, load_config
from tsalv360.curation import commands
from tsalv360.errors import InputError

TASK = {
    "data": {"event_id": "001_1", "viewport_url": "/data/local-files/?d=demo/viewports/001/001_1.mp4"},
    "predictions": [],
}


def config(folder: Path, **curation: Any) -> Config:
    sources = [{"kind": "demo", "directory": str(folder / "data"), "n_videos": 2}]
    dataset = {"name": "demo", "folds": 2}
    return load_config(
        {"sources": sources, "results": str(folder / "results"), "dataset": dataset, "curation": curation}
    )


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_tasks_the_way_to_them_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Build the dataset first"):
        commands.start(config(tmp_path))


def test_without_a_server_both_ways_to_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tsalv360 curation start.*LABEL_STUDIO_URL"):
        commands.pull(config(tmp_path))


def test_media_are_found_where_a_web_server_gives_them_out(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "demo" / "curation_tasks"
    folder.mkdir(parents=True)
    (folder / "001.json").write_text(json.dumps([TASK]))
    assert commands.wanted_tasks(config(tmp_path)) == [TASK]
    (task,) = commands.wanted_tasks(config(tmp_path, media_url="https://media.example.org/results/"))
    assert task["data"]["viewport_url"] == "https://media.example.org/results/demo/viewports/001/001_1.mp4"
    assert task["data"]["event_id"] == "001_1"

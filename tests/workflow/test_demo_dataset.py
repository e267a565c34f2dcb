"""The first quarter of the demo's videos, compared with the events that their simulated observers watch."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from explorer.made_dataset import data_of
from running import ROOT, Workflow

from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps
from tsalv360.metrics.events import Track, match_events

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (source,) = yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))["sources"]
    workflow = Workflow(tmp_path_factory.mktemp("demo"), configs=())
    workflow.with_config(sources=[source | {"n_videos": 6}]).build()
    return workflow.folder


def tracks(known: list[dict]) -> list[Track]:
    return [Track.of(event) for event in known]


def test_the_watched_events_are_found_and_little_else(demo: Path) -> None:
    n_true = n_found = 0
    matches, right_words = [], []
    for path in sorted((demo / "data" / "demo" / "truth").glob("*.json")):
        known = read_json(path)["events"]
        table = pd.read_parquet(demo / "results" / "demo" / "tracks" / f"{path.stem}.parquet")
        found = [track.to_dict("list") for _, track in table.groupby("event_id", sort=False)]
        own = match_events(tracks(known), tracks(found))
        n_true, n_found, matches = n_true + len(known), n_found + len(found), matches + own
        for match in own:
            maps = Maps(demo / "results" / "demo" / "dataset" / "maps" / f"{path.stem}.parquet")
            right_words.append(known[match.true]["colour"] in maps.caption(found[match.found]["event_id"][0]))
    assert len(matches) / n_true >= 0.9
    assert len(matches) / n_found >= 0.75  # of few events; a tenth may be chance
    assert np.median([match.error_deg for match in matches]) <= 2
    assert np.mean(right_words) >= 0.9


def test_the_explorer_of_the_demo_stands_alone(demo: Path) -> None:
    explorer = demo / "results" / "demo" / "explorer"
    for page in (explorer / "index.html", *sorted(explorer.glob("videos/*.html"))):
        text = page.read_text(encoding="utf-8")
        assert "Captions: draft" in text
        assert 'src="http' not in text and 'href="http' not in text
    for video in data_of(explorer / "index.html")["videos"]["id"]:
        media = data_of(explorer / "videos" / f"{video}.html")["media"]
        assert media["bytes"] == (explorer / "videos" / media["file"]).stat().st_size
        assert (explorer / "videos" / f"{media['file']}.js").exists()

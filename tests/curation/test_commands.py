"""What the curation commands say and refuse before they change a server."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from curation.annotating import annotation, exported, record, task

from tsalv360.config import Config, load_config
from tsalv360.curation import commands, review
from tsalv360.curation.match import NearRecord
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.media.pictures import read_picture, write_picture

TASK = task("001_1", viewport_url="/data/local-files/?d=demo/viewports/001/001_1.mp4")


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


def test_without_tasks_the_error_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Build the dataset first"):
        commands.start(config(tmp_path))


def test_without_a_server_the_error_names_both_ways_to_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tsalv360 curation start.*LABEL_STUDIO_URL"):
        commands.pull(config(tmp_path))


def test_of_two_commands_that_write_files_one_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise the second one would write a file without the annotations that the first one has just added."""
    conf = config(tmp_path)
    (tmp_path / "export.json").write_text(json.dumps([exported(annotation())]))
    with commands._alone(conf):
        other = Thread(target=commands.import_file, args=(conf, tmp_path / "export.json"))
        other.start()
        printed = ""
        while "waiting for it" not in printed:
            printed += capsys.readouterr().out
        assert not (tmp_path / "curation").exists()
    other.join()
    assert "1 new annotations of 1 videos: v" in capsys.readouterr().out


def test_media_have_the_urls_of_a_web_server(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "demo" / "curation_tasks"
    folder.mkdir(parents=True)
    write_json(folder / "001.json", [TASK])
    assert commands.read_tasks(config(tmp_path)) == [TASK]
    (moved,) = commands.read_tasks(config(tmp_path, media_url="https://media.example.org/results/"))
    assert moved.data.viewport_url == "https://media.example.org/results/demo/viewports/001/001_1.mp4"
    assert moved.data.poster_url == TASK.data.poster_url


def test_the_page_links_to_the_explorer_that_a_web_server_has(tmp_path: Path) -> None:
    (tmp_path / "results" / "demo" / "viewports").mkdir(parents=True)
    page = tmp_path / "results" / "demo" / "curation_page" / "page.html"
    commands._media_folders(config(tmp_path))
    assert 'data-server=""' in page.read_text(encoding="utf-8")
    commands._media_folders(config(tmp_path, media_url='https://media.example.org/results/"><b>'))
    address = "https://media.example.org/results/&#34;&gt;&lt;b&gt;/demo/explorer"
    assert f'data-server="{address}"' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["viewports", "viewports_with_sound"])
@pytest.mark.parametrize("url", [None, "https://media.example.org/results/"])
def test_an_event_to_be_reviewed_again_shows_both_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_track: Callable[..., pd.DataFrame], kind: str, url: str | None
) -> None:
    root = tmp_path / "results" / "demo"
    for folder in ("curation_tasks", "viewports/001", f"{kind}/001"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write_picture(root / "viewports" / "001" / "001_1.jpg", np.zeros((48, 64, 3), np.uint8))
    poster = f"/data/local-files/?d=demo/{kind}/001/001_1.jpg"
    write_json(root / "curation_tasks" / "001.json", [task("001_1", video="001", poster_url=poster)])
    monkeypatch.setattr(review, "_earlier_poster", lambda *_: np.full((48, 64, 3), 255, np.uint8))
    near = {"001_1": NearRecord(record(make_track("001_1", [0, 1])), 0.5, 1.0)}
    conf = config(tmp_path, media_url=url)
    (one,) = commands.read_tasks(conf)
    shown = review.with_earlier(conf, one, near).data
    assert shown.facts.startswith("Reviewed before the event changed, by ann: accept: ")
    prefix, _, path = shown.poster_url.partition("demo/")
    assert prefix == (url or "/data/local-files/?d=")
    assert path != f"{kind}/001/001_1.jpg" and read_picture(root / path).shape[0] > 96


@pytest.mark.parametrize("kind", ["viewports", "viewports_with_sound", "curation_pictures", "curation_page"])
def test_every_folder_of_media_is_served_and_has_no_links(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "results" / "demo"
    (root / "viewports" / "001").mkdir(parents=True)
    (root / kind / "001").mkdir(parents=True, exist_ok=True)
    expected = sorted({"viewports", "curation_pictures", "curation_page", kind})
    assert sorted(commands._media_folders(config(tmp_path))) == sorted(str(root / name) for name in expected)
    there = [f"/mnt/results/demo/{name}" for name in expected]
    assert sorted(commands._media_folders(config(tmp_path, media_root="/mnt/results"))) == there
    (root / kind / "001" / "link.mp4").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=rf"{kind}/001/link\.mp4: found a symbolic link"):
        commands._media_folders(config(tmp_path))


def test_a_key_that_a_server_repeats_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            release = self.path.startswith("/api/version")
            self.send_response(200 if release else 418)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"release": "1.23", "you sent": self.headers.get("Authorization")}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LABEL_STUDIO_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0123456789abcdef" * 2)
    with pytest.raises(InputError, match=r"error 418 .*\*\*\*") as error:
        commands.pull(config(tmp_path))
    server.shutdown()
    assert "0123456789abcdef" not in str(error.value)


@pytest.mark.parametrize("url", ["https://ann:very-secret@host", "very-secret"])
def test_a_url_that_may_contain_a_secret_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "k")
    with pytest.raises(InputError, match="LABEL_STUDIO_URL: found no URL") as error:
        commands.pull(config(tmp_path))
    assert "secret" not in str(error.value)

"""What the curation commands say and refuse before they change a server."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from curation.annotating import task

from tsalv360.config import Config, load_config
from tsalv360.curation import commands
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json

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


def test_media_have_the_urls_of_a_web_server(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "demo" / "curation_tasks"
    folder.mkdir(parents=True)
    write_json(folder / "001.json", [TASK])
    assert commands.read_tasks(config(tmp_path)) == [TASK]
    (moved,) = commands.read_tasks(config(tmp_path, media_url="https://media.example.org/results/"))
    assert moved.data.viewport_url == "https://media.example.org/results/demo/viewports/001/001_1.mp4"
    assert moved.data.poster_url == TASK.data.poster_url


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

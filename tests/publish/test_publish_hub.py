"""Repositories of the Hugging Face Hub: its own library, on a stand-in that fails in the middle."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from publish.hub_standin import TOKEN, Hub, Repository, XetHub
from publish.small_folder import content_of, digest, published_files, write_sums
from running import ROOT
from serving import serving

from tsalv360.cli import main
from tsalv360.publish.upload import hub as module

NAME = "datasets/jane/small"
SPACE = "spaces/jane/small-explorer"
PUTS = r"PUT /large/.*"
COMMITS = r"POST .*/commit/main"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr(module, "WAITS_S", (0, 0))
    # the library reads these once, when it is imported
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # other tests run without a network
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda s: None)
    with serving(Hub()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def folder(folder: Path) -> Path:
    with Path("config.yaml").open("a") as config:
        config.write("publish: {repository: jane/small}\n")
    return folder


def publish(*options: str) -> int:
    return main(["publish", "--to", "hub", "--configfile", "config.yaml", *options])


def files_of(repository: Repository) -> dict[str, str]:
    """The checksums of all files, but of those that the Hub itself puts there."""
    names = repository.files.keys() - {".gitattributes", "style.css"}
    return {name: digest(repository.files[name]) for name in names}


def test_without_yes_the_server_is_only_asked(hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish("--space") == 0
    shown = capsys.readouterr().out
    assert {request.method for request in hub.requests} == {"GET"}
    assert hub.repositories == {}
    assert "dataset jane/small at" in shown and "space jane/small-explorer at" in shown
    assert shown.count("new, private") == 2 and "10 files" in shown and "Nothing was sent" in shown
    assert "theirs (1 of its videos)" in shown


def test_without_a_token_it_says_what_it_would_send_and_refuses_to(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert publish() == 0
    assert "HF_TOKEN is not set" in capsys.readouterr().out
    assert publish("--yes") == 1
    assert "HF_TOKEN" in capsys.readouterr().err
    assert hub.requests == []


def test_every_byte_arrives_in_a_private_repository(hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = content_of(folder)
    assert publish("--yes") == 0
    assert list(hub.repositories) == [NAME]
    repository = hub.repositories[NAME]
    assert repository.private
    assert files_of(repository) == published_files(folder)
    assert repository.commits[-1] == ["SHA256SUMS"], "a repository without it is unfinished"
    assert content_of(folder) == before, "no cache in the folder"
    shown = capsys.readouterr()
    assert f"{hub.url}/datasets/jane/small" in shown.out
    assert TOKEN not in shown.out + shown.err
    assert not any(TOKEN.encode() in path.read_bytes() for path in folder.parent.rglob("*") if path.is_file())


def test_a_second_run_sends_nothing(hub: Hub, folder: Path) -> None:
    assert publish("--yes") == 0
    hub.requests.clear()
    assert publish("--yes") == 0
    assert {request.method for request in hub.requests} == {"GET"}


def test_public_only_when_asked_for(hub: Hub, folder: Path) -> None:
    assert publish("--yes", "--public", "--repo", "jane/other") == 0
    assert not hub.repositories["datasets/jane/other"].private


def test_a_public_repository_is_named_before_and_gets_nothing_unless_asked_for(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories[NAME] = Repository(private=False)
    assert publish() == 0
    assert "exists, PUBLIC" in capsys.readouterr().out
    assert publish("--yes") == 1
    shown = capsys.readouterr()
    assert "exists, PUBLIC" in shown.out and "--public" in shown.err
    assert hub.repositories[NAME].commits == []
    assert publish("--yes", "--public") == 0
    assert files_of(hub.repositories[NAME]) == published_files(folder)


def test_a_server_that_makes_a_private_repository_public_gets_nothing(hub: Hub, folder: Path) -> None:
    hub.obeys_private = False
    assert publish("--yes") == 1
    assert hub.repositories[NAME].commits == []


@pytest.mark.parametrize("fault", ["drop", 503, 429])
@pytest.mark.parametrize("where", [PUTS, COMMITS, r"POST .*/preupload/main"])
def test_a_passing_fault_costs_a_second_try(hub: Hub, folder: Path, where: str, fault: object) -> None:
    hub.fail(where, fault)
    assert publish("--yes") == 0
    assert files_of(hub.repositories[NAME]) == published_files(folder)
    assert len({request.path for request in hub.seen(PUTS)}) == len(hub.seen(PUTS)), "none is sent twice"


def test_a_commit_whose_answer_is_lost_is_not_made_twice(hub: Hub, folder: Path) -> None:
    hub.fail(COMMITS, "deaf")
    assert publish("--yes") == 0
    assert files_of(hub.repositories[NAME]) == published_files(folder)
    assert len(hub.repositories[NAME].commits) == 2


@pytest.mark.parametrize("fault", ["drop", 503])
def test_a_second_run_completes_what_a_fault_has_stopped_and_sends_nothing_twice(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: object, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_COMMIT_FILES", 3)
    large = digest((folder / "data" / "maps" / "größe 2.parquet").read_bytes())
    hub.fail(f"PUT /large/{large}", *[fault] * 50)
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "Run the command again" in error and TOKEN not in error
    repository = hub.repositories[NAME]
    assert "SHA256SUMS" not in repository.files
    first = {request.path for request in hub.seen(PUTS)}
    assert first
    hub.recover()
    hub.requests.clear()
    n_commits = len(repository.commits)
    assert publish("--yes") == 0
    assert files_of(repository) == published_files(folder)
    assert first.isdisjoint(request.path for request in hub.seen(PUTS))
    done = {name for commit in repository.commits[:n_commits] for name in commit}
    assert done.isdisjoint(name for commit in repository.commits[n_commits:] for name in commit)


@pytest.mark.parametrize("roles", [{}, {TOKEN: "read"}])
def test_a_refused_token_is_named_and_not_shown(
    hub: Hub, folder: Path, roles: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.roles = roles
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "HF_TOKEN" in error and "write access" in error
    assert TOKEN not in error


def test_a_new_version_takes_the_place_of_the_earlier_one(hub: Hub, folder: Path) -> None:
    assert publish("--yes") == 0
    (folder / "LICENSE.md").rename(folder / "LICENCES.md")
    (folder / "data" / "maps" / "001.parquet").write_bytes(b"new")
    write_sums(folder)
    hub.requests.clear()
    assert publish("--yes") == 0
    assert files_of(hub.repositories[NAME]) == published_files(folder)
    assert len(hub.seen(PUTS)) == 1
    assert set(hub.repositories[NAME].commits[-1]) == {"LICENSE.md", "SHA256SUMS"}, "at once, at the end"


def test_files_of_somebody_else_are_named_and_left_alone(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories[NAME] = Repository(private=True, files={"thesis.pdf": b"mine"})
    assert publish("--yes") == 1
    assert "thesis.pdf" in capsys.readouterr().err
    assert hub.repositories[NAME].files == {"thesis.pdf": b"mine"}


def test_the_explorer_is_a_static_space(hub: Hub, folder: Path) -> None:
    assert publish("--yes", "--space") == 0
    space = hub.repositories[SPACE]
    assert space.private and space.sdk == "static"
    assert files_of(hub.repositories[NAME]) == published_files(folder)
    pages = content_of(folder / "explorer")
    assert {name: files_of(space)[name] for name in pages} == pages
    assert space.files["README.md"] == b'---\ntitle: "small"\nsdk: static\napp_file: index.html\n---\n'
    assert files_of(space).keys() == pages.keys() | {"README.md", "SHA256SUMS"}
    assert list((folder.parent / "upload").iterdir()) == []


def test_a_space_without_pages_is_refused(hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((folder / "explorer").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    write_sums(folder)
    assert publish("--yes", "--space") == 1
    assert "--space" in capsys.readouterr().err
    assert hub.requests == []


def test_what_arrives_otherwise_is_found(hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit = hub.commit

    def forgetful(*given: str) -> object:
        answer = commit(*given)  # type: ignore[arg-type]
        hub.repositories[NAME].files.pop("README.md", None)
        return answer

    hub.commit = forgetful  # type: ignore[method-assign, assignment]
    assert publish("--yes") == 1
    assert "README.md" in capsys.readouterr().err


def test_every_byte_arrives_by_xet_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command as a user runs it, with what the library does by default."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)  # other tests run without a network
    (tmp_path / "store").mkdir()
    command = [sys.executable, "-m", "tsalv360.cli", "publish", "--to", "hub", "--configfile", "config.yaml", "--yes"]
    with serving(XetHub(tmp_path / "store", [path for path in folder.rglob("*") if path.is_file()])) as hub:
        environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
        for _ in range(2):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert TOKEN not in done.stdout + done.stderr
    assert files_of(hub.repositories[NAME]) == published_files(folder)
    assert hub.seen(PUTS) == [] and len(hub.seen(r"GET .*/xet-write-token/main")) == 1
    assert len(hub.repositories[NAME].commits) == 2
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

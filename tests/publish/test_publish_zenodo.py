"""Drafts on Zenodo, on a stand-in that speaks its protocol and fails in the middle."""

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from publish.small_folder import ZENODO, content_of, digest, published_files, write_sums
from publish.zenodo_standin import TOKEN, Zenodo
from serving import serving

from tsalv360.cli import main
from tsalv360.publish.upload import zenodo as module

PUTS = r"PUT /api/files/.*"


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    monkeypatch.setattr(module, "WAITS_S", (0, 0, 0))
    with serving(Zenodo()) as server:
        monkeypatch.setenv("ZENODO_URL", server.url)
        monkeypatch.setenv("ZENODO_TOKEN", TOKEN)
        yield server


def publish(*options: str) -> int:
    return main(["publish", "--to", "zenodo", "--configfile", "config.yaml", *options])


def assert_arrived(server: Zenodo, folder: Path, number: str = "101") -> None:
    """Every byte is there, loose or in an archive, and nothing else is."""
    stored: dict[str, bytes] = {}
    for name, content in server.stored[number].items():
        if name in ("data.tar", "explorer.tar"):
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                stored |= {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
        else:
            stored[name] = content
    assert {name: digest(content) for name, content in stored.items()} == published_files(folder)


def test_without_yes_nothing_is_sent(zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish() == 0
    shown = capsys.readouterr().out
    assert zenodo.requests == []
    assert "Nothing was sent" in shown and "--yes" in shown
    assert "a new draft" in shown and "data.tar" in shown and "10 files" in shown
    assert "theirs (1 of its videos)" in shown and "publish.pictures" in shown and "ours (" not in shown
    assert not (folder.parent / "upload").exists()


def test_a_draft_gets_every_byte_and_is_not_published(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish("--yes") == 0
    assert_arrived(zenodo, folder)
    assert set(zenodo.stored["101"]) == {
        *("README.md", "LICENSE.md", "zenodo.json", "TSV360_gt.tar", "SHA256SUMS", "data.tar", "explorer.tar")
    }
    assert zenodo.metadata["101"] == ZENODO
    assert zenodo.submitted == set()
    assert zenodo.seen(PUTS)[-1].path.endswith("/SHA256SUMS")
    shown = capsys.readouterr()
    assert f"{zenodo.url}/deposit/101" in shown.out and "NOT published" in shown.out
    everything = shown.out + shown.err + "".join(p.read_text() for p in (folder.parent / "upload").rglob("*.json"))
    assert TOKEN not in everything
    assert [path.name for path in (folder.parent / "upload").iterdir()] == ["zenodo.json"], "archives are removed"


@pytest.mark.parametrize("fault", ["drop", 500, 503, (429, {"retry-after": "0"})])
def test_a_passing_fault_costs_a_second_try(zenodo: Zenodo, folder: Path, fault: object) -> None:
    zenodo.fail(r"PUT /api/files/.*/data\.tar", fault)
    zenodo.fail(r"GET .*/files", fault)
    assert publish("--yes") == 0
    assert_arrived(zenodo, folder)
    assert len(zenodo.seen(PUTS)) == 7


@pytest.mark.parametrize("fault", ["drop", 503, 429])
def test_a_second_run_completes_what_a_fault_has_stopped_and_sends_nothing_twice(
    zenodo: Zenodo, folder: Path, fault: object, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.fail(r"PUT /api/files/.*/data\.tar", *[fault] * 4)
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "Run the command again" in error and TOKEN not in error
    first = {request.path for request in zenodo.seen(PUTS)}
    assert 0 < len(first) < 7 and "SHA256SUMS" not in zenodo.stored["101"]
    zenodo.requests.clear()
    assert publish("--yes") == 0
    assert first.isdisjoint(request.path for request in zenodo.seen(PUTS))
    assert list(zenodo.stored) == ["101"], "the same draft"
    assert_arrived(zenodo, folder)
    zenodo.requests.clear()
    assert publish("--yes") == 0
    assert zenodo.seen(PUTS) == []


def test_an_upload_whose_answer_is_lost_is_found_there(zenodo: Zenodo, folder: Path) -> None:
    zenodo.fail(r"PUT /api/files/.*/data\.tar", "deaf")
    assert publish("--yes") == 0
    assert_arrived(zenodo, folder)


def test_no_second_draft_is_made_where_the_answer_to_the_first_is_lost(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.fail(r"POST .*", "deaf")
    assert publish("--yes") == 1
    assert len(zenodo.stored) == 1
    assert "dropped connection" in capsys.readouterr().err


def test_a_server_that_asks_to_wait_for_an_hour_is_not_waited_for(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.fail(r"POST .*", (429, {"retry-after": "3600"}))
    assert publish("--yes") == 1
    assert "HTTP 429" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "words"), [(401, "not valid there"), (403, "deposit:write")])
def test_a_refused_token_is_named_with_its_scope_and_not_shown(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str], status: int, words: str
) -> None:
    zenodo.scopes = {} if status == 401 else {TOKEN: {"user:email"}}
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "ZENODO_TOKEN" in error and words in error
    assert TOKEN not in error
    assert len(zenodo.requests) == 1


def test_without_a_token_the_way_to_one_is_said(
    zenodo: Zenodo, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ZENODO_TOKEN")
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "ZENODO_TOKEN" in error and "deposit:write" in error
    assert zenodo.requests == []


def test_a_token_is_sent_to_no_other_server(
    zenodo: Zenodo, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Zenodo()) as other:
        zenodo.bucket_server = other.url
        assert publish("--yes") == 1
        assert other.requests == []
    assert "same server" in capsys.readouterr().err
    monkeypatch.setenv("ZENODO_URL", "http://zenodo.example")
    assert publish("--yes") == 1
    assert "https://" in capsys.readouterr().err


def test_a_new_version_replaces_the_files_of_the_draft(zenodo: Zenodo, folder: Path) -> None:
    assert publish("--yes") == 0
    (folder / "LICENSE.md").rename(folder / "LICENCES.md")
    (folder / "data" / "maps" / "001.parquet").write_bytes(b"new")
    write_sums(folder)
    zenodo.requests.clear()
    assert publish("--yes") == 0
    assert_arrived(zenodo, folder)
    sent = [request.path.rpartition("/")[2] for request in zenodo.seen(PUTS)]
    assert sorted(sent) == ["LICENCES.md", "SHA256SUMS", "data.tar"]


def test_a_published_record_is_left_alone_and_a_removed_draft_made_again(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish("--yes") == 0
    zenodo.submitted.add("101")
    (folder / "LICENSE.md").write_text("Other.")
    write_sums(folder)
    zenodo.requests.clear()
    assert publish("--yes") == 1
    assert "published already" in capsys.readouterr().err
    assert zenodo.seen(PUTS) == []
    del zenodo.stored["101"]
    assert publish("--yes") == 0
    assert_arrived(zenodo, folder, "102")


def test_metadata_that_are_refused_are_named_first(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "zenodo.json").write_text('{"title": "x"}')
    write_sums(folder)
    assert publish("--yes") == 1
    error = capsys.readouterr().err
    assert "HTTP 400" in error and "creators" in error and "zenodo.json" in error
    assert zenodo.seen(PUTS) == [], "before anything is uploaded"


def test_archives_of_the_same_files_are_the_same_bytes(zenodo: Zenodo, folder: Path) -> None:
    assert publish("--yes") == 0
    first = zenodo.stored["101"]["data.tar"]
    for path in folder.rglob("*"):
        path.chmod(0o700)
        path.touch()
    (folder.parent / "upload" / "zenodo.json").unlink()
    assert publish("--yes") == 0
    assert zenodo.stored["102"]["data.tar"] == first


def test_more_than_a_hundred_files_are_refused_before_anything_is_sent(
    zenodo: Zenodo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(101):
        (folder / f"{number}.txt").touch()
    write_sums(folder)
    assert publish("--yes") == 1
    assert re.search("at most 100", capsys.readouterr().err)
    assert zenodo.requests == []


def test_the_folder_is_not_changed(zenodo: Zenodo, folder: Path) -> None:
    before = content_of(folder)
    assert publish("--yes") == 0
    assert content_of(folder) == before

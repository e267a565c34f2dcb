"""Checking a published folder, and copying it to another one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from publish.small_folder import content_of, published_files, write_sums

from tsalv360.cli import main
from tsalv360.job.errors import InputError
from tsalv360.publish.check import check_folder
from tsalv360.publish.upload import folder as module
from tsalv360.sources.published_folder import read_sums


def publish(*options: str) -> int:
    return main(["publish", "--configfile", "config.yaml", *options])


def copy(*options: str) -> int:
    return publish("--to", "folder", "--path", "copy", *options)


def test_a_whole_folder_is_listed_with_its_checksums_last(folder: Path) -> None:
    files = check_folder(folder)
    assert {file.relative_to(folder).as_posix() for file in files} == published_files(folder).keys()
    assert files[-1].name == "SHA256SUMS"


def _cut(folder: Path) -> str:
    path = folder / "data" / "maps" / "größe 2.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    return "data/maps/größe 2.parquet"


def _flip(folder: Path) -> str:
    content = bytearray((folder / "TSV360_gt.tar").read_bytes())
    content[1000] ^= 1
    (folder / "TSV360_gt.tar").write_bytes(content)
    return "TSV360_gt.tar"


def _remove(folder: Path) -> str:
    (folder / "explorer" / "index.html").unlink()
    return "explorer/index.html"


def _add(folder: Path) -> str:
    (folder / "attached").mkdir()
    (folder / "attached" / "003.parquet").touch()
    return "attached/003.parquet"


def _link(folder: Path) -> str:
    (folder.parent / "secret").write_bytes((folder / "LICENSE.md").read_bytes())
    (folder / "LICENSE.md").unlink()
    (folder / "LICENSE.md").symlink_to(folder.parent / "secret")
    return "LICENSE.md"


def _link_to_a_folder(folder: Path) -> str:
    (folder / "home").symlink_to("/")
    return "home"


def _pipe(folder: Path) -> str:
    (folder / "LICENSE.md").unlink()
    os.mkfifo(folder / "LICENSE.md")
    return "LICENSE.md"


def _without_sums(folder: Path) -> str:
    (folder / "SHA256SUMS").unlink()
    return "SHA256SUMS"


HARMS = [_cut, _flip, _remove, _add, _link, _link_to_a_folder, _pipe, _without_sums]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("to", [["folder", "--path", "copy"], ["hub", "--repo", "jane/small"], ["zenodo"]])
def test_a_folder_that_is_not_whole_is_refused_by_name(
    folder: Path, harm: Callable[[Path], str], to: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = harm(folder)
    assert publish("--to", *to, "--yes") == 1
    shown = capsys.readouterr()
    assert name in shown.err and str(folder.relative_to(Path.cwd())) in shown.err
    assert shown.out == "" and not Path("copy").exists()


NAMES = [
    *("../out", "/etc/passwd", "data/../../out", "./a", "a//b", "a\\b", "C:x", "a/", "a\x1b[2J", "a\u202eb"),
    *(".git/config", "", "a\udcff"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_or_deceives_is_refused(folder: Path, name: str) -> None:
    line = f"{'0' * 64}  {name}\n"
    with open(folder / "SHA256SUMS", "ab") as file:
        file.write(line.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"SHA256SUMS, line 10") as error:
        read_sums(folder)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("line", [b"garbage\n", b"\xff\xfe\n", b"0" * 64 + b" README.md\n", b"0" * 63 + b"  a\n"])
def test_lines_that_are_no_checksums_are_refused(folder: Path, line: bytes) -> None:
    (folder / "SHA256SUMS").write_bytes(line)
    with pytest.raises(InputError, match="line 1"):
        read_sums(folder)


def test_a_name_that_is_listed_twice_is_refused(folder: Path) -> None:
    text = (folder / "SHA256SUMS").read_text("utf-8")
    (folder / "SHA256SUMS").write_text(text + text.splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 10"):
        read_sums(folder)


def test_without_the_folder_the_command_that_makes_it_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder)
    assert copy("--yes") == 1
    assert "snakemake publish" in capsys.readouterr().err


def test_without_yes_nothing_is_copied(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert copy() == 0
    shown = capsys.readouterr().out
    assert "the folder copy" in shown and "10 files" in shown and "Nothing was sent" in shown and "--yes" in shown
    assert not Path("copy").exists()


def test_a_copy_is_the_same_and_can_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert copy("--yes") == 0
    assert content_of(Path("copy")) == published_files(folder)
    check_folder(Path("copy"))
    assert copy() == 0
    assert "has 10 of the files" in capsys.readouterr().out


def test_a_copy_that_was_interrupted_is_unfinished_and_a_second_run_completes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    whole = module.FolderCopy._copy

    def fails_at(n: int) -> Callable[..., None]:
        def run(self: module.FolderCopy, name: str, digest: str) -> None:
            if len(copied) == n:
                raise OSError(28, "No space left on device")
            whole(self, name, digest)
            copied.append(name)

        return run

    monkeypatch.setattr(module.FolderCopy, "_copy", fails_at(4))
    assert copy("--yes") == 1
    with pytest.raises(InputError, match="no SHA256SUMS"):
        check_folder(Path("copy"))
    Path("copy", "data", "maps").mkdir(parents=True, exist_ok=True)
    Path("copy", "data", "maps", ".größe 2.0123abcd.partial.parquet").write_bytes(b"left by a killed run")
    monkeypatch.setattr(module.FolderCopy, "_copy", fails_at(99))
    assert copy("--yes") == 0
    assert content_of(Path("copy")) == published_files(folder)
    assert sorted(copied) == sorted(published_files(folder)), "none is copied twice"


def test_a_damaged_copy_is_mended_and_unfinished_until_then(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert copy("--yes") == 0
    _flip(Path("copy"))
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", Mock(side_effect=OSError(5, "Input/output error")))
        assert copy("--yes") == 1
    assert not Path("copy", "SHA256SUMS").exists()
    assert copy("--yes") == 0
    assert content_of(Path("copy")) == published_files(folder)


def test_other_files_and_other_versions_are_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("copy").mkdir()
    Path("copy", "thesis.txt").write_text("mine")
    assert copy("--yes") == 1
    assert "thesis.txt" in capsys.readouterr().err
    Path("copy", "thesis.txt").unlink()
    Path("copy", "data").symlink_to(folder.parent)
    assert copy("--yes") == 1
    assert "the link data" in capsys.readouterr().err
    Path("copy", "data").unlink()
    assert copy("--yes") == 0
    before = content_of(Path("copy"))
    (folder / "LICENSE.md").write_text("Other.")
    write_sums(folder)
    assert copy("--yes") == 1
    assert "another version" in capsys.readouterr().err
    assert content_of(Path("copy")) == before


@pytest.mark.parametrize("path", ["out/small/publish", "out/small/publish/copy", "out", "config.yaml"])
def test_a_place_that_is_none_is_refused(folder: Path, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = content_of(folder.parent)
    assert publish("--to", "folder", "--path", path, "--yes") == 1
    assert "--path" in capsys.readouterr().err
    assert content_of(folder.parent) == before


WRONG = [
    ("folder", ["--public", "--path", "x"], "--public"),
    ("zenodo", ["--space"], "--space"),
    ("zenodo", ["--path", "x"], "--path"),
    ("zenodo", ["--repo", "jane/small"], "--repo"),
    ("folder", [], "--path"),
    ("hub", [], "publish.repository"),
    ("hub", ["--repo", "small"], "user/name"),
    ("hub", ["--repo", "../x/y"], "user/name"),
]


@pytest.mark.parametrize(("to", "options", "words"), WRONG)
def test_options_that_do_not_belong_together_are_refused(
    folder: Path, to: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish("--to", to, *options, "--yes") == 1
    assert words in capsys.readouterr().err

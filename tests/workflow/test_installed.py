"""What users install: the wheel and the source archive, and a project that runs with the wheel alone."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from running import ROOT, TINY

from tsalv360 import __version__

pytestmark = pytest.mark.slow
WORKFLOW = ("rules", "scripts", "config", "envs", "profiles")


def build(*options: str | Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", *map(str, options), str(ROOT)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("archives")
    build("--outdir", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(archives: Path) -> Path:
    return archives / f"tsalv360-{__version__}-py3-none-any.whl"


def files_of(wheel: Path) -> dict[str, int]:
    """The checksums of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def tracked(*folders: str) -> set[str]:
    """The files of the source, without what Git ignores."""
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    done = subprocess.run(listed, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        pytest.skip("needs a clone")
    return set(done.stdout.split())


def test_the_source_archive_gives_the_wheel_of_the_clone(archives: Path, wheel: Path, tmp_path: Path) -> None:
    build("--wheel", "--outdir", tmp_path)
    assert files_of(tmp_path / wheel.name) == files_of(wheel)
    with tarfile.open(archives / f"tsalv360-{__version__}.tar.gz") as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked("tests", "docs", "benchmarks", "Makefile", "CHANGELOG.md", "CITATION.cff", "LICENSE") <= inside


def test_the_wheel_holds_the_workflow_and_no_private_settings(wheel: Path) -> None:
    inside = {name.removeprefix("tsalv360/workflow/files/") for name in files_of(wheel)}
    assert tracked("Snakefile", *WORKFLOW) == {
        name for name in inside if name == "Snakefile" or name.startswith(tuple(f"{folder}/" for folder in WORKFLOW))
    }
    packages = {name for name in inside if not name.startswith(f"tsalv360-{__version__}.dist-info/")}
    assert {name.partition("/")[0] for name in packages} == {"Snakefile", "tsalv360", *WORKFLOW}
    assert not {name for name in inside if "/web/src/" in name or name.endswith("package.json")}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and, from this one, the libraries."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--quiet", "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])  # without what these .pth files add
    return folder / "bin"


def run(folder: Path, *command: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_project_is_made_and_built_by_the_installed_wheel_alone(installed: Path, tmp_path: Path) -> None:
    tsalv360, python = installed / "tsalv360", installed / "python"
    snakemake = (python, "-m", "snakemake")
    assert run(tmp_path, tsalv360, "--version") == f"tsalv360 {__version__}\n"
    assert str(installed.parent) in run(tmp_path, python, "-c", "import tsalv360; print(tsalv360.__file__)")

    run(tmp_path, tsalv360, "init", "tiny", "--template", "demo")
    project = tmp_path / "tiny"
    (project / "config" / "local.yaml").write_text(TINY.read_text(encoding="utf-8"), encoding="utf-8")
    run(project, tsalv360, "data", "check")
    everything = ("all", "train", "evaluate", "publish")
    run(project, *snakemake, *everything, "-n", "--workflow-profile", "profiles/slurm")
    run(project, *snakemake, *everything, "--cores", "2", "--quiet", "rules")

    link = project / ".snakemake" / "package" / "tsalv360"  # what jobs import
    assert link.resolve().is_relative_to(installed.parent.resolve())
    results = project / "results" / "tiny"
    for made in ("dataset/README.md", "explorer/index.html", "evaluation/default/tables.md", "publish/CITATION.cff"):
        assert (results / made).is_file(), made
    assert f"tsalv360 {__version__}" in (results / "dataset" / "README.md").read_text(encoding="utf-8")
    assert "Nothing to be done" in run(project, *snakemake, *everything, "--cores", "2")
    page = run(project, tsalv360, "evaluate", "table", results / "evaluation" / "default")
    assert "CC" in page

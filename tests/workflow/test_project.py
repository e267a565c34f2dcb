"""New projects: what `tsalv360 init` writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from running import ROOT

from tsalv360.cli import main
from tsalv360.config import as_written, known_keys
from tsalv360.job.installed import link_package
from tsalv360.workflow.project import TEMPLATES, make_project


def test_every_config_of_the_workflow_is_a_template() -> None:
    files = {path.stem for path in (ROOT / "config").glob("*.yaml")} - {"schema"}
    assert {"demo" if name == "config" else name for name in files} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_data_set_has_the_name_of_the_folder_and_the_settings_of_the_template(
    template: str, tmp_path: Path
) -> None:
    make_project(tmp_path / "my-dataset", template)
    text = (tmp_path / "my-dataset" / "config" / "local.yaml").read_text(encoding="utf-8")
    original = ROOT / "config" / ("config.yaml" if template == "demo" else f"{template}.yaml")
    wanted = yaml.safe_load(original.read_text(encoding="utf-8"))
    wanted["dataset"]["name"] = "my-dataset"
    assert yaml.safe_load(text) == wanted
    assert "copy this file" not in text and "schema.yaml" not in text
    assert text.startswith(f"# Settings of my-dataset: {TEMPLATES[template]}.")


def test_the_demo_of_a_project_is_built_by_the_default_target(tmp_path: Path) -> None:
    make_project(tmp_path / "mine", "demo")
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path / "mine", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    jobs = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert (jobs["demo"], jobs["dataset"], jobs["default"]) == ("24", "1", "1"), done.stdout
    assert "profiles/default" in done.stderr


def test_an_empty_folder_becomes_a_project_and_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert main(["init", "."]) == 0
    assert "cd " not in capsys.readouterr().out
    own = Path("config", "local.yaml")
    own.write_text("changed")
    assert main(["init", "."]) == 1
    assert "found content (.gitignore …); expected a new or empty folder" in capsys.readouterr().err
    assert own.read_text() == "changed"


@pytest.mark.parametrize("name", ["my dataset", "my_dataset", "-mine", "größe"])
def test_a_name_that_no_data_set_can_have_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--", str(tmp_path / name)]) == 1
    assert f"found the name '{name}'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_names_follow_the_rule_of_the_setting() -> None:
    (key,) = (node for path, node in known_keys().items() if as_written(path) == "dataset.name")
    assert key["pattern"] == "^[A-Za-z0-9][A-Za-z0-9-]*$"


@pytest.mark.parametrize("before", ["nothing", "a link to an installation that is gone", "a copy"])
def test_a_link_makes_the_package_importable_and_nothing_beside_it(before: str, tmp_path: Path) -> None:
    if before == "a copy":
        (tmp_path / "tsalv360" / "events").mkdir(parents=True)
    elif before != "nothing":
        (tmp_path / "tsalv360").symlink_to(tmp_path / "gone")
    folder = link_package(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["tsalv360"]
    command = [sys.executable, "-c", "import tsalv360.cli; print(tsalv360.__file__)"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "tsalv360" / "__init__.py")

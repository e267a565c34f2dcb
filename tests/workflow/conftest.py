import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Workflow


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny dataset, built once; do not change it."""
    workflow = Workflow(tmp_path_factory.mktemp("built"))
    workflow.build()
    return workflow


@pytest.fixture
def copy(built: Workflow, tmp_path: Path) -> Iterator[Workflow]:
    """A built tiny dataset of one's own."""
    folder = tmp_path / "copy"
    shutil.copytree(built.folder, folder, copy_function=shutil.copy2)
    yield Workflow(folder)
    shutil.rmtree(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Workflow:
    """An empty working folder."""
    return Workflow(tmp_path)

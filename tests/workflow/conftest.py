import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from running import Workflow


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """The tiny dataset, built once for all workers; do not change it."""
    own = tmp_path_factory.getbasetemp()
    workflow = Workflow((own if worker_id == "master" else own.parent) / "built")
    made = workflow.folder.with_suffix(".made")
    with FileLock(f"{workflow.folder}.lock"):
        if not made.exists():
            workflow.folder.mkdir()
            workflow.build()
            made.touch()
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

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from running import Workflow


def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that is made once for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / name
    made = folder.with_suffix(".made")
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


def copy_of(folder: Path, target: Path) -> None:
    shutil.copytree(folder, target, copy_function=shutil.copy2, symlinks=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """The tiny dataset; do not change it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        Workflow(folder).build()

    return Workflow(once(tmp_path_factory, worker_id, "built", make))


@pytest.fixture(scope="session")
def trained(built: Workflow, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """The tiny dataset with a model and its evaluation; do not change it."""

    def make(folder: Path) -> None:
        copy_of(built.folder, folder)
        Workflow(folder).build("train", "evaluate")

    return Workflow(once(tmp_path_factory, worker_id, "trained", make))


@pytest.fixture
def copy(built: Workflow, tmp_path: Path) -> Iterator[Workflow]:
    """A private copy of the built tiny dataset."""
    copy_of(built.folder, tmp_path / "copy")
    yield Workflow(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy")


@pytest.fixture
def trained_copy(trained: Workflow, tmp_path: Path) -> Iterator[Workflow]:
    """A private copy of the trained tiny dataset."""
    copy_of(trained.folder, tmp_path / "copy")
    yield Workflow(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy")


@pytest.fixture
def fresh(tmp_path: Path) -> Workflow:
    """An empty working folder."""
    return Workflow(tmp_path)

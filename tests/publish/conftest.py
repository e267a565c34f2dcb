from pathlib import Path

import pytest
from publish.small_folder import make_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published folder of a config, in whose folder commands run."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("results: out\ndataset: {name: small}\n")
    return make_folder(tmp_path / "out" / "small")

"""What the pages in docs/api list has an example in its docstring, and the examples run."""

import doctest
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs" / "api").glob("*.md"))
LISTED = [
    (page.stem, *name.rsplit(".", 1))
    for page in PAGES
    for name in re.findall(r"^\.\. auto(?:function|class):: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
]
ELSEWHERE = {
    "DetectedEvents": "detect_events",
    "Match": "match_events",
    "Track": "match_events",
    "Maps": "docs/saliency.md: needs a built dataset",
    "Predictions": "docs/predict.md: needs a video and a checkpoint",
    "Window": "docs/predict.md",
    "extract_frames": "needs a video",
    "load_clips": "docs/publishing.md, whose examples the tests of the workflow run",
    "predict": "docs/predict.md",
    "read_salient360": "needs a file of the dataset",
    "read_sports360": "needs the files of the dataset",
    "read_vr_eyetracking": "needs the files of the dataset",
    "save_checkpoint": "load_checkpoint",
    "write_predictions": "docs/predict.md",
}


def names_of_page(page: str) -> dict[str, Any]:
    """What a reader of a page has imported."""
    listed = {name: getattr(import_module(module), name) for stem, module, name in LISTED if stem == page}
    return {"np": np, "pd": pd, **listed}


@pytest.mark.parametrize(("page", "module", "name"), LISTED, ids=lambda value: value)
def test_example_runs(page: str, module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write a file
    names = names_of_page(page)
    (example,) = doctest.DocTestFinder(recurse=False).find(names[name], name, globs=names)
    run = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert not run.failed
    assert bool(run.attempted) != (name in ELSEWHERE), "an example, or where there is one"

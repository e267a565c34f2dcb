"""The example of a source in docs/sources.md runs unchanged."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
from pydantic import Discriminator, TypeAdapter

from tsalv360.check.videos import check_video
from tsalv360.config import load_config
from tsalv360.job.errors import InputError
from tsalv360.sources import READERS, Source, read_gaze

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
VIEWERS = {"A1": [[1160, 0, 5], [0, 190, 90.2]], "A2": [[0, -180, -5]]}


@pytest.fixture
def panogaze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's only Python, imported from a file and registered as the page says."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "panogaze.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("panogaze", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "panogaze", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(READERS, module.FORMAT, module.read_panogaze)
    return module


@pytest.fixture
def root(tmp_path: Path, write_video: Callable[..., Path]) -> Path:
    """A clip with gaze and one without."""
    for folder in ("clips", "eye"):
        (tmp_path / folder).mkdir()
    for name in ("beach", "attic"):
        write_video(tmp_path / "clips" / f"{name}.mp4")
    write(tmp_path, {"rate": 60, "viewers": VIEWERS})
    return tmp_path


def write(root: Path, content: Any) -> None:
    (root / "eye" / "beach.json").write_text(json.dumps(content), encoding="utf-8")


def test_it_is_a_source_beside_the_others_and_its_gaze_is_read(panogaze: ModuleType, root: Path) -> None:
    sources: TypeAdapter[Any] = TypeAdapter(Annotated[Source | panogaze.PanogazeSource, Discriminator("kind")])
    attic, beach = sources.validate_python({"kind": "panogaze", "root": str(root)}).recordings()
    assert (attic.video_id, attic.gaze) == ("attic", ())
    gaze = read_gaze(beach, 25)
    table = gaze.samples
    assert table.observer.tolist() == ["A1", "A1", "A2"]
    assert table.frame.tolist() == [29, 0, 0]
    assert table.time_s.tolist() == [1.16, 0, 0]
    assert table.yaw_deg.tolist() == [0, -170, -180]
    assert table.pitch_deg.tolist() == [5, 90, -5]
    assert set(table.fixation_id) == {-1} and set(table.duration_s) == {1 / 60}
    assert gaze.n_observers == 2
    assert gaze.notes == ["1 pitches beyond a pole by a rounding error, clipped"]


def test_a_clip_without_gaze_is_a_problem_of_that_clip_alone(panogaze: ModuleType, root: Path) -> None:
    still = [[n * 40, 10, 5] for n in range(50)]
    write(root, {"rate": 25, "viewers": dict.fromkeys(("A1", "A2", "A3"), still)})
    recordings = panogaze.PanogazeSource(root=str(root)).recordings()
    attic, beach = (check_video(recording, load_config({"sources": []})) for recording in recordings)
    assert "found no gaze file" in attic.problems[0]
    assert beach.problems == [] and (beach.n_observers, beach.n_gaze) == (3, 150)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"viewers": VIEWERS}, r"beach\.json: found KeyError\('rate'\)"),
        ({"rate": 60, "viewers": {"A1": [[0, 1]]}}, r"beach\.json: found ValueError"),
        ({"rate": 60, "viewers": [1]}, r"beach\.json: found AttributeError"),
        ({"rate": 0, "viewers": VIEWERS}, r"beach\.json: found ZeroDivisionError"),
        ({"rate": 60, "viewers": {"A1": [[40, 400, 0]]}}, r"beach\.json, viewer A1, 40 ms: found the yaw 400"),
        ({"rate": 60, "viewers": {"A1": [[0, 1, 2], [0, 1, 2]]}}, r"beach\.json: found two rows of observer A1 at 0 s"),
        ({"rate": 60, "viewers": {}}, r"found no gaze in .*beach\.json"),
    ],
)
def test_damage_is_named_by_file(panogaze: ModuleType, root: Path, content: Any, found: str) -> None:
    write(root, content)
    _, beach = panogaze.PanogazeSource(root=str(root)).recordings()
    with pytest.raises(InputError, match=found):
        read_gaze(beach, 25)

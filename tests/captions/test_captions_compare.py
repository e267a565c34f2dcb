"""The page that puts captions of two backends side by side."""

import re
import shutil
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import yaml

from tsalv360 import cli
from tsalv360.captions.captioner import Clip
from tsalv360.captions.compare import write_comparison
from tsalv360.contracts.entries import Candidate, CaptionEntry, Failure
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json

EVIL = "<script>alert('x')</script> & \"a\""
BACKENDS = ("facts", "endpoint")


def candidate(backend: str, text: str) -> Candidate:
    return Candidate(backend, "", backend, "1", text, None)


@pytest.fixture
def results(tmp_path: Path, make_clip: Callable[..., Clip]) -> Path:
    """Two events of video v: one captioned by both, and one that the endpoint failed on."""
    root = tmp_path / "results" / "a set"
    folder = root / "viewports" / "v"
    folder.mkdir(parents=True)
    for event in ("v_1", "v_2"):
        shutil.move(make_clip(event).path, folder)
    lengths = {"lead_in": 4, "pictures": 10, "lead_out": 2}
    write_json(folder / "viewports.json", {"fps": 16, "events": {"v_1": lengths, "v_2": lengths}})
    failure = Failure("endpoint", "", f"HTTP 400 {EVIL}")
    entries = {
        "v_1": CaptionEntry(None, [candidate("facts", "A red shape."), candidate("endpoint", EVIL)]),
        "v_2": CaptionEntry(None, [candidate("facts", "A blue shape.")], [failure]),
    }
    write_json(root / "captions" / "shards" / "0000.json", {"v": entries})
    stale = {"v": {"v_1": CaptionEntry(None, [candidate("facts", "Of an older run.")])}}
    write_json(root / "captions" / "shards" / "0003.json", stale)  # of another number of shards
    return root


def test_the_page_shows_both_captions_as_plain_text(results: Path) -> None:
    page = results / "compare.html"
    assert write_comparison(results, 1, BACKENDS, page, None, "no weights.") == 2
    text = page.read_text(encoding="utf-8")
    assert [unescape(quoted) for quoted in re.findall(r"<blockquote>(.*?)</blockquote>", text)] == [
        "A red shape.",
        EVIL,
        "A blue shape.",
    ]
    assert text.count("<script>") == 1
    assert "left out: no weights." in text and "No caption: HTTP 400" in text
    assert "CLIP <b>" not in text and "<button" not in text


@pytest.mark.parametrize("place", ["compare.html", "../pages/compare.html"])
def test_the_videos_are_found_from_any_folder_of_the_page(results: Path, place: str) -> None:
    page = results / place
    write_comparison(results, 1, BACKENDS, page, None)
    for address in re.findall(r'<video src="(.*?)"', page.read_text(encoding="utf-8")):
        assert (page.parent / unquote(unescape(address))).is_file()


def test_the_page_shows_similarities(results: Path) -> None:
    seen = []

    def measure(texts: Sequence[str], pictures: np.ndarray[Any, Any]) -> list[float]:
        seen.append(pictures.shape)
        return [0.1 + len(text) / 100 for text in texts]

    write_comparison(results, 1, BACKENDS, results / "compare.html", measure)
    text = (results / "compare.html").read_text(encoding="utf-8")
    assert re.findall(r"CLIP <b>(.*?)</b>", text) == ["0.220", f"{0.1 + len(EVIL) / 100:.3f}", "0.230"]
    assert [float(found) for found in re.findall(r'data-first="(.*?)"', text)] == pytest.approx([0.22, 0.23])
    assert set(seen) == {(8, 96, 128, 3)}
    assert "where endpoint gains most" in text


def test_a_backend_that_captioned_nothing_is_refused(results: Path) -> None:
    with pytest.raises(InputError, match=r"no caption by llava-next; .*captions.backends: \[facts, llava-next\]"):
        write_comparison(results, 1, ("facts", "llava-next"), results / "compare.html", None)


def test_the_command_writes_the_page_and_says_what_is_left_out(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = results.parent / "config.yaml"
    captions = {"backends": list(BACKENDS), "shards": 1, "endpoint": {"model": "m"}}
    content = {"results": str(results.parent), "dataset": {"name": "set"}, "captions": captions}
    config.write_text(yaml.safe_dump(content))
    results.rename(results.parent / "set")
    arguments = ["captions", "compare", "--configfile", str(config)]
    assert cli.main(arguments) == 0
    assert (results.parent / "set" / "captions_compare.html").is_file()
    assert "2 events; CLIP similarity left out: no weights were named" in capsys.readouterr().out
    assert cli.main([*arguments, "--backends", "facts", "llava-next"]) == 1
    assert "no caption by llava-next" in capsys.readouterr().err


@pytest.mark.slow
def test_similarity_is_the_cosine_of_clip_with_weights_of_a_file(tmp_path: Path) -> None:
    open_clip, torch = pytest.importorskip("open_clip"), pytest.importorskip("torch")
    from PIL import Image
    from training.published import Published

    from tsalv360.captions.compare import ARCHITECTURE, Similarity

    torch.manual_seed(0)
    model, _, transform = open_clip.create_model_and_transforms(ARCHITECTURE)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 96, 128, 3), dtype=np.uint8)
    texts = ["A red shape.", "Two dogs run past a man."]
    measured = Similarity(tmp_path / "weights.pt")(texts, pictures)
    with torch.inference_mode():
        model.eval()
        text_vectors = model.encode_text(open_clip.get_tokenizer(ARCHITECTURE)(texts), normalize=True)
        image_vectors = [model.encode_image(transform(Image.fromarray(p))[None], normalize=True)[0] for p in pictures]
    cosines = [float(np.mean([vector @ one for one in image_vectors])) for vector in text_vectors]
    assert measured == pytest.approx(cosines, abs=1e-4)
    torch.jit.script(Published(model.half().state_dict())).save(tmp_path / "RN50.pt")  # as OpenAI publishes it
    assert Similarity(tmp_path / "RN50.pt")(texts, pictures) == pytest.approx(cosines, abs=1e-2)
    torch.save({"visual.conv1.weight": torch.zeros(2)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="weights of something else; expected weights of CLIP RN50-quickgelu"):
        Similarity(tmp_path / "weights.pt")
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"found no checkpoint .*; expected weights of CLIP RN50-quickgelu"):
        Similarity(tmp_path / "weights.pt")
    with pytest.raises(InputError, match="no such file"):
        Similarity(tmp_path / "nothing.pt")

"""Checkpoints in the published form and in ours, and files that are no checkpoints."""

import pickle
import re
from argparse import Namespace
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from golden import ENTRIES, STATE

from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint, save_checkpoint

SMALL = ModelSettings(width=2, embedding=32, text_width=64, heads=4, patch_size=64, decoder=(8, 8, 8, 4))
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def model() -> TSalV360:
    torch.manual_seed(0)
    return TSalV360(SMALL).eval()


def published_form(model: TSalV360) -> State:
    """Weights as several GPUs leave them: with a prefix, CLIP's mostly in half precision."""
    return {
        f"module.{name}": tensor.half() if ENTRIES[name]["dtype_in_published_cuda_checkpoint"] == "float16" else tensor
        for name, tensor in model.state_dict().items()
    }


def write(path: Path, weights: State, **changed: object) -> Path:
    optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    content = {"model": weights, "optimizer": optimizer, "scheduler": None, "epoch": 7, "settings": asdict(SMALL)}
    torch.save(content | changed, path)
    return path


def test_what_is_saved_is_loaded(model: TSalV360, tmp_path: Path) -> None:
    save_checkpoint(model, tmp_path / "best.pt")
    loaded = load_checkpoint(tmp_path / "best.pt")
    assert loaded.settings == SMALL and not loaded.training
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    assert load_checkpoint(tmp_path / "best.pt", dtype=torch.bfloat16).dtype == torch.bfloat16


def test_published_form_is_loaded(model: TSalV360, tmp_path: Path) -> None:
    loaded = load_checkpoint(write(tmp_path / "published.pt", published_form(model)))
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype in (torch.float32, torch.long)
        assert torch.allclose(tensor, model.state_dict()[name], rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_published_checkpoint_of_full_size(tmp_path: Path) -> None:
    model = TSalV360()
    content = {"model": published_form(model), "optimizer": {}, "scheduler": None, "epoch": 7}
    halves = [name for name, tensor in content["model"].items() if tensor.dtype == torch.float16]
    assert len(content["model"]) == STATE["n_entries"] == 600 and len(halves) == 160
    torch.save(content, tmp_path / "published.pt")
    loaded = load_checkpoint(tmp_path / "published.pt")
    assert loaded.settings == ModelSettings() and not loaded.training
    name = "decoders.3.block.0.weight"
    assert torch.equal(loaded.state_dict()[name], model.state_dict()[name])


def test_wrong_weights_are_all_listed(model: TSalV360, tmp_path: Path) -> None:
    weights = published_form(model)
    for name in ("VSTCA.1.norm.weight", "clip.visual.bn1.running_var"):
        del weights[f"module.{name}"]
    weights["module.head.weight"] = torch.zeros(2)
    weights["module.decoders.4.block.0.bias"] = torch.zeros(2)
    with pytest.raises(InputError) as refused:
        load_checkpoint(write(tmp_path / "wrong.pt", weights))
    for part in (
        "2 missing: clip.visual.bn1.running_var, VSTCA.1.norm.weight",
        "1 unexpected: head.weight",
        "1 of another shape: decoders.4.block.0.bias [2] instead of [1]",
    ):
        assert part in str(refused.value)


def test_weights_of_another_size_are_refused(model: TSalV360, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"of another shape: .* and \d+ more"):
        load_checkpoint(write(tmp_path / "other.pt", published_form(model), settings=asdict(SMALL) | {"width": 4}))


def test_settings_of_another_program_are_refused(model: TSalV360, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wide"):
        load_checkpoint(write(tmp_path / "other.pt", published_form(model), settings={"wide": 4}))


def saved(content: object, legacy: bool = False) -> bytes:
    file = BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def archive(**files: str) -> bytes:
    with ZipFile(file := BytesIO(), "w") as content:
        for name, text in files.items():
            content.writestr(name, text)
    return file.getvalue()


WHOLE = {"model": {"weight": torch.zeros(2000)}}
PAGE = b"\xef\xbb\xbf<!DOCTYPE html>\n<html><title>Sign in</title>"
NOT_OURS = {"model": {}, "args": Namespace(rate=1)}
OTHER_FILES = {
    "empty": (b"", "an empty file", "Download"),
    "zeros": (bytes(9000), "zeros", "Download"),
    "page": (PAGE, r"a web page \(Sign in\)", "may ask to log in"),
    "refusal": (b'{"error": "not found"}', r'a text \({"error": "not found"}\)', "Download"),
    "long text": ("é".encode() * 9000, r"a text \(é{60}…\)", "Download"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS", "git lfs pull"),
    "half": (saved(WHOLE)[:4000], "the beginning of a checkpoint, the end is missing", "Download"),
    "half, old form": (saved(WHOLE, legacy=True)[:4000], "a damaged", "Download"),
    "namespace": (saved(NOT_OURS), "objects of argparse.Namespace, which", "save its weights alone"),
    "namespace, old form": (saved(NOT_OURS, legacy=True), "objects of argparse.Namespace, which", "weights alone"),
    "pickle": (pickle.dumps(NOT_OURS), "objects of argparse.Namespace, which", "save its weights alone"),
    "module": (saved(torch.nn.Linear(2, 2)), "objects of .*torch.nn.modules.linear.Linear, which", "weights alone"),
    "array": (saved({"model": {"weight": np.zeros(2)}}), "objects of .*numpy.ndarray, which", "weights alone"),
    "archive": (archive(a="b"), "a ZIP archive of something else", "Name another"),
    "HDF": (b"\x89HDF\r\n\x1a\n" + bytes(90), r"first bytes are 89 48 44 46", "Name another"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_a_file_of_something_else_is_told_by_what_it_is(tmp_path: Path, kind: str) -> None:
    content, found, advice = OTHER_FILES[kind]
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(InputError) as error:
        load_checkpoint(tmp_path / "file.pt")
    assert re.search(
        f"file.pt: found no checkpoint but .*{found}.*; expected a checkpoint of TSalV360", str(error.value)
    )
    assert advice in str(error.value) and "weights_only" not in str(error.value)


def test_other_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "file.pt")
    for content in ([1, 2], {"weights": torch.zeros(2)}, {"model": 3}):
        torch.save(content, tmp_path / "file.pt")
        with pytest.raises(InputError, match="a checkpoint of TSalV360"):
            load_checkpoint(tmp_path / "file.pt")

"""What training starts from: CLIP in each form that it is published in, checkpoints, and files that are neither."""

import resource
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from training.clipset import write_clipset
from training.published import Published

from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint, save_checkpoint
from tsalv360.model.torchscript import read_torchscript
from tsalv360.training.features import start_model
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings
from tsalv360.training.train import train_fold

SMALL = ModelSettings(width=2, text_width=64, embedding=32, heads=4, decoder=(32, 16, 16, 8), patch_size=64)


def clip_weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    state = TSalV360(SMALL).clip.state_dict()
    return {name: tensor.half().float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def write(form: str, path: Path) -> Path:
    weights = clip_weights()
    if form == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path := path / "clip.safetensors")
    elif form == "script":
        torch.jit.script(Published({name: t.half() if t.ndim > 1 else t for name, t in weights.items()})).save(
            path := path / "RN50.pt"
        )
    else:
        torch.save({"state_dict": weights}, path := path / "clip.pt")
    return path


def test_the_weights_of_torchscript_are_those_that_pytorch_reads(tmp_path: Path) -> None:
    """Scripted and traced modules, shared and half-precision weights, and attributes that are no weights."""

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Linear(5, 5).half())
            self.tied = self.visual[2].weight
            self.column = nn.Parameter(torch.rand(6, 4).T[1:])
            self.register_buffer("empty", torch.zeros(0, 3))
            self.sizes, self.names, self.scale = [3, 4], {"a": [torch.ones(2)]}, 0.5

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.visual[1](self.visual[0](x)) * self.column.sum()

    torch.manual_seed(0)
    module, path = Module().eval(), tmp_path / "RN50.pt"
    for script in torch.jit.script(module), torch.jit.trace(module, torch.rand(1, 3, 5, 5)):
        script.save(path)
        expected, found = torch.jit.load(path).state_dict(), read_torchscript(path)
        assert found.keys() == expected.keys() >= module.state_dict().keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(found[name], tensor, atol=0, rtol=0, msg=name)


def test_a_cut_torchscript_file_is_refused(tmp_path: Path) -> None:
    whole = write("script", tmp_path).read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:5000] + bytes(100) + whole[5100:], whole[4:]):
        (tmp_path / "RN50.pt").write_bytes(damaged)
        with pytest.raises(InputError, match=r"RN50\.pt: found no checkpoint"):
            start_model(SMALL, TrainSettings(weights=str(tmp_path / "RN50.pt")))


@pytest.mark.parametrize("form", ["safetensors", "script", "dict"])
def test_clip_is_loaded_and_the_rest_stays_random(form: str, tmp_path: Path) -> None:
    model = start_model(SMALL, TrainSettings(weights=str(write(form, tmp_path)), seed=3))
    for name, tensor in clip_weights().items():
        torch.testing.assert_close(model.clip.state_dict()[name], tensor, atol=0, rtol=0, msg=name)
    alone = start_model(SMALL, TrainSettings(weights="random", seed=3))
    assert torch.equal(alone.decoders[0].block[0].weight, model.decoders[0].block[0].weight)
    assert not any(parameter.requires_grad for parameter in model.clip.parameters())


def test_clip_of_another_shape_is_refused_by_its_weights(tmp_path: Path) -> None:
    weights = write("dict", tmp_path)
    with pytest.raises(InputError, match=r"of another shape: .*text_projection"):
        start_model(replace(SMALL, embedding=64), TrainSettings(weights=str(weights)))


def test_training_continues_from_a_checkpoint_of_the_same_settings(tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_checkpoint(before := TSalV360(SMALL), path := tmp_path / "best.pt")
    model = start_model(SMALL, TrainSettings(weights=str(path)))
    assert torch.equal(model.decoders[3].block[0].weight, before.decoders[3].block[0].weight)
    with pytest.raises(InputError, match="a model of other settings"):
        start_model(replace(SMALL, similarity="softmax"), TrainSettings(weights=str(path)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [("", "train.weights: found none; expected CLIP RN50"), ("away.pt", "train.weights: found no file away.pt")],
)
def test_missing_weights_are_an_error(weights: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        start_model(SMALL, TrainSettings(weights=weights))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match="no checkpoint"):
        start_model(SMALL, TrainSettings(weights=str(path)))


@pytest.mark.slow
def test_a_model_of_full_size_makes_a_step(tmp_path: Path) -> None:
    write_clipset(tmp_path, {"001": "train"}, n_clips=1)
    table = tmp_path / "dataset" / "clips.parquet"
    clips = pd.read_parquet(table)[:1]
    clips.at[0, "frames"] = [7] * 8  # encoded once
    clips.to_parquet(table)
    settings = TrainSettings(weights="random", epochs=1, learning_rate=1e-3)
    data, places = (tmp_path / "dataset", tmp_path / "frames"), (tmp_path / name for name in ("out", "run", "features"))
    job = TrainJob(*data, 0, settings, ModelSettings(), *places, ComputeSettings(device="cpu"))
    train_fold(job)
    trained, start = load_checkpoint(job.output / "last.pt"), start_model(ModelSettings(), settings)
    assert torch.equal(trained.clip.visual.conv1.weight, start.clip.visual.conv1.weight)
    assert torch.equal(trained.clip.visual.bn1.running_mean, start.clip.visual.bn1.running_mean)
    moved = [name for name, p in trained.named_parameters() if not torch.equal(p, start.get_parameter(name))]
    assert {name.split(".")[0] for name in moved} == {"VSTCA", "resnet_norm_layer", "decoders"}
    print(f"most memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")

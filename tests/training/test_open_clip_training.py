"""Training on encoders of open_clip: cached features, a step, the checkpoint, weights from files and from the cache."""

from dataclasses import replace
from pathlib import Path

import huggingface_hub
import open_clip
import pandas as pd
import pytest
import torch
from model.openclips import VISION, add_models, settings
from safetensors.torch import save_file
from training.clipset import write_clipset

from tsalv360.job.errors import InputError
from tsalv360.model import TSalV360, architectures, load_checkpoint, openclip, save_checkpoint
from tsalv360.prediction import predict
from tsalv360.training.batches import ClipBatches, Sample
from tsalv360.training.clips import ClipFiles, read_clips
from tsalv360.training.features import start_model, write_features
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings, check_cache, check_weights
from tsalv360.training.train import BatchModel, measure_presence, train_fold

RANDOM = TrainSettings(
    weights="random", epochs=1, group=2, learning_rate=1e-3, cached_rolls=1, roll=False, flip="never"
)


@pytest.fixture(autouse=True)
def small_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(tmp_path, monkeypatch)


def encoder_file(name: str, path: Path) -> dict[str, torch.Tensor]:
    """Write random weights of a model as open_clip publishes them, and return them."""
    torch.manual_seed(5)
    weights = open_clip.CLIP(**architectures.configuration(name)).state_dict()
    save_file({key: tensor.contiguous() for key, tensor in weights.items()}, path)
    return weights


@pytest.mark.parametrize("name", VISION)
def test_a_model_is_trained_from_cached_features_and_predicts_after_loading(name: str, tmp_path: Path) -> None:
    write_clipset(tmp_path, {"001": "train", "002": "validation"})
    files, features, model = ClipFiles(tmp_path / "dataset", tmp_path / "frames"), tmp_path / "features", settings(name)
    check_cache(model, RANDOM)
    write_features(features, files, 0, model, RANDOM, "cpu")
    folders = [tmp_path / "models", tmp_path / "running", features]
    train_fold(TrainJob(files.dataset, files.frames, 0, RANDOM, model, *folders, ComputeSettings(device="cpu")))
    assert len(pd.read_csv(folders[0] / "steps.csv")) == 1
    trained, start = load_checkpoint(folders[0] / "last.pt"), start_model(model, RANDOM)
    moved = {key.split(".")[0] for key, p in trained.named_parameters() if not torch.equal(p, start.get_parameter(key))}
    assert moved == {"adapters", "VSTCA", "resnet_norm_layer", "decoders"}
    provenance = torch.load(folders[0] / "last.pt", weights_only=True)["provenance"]
    assert provenance["model"]["encoder"] == trained.settings.encoder == f"open_clip:{name}"
    clips, network = read_clips(files), BatchModel(trained)
    with torch.inference_mode():
        cached, plain = (
            network(ClipBatches(clips, files, (48, 96), folder, trained.settings.encoder)[[Sample(0)]])
            for folder in (features, None)
        )
    torch.testing.assert_close(cached, plain, atol=2e-3, rtol=0)
    told_apart = clips.assign(caption=clips.caption + clips.video.map({"001": " runs", "002": " sleeps"}))
    data = ClipBatches(told_apart, files, (48, 96), features, trained.settings.encoder)
    assert measure_presence(data, told_apart, told_apart[told_apart.video == "002"], trained)
    windows = list(predict(tmp_path / "frames" / "001", ["a red disc"], folders[0] / "last.pt", fps=16, device="cpu"))
    assert windows and windows[0].maps.shape == (1, 48, 96)


def test_features_of_another_encoder_are_computed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clipset(tmp_path, {"001": "train"}, n_clips=1)
    files = ClipFiles(tmp_path / "dataset", tmp_path / "frames")
    for name, videos in (("tiny-vit", 1), ("tiny-vit", 0), ("tiny-convnext", 1)):
        write_features(tmp_path / "features", files, 0, settings(name), RANDOM, "cpu")
        assert f"Features of {videos} of 1 videos" in capsys.readouterr().out


@pytest.mark.parametrize("name", VISION)
def test_weights_of_the_encoder_are_read_from_a_file(name: str, tmp_path: Path) -> None:
    weights = encoder_file(name, tmp_path / "weights.safetensors")
    model = start_model(settings(name), replace(RANDOM, weights=str(tmp_path / "weights.safetensors")))
    assert torch.equal(model.clip.text.token_embedding.weight, weights["token_embedding.weight"])
    kept = {key.replace("visual.tower.", "visual."): tensor for key, tensor in model.clip.state_dict().items()}
    pictures = [key for key in weights if key.startswith("visual.")]
    assert pictures and all(torch.equal(kept[key], weights[key]) for key in pictures)
    other = next(one for one in VISION if one != name)
    with pytest.raises(InputError, match=r"weights\.safetensors: found \d+ missing: .*; expected the \d+ weights"):
        start_model(settings(other), replace(RANDOM, weights=str(tmp_path / "weights.safetensors")))


def test_a_checkpoint_of_another_encoder_is_refused_by_name(tmp_path: Path) -> None:
    save_checkpoint(before := TSalV360(settings("tiny-vit")), path := tmp_path / "best.pt")
    going_on = replace(RANDOM, weights=str(path))
    after = start_model(settings("tiny-vit"), going_on)
    assert torch.equal(after.adapters[0].project.weight, before.adapters[0].project.weight)
    found = r"best\.pt: found a model with the encoder open_clip:tiny-vit; expected open_clip:tiny-convnext"
    with pytest.raises(InputError, match=found):
        start_model(settings("tiny-convnext"), going_on)


def test_published_weights_are_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = {"hf_hub": "somebody/tiny-vit/", "mean": (0.5,) * 3, "std": (0.5,) * 3}
    monkeypatch.setattr(openclip, "_published", lambda _: published)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    model, settings_of_train = settings("tiny-vit/best"), replace(RANDOM, weights="")
    with pytest.raises(InputError, match=r"hf download somebody/tiny-vit open_clip_model\.safetensors"):
        check_weights(model, settings_of_train)
    repository = tmp_path / "hub" / "models--somebody--tiny-vit"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots" / ("0" * 40)).mkdir(parents=True)
    weights = encoder_file("tiny-vit", repository / "snapshots" / ("0" * 40) / "open_clip_model.safetensors")
    started = start_model(model, settings_of_train)
    assert torch.equal(started.clip.text.token_embedding.weight, weights["token_embedding.weight"])
    assert started.to_tangent.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": ""}, "train.weights: found none; expected tiny-vit, or a checkpoint"),
        ({"weights": "away.pt"}, "train.weights: found no file away.pt"),
        ({"clip_batch_norm": "published"}, "train.clip_batch_norm: found published with open_clip:tiny-vit"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_runs(change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_weights(settings("tiny-vit"), replace(RANDOM, **change))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ViT-B-32", "convnext_tiny"])
def test_a_whole_model_of_open_clip_predicts_from_its_own_features(name: str) -> None:
    model = start_model(settings(name), RANDOM).eval()
    frame = torch.randint(0, 255, (1, 128, 256, 3), dtype=torch.uint8)
    with torch.inference_mode():
        features = model.encode_frames(frame)
        maps = model.decode([features * 8], model.encode_text(["a red ball", "two dogs"]))
    assert maps.shape == (2, 1, 48, 96) and not torch.equal(maps[0], maps[1])

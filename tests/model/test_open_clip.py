"""Encoders of open_clip: shapes of whole families, what they return, their tokenizers, and names that do not fit."""

from pathlib import Path

import huggingface_hub
import open_clip
import pytest
import torch
from model.openclips import VISION, add_models, settings
from pydantic import ValidationError

from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, architectures, load_checkpoint, save_checkpoint, tokenize
from tsalv360.model.encoders import Shape
from tsalv360.model.network import encoder_shape
from tsalv360.model.openclip import cached_weights, normalisation
from tsalv360.model.tokens import tokenizer_of

SHAPES = {
    "RN50": Shape(1024, (2048, 1024, 512), (7, 14, 28), 224),
    "RN50x4": Shape(640, (2560, 1280, 640), (9, 18, 36), 288),
    "ViT-B-32": Shape(512, (768, 768, 768), (7, 7, 7), 224),
    "ViT-L-14": Shape(768, (1024, 1024, 1024), (16, 16, 16), 224),
    "convnext_base": Shape(512, (1024, 512, 256), (7, 14, 28), 224),
    "MobileCLIP2-S3": Shape(768, (1536, 768, 384), (4, 8, 16), 256),
    "ViT-B-16-SigLIP2-256": Shape(768, (768, 768, 768), (16, 16, 16), 256),
}
FRAMES = torch.randint(0, 255, (8, 64, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def small_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_of_an_encoder_follows_from_its_name(name: str) -> None:
    assert encoder_shape(ModelSettings(encoder=f"open_clip:{name}")) == SHAPES[name]


def test_the_default_encoder_has_the_shape_of_open_clips_rn50() -> None:
    assert encoder_shape(ModelSettings()) == SHAPES["RN50"]


@pytest.mark.parametrize("name", VISION)
def test_images_and_text_are_encoded_as_by_open_clip(name: str) -> None:
    torch.manual_seed(0)
    model = TSalV360(settings(name)).eval()
    plain = open_clip.CLIP(**architectures.configuration(name)).eval()
    weights = {key: tensor for key, tensor in plain.state_dict().items() if not key.startswith("logit")}
    model.clip.load_state_dict(model.clip.renamed(weights))
    images, tokens = (
        torch.rand(2, 3, *[encoder_shape(model.settings).picture] * 2),
        tokenize(["a dog", "two cats"])[:, :24],
    )
    with torch.no_grad():
        found, (vectors, words) = model.clip.visual(images), model.clip.encode_text(tokens)
        torch.testing.assert_close(found.vectors, plain.encode_image(images))
        torch.testing.assert_close(vectors, plain.encode_text(tokens))
        every = plain.visual.forward_intermediates(images, normalize_intermediates=True)["image_intermediates"]
    for level, k in zip(found.maps, {"tiny-vit": (5, 3, 1), "tiny-convnext": (3, 2, 1)}[name], strict=True):
        torch.testing.assert_close(level, every[k])
    torch.testing.assert_close(words[0, 3], vectors[0])  # that of the end: start, a, dog, end
    assert [one.shape[1:] for one in found.maps] == [
        (channels, size, size) for channels, size in zip(*encoder_shape(model.settings)[1:3], strict=True)
    ]


@pytest.mark.parametrize("name", VISION)
def test_a_checkpoint_predicts_as_the_model_that_it_was_made_of(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_checkpoint(model := TSalV360(settings(name)).eval(), tmp_path / "one.pt")
    again = load_checkpoint(tmp_path / "one.pt")
    with torch.no_grad():
        maps = model(FRAMES[None], ["a red ball"])
        assert torch.equal(maps, again(FRAMES[None], ["a red ball"]))
        assert not torch.equal(maps, model(FRAMES[None], ["a dog runs past"]))
    assert again.settings.encoder == f"open_clip:{name}" and maps.shape == (1, 1, 48, 96)


@pytest.mark.parametrize("name", VISION)
def test_the_encoder_stays_as_it_is_and_all_else_learns(name: str) -> None:
    torch.manual_seed(0)
    model = TSalV360(settings(name)).train()
    model(FRAMES[None], ["a red ball"]).square().sum().backward()
    assert not model.clip.training and not any(part.requires_grad for part in model.clip.parameters())
    still = [key for key, part in model.named_parameters() if part.requires_grad and part.grad is None]
    assert not still and model.adapters[0].project.weight.grad.any()


def test_half_precision_gives_about_the_same(name: str = "tiny-vit") -> None:
    torch.manual_seed(0)
    model = TSalV360(settings(name)).eval()
    with torch.no_grad():
        whole = model(FRAMES[None], ["a red ball"])
        torch.testing.assert_close(model.to(torch.bfloat16)(FRAMES[None], ["a red ball"]), whole, atol=0.02, rtol=0)


def test_pictures_are_normalised_as_the_named_weights_need_it() -> None:
    assert normalisation("open_clip:ViT-B-16-SigLIP2/webli") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert normalisation("open_clip:ViT-B-16-SigLIP2") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert normalisation("open_clip:ViT-L-14/laion2b_s32b_b82k")[0] == (0.5, 0.5, 0.5)
    assert normalisation("open_clip:ViT-L-14")[0] == pytest.approx((0.481, 0.458, 0.408), abs=1e-3)
    with pytest.raises(InputError, match="Write open_clip:ViT-L-14-quickgelu/openai"):
        normalisation("open_clip:ViT-L-14/openai")
    model = TSalV360(settings("tiny-vit"))
    model.to_tangent.mean, model.to_tangent.deviation = (0.5,) * 3, (0.5,) * 3
    images = model.to_tangent(torch.full((1, 64, 128, 3), 255, dtype=torch.uint8))
    torch.testing.assert_close(images, torch.ones_like(images))


def test_prompts_may_be_as_long_as_the_encoder_reads() -> None:
    encoder = "open_clip:tiny-vit"
    assert tokenize(["a dog"], encoder=encoder).shape == (1, 24)
    assert (tokenize(["ball " * 22], encoder=encoder) != 0).all()
    with pytest.raises(InputError, match=r"found 25 tokens .*; expected at most 24"):
        tokenize(["ball " * 23], encoder=encoder)
    with pytest.raises(InputError, match=r"expected integers \[B, 24\]"):
        TSalV360(settings("tiny-vit")).encode_text(tokenize(["a dog"]))


def test_a_tokenizer_of_another_kind_is_read_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    words = ["[PAD]", "[END]", "[UNK]", "a", "dog", "runs"]
    level = tokenizers.models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(level)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing("$A [END]", special_tokens=[("[END]", 1)])
    special = {"pad_token": "[PAD]", "eos_token": "[END]", "unk_token": "[UNK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, **special).save_pretrained(tmp_path / "words")
    add_models(tmp_path, monkeypatch, hf_tokenizer_name=str(tmp_path / "words"), vocab_size=6, context_length=4)
    tokenizer_of.cache_clear()
    try:
        encoder = "open_clip:tiny-vit"
        tokens = tokenize(["a dog", "dog runs a"], encoder=encoder)
        assert tokens.tolist() == [[3, 4, 1, 0], [4, 5, 3, 1]]
        assert tokenizer_of(encoder).word_mask(tokens).tolist() == [
            [True, True, False, False],
            [True, True, True, False],
        ]
        with pytest.raises(InputError, match="5 tokens"):
            tokenize(["a dog runs a"], encoder=encoder)
        add_models(tmp_path, monkeypatch, hf_tokenizer_name="nobody/nothing")
        tokenizer_of.cache_clear()
        with pytest.raises(InputError, match=r"no tokenizer of nobody/nothing in .*hf download nobody/nothing"):
            tokenize(["a dog"], encoder=encoder)
    finally:
        tokenizer_of.cache_clear()


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("vit", "the encoder 'vit' is unknown; take clip, small, or open_clip:NAME"),
        ("open_clip:vit-b32", "open_clip has no model 'vit-b32'; the nearest are .*ViT-B-32"),
        ("open_clip:../../etc/passwd", "open_clip has no model"),
        ("open_clip:coca_ViT-B-32", "a captioning model"),
        ("open_clip:roberta-ViT-B-32", "the text encoder of roberta-ViT-B-32 is one of the Transformers library"),
    ],
)
def test_encoders_that_cannot_be_are_refused_by_name(encoder: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings(encoder=encoder)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("open_clip:ViT-B-32/laion2b", "unknown weights laion2b of ViT-B-32; expected a name such as .*laion2b_e16"),
        ("open_clip:ViT-S-32/openai", "expected none, as none of ViT-S-32 are published"),
        ("open_clip:ViT-B-32/openai", "weights openai with ViT-B-32; .*Write open_clip:ViT-B-32-quickgelu/openai"),
        (
            "open_clip:ViT-B-32/laion2b_s34b_b79k",
            "Hugging Face cache; .*hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K open_clip_model.safetensors",
        ),
    ],
)
def test_published_weights_that_are_not_here_are_refused(
    encoder: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=message):
        cached_weights(encoder)


def test_without_open_clip_a_plan_can_still_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architectures, "_files", dict)
    assert ModelSettings(encoder="open_clip:ViT-B-32").encoder == "open_clip:ViT-B-32"

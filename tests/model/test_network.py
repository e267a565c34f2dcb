"""How the model is used, tested on a tiny one: shared work, precisions, sizes, bad input."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from golden import error
from pydantic import ValidationError
from torch import Tensor

from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, tokenize
from tsalv360.model.network import weigh
from tsalv360.model.tangent import DEVIATION, MEAN, ErpToTangent

PROMPTS = ["a red ball rolls", "two dogs run", "a man juggles", "a boat", "a blue bird in a tree"]


@pytest.fixture(scope="module", autouse=True)
def no_gradients() -> object:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def model() -> TSalV360:
    torch.manual_seed(0)
    return TSalV360(ModelSettings.tiny()).eval()


@pytest.fixture(scope="module")
def video() -> Tensor:
    """Eleven frames of bytes in which a bright square moves."""
    frames = torch.randint(60, 120, (11, 96, 192, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    for t, frame in enumerate(frames):
        frame[30:50, 10 * t : 10 * t + 30] = torch.tensor([250, 20, 20], dtype=torch.uint8)
    return frames


def normalised(frames: Tensor) -> Tensor:
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    return ((frames / 255 - mean) / deviation).permute(0, 3, 1, 2)


def test_settings_load_without_torch() -> None:
    code = "import sys, tsalv360.model; tsalv360.model.ModelSettings(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_saliency_of_clips(model: TSalV360, video: Tensor) -> None:
    clips = torch.stack([video[:8], video[3:]])
    out = model(clips, PROMPTS[:2])
    assert out.shape == (2, 1, 240, 480) and out.dtype == torch.float32
    assert 0 <= out.min() < out.max() <= 1
    assert not torch.equal(out, model(clips, PROMPTS[1::-1])), "the prompt matters"


def test_prompts_of_a_clip_share_its_frames(model: TSalV360, video: Tensor) -> None:
    frames = model.encode_frames(video[:8])
    together = model.decode([frames], model.encode_text(PROMPTS))
    for prompt, out in zip(PROMPTS, together, strict=True):
        assert error(out[None], model(video[None, :8], [prompt]).numpy()) < 1e-6
    assert error(model.decode([frames], model.encode_text(PROMPTS), batch_size=3), together.numpy()) < 1e-6


def test_sliding_windows_share_frames_and_prompt(model: TSalV360, video: Tensor) -> None:
    frames = model.encode_frames(video)
    windows = [frames[start : start + 8] for start in range(4)]
    together = model.decode(windows, model.encode_text(PROMPTS[:1]))
    for start, out in enumerate(together):
        assert error(out[None], model(video[None, start : start + 8], PROMPTS[:1]).numpy()) < 1e-6


def test_only_the_last_frame_needs_its_maps(model: TSalV360, video: Tensor) -> None:
    text = model.encode_text(PROMPTS[:1])
    frames = model.encode_frames(video[:8])
    expected = model.decode([frames], text)
    assert torch.equal(model.decode([[f.without_maps() for f in frames[:-1]] + frames[-1:]], text), expected)
    with pytest.raises(InputError, match="last frame without maps"):
        model.decode([[f.without_maps() for f in frames]], text)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_frames_may_be_encoded_in_parts(model: TSalV360, video: Tensor, batch_size: int) -> None:
    text = model.encode_text(PROMPTS[:1])
    parts = model.encode_frames(video[:8], batch_size=batch_size)
    assert error(model.decode([parts], text), model(video[None, :8], PROMPTS[:1]).numpy()) < 1e-6


def test_order_of_frames_and_place_of_the_last_matter(model: TSalV360, video: Tensor) -> None:
    out = model(video[None, :8], PROMPTS[:1])
    assert not torch.allclose(out, model(video[None, :8].flip(1), PROMPTS[:1]), atol=1e-6)


@pytest.mark.parametrize("geometry", ["published", "corrected"])
def test_bytes_give_the_tangent_images_of_floats(geometry: str) -> None:
    rows = np.linspace(0, np.pi, 240)[:, None, None]
    columns = np.linspace(0, 4 * np.pi, 480)[None, :, None]
    picture = 127 + 120 * np.sin(rows * [3, 5, 2]) * np.sin(columns + np.arange(3))
    frames = torch.from_numpy(picture.round().astype(np.uint8))[None]
    to_tangent = ErpToTangent(ModelSettings(geometry=geometry), size=112)
    levels = (to_tangent(frames) - to_tangent(normalised(frames))).abs() * torch.tensor(DEVIATION)[:, None, None] * 255
    assert levels.mean() < 1 / 3
    assert levels.max() < 1


@pytest.mark.parametrize("size", [(96, 192), (240, 480), (61, 122)])
def test_panoramas_of_any_size(model: TSalV360, size: tuple[int, int]) -> None:
    assert model(torch.zeros(1, 8, *size, 3, dtype=torch.uint8), PROMPTS[:1]).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_single(video: Tensor, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = TSalV360(ModelSettings.tiny()).eval()
    expected = model(video[None, :8], PROMPTS[:1])
    out = model.to(dtype)(video[None, :8], PROMPTS[:1])
    assert out.dtype == torch.float32
    assert error(out, expected.numpy()) < 0.02
    assert error(model.float()(video[None, :8], PROMPTS[:1]), expected.numpy()) < 0.02, "geometry kept its precision"


def test_tokens_can_be_split_among_several_gpus(model: TSalV360, video: Tensor) -> None:
    clips, tokens = torch.stack([video[:8], video[3:]]), tokenize(PROMPTS[:2])
    parts = [model(clip, token) for clip, token in zip(clips.chunk(2), tokens.chunk(2), strict=True)]
    assert error(torch.cat(parts), model(clips, PROMPTS[:2]).numpy()) < 1e-6


@pytest.mark.parametrize("kind", ["minmax", "softmax", "raw"])
def test_equal_similarities_are_finite(kind: str) -> None:
    seen = torch.ones(1, 8, 18, 16)
    assert weigh(torch.ones(1, 16), seen, kind).isfinite().all()
    assert weigh(torch.zeros(1, 16), seen, kind).isfinite().all()


def test_similarities() -> None:
    seen = torch.eye(4)[None, None]  # one of four tangent images fits the text
    text = torch.tensor([[1.0, 0, 0, 0]])
    assert torch.equal(weigh(text, seen, "raw").flatten(), torch.tensor([1.0, 0, 0, 0]))
    assert weigh(text, seen, "softmax").mean() == pytest.approx(1)
    weak = torch.cat([seen[..., :1] * 0.1, seen[..., 1:]], -1) + 0.3
    assert weigh(text, weak, "minmax").max() == pytest.approx(1, abs=1e-4), "absolute relevance is lost"
    assert weigh(text, weak, "raw").max() < 0.8


def test_every_weight_learns(video: Tensor) -> None:
    torch.manual_seed(0)
    with torch.enable_grad():
        model = TSalV360(ModelSettings.tiny()).train()
        model(torch.stack([video[:8], video[3:]]), PROMPTS[:2]).square().sum().backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize("prompt", ["", "   ", "\n"])
def test_a_prompt_without_words_is_refused(model: TSalV360, prompt: str) -> None:
    with pytest.raises(InputError, match="no word"):
        model.encode_text([PROMPTS[0], prompt])
    with pytest.raises(InputError, match="prompt 1"):
        model.encode_text(torch.cat([tokenize(PROMPTS[:1]), torch.zeros(1, 77, dtype=torch.long)]))


def test_a_prompt_over_77_tokens_is_refused_or_cut_explicitly() -> None:
    fits, long = "ball " * 75, "ball " * 76
    assert (tokenize([fits]) != 0).all()
    with pytest.raises(InputError, match="78 tokens"):
        tokenize([long])
    assert torch.equal(tokenize([long], truncate=True), tokenize([fits]))


def test_input_that_does_not_fit_is_refused(model: TSalV360, video: Tensor) -> None:
    text, frames = model.encode_text(PROMPTS[:2]), model.encode_frames(video)
    with pytest.raises(InputError, match="1 prompts"):
        model(torch.stack([video[:8], video[3:]]), PROMPTS[:1])
    with pytest.raises(InputError, match=r"expected \[B, 8"):
        model(video[None, :7], PROMPTS[:1])
    with pytest.raises(InputError, match=r"\[7\] frames"):
        model.decode([frames[:7]], text)
    with pytest.raises(InputError, match="3 clips and 2 prompts"):
        model.decode([frames[:8]] * 3, text)
    with pytest.raises(InputError, match="100 × 96 pixels"):
        model.encode_frames(torch.zeros(1, 3, 96, 100))


def test_tangent_images_must_cover_the_sphere() -> None:
    with pytest.raises(InputError, match="pixels that no tangent image shows"):
        TSalV360(ModelSettings(encoder="small", width=2, embedding=32, heads=4, tangents=(3, 3)))


@pytest.mark.parametrize(("key", "value"), [("width", 3), ("heads", 5), ("patch_size", 100), ("similarity", "max")])
def test_impossible_settings_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"heads|width|patch_size|similarity"):
        ModelSettings(**{key: value})


def test_clip_stays_frozen() -> None:
    small = ModelSettings(width=2, embedding=32, text_width=64, heads=4, patch_size=64, decoder=(8, 8, 8, 4))
    model = TSalV360(small).train()
    before = {name: tensor.clone() for name, tensor in model.clip.state_dict().items()}
    with torch.enable_grad():
        model(torch.randint(0, 255, (1, 8, 64, 128, 3), dtype=torch.uint8), PROMPTS[:1]).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.clip.state_dict().items())
    assert not any(p.requires_grad for p in model.clip.parameters())


@pytest.mark.slow
def test_compiled_model_gives_the_same(model: TSalV360, video: Tensor) -> None:
    torch.manual_seed(0)
    compiled = TSalV360(ModelSettings.tiny()).eval()
    compiled.compile()
    assert compiled.state_dict().keys() == model.state_dict().keys()
    assert error(compiled(video[None, :8], PROMPTS[:1]), model(video[None, :8], PROMPTS[:1]).numpy()) < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary": 4096}, "vocabulary 4096, below CLIP's 49408 tokens"),
        ({"text_width": 100}, "a multiple of 64"),
        ({"heads": 7}, "cannot be shared by 7 heads"),
    ],
)
def test_sizes_that_the_encoder_cannot_have_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings(**change)

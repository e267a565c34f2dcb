"""The whole published model, with the golden weights, against the golden vectors of every step of one forward pass."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from golden import SENTENCE, STEPS, error, fill, golden, wave_clip
from torch import Tensor

from tsalv360.model import TSalV360
from tsalv360.model.encoders import FrameFeatures
from tsalv360.model.network import weigh

pytestmark = pytest.mark.slow

TOLERANCES = {
    "token_mask": 0.5,
    "tang": 2e-4,
    "clip_loc": 5e-5,
    "clip_loc_pool": 5e-6,
    "clip_global": 5e-5,
    "rnorm": 5e-5,
    "text": 2e-5,
    "cos": 3e-7,
    "sim": 5e-5,
    "vstca": 5e-5,
    "dec": 3e-5,
    "dec4": 2e-5,
    "t2e": 5e-6,
    "pred_s4": 5e-6,
    "pred_f16": 5e-4,
}


def tolerance(key: str) -> float:
    if "_pool" in key:
        return TOLERANCES["clip_loc_pool"]
    return TOLERANCES[max((name for name in TOLERANCES if key.startswith(name)), key=len)]


@pytest.fixture(scope="module")
def model() -> TSalV360:
    return fill(TSalV360())


@pytest.fixture(scope="module")
def found(model: TSalV360) -> dict[str, Tensor]:
    """Return our values under the keys of the golden vectors."""
    with torch.no_grad():
        return forward(model)


def forward(model: TSalV360) -> dict[str, Tensor]:
    clip = wave_clip(8, 960, 1920)
    ours: dict[str, Tensor] = {"tang_s32": model.to_tangent(clip[0]).permute(0, 2, 3, 4, 1)[:, :, 8::32, 8::32]}
    frames: list[FrameFeatures] = []
    decoded: dict[Any, Tensor] = {}
    with pytest.MonkeyPatch.context() as patch:
        encode = model.encode_frames
        patch.setattr(model, "encode_frames", lambda *given: frames.extend(encode(*given)) or frames)
        hooks = [block.register_forward_hook(keep(decoded, i)) for i, block in enumerate(model.decoders)]
        hooks.append(model.to_erp.register_forward_pre_hook(lambda _, inputs: decoded.update(images=inputs[0])))
        pred = model(clip, [SENTENCE])
        for hook in hooks:
            hook.remove()
    (first,) = model.encode_frames(clip[0, :1])  # the forward pass keeps only the maps of the last frame
    text = model.encode_text([SENTENCE])
    vectors = torch.stack([frame.vectors for frame in frames])
    ours["clip_global_s16"] = vectors.flatten(0, 1)[:, ::16]
    ours |= {"text_global": text.vectors, "text_local_s8": text.words[..., ::8], "token_mask": text.mask}
    ours["cos"] = weigh(text.vectors, vectors[None], "raw")
    ours["sim"] = weigh(text.vectors, vectors[None], "minmax")[..., None]
    for i, (attend, step) in enumerate(zip(model.VSTCA, STEPS, strict=True)):
        maps = torch.cat([first.maps[i], frames[7].maps[i]])
        ours[f"clip_loc{i}_sub"] = maps[:, ::64, ::step, ::step]
        pooled = torch.stack([frame.pooled[i] for frame in frames])
        ours[f"clip_loc{i}_pool_s32"] = pooled.flatten(0, 1)[:, ::32]
        ours[f"rnorm{i}_sub"] = model.resnet_norm_layer[i](frames[7].maps[i])[:, ::64, ::step, ::step]
        x = pooled * ours["sim"]
        ours[f"vstca{i}_in_s16"] = x[..., ::16]
        block = attend.layer[0]
        parts = {"temp": block.temp_attn, "spat": block.spatial_attn, "cross": block.cross_attn, "ffn": block.FFN}
        outputs, hooks = {}, []
        for name, part in parts.items():
            hooks.append(part.register_forward_hook(keep(outputs, name)))
        out = attend(x, text.words, text.mask)
        for hook in hooks:
            hook.remove()
        outputs["temp"] = outputs["temp"].transpose(1, 2)
        for name, output in outputs.items():
            ours[f"vstca{i}_{name}_last_s8"] = output.reshape(8, 18, -1)[7, :, ::8]
        ours[f"vstca{i}_last"], ours[f"vstca{i}_s16"] = out[0, 7], out[..., ::16]
    whole = model.resnet_norm_layer[0](frames[7].maps[0]) + ours["vstca0_last"][..., None, None]
    ours["dec0_in_sub"] = whole.permute(1, 2, 3, 0)[::32, ::2, ::2]
    for i, (channels, step) in enumerate([(32, 4), (32, 4), (64, 8), (16, 8)]):
        ours[f"dec{i}_sub"] = decoded[i][0].permute(1, 2, 3, 0)[::channels, 1::step, 1::step]
    ours["dec4"] = decoded[4][0, :, 0].permute(1, 2, 0)
    ours["t2e"] = model.to_erp.gather(decoded["images"]).view(240, 480)
    ours["pred_s4"], ours["pred_f16"] = pred[0, 0, ::4, ::4], pred[0, 0]
    return ours


def keep(outputs: dict[Any, Tensor], name: object) -> Callable[..., None]:
    return lambda module, inputs, output: outputs.update({name: output})


@pytest.mark.parametrize("key", [key for key in golden("forward_A") if key != "tokens"])
def test_every_step(found: dict[str, Tensor], key: str, record_property: Callable[[str, object], None]) -> None:
    off = error(found[key], golden("forward_A")[key])
    record_property("error", off)
    assert off < tolerance(key)

"""Parts of the published model against its golden vectors, at the tolerances stated with them."""

import json

import numpy as np
import pytest
import torch
from golden import DATA, ENTRIES, SENTENCE, STATE, error, fill, golden, hashed, made, wave_clip
from torch import Tensor

from tsalv360.model import ModelSettings, TSalV360, tokenize
from tsalv360.model.attention import VSTCA
from tsalv360.model.clip import Clip
from tsalv360.model.network import DecoderBlock, weigh
from tsalv360.model.tangent import ErpToTangent, TangentToErp, centres, directions, sphere, taps

PUBLISHED = ModelSettings()


@pytest.fixture(scope="module")
def model() -> TSalV360:
    return TSalV360()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return fill(Clip(PUBLISHED), "clip.")


@pytest.fixture(scope="module")
def vstca() -> VSTCA:
    return fill(VSTCA(512, sphere(PUBLISHED)[2], PUBLISHED), "VSTCA.2.")


@pytest.fixture(scope="module")
def tokens_in() -> tuple[Tensor, Tensor, Tensor]:
    """Features [1, 8, 18, 512], words [1, 77, 1024], and the mask of words that are attended to."""
    mask = torch.zeros(1, 77, dtype=torch.bool)
    mask[:, 1:10] = True
    return made("unit.x", 1, 8, 18, 512), made("unit.text", 1, 77, 1024), mask


def test_weights_have_the_published_names_and_shapes(model: TSalV360) -> None:
    ours = {name: (list(t.shape), t.is_floating_point()) for name, t in model.state_dict().items()}
    assert ours == {name: (e["shape"], "float" in e["dtype"]) for name, e in ENTRIES.items()}
    assert sum(p.numel() for p in model.parameters()) == STATE["n_params"] == 281_397_858
    assert {name for name, _ in model.named_parameters()} == {n for n, e in ENTRIES.items() if e["kind"] == "param"}


@pytest.mark.parametrize("name", STATE["layernorm_eps_unit"])
def test_norms_have_the_published_epsilon(model: TSalV360, name: str) -> None:
    unit = STATE["layernorm_eps_unit"][name]
    x = made(f"unit.eps.{name}", 1, *unit["normalized_shape"], scale=0.002)
    norm = fill(model.get_submodule(name), f"{name}.")
    out = norm(x.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1) if x.ndim == 5 else norm(x)
    assert error(out.flatten()[:8], np.array(unit["first8"])) < 2e-6


def test_centres() -> None:
    stated = json.loads((DATA / "tangent_centres.json").read_text("utf-8"))
    lam, phi = centres(PUBLISHED.tangents)
    assert lam.rad2deg().tolist() == pytest.approx([c["lon_deg"] for c in stated])
    assert phi.rad2deg().tolist() == pytest.approx([c["lat_down_deg"] for c in stated])


@pytest.mark.parametrize(("size", "step"), [(224, 9), (56, 5)])
def test_directions_of_tangent_images(size: int, step: int) -> None:
    lam, phi = directions(PUBLISHED, size)
    ours = torch.stack([lam / torch.pi, 2 * phi / torch.pi], -1)[:, ::step, ::step]
    expected = golden("geometry")[f"e2t_lonlat{size}_s{step}"]
    assert np.abs((ours.numpy() - expected + 1) % 2 - 1).max() < 5e-6  # single against double precision


@pytest.mark.parametrize("level", range(3))
def test_sphere_embedding(level: int) -> None:
    assert error(sphere(PUBLISHED)[level], golden("geometry")[f"sph{level}"].reshape(18, -1)) < 5e-6


def test_panorama_to_tangent_images() -> None:
    to_tangent = ErpToTangent(PUBLISHED, size=56)
    wave = to_tangent(wave_clip(2, 96, 192)[0])[1].permute(1, 2, 3, 0)
    assert error(wave[:, ::2, ::2], golden("alone")["e2t_wave_f1_s2"]) < 2e-4
    noise = to_tangent(made("unit.e2t", 1, 2, 3, 96, 192)[0])[0, :, 0].permute(1, 2, 0)
    assert error(noise, golden("alone")["e2t_noise_f0c0"]) < 2e-4


@pytest.mark.parametrize("image", [0, 1, 4, 10, 17])
def test_neighbours_of_panorama_pixels(image: int) -> None:
    found = taps(PUBLISHED)
    for axis, part in [("x", found.column), ("y", found.row)]:
        ours = torch.where(found.visible[image], part[0, image], -1)
        assert (ours.numpy() == golden("geometry")[f"t2e_{axis}0_{image}"]).all()


def test_weights_of_panorama_pixels() -> None:
    found = taps(PUBLISHED)
    assert (found.visible.sum(0).numpy() == golden("geometry")["t2e_count"]).all()
    for image in (1, 10):
        ours = found.weight[:, image, ::4, ::4].permute(1, 2, 0)
        assert error(ours, golden("geometry")[f"t2e_w_{image}_s4"]) < 5e-5


def test_tangent_images_to_panorama() -> None:
    y, x, k = np.meshgrid(np.arange(56), np.arange(56), np.arange(18), indexing="ij")
    smooth = np.sin(0.2 * x + 0.11 * y + 0.7 * k) + 0.5 * np.cos(0.05 * x * (1 + 0.1 * k) - 0.17 * y)
    noise = made("unit.t2e", 1, 1, 56, 56, 18)[0, 0]
    index = torch.arange(18.0).expand(56, 56, 18)
    images = torch.stack([torch.from_numpy(smooth).float(), noise, index]).permute(0, 3, 1, 2)
    ours = TangentToErp(PUBLISHED).gather(images).view(3, 240, 480)
    off = np.abs(ours[0].numpy() - golden("alone")["t2e_smooth"])
    assert off.max() < 5e-5 and (off > 5e-6).mean() < 0.002, "a few pixels depend on the last digit of a weight"
    assert error(ours[1, ::2, ::2], golden("alone")["t2e_noise_s2"]) < 5e-5
    assert error(ours[2, ::2, ::2], golden("alone")["t2e_idx_s2"]) < 5e-5


def test_tokens() -> None:
    assert (tokenize([SENTENCE]).numpy() == golden("forward_A")["tokens"]).all()


def test_clip_on_a_sentence(clip: Clip) -> None:
    with torch.no_grad():
        vectors, words = clip.encode_text(tokenize([SENTENCE]))
    assert error(vectors, golden("forward_A")["text_global"]) < 2e-5
    assert error(words[..., ::8], golden("forward_A")["text_local_s8"]) < 2e-5


def test_clip_on_one_picture(clip: Clip) -> None:
    with torch.no_grad():
        seen = clip.visual(wave_clip(1, 224, 224)[0])
    assert error(seen.vectors, golden("unit")["clip_im_global"]) < 5e-5
    for level, maps in enumerate(seen.maps):
        step = (1, 2, 4)[level]
        assert error(maps[:, ::16, ::step, ::step], golden("unit")[f"clip_im_loc{level}_s16"]) < 5e-5


def test_similarity() -> None:
    ours = weigh(made("unit.simtext", 2, 1024), made("unit.simvis", 2, 8, 18, 1024), "minmax")
    assert error(ours[..., None], golden("unit")["simest"]) < 5e-5


def test_parts_of_an_attention_block(vstca: VSTCA, tokens_in: tuple[Tensor, Tensor, Tensor]) -> None:
    x, words, mask = tokens_in
    block = vstca.layer[0]
    with torch.no_grad():
        ours = {
            "temp": block.temp_attn(x.transpose(1, 2)).transpose(1, 2),
            "spat": block.spatial_attn(x),
            "cross": block.cross_attn(x.flatten(1, 2), words, mask).view_as(x),
            "ffn": block.FFN(x),
        }
    for name, out in ours.items():
        assert error(out[..., ::8], golden("unit")[f"vstca2_{name}_s8"]) < 5e-5, name


def test_attention_of_a_level(vstca: VSTCA, tokens_in: tuple[Tensor, Tensor, Tensor]) -> None:
    with torch.no_grad():
        whole = vstca(*tokens_in)
        last = vstca(*tokens_in, last_only=True)
    assert error(whole[..., ::2], golden("unit")["vstca2_s2"]) < 5e-5
    assert error(last, whole[:, -1:].numpy()) < 1e-5


def test_last_decoder_blocks() -> None:
    x = made("unit.dec3", 1, 512, 56, 56, 18).permute(0, 4, 1, 2, 3)
    third = fill(DecoderBlock(512, 0, 128, 56, 18), "decoders.3.")
    fourth = fill(DecoderBlock(128, 0, 1, 56, 18), "decoders.4.")
    with torch.no_grad():
        out = third(x, None)
        logits = fourth(out, None)
    assert error(out[0, :, ::8, ::8, ::8].permute(1, 2, 3, 0), golden("unit")["dec3_unit_sub"]) < 3e-5
    assert error(logits[0, ::3, 0].permute(1, 2, 0), golden("unit")["dec4_unit_p3"]) < 2e-5


@pytest.mark.parametrize("size", [2, 3, 7, 14])
def test_decoder_adds_a_vector_as_if_it_were_all_over_the_map(size: int) -> None:
    torch.manual_seed(0)
    block = DecoderBlock(3, 5, 4, size, 2)
    maps, vectors, before = torch.randn(1, 2, 5, size, size), torch.randn(3, 2, 5), torch.randn(3, 2, 3, size, size)
    both = torch.cat([before, maps + vectors[..., None, None]], 2).permute(0, 2, 3, 4, 1)
    with torch.no_grad():
        plain = block.block[0](both).permute(0, 4, 1, 2, 3)
        ours = block(before, block.convolve_maps(maps) + block.convolve_vectors(vectors, size))
        expected = block.block[1](plain).relu()
    expected = torch.nn.functional.interpolate(expected.flatten(0, 1), scale_factor=2, mode="bilinear")
    assert error(ours.flatten(0, 1), expected.numpy()) < 1e-5


def test_inputs_follow_their_rule() -> None:
    clip = wave_clip(8, 960, 1920)[0]
    assert error(clip[:, :, ::60, ::120], golden("input")["s"]) < 1e-6
    assert error(clip[7, :, :4, :4], golden("input")["corner"]) < 1e-6
    assert hashed(3, 0)[0] == -1

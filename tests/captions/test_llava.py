"""LLaVA-NeXT-Video and LLaVA-NeXT through the code of the 7B models, with tiny random weights loaded from a folder."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captions.conftest import make_checkpoint

from tsalv360.captions import llava as module
from tsalv360.captions.captioner import Answer, Clip
from tsalv360.captions.llava import Llava, locate
from tsalv360.captions.settings import LlavaSettings
from tsalv360.job.errors import InputError

Make = Callable[..., Clip]
PROMPT = "describe one short sentence"
KINDS = ["llava-next-video", "llava-next"]


def captioner(kind: Any, folder: Path, max_tokens: int = 12, **settings: Any) -> Llava:
    models = {"video_model": str(folder), "image_model": str(folder)}
    return Llava(kind, LlavaSettings(**{"dtype": "float32", "device_map": "cpu"} | models | settings), max_tokens)


def answers(model: Llava, clips: list[Clip], prompt: str = PROMPT) -> dict[str, Answer]:
    return {clip.event: answer for clip, answer in model.caption(clips, prompt)}


@pytest.fixture
def clips(make_clip: Make) -> list[Clip]:
    """Events of different lengths and shapes; two have fewer pictures than the others."""
    shapes = [(8, (96, 128)), (3, (96, 128)), (8, (64, 160)), (8, (96, 128)), (3, (96, 128))]
    return [make_clip(f"v_{k}", n=n, seed=k, size=size) for k, (n, size) in enumerate(shapes)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_single_clips_give(checkpoints: dict[str, Path], clips: list[Clip], kind: str) -> None:
    alone = answers(captioner(kind, checkpoints[kind], batch_size=1), clips)
    together = answers(captioner(kind, checkpoints[kind], batch_size=3), clips)
    assert set(alone) == {clip.event for clip in clips}
    for event, answer in alone.items():
        assert together[event].text == answer.text
        assert together[event].score == pytest.approx(answer.score, abs=1e-4)
    assert len({answer.text for answer in alone.values()}) == len(clips)  # else equality would tell nothing


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_holds_the_pixels_and_tokens_of_single_clips(
    checkpoints: dict[str, Path], clips: list[Clip], kind: str
) -> None:
    model, same = captioner(kind, checkpoints[kind]), [clips[0], clips[2], clips[3]]
    batch, singles = model.prepare(same, PROMPT), [model.prepare([clip], PROMPT) for clip in same]
    pixels = "pixel_values_videos" if kind == "llava-next-video" else "pixel_values"
    whole = [picture for single in singles for picture in single[pixels]]
    for picture, alone in zip(batch[pixels], whole, strict=True):
        torch.testing.assert_close(picture[: len(alone)], alone, rtol=0, atol=0)
    for row, mask, single in zip(batch["input_ids"], batch["attention_mask"], singles, strict=True):
        n = single["input_ids"].shape[1]
        assert row[-n:].tolist() == single["input_ids"][0].tolist()
        assert mask[-n:].all() and not mask[:-n].any()  # padded on the left
    assert batch["attention_mask"].all() == (kind == "llava-next-video")  # wide pictures have fewer tiles


def test_the_video_model_sees_the_pictures_in_order(checkpoints: dict[str, Path], make_clip: Make) -> None:
    clip = make_clip(size=(56, 56))
    pixels = captioner("llava-next-video", checkpoints["llava-next-video"]).prepare([clip], PROMPT)
    mean, std = (
        np.array(values) for values in ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    )
    expected = ((clip.pictures() / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(pixels["pixel_values_videos"][0].numpy(), expected, atol=1e-5)


def test_a_checkpoint_that_samples_frames_of_videos_does_not_sample_ours(
    checkpoints: dict[str, Path], make_clip: Make, tmp_path: Path
) -> None:
    shutil.copytree(checkpoints["llava-next-video"], tmp_path / "sampling")
    changed = 0
    for path in (tmp_path / "sampling").glob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        for settings in (content, content.get("video_processor") or {}):
            if "do_sample_frames" in settings:
                settings |= {"do_sample_frames": True, "num_frames": 2, "fps": None}
                changed += 1
        path.write_text(json.dumps(content))
    assert changed
    clip = make_clip(size=(56, 56))
    ours, theirs = (
        captioner("llava-next-video", path).prepare([clip], PROMPT)["pixel_values_videos"]
        for path in (checkpoints["llava-next-video"], tmp_path / "sampling")
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(("kind", "mark", "n_marks"), [("llava-next-video", 5, 4 * 4), ("llava-next", 4, 4 * 70)])
def test_the_prompt_follows_the_pictures_in_the_checkpoints_own_form(
    checkpoints: dict[str, Path], make_clip: Make, kind: str, mark: int, n_marks: int
) -> None:
    model = captioner(kind, checkpoints[kind])
    tokens = model.prepare([make_clip(n=4)], PROMPT)["input_ids"][0].tolist()
    assert tokens.count(mark) == n_marks
    last = len(tokens) - 1 - tokens[::-1].index(mark)
    decode = model._processor.tokenizer.decode
    assert decode(tokens[last + 1 :]).strip() == f"{PROMPT} ASSISTANT:"
    assert decode(tokens[: tokens.index(mark)]) == "USER: "


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_follows_the_prompt_and_does_not_repeat_it(
    checkpoints: dict[str, Path], make_clip: Make, kind: str
) -> None:
    model, clip = captioner(kind, checkpoints[kind]), make_clip(n=4)
    one, two = (answers(model, [clip], prompt)["v_1"] for prompt in (PROMPT, "a man"))
    assert one.text != two.text
    assert "USER" not in one.text + two.text


def test_the_score_is_the_mean_log_probability_of_what_was_written(
    checkpoints: dict[str, Path], make_clip: Make
) -> None:
    model, clip = captioner("llava-next-video", checkpoints["llava-next-video"]), make_clip()
    answer, batch = answers(model, [clip])["v_1"], model.prepare([clip], PROMPT)
    steps = []
    with torch.inference_mode():
        for _ in range(12):
            step = model._model(**batch).logits[0, -1].log_softmax(-1)
            token = int(step.argmax())
            steps.append(float(step[token]))
            grown = torch.cat([batch["input_ids"], torch.tensor([[token]])], 1)
            batch |= {"input_ids": grown, "attention_mask": torch.ones_like(grown)}
    assert answer.score == pytest.approx(np.mean(steps), abs=1e-4)
    assert answer.cut_off


def test_an_answer_ends_at_its_end_token_in_a_batch_too(tmp_path: Path, clips: list[Clip]) -> None:
    folder = make_checkpoint(tmp_path / "ending", "llava-next-video", ends=60)
    alone = answers(captioner("llava-next-video", folder, 40, batch_size=1), clips)
    together = answers(captioner("llava-next-video", folder, 40, batch_size=3), clips)
    assert any(not answer.cut_off for answer in alone.values())
    assert len({len(answer.text) for answer in alone.values()}) > 1
    for event, answer in alone.items():
        assert (together[event].text, together[event].cut_off) == (answer.text, answer.cut_off)
        assert together[event].score == pytest.approx(answer.score, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_pictures_are_refused_with_the_sum_before_any_weight_is_loaded(
    tmp_path: Path, make_clip: Make, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = make_checkpoint(tmp_path / kind, kind, context=160)
    monkeypatch.setattr(Llava, "_model", property(lambda self: pytest.fail("the weights were loaded")))
    each = 4 if kind == "llava-next-video" else 70
    with pytest.raises(InputError) as error:
        answers(captioner(kind, folder, 60), [make_clip(n=30)])
    found = str(error.value)
    assert f"30 pictures × {each} tokens + " in found
    assert "+ 60 for the answer = " in found and "at most 160" in found
    fits = int(found.rsplit("at most ", 1)[1].rstrip("."))
    answers_fit = captioner(kind, folder, 60)
    if fits:
        answers_fit.prepare([make_clip("v_2", n=fits)], PROMPT)
    with pytest.raises(InputError):
        answers_fit.prepare([make_clip("v_3", n=fits + 1)], PROMPT)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_runs(checkpoints: dict[str, Path], make_clip: Make, dtype: str) -> None:
    model = captioner("llava-next-video", checkpoints["llava-next-video"], dtype=dtype)
    answer = answers(model, [make_clip()])["v_1"]
    assert model._model.dtype == getattr(torch, dtype)
    assert answer.text and answer.score is not None and answer.score < 0


def test_a_template_that_writes_the_start_token_gets_no_second_one(tmp_path: Path, make_clip: Make) -> None:
    folder = make_checkpoint(tmp_path / "start", "llava-next-video")
    template = folder / "chat_template.jinja"
    template.write_text("<s>" + template.read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    start = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [start, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    tokens = captioner("llava-next-video", folder).prepare([make_clip()], PROMPT)["input_ids"][0].tolist()
    assert tokens[0] == 1 and tokens.count(1) == 1


def test_a_full_gpu_is_an_error_that_names_the_settings_to_lower(
    checkpoints: dict[str, Path], make_clip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = captioner("llava-next-video", checkpoints["llava-next-video"])

    def full(**_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model._model, "generate", full)
    with pytest.raises(InputError, match=r"captions.llava.batch_size: 1: found too little memory.*four_bit"):
        answers(model, [make_clip()])


def test_a_broken_torchvision_is_named(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r"broken pair: torch 2.* and torchvision 0.*nms does not exist.*pip install"):
        module._check_torchvision()


def test_the_revision_of_a_folder_is_its_content(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints["llava-next"], tmp_path / "copy")
    place, revision = locate(str(folder), "ignored")
    assert place == folder
    assert revision == locate(str(checkpoints["llava-next"]), "main")[1]
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert locate(str(folder), "main")[1] != revision


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of the hub."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield tmp_path / "hub"


def test_missing_weights_are_an_error_with_size_and_command(hub: Path) -> None:
    with pytest.raises(InputError) as error:
        Llava("llava-next-video", LlavaSettings(), 96)
    assert str(error.value) == (
        "llava-hf/LLaVA-NeXT-Video-7B-hf: found no weights of revision main in the Hugging Face cache; "
        "expected a downloaded checkpoint. "
        "Download it (about 14 GB):  hf download llava-hf/LLaVA-NeXT-Video-7B-hf --revision main"
    )


def test_the_suggested_command_exists() -> None:
    done = subprocess.run([Path(sys.executable).parent / "hf", "download", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--revision" in done.stdout


def test_an_id_on_the_hub_resolves_to_its_commit(hub: Path, checkpoints: dict[str, Path], make_clip: Make) -> None:
    repository = hub / "models--llava-hf--LLaVA-NeXT-Video-7B-hf"
    shutil.copytree(checkpoints["llava-next-video"], repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    model = Llava("llava-next-video", LlavaSettings(dtype="float32", device_map="cpu"), 12)
    assert (model.model, model.revision) == ("llava-hf/LLaVA-NeXT-Video-7B-hf", COMMIT)
    assert answers(model, [make_clip()])["v_1"].text
    (repository / "snapshots" / COMMIT / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no model.safetensors in .*hf download"):
        Llava("llava-next-video", LlavaSettings(), 12)


def test_no_code_of_a_checkpoint_runs(tmp_path: Path) -> None:
    """Nor is anybody asked whether it may."""
    folder = make_checkpoint(tmp_path / "model", "llava-next-video")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: ...\n")
    for name, key in (("config.json", "AutoConfig"), ("processor_config.json", "AutoProcessor")):
        content = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
        kind = {"model_type": "evil"} if name == "config.json" else {}
        (folder / name).write_text(json.dumps(content | kind | {"auto_map": {key: "evil.Evil"}}))
    model = captioner("llava-next-video", folder)
    for part in ("_config", "_processor", "_model"):
        with suppress(Exception):  # some parts are refused, some load without that code
            getattr(model, part)
    assert not (tmp_path / "ran").exists()

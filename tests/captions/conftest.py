"""Clips with something to see in them, and tiny models with random weights that load as the real ones do."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tsalv360.captions.captioner import Clip
from tsalv360.media.video import VideoWriter

os.environ["HF_HUB_OFFLINE"] = "1"

WORDS = "a man is juggling red balls in the middle of street while two dogs run past him describe one short sentence"
VIDEO_TEMPLATE = (
    "{% for m in messages %}USER: {% for c in m['content'] %}{% if c['type'] == 'video' %}<video>\n"
    "{% elif c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Clip]:
    """Makes a clip of `n` pictures of 96 × 128 in which a disc of some colour moves; `seed` draws another one."""

    def make(event: str = "v_1", n: int = 8, seed: int = 0, size: tuple[int, int] = (96, 128)) -> Clip:
        rng = np.random.default_rng(seed)
        scene = rng.integers(60, 180, (*size, 3), dtype=np.uint8)
        colour, across, down = rng.integers(0, 255, 3), *np.meshgrid(np.arange(size[1]), np.arange(size[0]))
        path = tmp_path / f"{event}.mp4"
        with VideoWriter(path, 16, size) as writer:
            for k in range(2 * n):
                picture = scene.copy()
                picture[np.hypot(across - 30 - 3 * k, down - size[0] / 2) < 20] = colour
                writer.write(picture)
        return Clip(event, path, tuple(range(0, 2 * n, 2)), 0.125, 75.0)

    return make


def make_checkpoint(folder: Path, kind: str, context: int = 1024, ends: int = 1) -> Path:
    """Save a tiny model of random weights and its processor; `ends`: how many of its tokens end an answer."""
    import torch
    import transformers as hf
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    special = ["<unk>", "<s>", "</s>", "<pad>", "<image>", "<video>"]
    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        [WORDS] * 4, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = hf.PreTrainedTokenizerFast(
        tokenizer_object=bpe, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>", "video_token": "<video>"},
    )  # fmt: skip
    vision = hf.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
    )
    text = hf.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=context, bos_token_id=1, eos_token_id=2, pad_token_id=3,
    )  # fmt: skip
    shared: dict[str, Any] = {
        "vision_config": vision,
        "text_config": text,
        "image_token_index": 4,
        "vision_feature_layer": -2,
        "image_grid_pinpoints": [[56, 112], [112, 56], [112, 112]],
    }
    size = {"shortest_edge": 56}
    crop = {"height": 56, "width": 56}
    images = hf.LlavaNextImageProcessor(size=size, crop_size=crop, image_grid_pinpoints=shared["image_grid_pinpoints"])
    options = {
        "patch_size": 14,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
        "chat_template": VIDEO_TEMPLATE,
    }
    torch.manual_seed(0)
    if kind == "llava-next-video":
        model = hf.LlavaNextVideoForConditionalGeneration(hf.LlavaNextVideoConfig(**shared, video_token_index=5))
        videos = hf.LlavaNextVideoVideoProcessor(size=size, crop_size=crop)
        processor = hf.LlavaNextVideoProcessor(
            video_processor=videos, image_processor=images, tokenizer=tokenizer, **options
        )
    else:
        model = hf.LlavaNextForConditionalGeneration(hf.LlavaNextConfig(**shared))
        processor = hf.LlavaNextProcessor(image_processor=images, tokenizer=tokenizer, **options)
    for weights in model.parameters():
        weights.data.mul_(8)  # so that small differences of the pictures show in the answers
    model.generation_config.eos_token_id = [2, *range(len(tokenizer) - ends + 1, len(tokenizer))] if ends > 1 else 2
    model.generation_config.pad_token_id = 3
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny checkpoint of each kind."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: make_checkpoint(root / kind, kind) for kind in ("llava-next-video", "llava-next")}

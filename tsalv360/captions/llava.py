"""LLaVA-NeXT-Video and LLaVA-NeXT on this machine, by transformers' own classes and the checkpoint's chat template.

Nothing is downloaded unasked, and no code of a checkpoint is run.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import torch

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.captions.settings import LlavaSettings
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256

_GIGABYTES = {"llava-hf/LLaVA-NeXT-Video-7B-hf": 14, "llava-hf/llava-v1.6-mistral-7b-hf": 15}  # 16 bit per weight
_OFFLINE: Any = {"local_files_only": True, "trust_remote_code": False}


def locate(model: str, revision: str) -> tuple[Path, str]:
    """Return the folder and the revision of a checkpoint on this machine.

    `model` is a folder, whose revision is a hash of all its files, or an id on the hub, whose revision is the commit
    that `revision` resolves to in the hub's cache. InputError, with the command that downloads it, where it is missing.
    """
    folder = Path(model)
    if folder.is_dir():
        _refuse_incomplete(folder, model, "Copy the whole folder.")
        digests = [f"{path.name} {sha256(path)}" for path in sorted(folder.iterdir()) if path.is_file()]
        return folder, f"sha256:{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:16]}"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    size = f" (about {_GIGABYTES[model]} GB)" if model in _GIGABYTES else ""
    advice = f"Download it{size}:  hf download {model} --revision {revision}"
    try:
        folder = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        found = f"no weights of revision {revision} in the Hugging Face cache"
        raise InputError(model, found, "a downloaded checkpoint", advice) from None
    except HFValidationError:
        raise InputError(model, "no such folder", "a folder or an id on the hub", "Correct it.") from None
    _refuse_incomplete(folder, model, advice)
    return folder, folder.name


def _refuse_incomplete(folder: Path, model: str, advice: str) -> None:
    """Raise InputError where a file of the checkpoint is missing."""
    index, weights = folder / "model.safetensors.index.json", {"model.safetensors"}
    if index.exists():
        weights = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    if missing := [name for name in ["config.json", *sorted(weights)] if not (folder / name).exists()]:
        raise InputError(model, f"no {', '.join(missing)} in {folder}", "a whole checkpoint", advice)


class Llava:
    """A captioner that decodes greedily, in batches padded on the left. Its model is loaded when it is first used.

    The video model sees a clip as one video, the image model as several images.
    """

    takes_prompt = True

    def __init__(
        self, backend: Literal["llava-next-video", "llava-next"], settings: LlavaSettings, max_tokens: int
    ) -> None:
        """Raise InputError where torchvision is broken or the checkpoint is not on this machine."""
        _check_torchvision()
        self._sees_video = backend == "llava-next-video"
        self._settings, self._max_tokens = settings, max_tokens
        chosen = (settings.video_model, settings.video_revision)
        self.model, asked = chosen if self._sees_video else (settings.image_model, settings.image_revision)
        self._folder, self.revision = locate(self.model, asked)
        self.decoding = {"max_tokens": max_tokens, "dtype": settings.dtype, "four_bit": settings.four_bit}

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Yield each clip with its answer, batch by batch; the clips of a batch have equally many pictures.

        Raises InputError where the pictures do not fit the model's context or the batch does not fit the GPU.
        """

        def n_pictures(clip: Clip) -> int:
            return len(clip.numbers)

        for _, group in groupby(sorted(clips, key=n_pictures), n_pictures):
            clips, size = list(group), self._settings.batch_size
            for batch in (clips[start : start + size] for start in range(0, len(clips), size)):
                yield from zip(batch, self._answers(self.prepare(batch, prompt)), strict=True)

    def prepare(self, clips: Sequence[Clip], prompt: str) -> Any:
        """Return the input of the model for clips of T pictures each: token ids [B, L], their mask, and pixels.

        Raises InputError where the context of the model is too short for the pictures.
        """
        pictures = [clip.pictures() for clip in clips]
        n_pictures = len(pictures[0])
        media = [{"type": "video"}] if self._sees_video else [{"type": "image"}] * n_pictures
        question = [{"role": "user", "content": [*media, {"type": "text", "text": prompt}]}]
        text = self._processor.apply_chat_template(question, add_generation_prompt=True)
        # Templates that write the start token themselves must not get a second one.
        start = self._processor.tokenizer.bos_token
        # The pictures are chosen already, whatever the checkpoint's own settings would choose of them.
        video = {"videos": pictures, "do_sample_frames": False}
        batch = self._processor(
            text=[text] * len(clips),
            **(video if self._sees_video else {"images": [list(clip) for clip in pictures]}),
            padding=True,
            return_tensors="pt",
            add_special_tokens=not (start and text.startswith(start)),
        )
        self._refuse_too_long(batch["input_ids"], n_pictures)
        return batch

    @torch.inference_mode()
    def _answers(self, batch: Any) -> list[Answer]:
        model = self._model
        try:
            out = model.generate(
                **batch.to(model.device, model.dtype),
                do_sample=False,
                num_beams=1,
                max_new_tokens=self._max_tokens,
                return_dict_in_generate=True,
                output_scores=True,
            )
        except torch.OutOfMemoryError:
            raise InputError(
                f"captions.llava.batch_size: {len(batch['input_ids'])}",
                "too little memory on the GPU",
                "room for the weights and the batch",
                "Lower captions.llava.batch_size or captions.n_frames, or set captions.llava.four_bit: true.",
            ) from None
        written = out.sequences[:, batch["input_ids"].shape[1] :].cpu()
        scores = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=True).float().cpu()
        end_tokens = model.generation_config.eos_token_id
        ends = torch.isin(written, torch.tensor([] if end_tokens is None else end_tokens))
        answers = []
        for tokens, token_scores, end in zip(written, scores, ends, strict=True):
            n = int(end.int().argmax()) + 1 if end.any() else len(tokens)
            text = self._processor.tokenizer.decode(tokens[:n], skip_special_tokens=True)
            answers.append(Answer(text, float(token_scores[:n].mean()), cut_off=not bool(end.any())))
        return answers

    def _refuse_too_long(self, tokens: torch.Tensor, n_pictures: int) -> None:
        """Raise InputError, with the sum, where prompt, pictures and answer are longer than the context."""
        config = self._config
        context = config.get_text_config().max_position_embeddings
        places = (tokens[0] == (config.video_token_id if self._sees_video else config.image_token_id)).nonzero()
        total, seen = tokens.shape[1], len(places)
        if total + self._max_tokens > context:
            span = int(places[-1] - places[0]) + 1  # with what the template puts between pictures
            fit = int((context - self._max_tokens - (total - span)) * n_pictures / span)
            raise InputError(
                f"captions.n_frames: {n_pictures}",
                f"{n_pictures} pictures × {seen // n_pictures} tokens + {total - seen} of the prompt + "
                f"{self._max_tokens} for the answer = {total + self._max_tokens} tokens",
                f"at most {context}, the context of {self.model}",
                f"Set captions.n_frames to at most {max(fit, 0)}.",
            )

    @cached_property
    def _config(self) -> Any:
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self._folder, **_OFFLINE)

    @cached_property
    def _processor(self) -> Any:
        import transformers

        load: Any = transformers.AutoProcessor.from_pretrained  # untyped
        processor = load(self._folder, **_OFFLINE)
        if not processor.chat_template:
            raise InputError(
                self.model,
                "no chat template",
                "a template beside the weights",
                "Use a checkpoint in the form of transformers.",
            )
        processor.tokenizer.padding_side = "left"  # the answer continues from the last token
        return processor

    @cached_property
    def _model(self) -> Any:
        import transformers

        settings = self._settings
        kind = "LlavaNextVideoForConditionalGeneration" if self._sees_video else "LlavaNextForConditionalGeneration"
        dtype, options = getattr(torch, settings.dtype), {}
        if settings.four_bit:
            quantization: Any = transformers.BitsAndBytesConfig  # untyped
            options["quantization_config"] = quantization(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
            )
        if settings.device_map == "auto" and not torch.cuda.is_available():
            logging.warning("there is no GPU: the model runs on the CPU, which is very slow for 7 billion weights")
        model = getattr(transformers, kind).from_pretrained(
            self._folder, dtype=dtype, device_map=settings.device_map, **_OFFLINE, **options
        )
        return model.eval()


def _check_torchvision() -> None:
    """Raise InputError where torchvision does not work with this torch, which transformers' errors do not say."""
    from importlib.metadata import version

    try:
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        found = f"torch {version('torch')} and torchvision {version('torchvision')} ({error})"
        raise InputError(
            "torchvision",
            f"a broken pair: {found}",
            "both of one release",
            "Install both together:  pip install --force-reinstall --constraint constraints.txt torch torchvision",
        ) from error

"""Where the weights of a checkpoint lie, and which revision they are. Nothing is downloaded without being asked for.

LLaVA-NeXT-Video and LLaVA-NeXT on this machine, through transformers' own classes and the checkpoint's template.
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


def locate(model: str, revision: str) -> tuple[Path, str]:
    """Folder and revision of a checkpoint that is on this machine.

    `model` is a folder, whose revision is a hash of all its files, or an id on the hub, whose revision is the commit
    that `revision` stands for in the hub's cache. InputError, with the command that downloads it, where it is missing.
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
        raise InputError(model, f"no weights of revision {revision} in the hub's cache", "them", advice) from None
    except HFValidationError:
        raise InputError(model, "no such folder", "a folder or an id on the hub", "Correct it.") from None
    _refuse_incomplete(folder, model, advice)
    return folder, folder.name


def _refuse_incomplete(folder: Path, model: str, advice: str) -> None:
    index = folder / "model.safetensors.index.json"
    weights = ["model.safetensors"]
    if index.exists():
        weights = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    if missing := [name for name in ["config.json", *weights] if not (folder / name).exists()]:
        raise InputError(model, f"no {', '.join(missing)} in {folder}", "a whole checkpoint", advice)


_OWN: Any = {"local_files_only": True, "trust_remote_code": False}  # of a checkpoint no code is run, nor asked about

Batch = dict[str, torch.Tensor]


class Llava:
    """A captioner that decodes greedily, in batches padded on the left. Its model is loaded by the first question.

    The video model sees a clip as one video, the image model as several images.
    """

    takes_prompt = True

    def __init__(
        self, backend: Literal["llava-next-video", "llava-next"], settings: LlavaSettings, max_tokens: int
    ) -> None:
        """Raises InputError where libraries do not fit each other or the checkpoint is not on this machine."""
        _check_torchvision()
        self._sees_video = backend == "llava-next-video"
        self._settings, self._max_tokens = settings, max_tokens
        chosen = (settings.video_model, settings.video_revision)
        self.model, asked = chosen if self._sees_video else (settings.image_model, settings.image_revision)
        self._folder, self.revision = locate(self.model, asked)
        self.decoding = {"max_tokens": max_tokens, "dtype": settings.dtype, "four_bit": settings.four_bit}

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Each clip with its answer, batch by batch; a batch has clips of as many pictures each.

        Raises InputError where the pictures do not fit the model's context or the batch not the GPU.
        """

        def n_pictures(clip: Clip) -> int:
            return len(clip.numbers)

        for _, group in groupby(sorted(clips, key=n_pictures), n_pictures):
            alike, size = list(group), self._settings.batch_size
            for batch in (alike[start : start + size] for start in range(0, len(alike), size)):
                yield from zip(batch, self._answers(self.prepare(batch, prompt)), strict=True)

    def prepare(self, clips: Sequence[Clip], prompt: str) -> Batch:
        """What the model is given for clips of T pictures each: token ids [B, L], their mask, and pixels.

        Raises InputError where the context of the model is too short for the pictures.
        """
        pictures = [clip.pictures() for clip in clips]
        text = self._processor.apply_chat_template(self._question(prompt, len(pictures[0])), add_generation_prompt=True)
        media = {"videos": pictures} if self._sees_video else {"images": [list(clip) for clip in pictures]}
        # Templates that write the start token themselves must not get a second one.
        start = self._processor.tokenizer.bos_token
        add = not (start and text.startswith(start))
        texts = [text] * len(clips)
        batch = dict(self._processor(text=texts, **media, padding=True, return_tensors="pt", add_special_tokens=add))
        self._refuse_too_long(batch["input_ids"], len(pictures[0]))
        return batch

    def _question(self, prompt: str, n_pictures: int) -> list[dict[str, Any]]:
        """The conversation: pictures, then the prompt."""
        media = [{"type": "video"}] if self._sees_video else [{"type": "image"}] * n_pictures
        return [{"role": "user", "content": [*media, {"type": "text", "text": prompt}]}]

    @torch.inference_mode()
    def _answers(self, batch: Batch) -> list[Answer]:
        model = self._model
        placed = {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in batch.items()
        }
        try:
            out = model.generate(
                **placed,
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
        ends = torch.isin(written, torch.tensor(self._end_tokens))
        answers = []
        for tokens, token_scores, end in zip(written, scores, ends, strict=True):
            n = int(end.int().argmax()) + 1 if end.any() else len(tokens)
            text = self._processor.tokenizer.decode(tokens[:n], skip_special_tokens=True)
            answers.append(Answer(text, float(token_scores[:n].mean()), cut_off=not bool(end.any())))
        return answers

    @property
    def _end_tokens(self) -> list[int]:
        end = self._model.generation_config.eos_token_id
        return [end] if isinstance(end, int) else list(end or [])

    def _refuse_too_long(self, tokens: torch.Tensor, n_pictures: int) -> None:
        """InputError, with the sum, where prompt, pictures and answer are longer than the context."""
        text = self._config.get_text_config()
        context = text.max_position_embeddings
        marks = self._config.video_token_id if self._sees_video else self._config.image_token_id
        of_pictures = (tokens[0] == marks).nonzero().flatten()
        total, seen = tokens.shape[1], len(of_pictures)
        if total + self._max_tokens > context:
            span = int(of_pictures[-1] - of_pictures[0]) + 1  # with what the template puts between pictures
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

        return AutoConfig.from_pretrained(self._folder, **_OWN)

    @cached_property
    def _processor(self) -> Any:
        import transformers

        load: Any = transformers.AutoProcessor.from_pretrained  # untyped
        processor = load(self._folder, **_OWN)
        if not processor.chat_template:
            raise InputError(
                self.model, "no chat template", "one beside the weights", "Take a checkpoint in transformers' form."
            )
        processor.tokenizer.padding_side = "left"  # of a decoder: what it goes on from must stand at the end
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
            logging.warning("there is no GPU: the model runs on the CPU, which takes very long for 7 billion weights")
        model = getattr(transformers, kind).from_pretrained(
            self._folder, dtype=dtype, device_map=settings.device_map, **_OWN, **options
        )
        return model.eval()


def _check_torchvision() -> None:
    """InputError where torchvision is broken beside this torch, which transformers' errors do not tell."""
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

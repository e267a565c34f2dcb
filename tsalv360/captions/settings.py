"""Settings of the caption stage, and what the chosen backends need: libraries, a model on this machine, a GPU."""

from dataclasses import field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, StringConstraints
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra

Item = TypeVar("Item")

Backend = Literal["facts", "llava-next-video", "llava-next", "endpoint"]
_LLAVA = ("torch", "torchvision", "transformers", "accelerate")
_LIBRARIES: dict[Backend, tuple[str, ...]] = {
    "facts": (),
    "llava-next-video": _LLAVA,
    "llava-next": _LLAVA,
    "endpoint": ("openai",),
}

PROMPT = (
    "Describe in one short sentence who or what is at the center and what happens there. "
    "Do not mention a camera, a view, a video or 360 degrees."
)


def _distinct(items: list[Item]) -> list[Item]:
    if not items or len(set(items)) < len(items):
        raise ValueError(f"found {items}; expected at least one, each once")
    return items


@dataclass(frozen=True, config=STRICT)
class LlavaSettings:
    """LLaVA-NeXT-Video and LLaVA-NeXT on this machine."""

    video_model: str = setting(
        "llava-hf/LLaVA-NeXT-Video-7B-hf", "checkpoint of llava-next-video: an id on the Hugging Face Hub, or a folder"
    )
    video_revision: str = setting("main", "revision on the hub; the commit that it resolves to is recorded")
    image_model: str = setting(
        "llava-hf/llava-v1.6-mistral-7b-hf", "checkpoint of llava-next: an id on the hub, or a folder"
    )
    image_revision: str = setting("52320fb52229c8d942b1dcb8b63b3dc8087bc83b", "revision on the hub")
    dtype: Literal["bfloat16", "float16", "float32"] = setting("bfloat16", "precision of weights and arithmetic")
    four_bit: bool = setting(False, "4-bit weights (nf4) in a third of the memory; needs bitsandbytes and a GPU")
    device_map: str = setting(
        "auto", "device of the weights: auto (GPUs first), cpu, cuda:0, …", runtime=True, pattern=r"^\S+$"
    )
    batch_size: int = setting(8, "events captioned at once", runtime=True, ge=1, le=1024)


@dataclass(frozen=True, config=STRICT)
class EndpointSettings:
    """A server that speaks OpenAI's chat completions, such as vLLM."""

    url: str = setting(
        "http://127.0.0.1:8000/v1",
        "address of the server, without a key",
        runtime=True,
        pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$",
    )
    model: str = setting("", "name of the model on the server; the backend endpoint requires it")
    revision: str = setting("", "revision of the model, as far as you know it; recorded, and a new one captions again")
    key_variable: str = setting(
        "OPENAI_API_KEY", "environment variable that holds the key, if the server needs one", runtime=True
    )
    send: Literal["images", "video"] = setting("images", "send the pictures one by one, or as a short H.264 video")
    logprobs: bool = setting(True, "ask for the log-probabilities of tokens, which give the score; some servers refuse")
    concurrency: int = setting(4, "requests in flight at once", runtime=True, ge=1, le=256)
    timeout_s: float = setting(120, "longest wait for an answer", unit="s", runtime=True, gt=0, le=3600)
    attempts: int = setting(
        6, "tries while the server is busy (429, 503) or cannot be reached", runtime=True, ge=1, le=20
    )
    error_attempts: int = setting(
        2, "tries after other server errors, time-outs and garbled replies", runtime=True, ge=1, le=20
    )
    backoff_s: float = setting(
        1, "first wait before a retry; it doubles each time, up to 60 s", unit="s", runtime=True, ge=0, le=60
    )


@dataclass(frozen=True, config=STRICT)
class CaptionSettings:
    """Captions of every event: all are kept, the first is shown to curators."""

    backends: Annotated[list[Backend], AfterValidator(_distinct)] = setting(
        ["facts"], "captioners, the shown one first; facts states what can be measured, without weights or GPU"
    )
    prompts: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]], AfterValidator(_distinct)
    ] = setting([PROMPT], "what a model is asked; each prompt gives a caption, the first one's is shown")
    n_frames: int = setting(8, "pictures of an event that a captioner sees, spread evenly", ge=1, le=64)
    max_tokens: int = setting(
        96, "tokens of the longest answer; a longer one loses its unfinished sentence", ge=1, le=1024
    )
    shards: int = setting(4, "jobs over which the videos are spread, by a stable hash of their ids", ge=1, le=10_000)
    max_failed: int = setting(
        0, "events of a shard that may lack a caption, with the reason; with more, the job fails", runtime=True, ge=0
    )
    cache: str | None = setting(
        None, "folder of all answers; by default .captions_cache in the dataset's results", runtime=True
    )
    llava: LlavaSettings = field(default_factory=LlavaSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)

    def cache_folder(self, results: Path) -> Path:
        """Return the folder of all answers; `results` is the folder of the dataset's results."""
        return Path(self.cache) if self.cache else results / ".captions_cache"

    @property
    def needs_extra(self) -> bool:
        """Whether any backend needs the extra `captions`."""
        return any(_LIBRARIES[backend] for backend in self.backends)

    @property
    def loads_model(self) -> bool:
        """Whether any backend loads the weights of a model on this machine."""
        return any(_LIBRARIES[backend] == _LLAVA for backend in self.backends)

    @property
    def needs_gpu(self) -> bool:
        """Whether any backend runs a model on this machine's GPU."""
        return self.loads_model and self.llava.device_map != "cpu"


def check_installed(settings: CaptionSettings) -> None:
    """Raise InputError, with the line that installs it, where a library of a backend is missing. Imports none."""
    for backend in settings.backends:
        require_extra(f"captions.backends: {backend}", "captions", _LIBRARIES[backend])
    if settings.needs_gpu and settings.llava.four_bit and find_spec("bitsandbytes") is None:
        raise InputError(
            "captions.llava.four_bit",
            "no bitsandbytes",
            "the library that 4-bit weights need",
            "Install it:  pip install bitsandbytes",
        )
    if "endpoint" in settings.backends and not settings.endpoint.model:
        raise InputError(
            "captions.endpoint.model", "no name", "the name of a model on the server", "Set captions.endpoint.model."
        )

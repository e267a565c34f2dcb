"""Settings of the caption stage."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, StringConstraints
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting

Item = TypeVar("Item")

Backend = Literal["facts", "llava-next-video", "llava-next", "endpoint"]

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
        "llava-hf/LLaVA-NeXT-Video-7B-hf", "checkpoint of llava-next-video: id on the hub, or a folder"
    )
    video_revision: str = setting("main", "its revision on the hub; the commit that it stands for is recorded")
    image_model: str = setting(
        "llava-hf/llava-v1.6-mistral-7b-hf", "checkpoint of llava-next: id on the hub, or folder"
    )
    image_revision: str = setting("52320fb52229c8d942b1dcb8b63b3dc8087bc83b", "its revision on the hub")
    dtype: Literal["bfloat16", "float16", "float32"] = setting("bfloat16", "precision of weights and arithmetic")
    four_bit: bool = setting(False, "weights in 4 bit (nf4), a third of the memory; needs bitsandbytes and a GPU")
    device_map: str = setting(
        "auto", "where the weights lie: auto (GPUs first), cpu, cuda:0, …", runtime=True, pattern=r"^\S+$"
    )
    batch_size: int = setting(8, "events that are captioned at once", runtime=True, ge=1, le=1024)


@dataclass(frozen=True, config=STRICT)
class EndpointSettings:
    """A server that speaks OpenAI's chat completions, such as vLLM."""

    url: str = setting(
        "http://127.0.0.1:8000/v1",
        "address of the server, without a key",
        runtime=True,
        pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$",
    )
    model: str = setting("", "name of the model on the server; the backend endpoint needs one")
    revision: str = setting("", "of the model, as you know it: recorded, and a new one captions anew")
    key_variable: str = setting(
        "OPENAI_API_KEY", "environment variable that holds the key, if there is one", runtime=True
    )
    send: Literal["images", "video"] = setting("images", "the pictures one by one, or as a short H.264 video")
    logprobs: bool = setting(True, "ask for token probabilities, which give the score; some servers refuse that")
    concurrency: int = setting(4, "requests at a time", runtime=True, ge=1, le=256)
    timeout_s: float = setting(120, "longest wait for an answer", unit="s", runtime=True, gt=0, le=3600)
    attempts: int = setting(
        6, "tries where the server is busy (429, 503) or cannot be reached", runtime=True, ge=1, le=20
    )
    error_attempts: int = setting(
        2, "tries of other server errors, time-outs and garbled replies", runtime=True, ge=1, le=20
    )
    backoff_s: float = setting(
        1, "first wait before a new try; it doubles every time, up to 60 s", unit="s", runtime=True, ge=0, le=60
    )


@dataclass(frozen=True, config=STRICT)
class CaptionSettings:
    """Captions for every event: all are kept, the first is shown to the curator."""

    backends: Annotated[list[Backend], AfterValidator(_distinct)] = setting(
        ["facts"], "captioners, the shown one first; facts states what can be measured, without weights or GPU"
    )
    prompts: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]], AfterValidator(_distinct)
    ] = setting([PROMPT], "what a model is asked; each prompt gives a caption, the first is shown")
    n_frames: int = setting(8, "pictures of an event that the captioner sees, spread evenly", ge=1, le=64)
    max_tokens: int = setting(96, "longest answer; what is cut off there loses its unfinished sentence", ge=1, le=1024)
    shards: int = setting(4, "jobs over which the videos are spread by a stable hash of their ids", ge=1, le=10_000)
    max_failed: int = setting(
        0, "events of a shard that may lack a caption, with the reason; else the job fails", runtime=True, ge=0
    )
    cache: str | None = setting(
        None, "folder of all answers; by default .captions_cache in the dataset's results", runtime=True
    )
    llava: LlavaSettings = field(default_factory=LlavaSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)

    def cache_folder(self, results: Path) -> Path:
        """The folder of all answers; `results`: that of the dataset's results."""
        return Path(self.cache) if self.cache else results / ".captions_cache"

"""Captions from a server that speaks OpenAI's chat completions, such as vLLM."""

import json
import logging
import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path
from typing import Any

import openai
from numpy.typing import NDArray

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.captions.settings import EndpointSettings
from tsalv360.job.errors import InputError, shorten
from tsalv360.media.pictures import as_jpeg, data_url
from tsalv360.media.video import VideoWriter

JPEG_QUALITY = 95
LONGEST_WAIT_S = 60.0


class Endpoint:
    """A captioner that asks a server, several clips at a time.

    It retries by itself, since openai's own retries know one limit for all faults and cannot be interrupted: a busy
    server (429, 503), one that cannot be reached and a dropped connection are tried `attempts` times; other server
    errors, time-outs and garbled replies `error_attempts` times. Waits double. Other refusals (4xx) are final.
    """

    takes_prompt = True

    def __init__(self, settings: EndpointSettings, max_tokens: int) -> None:
        for library in ("openai", "httpx", "httpx2"):
            logging.getLogger(library).setLevel(logging.WARNING)  # else a line for each request
        self._settings, self._max_tokens = settings, max_tokens
        self._key = os.environ.get(settings.key_variable, "")
        self._client = openai.OpenAI(
            base_url=settings.url, api_key=self._key or "none", timeout=settings.timeout_s, max_retries=0
        )
        self._limits = {"error": settings.error_attempts}
        self._limits |= dict.fromkeys(("busy", "unreachable", "dropped"), settings.attempts)
        self._stop = threading.Event()
        self.model, self.revision = settings.model, settings.revision or "not told"
        self.decoding = {"max_tokens": max_tokens, "temperature": 0, "send": settings.send}

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Yield each clip with its answer, as they come.

        Raises InputError, after all answers that came, where the server is down, stays busy, or refuses every clip.
        """
        self._stop.clear()
        down: InputError | None = None
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            asked = {pool.submit(self._ask, clip, prompt): clip for clip in clips}
            try:
                for future in as_completed(asked):
                    try:
                        answer = future.result()
                    except InputError as error:
                        down = down or error
                        continue
                    if answer:
                        yield asked[future], answer
            finally:
                self._stop.set()  # also where the caller wants no more answers
        if down:
            raise down

    def _ask(self, clip: Clip, prompt: str) -> Answer | None:
        """Return the answer for one clip, after retries; None where the others were stopped meanwhile.

        Raises InputError, and stops the others, where the server cannot answer any clip.
        """
        if self._stop.is_set():
            return None
        content = [*self._media(clip), {"type": "text", "text": prompt}]
        faults: Counter[str] = Counter()
        while True:
            try:
                return self._answer(content)
            except (openai.APIError, _GarbledError) as error:
                kind, reason = self._fault(error)
                wait = _retry_after(error)
            faults[kind] += 1
            limit = self._limits.get(kind, 1)
            if faults[kind] >= limit:
                return self._failure(kind, reason if limit == 1 else f"{reason}, {limit} times")
            if wait is None:
                wait = self._settings.backoff_s * 2 ** (faults.total() - 1) * random.uniform(0.75, 1)
            wait = min(wait, LONGEST_WAIT_S)
            logging.info("%s: %s; trying again in %.1f s", clip.event, reason, wait)
            if self._stop.wait(wait):
                return None

    def _answer(self, content: list[dict[str, Any]]) -> Answer:
        message: Any = {"role": "user", "content": content}  # openai's types know no video_url
        request: dict[str, Any] = {"temperature": 0, "max_tokens": self._max_tokens}
        if self._settings.logprobs:
            request["logprobs"] = True
        reply = self._client.chat.completions.with_raw_response.create(model=self.model, messages=[message], **request)
        try:
            return read_reply(json.loads(self._masked(reply.text)))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise _GarbledError(f"a garbled reply ({error!r}): {reply.text}") from None

    def _fault(self, error: Exception) -> tuple[str, str]:
        """Return the kind of a fault (busy, unreachable, dropped, error, or `HTTP 4…`) and the reason."""
        kind, reason = "error", str(error)
        match error:
            case openai.APITimeoutError():
                reason = f"no answer within {self._settings.timeout_s:g} s"
            case openai.APIConnectionError():
                never_met = type(error.__cause__).__name__ == "ConnectError"  # by name: of httpx or of httpx2
                kind, reason = "unreachable" if never_met else "dropped", f"{error} ({error.__cause__})"
            case openai.APIStatusError(status_code=status):
                reason = f"HTTP {status}: {error.response.text}"
                kind = "busy" if status in (429, 503) else "error" if status >= 500 else f"HTTP {status}"
        return kind, shorten(self._masked(reason), 200)

    def _failure(self, kind: str, reason: str) -> Answer:
        """Return the failure of one clip; InputError, which stops the others, where each of them would fail, too."""
        key = f"the environment variable {self._settings.key_variable}"
        advice = {
            "busy": "Start the server again, then rerun: what was answered is kept.",
            "unreachable": "Start the server again, then rerun: what was answered is kept.",
            "HTTP 401": f"Put the key into {key}.",
            "HTTP 403": f"Check the rights of the key in {key}.",
            "HTTP 404": "Correct captions.endpoint.url or captions.endpoint.model.",
        }
        if kind in advice:
            self._stop.set()
            raise InputError(self._settings.url, reason, f"an answer of {self.model}", advice[kind])
        if kind == "HTTP 400" and self._settings.send == "video":
            reason += ". If the server takes no video, set captions.endpoint.send: images"
        return Answer("", failure=reason)

    def _media(self, clip: Clip) -> list[dict[str, Any]]:
        """Return the pictures as parts of a message, as data URLs."""
        pictures = clip.pictures()
        if self._settings.send == "images":
            urls = [data_url("image/jpeg", as_jpeg(picture, JPEG_QUALITY)) for picture in pictures]
            return [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        url = data_url("video/mp4", _mp4(pictures, clip.seconds_between))
        return [{"type": "video_url", "video_url": {"url": url}}]

    def _masked(self, text: str) -> str:
        """Return what a server said without the key, which some of them repeat."""
        return text.replace(self._key, "***") if self._key else text


class _GarbledError(Exception):
    """A reply that is no chat completion."""


def read_reply(reply: dict[str, Any]) -> Answer:
    """Return the answer in a chat completion; LookupError, TypeError or AttributeError where it is none."""
    (choice,) = reply["choices"]
    message = choice["message"]
    if message.get("refusal") or choice["finish_reason"] == "content_filter":
        return Answer("", failure=f"the answer is a refusal: {shorten(message.get('refusal') or 'content filter')}")
    tokens = (choice.get("logprobs") or {}).get("content") or []
    score = sum(token["logprob"] for token in tokens) / len(tokens) if tokens else None
    content = message["content"] or ""
    if isinstance(content, list):  # of parts, some of which may be what the model thinks
        content = "".join(part["text"] for part in content if part["type"] in ("text", "output_text"))
    return Answer(content, score, cut_off=choice["finish_reason"] == "length")


def _retry_after(error: Exception) -> float | None:
    """Return the seconds that the server asks to wait, if it does."""
    try:
        return max(float(error.response.headers["retry-after"]), 0.0)  # type: ignore[attr-defined]
    except (AttributeError, KeyError, ValueError):
        return None


def _mp4(pictures: NDArray[Any], seconds_between: float) -> bytes:
    """Return the pictures [T, H, W, 3] as a short video that lasts as long as what they show."""
    rate = Fraction(1 / seconds_between).limit_denominator(1000) if seconds_between else Fraction(1)
    height, width = pictures.shape[1:3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with VideoWriter(path, rate, (height, width)) as writer:
            for picture in pictures:
                writer.write(picture)
        return path.read_bytes()

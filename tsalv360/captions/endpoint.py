"""Captions from a server that speaks OpenAI's chat completions, such as vLLM."""

import base64
import json
import logging
import os
import random
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import openai
from numpy.typing import NDArray

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.captions.settings import EndpointSettings
from tsalv360.captions.text import shorten
from tsalv360.job.errors import InputError
from tsalv360.media.video import VideoWriter

JPEG_QUALITY = 95
LONGEST_WAIT_S = 60.0


class Endpoint:
    """A captioner that asks a server, several clips at a time.

    Tried again: a busy server (429, 503) and one that cannot be reached, `attempts` times; other server errors,
    time-outs and garbled replies, `error_attempts` times; the waits between double. Other refusals (4xx) are final.
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
        self._stop = threading.Event()
        self.model, self.revision = settings.model, settings.revision or "not told"
        self.decoding = {"max_tokens": max_tokens, "temperature": 0, "send": settings.send}

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Each clip with its answer, as they come.

        Raises InputError, after giving all answers that came, where the server is down, stays busy, or refuses all.
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
        """The answer for one clip, with new tries where they make sense; None where all were told to stop.

        Raises InputError where the server is down.
        """
        if self._stop.is_set():
            return None
        content = [*self._media(clip), {"type": "text", "text": prompt}]
        failed: Counter[str] = Counter()
        while True:
            wait = None
            try:
                return self._answer(content)
            except openai.RateLimitError as error:
                kind, reason, wait = "busy", f"HTTP {error.status_code}", _retry_after(error)
            except openai.APIStatusError as error:
                reason = f"HTTP {error.status_code}: {self._shorten(error.response.text)}"
                if error.status_code < 500:
                    return self._refused(error.status_code, reason)
                kind = "busy" if error.status_code == 503 else "error"
                wait = _retry_after(error)
            except openai.APITimeoutError:
                kind, reason = "error", f"no answer within {self._settings.timeout_s:g} s"
            except openai.APIConnectionError as error:
                kind, reason = "unreachable", self._shorten(f"{error} ({error.__cause__})")
            except _GarbledError as error:
                kind, reason = "error", self._shorten(str(error))
            failed[kind] += 1
            limit = self._settings.error_attempts if kind == "error" else self._settings.attempts
            if failed[kind] >= limit:
                return self._given_up(kind, f"{reason}, {failed[kind]} times")
            if wait is None:
                wait = self._settings.backoff_s * 2 ** (failed.total() - 1) * random.uniform(0.75, 1)
            wait = min(wait, LONGEST_WAIT_S)
            logging.info("%s: %s; again in %.1f s", clip.event, reason, wait)
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

    def _refused(self, status: int, reason: str) -> Answer:
        """A clip that was refused; InputError where every other would be, too."""
        advice = {
            401: f"Put the key into the environment variable {self._settings.key_variable}.",
            403: f"Check the rights of the key in the environment variable {self._settings.key_variable}.",
            404: "Correct captions.endpoint.url or captions.endpoint.model.",
        }
        if status in advice:
            raise self._all_stop(reason, advice[status])
        return Answer("", failure=reason)

    def _given_up(self, kind: str, reason: str) -> Answer:
        """A clip that failed for good; InputError where it is the server that did."""
        if kind == "busy" or (kind == "unreachable" and not self._listens()):
            raise self._all_stop(reason, "Start the server again, then rerun: what was answered is kept.")
        return Answer("", failure=reason)

    def _all_stop(self, reason: str, advice: str) -> InputError:
        """The error of a server that cannot go on; those who wait or were not yet asked give up."""
        self._stop.set()
        return InputError(self._settings.url, reason, f"an answer of {self.model}", advice)

    def _listens(self) -> bool:
        """Whether the server takes connections: then it is one clip that it drops."""
        url = urlsplit(self._settings.url)
        try:
            with socket.create_connection((url.hostname, url.port or (443 if url.scheme == "https" else 80)), 5):
                return True
        except OSError:
            return False

    def _media(self, clip: Clip) -> list[dict[str, Any]]:
        """The pictures as parts of a message, as data URLs."""
        pictures = clip.pictures()
        if self._settings.send == "images":
            urls = [_data_url("image/jpeg", _jpeg(picture)) for picture in pictures]
            return [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        url = _data_url("video/mp4", _mp4(pictures, clip.seconds_between))
        return [{"type": "video_url", "video_url": {"url": url}}]

    def _shorten(self, text: str) -> str:
        """The beginning of what a server said."""
        return shorten(self._masked(text), 200)

    def _masked(self, text: str) -> str:
        """What a server said, without the key that some of them repeat."""
        return text.replace(self._key, "***") if self._key else text


class _GarbledError(Exception):
    """A reply that is no chat completion."""


def read_reply(reply: dict[str, Any]) -> Answer:
    """The answer in a chat completion; LookupError, TypeError or AttributeError where it is none."""
    (choice,) = reply["choices"]
    message = choice["message"]
    if message.get("refusal") or choice["finish_reason"] == "content_filter":
        return Answer("", failure=f"the answer is a refusal: {shorten(message.get('refusal') or 'content filter')}")
    tokens = (choice.get("logprobs") or {}).get("content") or []
    score = sum(token["logprob"] for token in tokens) / len(tokens) if tokens else None
    return Answer(message["content"] or "", score, cut_off=choice["finish_reason"] == "length")


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asks to wait, if it does."""
    try:
        return max(float(error.response.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return None


def _jpeg(picture: NDArray[Any]) -> bytes:
    done, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return encoded.tobytes()


def _mp4(pictures: NDArray[Any], seconds_between: float) -> bytes:
    """The pictures [T, H, W, 3] as a short video that lasts as long as what they show."""
    rate = Fraction(1 / seconds_between).limit_denominator(1000) if seconds_between else Fraction(1)
    height, width = pictures.shape[1:3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with VideoWriter(path, rate, (height, width)) as writer:
            for picture in pictures:
                writer.write(picture)
        return path.read_bytes()


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

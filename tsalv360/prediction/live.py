"""Predictions on demand: a thread that owns a model and answers the newest prompt, coarse maps first."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture
from tsalv360.model.language import language_remark
from tsalv360.prediction.outputs import peak_of
from tsalv360.prediction.small import small_png

if TYPE_CHECKING:
    from tsalv360.model import FrameFeatures, TSalV360

log = logging.getLogger(__name__)
Message = dict[str, Any]
LAST = ("done", "superseded", "error")  # kinds of messages after which there is none

_STEPS = (16, 8, 4, 2, 1)  # windows from one map to the next, coarse to fine
_MOST_BYTES = 4 << 30  # of features that are kept
_INTERVAL_S = 0.5  # between messages of progress


def coarse_to_fine(n: int) -> list[int]:
    """Return the numbers 0 to n − 1: every 16th, then those between at every 8th, 4th, 2nd and each."""
    return list(dict.fromkeys(k for step in _STEPS for k in range(0, n, step)))


class Prompt:
    """A prompt for a video, and who waits for its maps; `send` may be called by any thread."""

    def __init__(self, video: str, text: str, send: Callable[[Message], None]) -> None:
        self.video, self.text, self.is_open = video, text, True
        self._send = send

    def send(self, message: Message) -> None:
        """Pass on a message, unless the last one was sent or nobody waits any more."""
        if self.is_open:
            self.is_open = message["kind"] not in LAST
            self._send(message)

    def cancel(self) -> None:
        """Stop: nobody waits any more."""
        self.is_open = False


class LiveModel:
    """A model that answers one prompt at a time, the newest, and keeps the features of frames for the next.

    Messages are those of the explorer (docs/explorer.md): `start`, then `map`s and `progress`, and one of `LAST`.
    """

    def __init__(
        self, model: "TSalV360", frames_of: Callable[[str], Sequence[Path]], most_bytes: int = _MOST_BYTES
    ) -> None:
        """Parameters: `frames_of` returns the files of a video's kept frames in the order of time, or InputError."""
        self._model, self._frames_of = model, frames_of
        self._batch_size = 1 if model.device.type == "cpu" else model.settings.n_frames
        self._kept = _Kept(most_bytes)
        self._changed = threading.Condition()
        self._waiting: Prompt | None = None
        self._current: Prompt | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    def ask(self, video: str, text: str, send: Callable[[Message], None]) -> Prompt:
        """Answer a prompt from now on, in place of an earlier one; `send` gets the messages, in another thread."""
        prompt = Prompt(video, text, send)
        with self._changed:
            for older in (self._waiting, self._current):
                if older:
                    older.send({"kind": "superseded"})
            self._waiting = prompt
            self._changed.notify()
        return prompt

    def close(self, timeout_s: float = 5.0) -> None:
        """End the thread, which finishes its batch, and all answers; wait for it no longer than `timeout_s`."""
        with self._changed:
            self._is_closed = True
            for prompt in (self._waiting, self._current):
                if prompt:
                    prompt.send({"kind": "error", "message": "The model was stopped."})
            self._changed.notify()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        self._model.encode_text(["a word"])  # loads the tokenizer before somebody waits
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                prompt, self._waiting = self._waiting, None
                self._current = prompt
            if prompt:
                self._answer(prompt)

    def _answer(self, prompt: Prompt) -> None:
        import torch

        try:
            with torch.inference_mode():
                for message in self._messages(prompt):
                    if not prompt.is_open:
                        return
                    if message:
                        prompt.send(message)
        except InputError as error:
            prompt.send({"kind": "error", "message": str(error)})
        except Exception as error:  # such as too little memory of a GPU; another prompt may succeed
            log.exception("The prompt %r for video %s failed", prompt.text, prompt.video)
            prompt.send({"kind": "error", "message": f"The model failed: {error}"})

    def _messages(self, prompt: Prompt) -> Iterator[Message | None]:
        """Yield the messages, or None, after each batch: a newer prompt waits for one batch at most."""
        text = self._model.encode_text([prompt.text])
        files, n_frames = self._frames_of(prompt.video), self._model.settings.n_frames
        n = len(files) - n_frames + 1
        if n < 1:
            advice = "Choose a longer video."
            raise InputError(f"video {prompt.video}", f"{len(files)} frames", f"the {n_frames} of a clip", advice)
        yield {"kind": "start", "n": n, "prompt": prompt.text, "remark": language_remark(prompt.text)}
        kept = self._kept.of(prompt.video)
        pace = _Pace(n, sum(not (j in kept and kept[j].maps) for j in range(len(files))))
        for windows in self._batches(n):
            needed: dict[int, bool] = {}  # by frame, whether a window ends with it
            for first in windows:
                needed |= {j: needed.get(j, False) for j in range(first, first + n_frames)}
                needed[first + n_frames - 1] = True
            known = {j: kept[j] for j, is_end in needed.items() if j in kept and (kept[j].maps or not is_end)}
            missing = [j for j in needed if j not in known]
            for start in range(0, len(missing), self._batch_size):
                batch = missing[start : start + self._batch_size]
                for j, frame in zip(batch, self._encode([files[j] for j in batch]), strict=True):
                    self._kept.add(prompt.video, j, frame)
                    known[j] = frame if needed[j] else frame.without_maps()
                yield pace.after("encoding", len(batch))
            clips = [[known[j] for j in range(first, first + n_frames)] for first in windows]
            maps = self._model.decode(clips, text)[:, 0].float().cpu().numpy()
            if not np.isfinite(maps).all():
                found = f"saliency that is not finite near frame {files[windows[0] + n_frames - 1].stem}"
                advice = "Use precision float32, or another checkpoint."
                raise InputError(f"video {prompt.video}", found, "numbers", advice)
            for first, values in zip(windows, maps, strict=True):
                value, png = small_png(values)
                yaw, pitch, _ = peak_of(values)
                place = {"peak_yaw": round(yaw, 2), "peak_pitch": round(pitch, 2)}
                yield {"kind": "map", "picture": first + n_frames - 1, "value": value, **place, "png": png}
            yield pace.after("decoding", len(windows))
        yield {"kind": "done"}

    def _batches(self, n: int) -> Iterator[list[int]]:
        """Yield the windows that are decoded together; the first alone, so that its map comes soon."""
        order = coarse_to_fine(n)
        yield order[:1]
        for start in range(1, n, self._batch_size):
            yield order[start : start + self._batch_size]

    def _encode(self, files: Sequence[Path]) -> "list[FrameFeatures]":
        import torch

        pictures = np.stack([read_picture(file) for file in files])
        return self._model.encode_frames(torch.from_numpy(pictures), batch_size=len(files))


class _Kept:
    """Features of frames by video, as many as fit. Those of the video that was asked about longest ago go first.

    Of a video whose features do not all fit, those encoded first stay, which its coarse maps need. Maps, a hundred
    times as large as the rest, may take half of the room.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._videos: dict[str, dict[int, FrameFeatures]] = {}  # the last one is in use
        self._bytes: dict[str, int] = {}

    def of(self, video: str) -> "dict[int, FrameFeatures]":
        """Return the features of a video by frame, and count it as used."""
        self._bytes.setdefault(video, 0)
        self._videos[video] = self._videos.pop(video, {})
        return self._videos[video]

    def add(self, video: str, frame: int, features: "FrameFeatures") -> None:
        """Keep the features of a frame of the video in use, with maps, without, or not at all."""
        known = self._videos[video]
        old = _n_bytes(known[frame]) if frame in known else 0
        for kept, most in ((features, self._most_bytes // 2), (features.without_maps(), self._most_bytes)):
            more = _n_bytes(kept) - old
            while sum(self._bytes.values()) + more > most and len(self._videos) > 1:
                oldest = next(iter(self._videos))
                del self._videos[oldest], self._bytes[oldest]
            if sum(self._bytes.values()) + more <= most:
                known[frame] = kept
                self._bytes[video] += more
                return


def _n_bytes(frame: "FrameFeatures") -> int:
    return sum(tensor.nbytes for tensor in (frame.vectors, *frame.pooled, *(frame.maps or ())))


class _Pace:
    """What is done of a prompt's maps, how fast, and how long the rest takes."""

    def __init__(self, n: int, n_missing: int) -> None:
        self._n, self._left = n, {"encoding": n_missing, "decoding": n}
        self._counted = {"encoding": 0, "decoding": 0}
        self._seconds = {"encoding": 0.0, "decoding": 0.0}
        self._start = self._last = self._sent = time.monotonic()

    def after(self, stage: str, count: int) -> Message | None:
        """Return the progress after a batch of frames or maps, or None where the last one was just sent."""
        now = time.monotonic()
        self._counted[stage] += count
        self._left[stage] = max(0, self._left[stage] - count)
        self._seconds[stage] += now - self._last
        self._last = now
        if now - self._sent < _INTERVAL_S:
            return None
        self._sent = now
        done = self._counted["decoding"]
        mean = sum(self._seconds.values()) / sum(self._counted.values())  # of a stage that has not begun
        each = {name: self._seconds[name] / n if n else mean for name, n in self._counted.items()}
        remaining = sum(self._left[name] * each[name] for name in each)
        rate = {"per_s": round(done / (now - self._start), 2), "remaining_s": round(remaining, 1)}
        return {"kind": "progress", "done": done, "of": self._n, "stage": stage, **rate}

"""The JSON that stages exchange: a dataclass for each kind of entry, checked whenever a file is read.

`tsalv360.job.files.write_json` writes the dataclasses.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS, frame_numbers
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import ValidationError

_TIME_ROUNDING_S = 2e-6  # the times of pictures have six decimals


@dataclass(frozen=True)
class VideoInfo:
    """What a video or a folder of ready frames holds.

    `n_frames` is counted by decoding where the header is wrong; `notes` say so. `width` and `height` are those of the
    panorama: rotated for display, one half of stereo pictures, and converted from another projection by `conversion`,
    an FFmpeg filter (empty if pictures are panoramas). `missing_frames` are the numbers below `n_frames` without a
    picture, which only ready frames can have.

    Frame n is the picture on screen at n / fps. At a variable frame rate, `picture_times_s` says when each decoded
    picture appears, counted from the first; at a constant one it is empty, and frames are pictures.
    """

    fps: float
    n_frames: int
    width: int
    height: int
    display_aspect: float
    duration_s: float
    notes: list[str] = field(default_factory=list)
    missing_frames: list[int] = field(default_factory=list)
    picture_times_s: list[float] = field(default_factory=list)
    conversion: str = ""

    @property
    def n_pictures(self) -> int:
        """Number of the pictures that decoding gives; where the rate is variable, not that of frames."""
        return len(self.picture_times_s) or self.n_frames

    def pictures_of(self, frames: Sequence[int]) -> list[int]:
        """Return the 0-based numbers, in order of display, of the decoded pictures that are on screen at frames."""
        if not self.picture_times_s:
            return list(frames)
        times = np.array(frames, dtype=np.int64) / self.fps
        after = np.searchsorted(self.picture_times_s, times + _TIME_ROUNDING_S, side="right")
        return np.maximum(after - 1, 0).tolist()

    def frames_to_keep(self, skip_first: int, rate: float = FPS) -> list[int]:
        """Return the native numbers of the kept frames, increasing, each once; parameters as `frame_numbers`.

        A missing frame is replaced by the nearest existing one, unless it comes before the first one.
        """
        wanted, existing = self.wanted_and_existing(skip_first, rate)
        if not len(wanted):
            return []
        places = np.interp(wanted, existing, np.arange(len(existing)))
        return np.unique(existing[np.ceil(places - 0.5).astype(int)]).tolist()  # a tie goes to the earlier one

    def wanted_and_existing(self, skip_first: int, rate: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the frame numbers of the grid from the first picture on, and all that have a picture."""
        existing = np.setdiff1d(np.arange(skip_first + 1 if skip_first else 0, self.n_frames), self.missing_frames)
        wanted = np.array(frame_numbers(self.fps, self.n_frames, skip_first, rate), dtype=np.int64)
        return wanted[wanted >= existing.min(initial=self.n_frames)], existing


@dataclass(frozen=True, kw_only=True)
class IndexEntry(VideoInfo):
    """The index entry of a video, `videos/<video>.json`; `skip_first` is the last frame number that is left out.

    `rate` is that of the kept frames: 16, or, where every native frame is kept, the native one if that is higher.
    `cuts_s` are the times of cuts to another scene, as far as key frames show them.
    """

    id: str
    skip_first: int
    size_bytes: int
    sha256: str
    rate: float = FPS
    cuts_s: list[float] = field(default_factory=list)

    @property
    def kept_frames(self) -> list[int]:
        """Native numbers of the kept frames, increasing."""
        return self.frames_to_keep(self.skip_first, self.rate)

    @property
    def kept_times(self) -> "pd.DataFrame":
        """`frame` and `time_s` (seconds) of the kept frames."""
        import pandas as pd  # half of the start-up time of a job that only needs the grid

        frames = pd.Series(self.kept_frames, dtype="int64")
        return pd.DataFrame({"frame": frames, "time_s": frames / self.fps})


@dataclass(frozen=True)
class GazeRemark:
    """A sign that gaze was read in a wrong way: what was found, what viewers do, and the setting that may mend it.

    `shown` says which picture of a `GazeSummary` shows it.
    """

    found: str
    expected: str
    advice: str
    shown: Literal["directions", "time"]

    def __str__(self) -> str:
        return f"gaze may be read wrongly: {self.found}; {self.expected}. {self.advice}"


@dataclass(frozen=True)
class GazeSummary:
    """Where and when observers look, for the pictures of remarks.

    `density` [18][36] counts samples per 10° × 10° of the panorama, top left first. `speed_deg_s` is the observers'
    median speed in each interval of `step_s` from the start of the video, None without gaze. `cuts_s` are the times of
    the video's cuts.
    """

    density: list[list[int]]
    step_s: float
    speed_deg_s: list[float | None]
    duration_s: float
    cuts_s: list[float]


@dataclass(frozen=True)
class GazeNotes:
    """Notes of the fixations stage on a video's gaze.

    `n_observers` is None if the format has no observers.
    `remarks` are signs that the gaze was read in a wrong way; `summary` is None without them.
    """

    n_observers: int | None
    notes: list[str]
    remarks: list[GazeRemark] = field(default_factory=list)
    summary: GazeSummary | None = None


@dataclass(frozen=True)
class ViewportLength:
    """Numbers of pictures in a viewport video: `lead_in`, then one per row of the event's track, then `lead_out`."""

    lead_in: int
    pictures: int
    lead_out: int


@dataclass(frozen=True)
class ViewportLengths:
    """The lengths of a video's viewport videos by event, `viewports.json`."""

    fps: float
    events: dict[str, ViewportLength]


@dataclass(frozen=True)
class Candidate:
    """A caption by one captioner and prompt; `score` is the mean log-probability of its tokens if known."""

    backend: str
    prompt: str
    model: str
    revision: str
    text: str
    score: float | None


@dataclass(frozen=True)
class Failure:
    """Why a captioner gave no caption for a prompt."""

    backend: str
    prompt: str
    reason: str


@dataclass(frozen=True)
class CaptionEntry:
    """The caption of an event (None if there is none), all candidates, and notes for the curator.

    The caption is the first candidate; the others follow in the order of backends and prompts. `n_tokens` counts CLIP
    tokens (None without a caption); the caption checks raise `flags`.
    """

    caption: str | None
    candidates: list[Candidate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    n_tokens: int | None = None
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Captions = dict[str, dict[str, CaptionEntry]]  # those of a shard, by video and event


@dataclass(frozen=True)
class ShownTimes:
    """Source times of a viewport video's pictures: runs (start in seconds, number of pictures) at steps of `step_s`."""

    step_s: float
    runs: list[tuple[float, int]]


@dataclass(frozen=True)
class TaskData:
    """The data of an event in a Label Studio task; the server serves the URLs."""

    event_id: str
    event_hash: str
    video: str
    source: str
    title: str
    viewport_url: str
    overlay_url: str
    poster_url: str
    fps: str
    facts: str
    start_s: float
    end_s: float
    n_observers: int
    confidence: float
    caption_machine: str
    alternatives: list[dict[str, str]]
    others: list[dict[str, str]]
    track: str
    shown: ShownTimes


@dataclass(frozen=True)
class Task:
    """A task in Label Studio's import format; `predictions` hold the machine caption in Label Studio's own form."""

    data: TaskData
    predictions: list[dict[str, Any]]


Remarks = list[tuple[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What curation changed in a video: its curators, and lists of event ids, each with a remark.

    `rejected` events left the dataset; `merged` events became part of the one that the remark names; `uncurated`
    events left it or are drafts, as the settings say. `review` are uncurated events near a reviewed one, `orphaned`
    reviewed events that are gone (by their former ids), `problems` decisions that could not be applied.
    """

    curators: list[str]
    rejected: Remarks
    merged: Remarks
    uncurated: Remarks
    review: Remarks
    orphaned: Remarks
    problems: Remarks

    def counts(self, n_left_out: int) -> dict[str, int]:
        """Return how many of the `n_left_out` events that left the dataset did so for each reason."""
        rejected, merged = len(self.rejected), len(self.merged)
        uncurated = n_left_out - rejected - merged
        return {"events_rejected": rejected, "events_merged": merged, "events_uncurated": uncurated}


# The lists of an outcome in the words of card and explorer.
LISTS = {
    "rejected": "rejected",
    "merged": "merged with the event that they duplicate",
    "review": "wait for another review, as they are only near a reviewed event",
    "orphaned": "were reviewed but no longer exist (ids as they were then)",
    "problems": "have a decision that could not be applied",
}


@dataclass(frozen=True)
class DatasetOutcome:
    """What curation changed in all videos, `curation.json` of the dataset: as `Outcome`, but without names."""

    n_curators: int
    rejected: Remarks
    merged: Remarks
    uncurated: Remarks
    review: Remarks
    orphaned: Remarks
    problems: Remarks


@dataclass(frozen=True)
class LeftOut:
    """Numbers of what is left out of a video's part of the dataset, `left_out.json`, or of the whole dataset."""

    maps_without_frame: int = 0
    frames_without_map: int = 0
    frames_in_no_clip: int = 0
    events_without_caption: int = 0
    events_rejected: int = 0
    events_merged: int = 0
    events_uncurated: int = 0
    videos_emptied: int = 0

    def __add__(self, other: "LeftOut") -> "LeftOut":
        """Return the sums of the numbers of both."""
        return LeftOut(*map(add, astuple(self), astuple(other)))


PARTS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")


class Fold(TypedDict):
    """Video ids of a fold's parts, as in `splits.json`."""

    train: list[str]
    validation: list[str]
    test: list[str]


def read_entry(path: str | Path, kind: Any) -> Any:
    """Return the content of a JSON file as `kind`, a dataclass of this module or a container of them.

    Raises InputError with the place in the file where the content has another form.
    """
    from pydantic import TypeAdapter, ValidationError  # stages that only write entries do without it

    try:
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        raise InputError(path, *explained(error), "Make or copy it again.") from None


def read_text(text: str, kind: Any, where: object) -> Any:
    """Return the entry in a JSON text as `kind`; InputError, which names `where`, if it has another form."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise InputError(where, *explained(error), "Make, copy or download it again.") from None


def explained(error: "ValidationError") -> tuple[str, str]:
    """Return what the first of pydantic's errors found, with its place in the content, and what it expected."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"no {place}", "a value there"
    return f"{first['input']!r:.80} at {place}", first["msg"].removeprefix("Input should be ")

"""The JSON that stages exchange: a dataclass for each kind of entry, checked whenever a file is read.

`tsalv360.job.files.write_json` writes them as they are.
"""

from dataclasses import astuple, dataclass, field
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsalv360.contracts.grid import kept_frames
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class VideoInfo:
    """What a video or a folder of ready frames holds.

    `n_frames` is what decoding gives; `notes` say where the header disagrees. `width` and `height` are those of the
    panorama: rotated as it is shown, and one half of stereo pictures. `missing_frames` are the numbers below `n_frames`
    without a picture, which only ready frames can have.
    """

    fps: float
    n_frames: int
    width: int
    height: int
    display_aspect: float
    duration_s: float
    notes: list[str] = field(default_factory=list)
    missing_frames: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class IndexEntry(VideoInfo):
    """The index entry of a video, `videos/<video>.json`; `skip_first` is the last frame number that is left out."""

    id: str
    skip_first: int
    size_bytes: int
    sha256: str

    @property
    def kept_frames(self) -> list[int]:
        """Native numbers of the kept frames, increasing."""
        return kept_frames(self, self.skip_first)

    @property
    def kept_times(self) -> "pd.DataFrame":
        """`frame` and `time_s` (seconds) of the kept frames."""
        import pandas as pd  # half of the start-up time of a job that needs the grid alone

        frames = pd.Series(self.kept_frames, dtype="int64")
        return pd.DataFrame({"frame": frames, "time_s": frames / self.fps})


@dataclass(frozen=True)
class GazeNotes:
    """What the fixations stage notes about the gaze of a video; `n_observers` is None where the format hides them."""

    n_observers: int | None
    notes: list[str]


@dataclass(frozen=True)
class ViewportLength:
    """Pictures of one viewport video: `lead_in`, then one per row of the event's track, then `lead_out`."""

    lead_in: int
    pictures: int
    lead_out: int


@dataclass(frozen=True)
class ViewportLengths:
    """The lengths of a video's viewport videos, `viewports.json`, by event."""

    fps: int
    events: dict[str, ViewportLength]


@dataclass(frozen=True)
class Candidate:
    """A caption by one captioner and prompt; `score` is the mean log-probability of its tokens where known."""

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
    """The caption of an event (None where there is none), all candidates, and notes for the curator.

    Candidates are in the order of backends and prompts, the shown one first. `n_tokens` counts CLIP tokens, None where
    the tokenizer is not installed; `flags` are raised by the checks of captions.
    """

    caption: str | None
    candidates: list[Candidate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    n_tokens: int | None = None
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Captions = dict[str, dict[str, CaptionEntry]]  # of a shard, by video and event


@dataclass(frozen=True)
class ShownTimes:
    """Which source times a viewport video shows: runs [start in seconds, number of pictures], `step_s` apart."""

    step_s: float
    runs: list[tuple[float, int]]


@dataclass(frozen=True)
class TaskData:
    """What a Label Studio task shows and carries of an event; URLs are those that the server serves."""

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
    """What people's judgement did to a video: its curators, and lists of event ids, each with a remark.

    `rejected` events left the dataset, `merged` ones went into the event that the remark names, `uncurated` ones left
    it or are drafts, by the setting. `review` are the uncurated ones that are near one that was judged, `orphaned`
    judged ones that are gone, by the ids they had, `problems` what was asked for and could not be done.
    """

    curators: list[str]
    rejected: Remarks
    merged: Remarks
    uncurated: Remarks
    review: Remarks
    orphaned: Remarks
    problems: Remarks

    def counts(self, n_left_out: int) -> dict[str, int]:
        """How many events left the dataset why, of `n_left_out` in all."""
        rejected, merged = len(self.rejected), len(self.merged)
        uncurated = n_left_out - rejected - merged
        return {"events_rejected": rejected, "events_merged": merged, "events_uncurated": uncurated}


# What the lists of an outcome are, in the words of card and report.
LISTS = {
    "rejected": "rejected",
    "merged": "merged with the event that they repeat",
    "review": "wait for a person again, since they are only near one that was judged",
    "orphaned": "were judged and are no longer found (ids as they were then)",
    "problems": "have a judgement that could not be followed",
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


def read_entry(path: str | Path, kind: Any, advice: str = "Make or copy it again.") -> Any:
    """Return the content of a JSON file as `kind`, a dataclass of this module or a container of them.

    Raises InputError, which names the place in the file, for content of another form.
    """
    from pydantic import TypeAdapter, ValidationError  # writers of entries do without it

    content = read_json(path, advice)
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(path, f"at {place} {first['input']!r:.80}", first["msg"], advice) from None

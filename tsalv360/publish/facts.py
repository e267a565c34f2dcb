"""What the metadata of a published folder say, read from its own tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tsalv360.contracts.entries import DatasetOutcome, Fold, read_entry
from tsalv360.contracts.layout import CURATION, FIXATION_POINTS, MAPS, SALIENCY_ALL
from tsalv360.contracts.tables import ANNOTATIONS, CLIPS, VIDEOS, read_table
from tsalv360.job.errors import plain
from tsalv360.job.files import read_json
from tsalv360.publish.settings import DRAWN, PublishSettings
from tsalv360.sphere import angular_distance

FOLDERS = (MAPS, SALIENCY_ALL, FIXATION_POINTS, "fixations", "frames", "viewports")
EQUATOR_DEG, FRONT_DEG, EARLY_S = 30.0, 30.0, 2.0
# Shares of the sphere that gaze without any preference would have.
EQUATOR_OF_SPHERE = float(np.sin(np.radians(EQUATOR_DEG)))
FRONT_OF_SPHERE = float((1 - np.cos(np.radians(FRONT_DEG))) / 2)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/[-._;()/:A-Z0-9]+)", re.IGNORECASE)
_STANDS_FOR_OBSERVERS = re.compile(r"(point|map)-[0-9]+")  # of sources that do not store who looked


@dataclass(frozen=True)
class GazeFacts:
    """The gaze of all videos; shares are shares of its time, None where there is none."""

    n_rows: int
    observers: dict[str, int]  # number by video, of videos whose source stores who looked
    without_observers: list[str]  # videos whose source does not
    near_equator: float | None
    at_front_early: float | None
    at_front_later: float | None

    @property
    def observers_text(self) -> str:
        """The number of observers of a video, or the range over videos."""
        low, high = min(self.observers.values()), max(self.observers.values())
        return str(low) if low == high else f"{low} to {high}"


class SourceUse(NamedTuple):
    """Videos of one source that have the same licence and permission."""

    source: str
    licence: str
    gaze: str  # eye or head
    pictures: str  # by what permission they are passed on; "": they are not
    videos: list[str]

    @property
    def is_drawn(self) -> bool:
        """Whether the pipeline has drawn the videos and simulated their observers."""
        return self.pictures == DRAWN


@dataclass(frozen=True)
class Facts:
    """A published folder: its tables, its files and what its settings say, all text on one line."""

    name: str
    title: str
    authors: list[str]
    contact: str
    version: str
    year: int | None
    url: str
    repository: str
    videos: pd.DataFrame
    events: pd.DataFrame
    clips: pd.DataFrame
    folds: list[Fold]
    in_no_fold: list[str]
    rows: dict[str, dict[str, int]]  # number of rows by folder of `data/` and video
    gaze: GazeFacts
    curation: DatasetOutcome | None
    has_explorer: bool
    has_archive: bool
    content: str  # a checksum of all data

    @property
    def n_maps(self) -> int:
        """Number of maps of events."""
        return sum(self.rows[MAPS].values())

    @cached_property
    def sources(self) -> list[SourceUse]:
        """The sources, each once for each licence and permission that its videos have."""
        keys = ["source", "licence", "gaze", "pictures"]
        found: dict[tuple[str, ...], list[str]] = {}
        for row in self.videos.sort_values([*keys, "video"]).to_dict("records"):
            found.setdefault(tuple(plain(row[key]) for key in keys), []).append(row["video"])
        return [
            SourceUse(source, licence, gaze, pictures, videos)
            for (source, licence, gaze, pictures), videos in found.items()
        ]

    @cached_property
    def origins(self) -> dict[str, int]:
        """Number of events by the origin of their caption."""
        return {str(origin): int(n) for origin, n in self.events.caption_origin.value_counts().items()}

    @cached_property
    def captioners(self) -> list[str]:
        """The models that wrote captions, as far as they are known."""
        return sorted({plain(model) for model in self.events.model} - {""})

    @property
    def without_pictures(self) -> list[str]:
        """Videos whose frames are not in the folder."""
        return [video for video in self.videos.video if video not in self.rows["frames"]]

    @property
    def page(self) -> str:
        """The address of the dataset, "" if none is known."""
        if self.url or not self.repository:
            return f"https://doi.org/{self.doi}" if self.doi else self.url
        return f"https://huggingface.co/datasets/{self.repository}"

    @property
    def doi(self) -> str:
        """The DOI in the address, "" if there is none."""
        match = _DOI.fullmatch(self.url)
        return match[1] if match else ""

    @property
    def creators(self) -> list[str]:
        """The authors, or in place of them an entity that names nobody."""
        return self.authors or [f"The authors of {self.title}"]

    @property
    def abstract(self) -> str:
        """What the dataset is, in a few sentences."""
        numbers = f"{self.n_maps} saliency maps of {len(self.events)} events in {len(self.videos)} videos"
        drawn = sum(len(use.videos) for use in self.sources if use.is_drawn)
        simulated = (
            f" {drawn} of the videos are drawn by a program, and their observers are simulated." if drawn else ""
        )
        return (
            f"A text-driven saliency dataset for 360° video: {numbers}. An event is a part of a video in which several "
            f"observers watch the same thing; a caption says what it is, and the maps show where they look.{simulated}"
        )


def read_facts(folder: Path, name: str, settings: PublishSettings, content: str) -> Facts:
    """Return the facts of a published folder that has its tables and shards.

    Parameters: the name of the dataset, and a checksum of all of its files.
    """
    splits = read_json(folder / "splits.json")
    curation = folder / CURATION
    data = folder / "data"
    return Facts(
        name=plain(name),
        title=plain(settings.title) or plain(name),
        authors=[author for author in dict.fromkeys(map(plain, settings.authors)) if author],
        contact=plain(settings.contact),
        version=settings.version,
        year=settings.year,
        url=plain(settings.url),
        repository=settings.repository,
        videos=read_table(data / "videos.parquet", VIDEOS),
        events=read_table(data / "events.parquet", ANNOTATIONS),
        clips=read_table(data / "clips.parquet", CLIPS),
        folds=splits["folds"],
        in_no_fold=splits.get("in_no_fold", []),
        rows={one: _n_rows(data / one) for one in FOLDERS},
        gaze=_gaze_facts(sorted((data / "fixations").glob("*.parquet"))),
        curation=read_entry(curation, DatasetOutcome) if curation.exists() else None,
        has_explorer=(folder / "explorer").is_dir(),
        has_archive=(folder / "TSV360_gt.tar").is_file(),
        content=content,
    )


def _n_rows(folder: Path) -> dict[str, int]:
    return {file.stem: int(pq.read_metadata(file).num_rows) for file in sorted(folder.glob("*.parquet"))}


def _gaze_facts(files: list[Path]) -> GazeFacts:
    """Return the facts of the gaze in tables of fixations, one per video, of which one at a time is in memory."""
    observers, hidden, n_rows = {}, [], 0
    sums = np.zeros((2, 3))  # early and later: time in all, near the equator, at the front
    for file, table in _tables(files):
        names = table.observer.unique()
        if all(_STANDS_FOR_OBSERVERS.fullmatch(name) for name in names):
            hidden.append(file.stem)
        else:
            observers[file.stem] = len(names)
        n_rows += len(table)
        weight = (table.duration_s * table.weight).to_numpy()
        early = (table.time_s < EARLY_S).to_numpy()
        near = (table.pitch_deg.abs() <= EQUATOR_DEG).to_numpy()
        front = angular_distance(table.yaw_deg, table.pitch_deg, 0, 0) <= FRONT_DEG
        for row, chosen in enumerate((early, ~early)):
            sums[row] += weight[chosen].sum(), weight[chosen & near].sum(), weight[chosen & front].sum()
    (early_s, _, early_front), (later_s, _, later_front) = sums
    return GazeFacts(
        n_rows,
        observers,
        hidden,
        _share(sums[:, 1].sum(), sums[:, 0].sum()),
        _share(early_front, early_s),
        _share(later_front, later_s),
    )


def _tables(files: list[Path]) -> Iterator[tuple[Path, pd.DataFrame]]:
    columns = ["observer", "time_s", "duration_s", "yaw_deg", "pitch_deg", "weight"]
    for file in files:
        table = pq.read_table(file, columns=columns, use_threads=False).to_pandas(use_threads=False)
        if len(table):
            yield file, table


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None

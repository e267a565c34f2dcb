"""The published folder: all that may be passed on, in few files, with card, metadata and checksums."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tsalv360.contracts import layout
from tsalv360.contracts.entries import IndexEntry
from tsalv360.contracts.tables import CHECKSUMS, POINTS, PUBLISHED_POINTS, VIDEOS, empty, read_table, write_table
from tsalv360.dataset.loose import loose_files
from tsalv360.job.files import link_or_copy, sha256, whole_folder
from tsalv360.job.log import progress
from tsalv360.media.maps import Maps
from tsalv360.publish.metadata import write_metadata
from tsalv360.publish.pictures import CHECKSUMS_FILE, FRAMES_FILE, VIEWPORTS_FILE
from tsalv360.publish.settings import PublishSettings
from tsalv360.sources.recording import Origin

# Names in the published folder of the dataset's tables.
TABLES = {"events": "annotations", "clips": "clips", "reliability": "reliability"}
DATA = "data"


@dataclass(frozen=True)
class Video:
    """A video to publish: its index entry, part of the dataset, packed pictures, source and file."""

    index: IndexEntry
    part: Path
    pictures: Path
    origin: Origin
    permission: str  # by which its pictures are passed on; "": they are not
    file: str
    extraction: Mapping[str, Any]  # how its frames are extracted: parameters of `extract_frames`


def publish(
    directory: str | Path,
    dataset: str | Path,
    videos: Sequence[Video],
    explorer: Mapping[str, Path],
    name: str,
    settings: PublishSettings,
) -> None:
    """Write the published folder.

    Parameters
    ----------
    dataset : the folder of the build.
    videos : in the order of their ids.
    explorer : files of the pages that may be passed on, by their names in the explorer; none for no explorer.
    name : of the dataset.
    """
    dataset = Path(dataset)
    with whole_folder(directory) as partial:
        data = partial / DATA
        data.mkdir()
        for ours, theirs in TABLES.items():
            _link(dataset / f"{theirs}.parquet", data / f"{ours}.parquet")
        _link(dataset / "splits.json", partial / "splits.json")
        if (dataset / layout.CURATION).exists():
            _link(dataset / layout.CURATION, partial / layout.CURATION)
        write_table(data / "videos.parquet", _videos_table(videos), VIDEOS)
        of_frames = [read_table(video.pictures / CHECKSUMS_FILE, CHECKSUMS) for video in videos]
        write_table(data / "checksums.parquet", pd.concat(of_frames, ignore_index=True), CHECKSUMS)
        for video in videos:
            for folder, file in _shards(video):
                if file.exists() and pq.read_metadata(file).num_rows:
                    _link(file, data / folder / f"{video.index.id}.parquet")
            _write_points(video, data / layout.FIXATION_POINTS / f"{video.index.id}.parquet")
        _write_archive(partial / f"{layout.GROUND_TRUTH}.tar", sorted((data / layout.MAPS).glob("*.parquet")))
        for name_there, file in explorer.items():
            _link(file, partial / "explorer" / name_there)
        sums = _checksums(partial, {})
        write_metadata(partial, name, settings, (dataset / "README.md").read_text("utf-8"), sums)
        lines = [f"{digest}  {file}\n" for file, digest in sorted(_checksums(partial, sums).items())]
        (partial / layout.CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _checksums(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums of all files of a folder by name; those that are known are not computed again."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    sums = dict(known)
    with progress(len(files.keys() - sums.keys()), "files") as bar:
        for name in files.keys() - sums.keys():
            sums[name] = sha256(files[name])
            bar.update()
    return sums


def _videos_table(videos: Sequence[Video]) -> pd.DataFrame:
    rows = [
        {
            "video": one.index.id,
            "source": one.origin.source,
            "gaze": one.origin.gaze,
            "licence": one.origin.licence,
            "pictures": one.permission,
            "file": one.file,
            **{name: getattr(one.index, name) for name in ("size_bytes", "sha256", "fps", "n_frames", "duration_s")},
            "width": one.index.width,
            "height": one.index.height,
            "index": json.dumps(asdict(one.index)),
            "extraction": json.dumps(one.extraction),
        }
        for one in videos
    ]
    return pd.DataFrame(rows)


def _shards(video: Video) -> Iterator[tuple[str, Path]]:
    """Yield the shards of a video with the folder of `data/` that they belong in."""
    name = f"{video.index.id}.parquet"
    for folder in (layout.MAPS, layout.SALIENCY_ALL):
        yield folder, video.part / folder / name
    yield "fixations", video.part / "fixations.parquet"
    yield "frames", video.pictures / FRAMES_FILE
    yield "viewports", video.pictures / VIEWPORTS_FILE


def _write_points(video: Video, target: Path) -> None:
    """Write the fixation points of a video that has some, with its id in every row."""
    source = video.part / layout.FIXATION_POINTS / target.name
    points = read_table(source, POINTS) if source.exists() else empty(POINTS)
    if len(points):
        target.parent.mkdir(exist_ok=True)
        write_table(target, points.assign(video=video.index.id), PUBLISHED_POINTS)


def _write_archive(path: Path, shards: Sequence[Path]) -> None:
    """Write the maps and captions of all videos as files of an archive, for readers of the published layout."""
    with tarfile.open(path, "w") as archive, progress(len(shards), "videos") as bar:
        for shard in shards:
            for name, content in loose_files(Maps(shard)):
                entry = tarfile.TarInfo(name)  # without owner and time, so that the same maps give the same archive
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            bar.update()


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, target)

"""One video's part of the dataset: its maps and captions in the published layout, and its rows of the tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.errors import InputError
from tsalv360.files import link_or_copy, sha256, whole_folder, write_json
from tsalv360.frames import read_picture
from tsalv360.saliency import ALL_OBSERVERS
from tsalv360.tables import ANNOTATIONS, CLIPS, DATASET_FIXATIONS, write_rows, write_table

CLIP_LENGTH = 8
CHECKSUMS = "SHA256SUMS"
LEFT_OUT = "left_out.json"
GROUND_TRUTH = "TSV360_gt"
SALIENCY_ALL = "saliency_all"
POINTS = "points"
FOLDERS = (GROUND_TRUTH, SALIENCY_ALL, POINTS)
DESCRIPTION = "description.txt"


def assemble_video(
    directory: str | Path,
    index: dict[str, Any],
    frames: list[int],
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    captions: dict[str, Any],
    saliency: str | Path,
    points: str | Path,
) -> None:
    """Write a video's part of the dataset.

    `TSV360_gt/<video>/<event>/description.txt` and `NNNN.png`, `points/<video>.parquet`, where they were made the maps
    of all observers as `saliency_all/<video>/NNNN.png`, its rows of annotations, clips and fixations as Parquet, how
    many frames of its events have no map or are in no clip, and SHA256SUMS of the captions, maps and points. Events
    without a caption are left out and counted.

    Parameters
    ----------
    frames : all kept frame numbers of the video.
    captions : {event_id: {caption, candidates, n_tokens, flags}}; the caption may be None.
    saliency, points : what the saliency stage wrote; it is hard-linked where the file system allows it.
    """
    video = index["id"]
    captioned = events.event_id.map(lambda event: captions[str(event)]["caption"] is not None).astype(bool)
    n_without, events = int((~captioned).sum()), events[captioned]
    tracks = tracks[tracks.event_id.isin(events.event_id)]
    with whole_folder(directory) as partial:
        ground_truth = partial / GROUND_TRUTH / video
        ground_truth.mkdir(parents=True)
        maps = {
            event: _write_event(ground_truth / event, Path(saliency, event), captions[event]["caption"])
            for event in map(str, events.event_id)
        }
        _link(Path(points), partial / POINTS / f"{video}.parquet")
        for path in sorted(Path(saliency, ALL_OBSERVERS).glob("*.png")):
            _link(path, partial / SALIENCY_ALL / video / path.name)
        annotations = [
            annotation_row(index, str(name), (start, end), captions[name], "machine")
            for name, start, end in zip(events.event_id, events.start_frame, events.end_frame, strict=True)
        ]
        clips = [clip for event in events.event_id for clip in cut_clips(event, video, tracks, frames, maps[event])]
        n_maps, n_in_clips = sum(map(len, maps.values())), CLIP_LENGTH * len(clips)
        left_out = {
            "maps_without_frame": 0,
            "frames_without_map": len(tracks) - n_maps,
            "frames_in_no_clip": len(tracks) - n_in_clips,
            "events_without_caption": n_without,
        }
        write_part(partial, annotations, clips, _with_events(video, fixations, assignments), left_out)


def write_part(
    directory: Path,
    annotations: list[dict[str, Any]],
    clips: list[dict[str, Any]],
    fixations: pd.DataFrame,
    left_out: dict[str, int],
) -> None:
    """Write the tables of a video's part beside its captions and maps, what was left out, and the checksums."""
    write_rows(directory / "annotations.parquet", annotations, ANNOTATIONS)
    write_rows(directory / "clips.parquet", clips, CLIPS)
    write_table(directory / "fixations.parquet", fixations, DATASET_FIXATIONS)
    write_json(directory / LEFT_OUT, left_out)
    files = [path for folder in FOLDERS for path in sorted((directory / folder).rglob("*")) if path.is_file()]
    (directory / CHECKSUMS).write_text("".join(checksum_lines(files, directory)), encoding="utf-8")


def cut_clips(event: str, video: str, tracks: pd.DataFrame, frames: list[int], maps: set[int]) -> list[dict[str, Any]]:
    """Clips of 8 consecutive kept frames of an event, one after the other, starting anew after every gap.

    A clip whose last frame has no map (`maps`: frame numbers) is left out.
    """
    place = {frame: i for i, frame in enumerate(frames)}
    number = tracks.frame[tracks.event_id == event].to_numpy()
    kept = np.array([place[n] for n in number])
    clips: list[dict[str, Any]] = []
    for stretch in np.split(number, np.flatnonzero(np.diff(kept) > 1) + 1):
        for start in range(0, len(stretch) - CLIP_LENGTH + 1, CLIP_LENGTH):
            clip = stretch[start : start + CLIP_LENGTH].tolist()
            if clip[-1] in maps:
                clips.append(clip_row(event, video, len(clips), clip))
    return clips


def clip_row(event: str, video: str, number: int, frames: list[int]) -> dict[str, Any]:
    """The row of a clip: its target is its last frame."""
    name = f"{event}_{number}"
    return {"clip_id": name, "event_id": event, "video": video, "frames": frames, "target_frame": frames[-1]}


def checksum_lines(files: list[Path], base: Path) -> list[str]:
    """Lines of sha256sum for `files`, named relative to the folder `base`."""
    return [f"{sha256(file)}  {file.relative_to(base).as_posix()}\n" for file in files]


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, target)


def _write_event(folder: Path, saliency: Path, caption: str) -> set[int]:
    """Link the maps of an event and write its caption; returns the frame numbers that have a map."""
    folder.mkdir()
    (folder / DESCRIPTION).write_text(caption, encoding="utf-8")
    numbers = set()
    for path in sorted(saliency.glob("*.png")):
        if not read_picture(path, gray=True).any():
            raise InputError(
                path, "a saliency map of zeros", "at least one fixation", "Delete its folder and run again."
            )
        link_or_copy(path, folder / path.name)
        numbers.add(int(path.stem))
    if not numbers:
        raise InputError(saliency, "no saliency map", "one per frame of the event", "Delete its folder and run again.")
    return numbers


def annotation_row(
    index: dict[str, Any],
    event: str,
    span: tuple[int, int],
    caption: dict[str, Any],
    origin: str,
) -> dict[str, Any]:
    """The row of an event that nobody has curated here.

    `span`: its first and last frame; `caption`: its entry of the caption stage, {caption, candidates, n_tokens, flags},
    where captioners wrote candidates, the shown one first; `origin` of the caption.
    """
    (start, end), candidates = span, caption["candidates"]
    shown = candidates[0] if candidates else {"text": "", "model": "", "revision": ""}
    return {
        "event_id": event,
        "video": index["id"],
        "source": index["source"],
        "caption": caption["caption"],
        "caption_machine": shown["text"],
        "caption_origin": origin,
        "model": shown["model"],
        "revision": shown["revision"],
        "candidates": [candidate["text"] for candidate in candidates],
        "n_tokens": caption["n_tokens"],
        "verdict": None,
        "flags": caption["flags"],
        "n_curators": 0,
        "start_frame": start,
        "end_frame": end,
        "start_frame_before": start,
        "end_frame_before": end,
    }


def _with_events(video: str, fixations: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    event = np.full(len(fixations), None, dtype=object)
    event[assignments.row.to_numpy()] = assignments.event_id.to_numpy()
    return fixations.assign(video=video, event_id=event)

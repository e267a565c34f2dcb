"""One video's part of the dataset: its maps and captions in the published layout, and its rows of the tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.errors import InputError
from tsalv360.files import link_or_copy, sha256, whole_folder, write_json
from tsalv360.frames import read_picture
from tsalv360.tables import ANNOTATIONS, CLIPS, DATASET_FIXATIONS, write_rows, write_table

CLIP_LENGTH = 8
CHECKSUMS = "SHA256SUMS"
LEFT_OUT = "left_out.json"
GROUND_TRUTH = "TSV360_gt"
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
) -> None:
    """Write a video's part of the dataset.

    `TSV360_gt/<video>/<event>/description.txt` and `NNNN.png`, its rows of annotations, clips and fixations as
    Parquet, how many frames of its events have no map or are in no clip, and SHA256SUMS of the captions and maps.

    Parameters
    ----------
    frames : all kept frame numbers of the video.
    captions : {event_id: {caption, candidates, notes}}.
    saliency : folder of the saliency stage; its maps are hard-linked where the file system allows it.
    """
    video = index["id"]
    with whole_folder(directory) as partial:
        ground_truth = partial / GROUND_TRUTH / video
        ground_truth.mkdir(parents=True)
        maps = {
            event: _write_event(ground_truth / event, Path(saliency, event), captions[event]["caption"])
            for event in map(str, events.event_id)
        }
        annotations = [_annotation(index, event, captions[str(event.event_id)]) for event in events.itertuples()]
        clips = [clip for event in events.event_id for clip in cut_clips(event, video, tracks, frames, maps[event])]
        write_rows(partial / "annotations.parquet", annotations, ANNOTATIONS)
        write_rows(partial / "clips.parquet", clips, CLIPS)
        write_table(partial / "fixations.parquet", _with_events(video, fixations, assignments), DATASET_FIXATIONS)
        n_maps, n_in_clips = sum(map(len, maps.values())), CLIP_LENGTH * len(clips)
        left_out = {"frames_without_map": len(tracks) - n_maps, "frames_in_no_clip": len(tracks) - n_in_clips}
        write_json(partial / LEFT_OUT, left_out)
        files = sorted(ground_truth.glob("*/*"))
        (partial / CHECKSUMS).write_text("".join(checksum_lines(files, partial)), encoding="utf-8")


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
                name = f"{event}_{len(clips)}"
                row = {"clip_id": name, "event_id": event, "video": video, "frames": clip, "target_frame": clip[-1]}
                clips.append(row)
    return clips


def checksum_lines(files: list[Path], base: Path) -> list[str]:
    """Lines of sha256sum for `files`, named relative to the folder `base`."""
    return [f"{sha256(file)}  {file.relative_to(base).as_posix()}\n" for file in files]


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


def _annotation(index: dict[str, Any], event: Any, caption: dict[str, Any]) -> dict[str, Any]:
    shown = caption["candidates"][0]
    return {
        "event_id": event.event_id,
        "video": index["id"],
        "source": index["source"],
        "caption": caption["caption"],
        "caption_machine": caption["caption"],
        "caption_origin": "machine",
        "model": shown["model"],
        "revision": shown["revision"],
        "candidates": [candidate["text"] for candidate in caption["candidates"]],
        "n_tokens": None,
        "verdict": None,
        "flags": [],
        "n_curators": 0,
        "start_frame": event.start_frame,
        "end_frame": event.end_frame,
        "start_frame_before": event.start_frame,
        "end_frame_before": event.end_frame,
    }


def _with_events(video: str, fixations: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    event = np.full(len(fixations), None, dtype=object)
    event[assignments.row.to_numpy()] = assignments.event_id.to_numpy()
    return fixations.assign(video=video, event_id=event)

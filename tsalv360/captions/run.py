"""The clips of a video's events, and what is noted about each event for the curator.

Captioning a shard of videos: every backend and prompt over all events, asking only for what is not yet known.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.captions.captioner import Answer, Cache, Captioner, Clip, load_captioner
from tsalv360.captions.checks import count_tokens, flags_of
from tsalv360.captions.settings import CaptionSettings
from tsalv360.captions.text import caption_of, rejection
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.job.log import progress
from tsalv360.sphere.directions import to_vectors, vector_angle


def clips_of(viewports: str | Path, events: pd.DataFrame, tracks: pd.DataFrame, n_frames: int) -> list[Clip]:
    """Clips of all events of a video: up to `n_frames` pictures of each, without its lead-in and lead-out.

    Parameters: folder of the viewports stage, the video's events and tracks.
    """
    lengths = read_json(Path(viewports, "viewports.json"))["events"]
    clips = []
    for name in map(str, events.event_id):
        numbers = spread(lengths[name]["pictures"], n_frames)
        track = tracks[tracks.event_id == name]
        between = float(np.median(np.diff(track.time_s.iloc[numbers]))) if len(numbers) > 1 else 0.0
        shown = tuple(lengths[name]["lead_in"] + number for number in numbers)
        clips.append(Clip(name, Path(viewports, f"{name}.mp4"), shown, between, float(track.camera_hfov_deg.iloc[0])))
    return clips


def spread(n_pictures: int, wanted: int) -> list[int]:
    """Up to `wanted` whole numbers spread evenly over 0 … n_pictures − 1, each in the middle of its share."""
    wanted = min(wanted, n_pictures)
    return [int((i + 0.5) * n_pictures / wanted) for i in range(wanted)]


def notes_of(events: pd.DataFrame, tracks: pd.DataFrame) -> dict[str, list[str]]:
    """Measured facts for the curator, {event: lines}: when, where, how it moves, and who watched."""
    return {
        str(event.event_id): _notes(event, tracks[tracks.event_id == event.event_id]) for event in events.itertuples()
    }


def _notes(event: Any, track: pd.DataFrame) -> list[str]:
    path = to_vectors(track.yaw_deg, track.pitch_deg)
    travelled = float(vector_angle(path[1:], path[:-1]).sum())
    return [
        f"{event.start_s:.1f} s to {event.end_s:.1f} s ({event.end_s - event.start_s:.1f} s)",
        f"around yaw {event.yaw_deg:.0f}°, pitch {event.pitch_deg:.0f}°, moving {travelled:.0f}° in all",
        f"{event.n_observers} observers, {np.mean(track.n_observers):.1f} at a time, confidence {event.confidence:.2f}",
    ]


Entry = dict[str, Any]


def caption_videos(
    videos: Mapping[str, tuple[str | Path, pd.DataFrame, pd.DataFrame]], settings: CaptionSettings, cache: Cache
) -> dict[str, dict[str, Entry]]:
    """Captions of all events of videos: {video: {event: entry}}.

    Parameters: `videos`: folder of the viewports stage, events and tracks of each.
    An entry holds `caption`, `candidates` and `failures` of `caption_clips`, `n_tokens` and `flags` of the caption,
    and `notes` for the curator.
    """
    clips = {video: clips_of(*parts, settings.n_frames) for video, parts in videos.items()}
    entries = caption_clips([clip for ones in clips.values() for clip in ones], settings, cache)
    captions = {}
    for video, (_, events, tracks) in videos.items():
        notes = notes_of(events, tracks)
        checked = check_captions({clip.event: entries[clip.event] for clip in clips[video]})
        captions[video] = {event: entry | {"notes": notes[event]} for event, entry in checked.items()}
    return captions


def caption_clips(clips: Sequence[Clip], settings: CaptionSettings, cache: Cache) -> dict[str, Entry]:
    """Captions of events, {event: {caption, candidates, failures}}.

    `candidates` holds {backend, model, revision, prompt, text, score} of every backend and prompt, in their order, and
    `failures` {backend, prompt, reason}. `caption` is the first of the first backend, or None where it has none.

    Raises InputError, with all answers kept in the cache, where more than `max_failed` events lack a caption that was
    asked for, or a backend cannot work.
    """
    entries: dict[str, Entry] = {clip.event: {"caption": None, "candidates": [], "failures": []} for clip in clips}
    for backend in settings.backends:
        captioner = load_captioner(backend, settings)
        for prompt in settings.prompts if captioner.takes_prompt else [""]:
            asked = {"backend": backend, "prompt": prompt}
            answers = _answers(captioner, clips, prompt, cache, f"captions by {backend}")
            for clip in clips:
                entry, answer = entries[clip.event], answers[clip.event]
                if reason := rejection(answer):
                    entry["failures"].append(asked | {"reason": reason})
                    continue
                by = {"model": captioner.model, "revision": captioner.revision}
                entry["candidates"].append(asked | by | {"text": caption_of(answer), "score": answer.score})
    for entry in entries.values():
        first = [one["text"] for one in entry["candidates"] if one["backend"] == settings.backends[0]]
        entry["caption"] = first[0] if first else None
    _refuse_too_many_failures(entries, settings.max_failed)
    return entries


def check_captions(captions: dict[str, Entry]) -> dict[str, Entry]:
    """The entries of one video with `n_tokens` and `flags` of their caption."""
    shown = {event: entry["caption"] for event, entry in captions.items() if entry["caption"] is not None}
    n_tokens = dict(zip(shown, count_tokens(list(shown.values())), strict=True))
    flags = flags_of(shown, n_tokens)
    return {
        event: entry | {"n_tokens": n_tokens.get(event), "flags": flags.get(event, [])}
        for event, entry in captions.items()
    }


def _answers(captioner: Captioner, clips: Sequence[Clip], prompt: str, cache: Cache, what: str) -> dict[str, Answer]:
    """The answers for all clips, {event: answer}: those of the cache, and the missing ones as they come."""
    answers = {clip.event: known for clip in clips if (known := cache.get(captioner, clip, prompt))}
    missing = [clip for clip in clips if clip.event not in answers]
    with progress(total=len(clips), what=what) as bar:
        bar.update(len(answers))
        for clip, answer in captioner.caption(missing, prompt):
            answers[clip.event] = answer
            if reason := rejection(answer):
                logging.warning("%s: no caption: %s", clip.event, reason)
            else:
                cache.put(captioner, clip, prompt, answer)
            bar.update()
    return answers


def _refuse_too_many_failures(entries: dict[str, Entry], max_failed: int) -> None:
    failed = {event: entry["failures"] for event, entry in entries.items() if entry["failures"]}
    if len(failed) > max_failed:
        reasons = [f"\n  {event}: {one['backend']}: {one['reason']}" for event, ones in failed.items() for one in ones]
        more = f"\n  and {len(reasons) - 20} more" if len(reasons) > 20 else ""
        raise InputError(
            "captions",
            f"{len(failed)} of {len(entries)} events without a caption that was asked for",
            f"at most {max_failed} (captions.max_failed)",
            "All other answers are kept: a rerun asks only for these. Remove the cause, or raise captions.max_failed: "
            f"{''.join(reasons[:20])}{more}",
        )

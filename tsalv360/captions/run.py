"""Caption the events of a shard of videos with every backend and prompt; answers in the cache are not asked again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.captions.captioner import Answer, Cache, Captioner, Clip
from tsalv360.captions.settings import Backend, CaptionSettings, check_installed
from tsalv360.captions.text import caption_of, flags_of, rejection
from tsalv360.contracts.entries import Candidate, CaptionEntry, Captions, Failure, ViewportLengths, read_entry
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.model import clip_tokens
from tsalv360.sphere.directions import to_vectors, vector_angle


def clips_of(viewports: str | Path, events: pd.DataFrame, tracks: pd.DataFrame, n_frames: int) -> list[Clip]:
    """Return the clips of a video's events: up to `n_frames` pictures of each, without its lead-in and lead-out.

    Parameters: `viewports`, the video's folder of the viewports stage; the video's events and tracks.
    """
    lengths = read_entry(Path(viewports, "viewports.json"), ViewportLengths).events
    clips = []
    for name in map(str, events.event_id):
        numbers = spread(lengths[name].pictures, n_frames)
        track = tracks[tracks.event_id == name]
        between = float(np.median(np.diff(track.time_s.iloc[numbers]))) if len(numbers) > 1 else 0.0
        shown = tuple(lengths[name].lead_in + number for number in numbers)
        clips.append(Clip(name, Path(viewports, f"{name}.mp4"), shown, between, float(track.camera_hfov_deg.iloc[0])))
    return clips


def spread(n_pictures: int, wanted: int) -> list[int]:
    """Return up to `wanted` numbers spread evenly over 0 … n_pictures − 1, each in the middle of its share."""
    wanted = min(wanted, n_pictures)
    return [int((i + 0.5) * n_pictures / wanted) for i in range(wanted)]


def notes_of(events: pd.DataFrame, tracks: pd.DataFrame) -> dict[str, list[str]]:
    """Return notes for the curator, {event: lines}: when, where, how far it moves, and how many watch it."""
    notes = {}
    event: Any  # a row
    for event in events.itertuples():
        track = tracks[tracks.event_id == event.event_id]
        path = to_vectors(track.yaw_deg, track.pitch_deg)
        moved, at_once = vector_angle(path[1:], path[:-1]).sum(), np.mean(track.n_observers)
        notes[str(event.event_id)] = [
            f"{event.start_s:.1f} s to {event.end_s:.1f} s ({event.end_s - event.start_s:.1f} s)",
            f"around yaw {event.yaw_deg:.0f}°, pitch {event.pitch_deg:.0f}°, moving {moved:.0f}° in all",
            f"{event.n_observers} observers, {at_once:.1f} at a time, confidence {event.confidence:.2f}",
        ]
    return notes


def caption_videos(
    videos: Mapping[str, tuple[str | Path, pd.DataFrame, pd.DataFrame]], settings: CaptionSettings, cache: Cache
) -> Captions:
    """Return the caption entries of all events of videos, {video: {event: entry}}.

    Parameters: `videos`, the folder of the viewports stage, the events and the tracks of each.
    """
    clips = {video: clips_of(*parts, settings.n_frames) for video, parts in videos.items()}
    entries = caption_clips([clip for ones in clips.values() for clip in ones], settings, cache)
    captions = {}
    for video, (_, events, tracks) in videos.items():
        own, notes = {clip.event: entries[clip.event] for clip in clips[video]}, notes_of(events, tracks)
        shown = {event: entry.caption for event, entry in own.items() if entry.caption is not None}
        n_tokens = {event: clip_tokens.count(text) for event, text in shown.items()}
        flags = flags_of(shown)
        captions[video] = {
            event: replace(entry, n_tokens=n_tokens.get(event), flags=flags.get(event, []), notes=notes[event])
            for event, entry in own.items()
        }
    return captions


def caption_clips(clips: Sequence[Clip], settings: CaptionSettings, cache: Cache) -> dict[str, CaptionEntry]:
    """Return the captions of events with all candidates and failures, {event: entry}.

    The caption is the first candidate of the first backend, or None where it has none. Raises InputError, with all
    answers kept in the cache, where more than `max_failed` events lack a caption that was asked for, or a backend
    cannot work.
    """
    candidates: dict[str, list[Candidate]] = {clip.event: [] for clip in clips}
    failures: dict[str, list[Failure]] = {clip.event: [] for clip in clips}
    for backend in settings.backends:
        captioner = load_captioner(backend, settings)
        for prompt in settings.prompts if captioner.takes_prompt else [""]:
            for event, answer in _answers(captioner, clips, prompt, cache, f"captions by {backend}").items():
                if reason := rejection(answer):
                    failures[event].append(Failure(backend, prompt, reason))
                    continue
                by = captioner.model, captioner.revision
                candidates[event].append(Candidate(backend, prompt, *by, caption_of(answer), answer.score))
    _refuse_too_many_failures(failures, settings.max_failed)
    entries = {}
    for event, ones in candidates.items():
        first = next((one.text for one in ones if one.backend == settings.backends[0]), None)
        entries[event] = CaptionEntry(first, ones, failures[event])
    return entries


def _answers(captioner: Captioner, clips: Sequence[Clip], prompt: str, cache: Cache, what: str) -> dict[str, Answer]:
    """Return the answers for all clips, {event: answer}, from the cache or else from the captioner."""
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


def _refuse_too_many_failures(failures: Mapping[str, list[Failure]], max_failed: int) -> None:
    failed = {event: ones for event, ones in failures.items() if ones}
    if len(failed) > max_failed:
        reasons = [f"\n  {event}: {one.backend}: {one.reason}" for event, ones in failed.items() for one in ones]
        more = f"\n  and {len(reasons) - 20} more" if len(reasons) > 20 else ""
        raise InputError(
            "captions",
            f"{len(failed)} of {len(failures)} events without a caption that was asked for",
            f"at most {max_failed} (captions.max_failed)",
            "All other answers are kept: a rerun asks only for these. Remove the cause, or raise captions.max_failed: "
            f"{''.join(reasons[:20])}{more}",
        )


def load_captioner(backend: Backend, settings: CaptionSettings) -> Captioner:
    """Return the captioner of a backend, whose libraries nothing else imports. InputError if it cannot work."""
    check_installed(settings)
    if backend == "facts":
        from tsalv360.captions.facts import Facts

        return Facts()
    if backend == "endpoint":
        from tsalv360.captions.endpoint import Endpoint

        return Endpoint(settings.endpoint, settings.max_tokens)
    from tsalv360.captions.llava import Llava

    return Llava(backend, settings.llava, settings.max_tokens)

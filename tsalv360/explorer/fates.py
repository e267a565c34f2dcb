"""What became of each event: its caption, verdict and flags, and why it is not in the dataset."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from tsalv360.contracts.entries import CaptionEntry, DatasetOutcome, Outcome


class Fate(NamedTuple):
    """What became of an event.

    `caption` and `origin` (who wrote it) are those in the dataset, or of a draft that curators left out. `left_out` is
    why the dataset does not have the event, empty if it has it; `corrected` its frames there, where curators corrected
    them. `remarks` say what curation or the captioner did beyond that.
    """

    caption: str | None
    origin: str
    left_out: str
    verdict: str | None
    flags: list[str]
    remarks: list[str]
    corrected: tuple[int, int] | None


def fates_of(
    events: Iterable[str],
    annotations: pd.DataFrame,
    curation: Outcome | DatasetOutcome | None,
    captions: Mapping[str, CaptionEntry],
) -> dict[str, Fate]:
    """Return the fate of each event by id.

    Parameters: annotations of the dataset, or of the video's part of it; what curation changed there, None for drafts;
    the entries of the caption stage by event.
    """
    rows: dict[str, Any] = {str(row.event_id): row for row in annotations.itertuples()}
    reasons, remarks, rejected = _reasons(curation), _remarks(curation), dict(curation.rejected if curation else [])
    fates = {}
    for event in events:
        entry = captions.get(event, CaptionEntry(None))
        said = [*remarks.get(event, []), *_failures(entry)]
        if row := rows.get(event):
            corrected = (row.start_frame, row.end_frame) != (row.start_frame_before, row.end_frame_before)
            frames = (int(row.start_frame), int(row.end_frame)) if corrected else None
            verdict = row.verdict if isinstance(row.verdict, str) else None
            fates[event] = Fate(row.caption, _origin(row), "", verdict, list(row.flags), said, frames)
        else:
            writer = entry.candidates[0] if entry.candidates else None
            origin = f"machine: {writer.model}, revision {writer.revision}" if writer else ""
            flags = [flag for flag in rejected.get(event, "").split(", ") if flag]
            verdict = "reject" if event in rejected else None
            left_out = reasons.get(event, "no caption")
            fates[event] = Fate(entry.caption, origin, left_out, verdict, [*entry.flags, *flags], said, None)
    return fates


def banner(annotations: pd.DataFrame, n_curators: int | None = None) -> str:
    """Return which captions are drafts, and how many curators reviewed events; empty for published captions.

    `n_curators` is None where the dataset is not curated.
    """
    drafts = annotations[annotations.caption_origin == "machine"]
    curated = "" if n_curators is None else f"reviewed by {n_curators} curator{'' if n_curators == 1 else 's'}"
    if drafts.empty:
        return curated and f"Captions: {curated}"
    models = ", ".join(sorted(drafts.model.unique()))
    if len(drafts) == len(annotations):
        return f"Captions: draft, written by a machine ({models}), not curated"
    part = f"{len(drafts)} of {len(annotations)} are draft, written by a machine ({models}), not curated"
    return f"Captions: {part}" + (f"; the others {curated}" if curated else "")


def _reasons(curation: Outcome | DatasetOutcome | None) -> dict[str, str]:
    """Return, by id, why curation left events out of the dataset."""
    if curation is None:
        return {}
    return {
        **{event: "not reviewed" for event, _ in curation.uncurated},
        **{event: "near a reviewed event, waits for a review of its own" for event, _ in curation.review},
        **{event: f"part of {lowest}, which it repeats" for event, lowest in curation.merged},
        **{event: "rejected" for event, _ in curation.rejected},
    }


def _remarks(curation: Outcome | DatasetOutcome | None) -> dict[str, list[str]]:
    """Return, by id, what curation says of events beyond what their verdict, flags and reasons do."""
    remarks: dict[str, list[str]] = {}
    if curation:
        near = [(event, f"near a reviewed event: {remark}") for event, remark in curation.review]
        for event, remark in [*near, *curation.uncurated, *curation.problems]:
            if remark:
                remarks.setdefault(event, []).append(remark)
    return remarks


def _failures(entry: CaptionEntry) -> list[str]:
    prompts = ((one, f", “{one.prompt}”" if one.prompt else "") for one in entry.failures)
    return [f"{one.backend}{prompt} wrote no caption: {one.reason}" for one, prompt in prompts]


def _origin(row: Any) -> str:
    """Return who wrote the caption of an annotation."""
    return f"{row.caption_origin}: {row.model}, revision {row.revision}" if row.model else row.caption_origin

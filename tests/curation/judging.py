"""Records of made-up judgements."""

from typing import Any

import pandas as pd

from tsalv360.curation.records import Annotation, Decision, EventRecord
from tsalv360.curation.tasks import as_text

FPS = 16.0


def record(
    track: pd.DataFrame,
    verdict: str | None = "accept",
    caption: str | None = "A dog runs.",
    *,
    machine: str = "A dog runs.",
    event: str | None = None,
    who: str = "ann",
    when: str = "2026-01-01T10:00:00Z",
    fps: float = FPS,
    skipped: bool = False,
    **said: Any,
) -> EventRecord:
    """The record of an event with this track, judged by one person; a verdict of None decides nothing."""
    judged = Decision(verdict=verdict, caption=caption, **said) if verdict else None  # type: ignore[arg-type]
    return EventRecord(
        event_id=event or str(track.event_id.iloc[0]),
        event_hash=f"hash of {when}",
        decided=judged,
        decided_by=[who] if judged else [],
        disagreement=False,
        caption_machine=machine,
        track=as_text(track, fps),
        history=[Annotation(f"{who} {when}", who, when, 20.0, judged, skipped=skipped or not judged)],
    )

"""Annotations, tasks and records as tests need them: raw ones in Label Studio's form, and ours."""

from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from tsalv360.contracts.entries import Task
from tsalv360.curation.records import Annotation, Decision, EventRecord
from tsalv360.curation.tasks import track_text

FPS = 16.0
# What an export must have of a task's data.
DATA = {
    "event_id": "v_1",
    "event_hash": "h",
    "video": "v",
    "caption_machine": "A red ball rolls.",
    "alternatives": [{"value": "A ball."}],
    "others": [{"value": "v_0"}, {"value": "v_2"}],
    "track": "5.000 10.0 0.0, 8.000 10.0 0.0",
    "shown": {"step_s": 0.0625, "runs": [[4.0, 80]]},
    "start_s": 5.0,
    "end_s": 8.0,
    "confidence": 0.5,
    "facts": "from 5.0 s",
}
TASK_DATA = {
    **DATA, "source": "own", "title": "Event v_1", "fps": "16", "n_observers": 7, "viewport_url": "v_1.mp4",
    "overlay_url": "v_1.overlay.mp4", "poster_url": "v_1.jpg",
}  # fmt: skip


def task(event: str, content: str = "h", **data: Any) -> Task:
    """A task of the workflow, without prediction."""
    content_of_task = {**TASK_DATA, "event_id": event, "event_hash": content, **data}
    return TypeAdapter(Task).validate_python({"data": content_of_task, "predictions": []})


def results(**given: Any) -> list[dict[str, Any]]:
    """Results as a browser sends them: caption="...", verdict="accept", flags=[...], start="1.5" and so on."""
    forms = {
        "caption": ("textarea", "text", list), "comment": ("textarea", "text", list),
        "verdict": ("choices", "choices", list), "alternative": ("choices", "choices", list),
        "flags": ("choices", "choices", None), "duplicate_of": ("choices", "choices", list),
        "start": ("textarea", "text", list), "end": ("textarea", "text", list), "rating": ("rating", "rating", None),
    }  # fmt: skip
    items = []
    for name, value in given.items():
        kind, key, wrap = forms[name]
        content = {key: [str(value)] if wrap else value}
        items.append({"id": name, "from_name": name, "to_name": "viewport", "type": kind, "value": content})
    return items


def annotation(
    unique_id: str = "u1", when: str = "2026-11-23T19:12:38.358900Z", user: Any = 1, **given: Any
) -> dict[str, Any]:
    """An annotation of an export: by default the machine's caption, accepted."""
    given = {"caption": DATA["caption_machine"], "verdict": "accept", **given}
    given = {name: value for name, value in given.items() if value is not None}
    return {
        "id": 7, "unique_id": unique_id, "completed_by": user, "updated_at": when, "lead_time": 8.24,
        "was_cancelled": False, "result": results(**given),
    }  # fmt: skip


def exported(*annotations: dict[str, Any], drafts: tuple[Any, ...] = (), **data: Any) -> dict[str, Any]:
    """A task of an export."""
    return {"id": 3, "annotations": list(annotations), "drafts": list(drafts), "data": {**DATA, **data}}


def vote(
    curator: str, second: int, verdict: Any = "accept", caption: str | None = "A red ball rolls.", **more: Any
) -> Annotation:
    """The annotation of a curator at a second; a verdict of None decides nothing."""
    decision = None if verdict is None else Decision(verdict, caption)
    given = {"id": f"{curator}-{more.get('round', 0)}", "lead_time_s": 8.0, "decision": decision, **more}
    return Annotation(curator=curator, when=f"2026-11-23T19:12:{second:02d}.000Z", **given)


def record(
    track: pd.DataFrame,
    verdict: str | None = "accept",
    caption: str | None = "A dog runs.",
    *,
    machine: str = "A dog runs.",
    event: str | None = None,
    curator: str = "ann",
    when: str = "2026-01-01T10:00:00Z",
    fps: float = FPS,
    skipped: bool = False,
    **more: Any,
) -> EventRecord:
    """The record of an event with this track, annotated by one curator; a verdict of None decides nothing."""
    decision = Decision(verdict=verdict, caption=caption, **more) if verdict else None  # type: ignore[arg-type]
    return EventRecord(
        event_id=event or str(track.event_id.iloc[0]),
        event_hash=f"hash of {when}",
        decision=decision,
        decided_by=[curator] if decision else [],
        disagreement=False,
        caption_machine=machine,
        track=track_text(track, fps),
        history=[Annotation(f"{curator} {when}", curator, when, 20.0, decision, skipped=skipped or not decision)],
    )

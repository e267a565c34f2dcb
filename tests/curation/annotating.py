"""Annotations, tasks and records as tests need them, in Label Studio's form."""

from typing import Any

from tsalv360.curation.records import Annotation, Decision

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


def results(**said: Any) -> list[dict[str, Any]]:
    """Results as a browser sends them: caption="...", verdict="accept", flags=[...], start=1.5 and so on."""
    forms = {
        "caption": ("textarea", "text", list), "comment": ("textarea", "text", list),
        "verdict": ("choices", "choices", list), "alternative": ("choices", "choices", list),
        "flags": ("choices", "choices", None), "duplicate_of": ("choices", "choices", list),
        "start": ("number", "number", None), "end": ("number", "number", None), "rating": ("rating", "rating", None),
    }  # fmt: skip
    items = []
    for name, value in said.items():
        kind, key, wrap = forms[name]
        content = {key: [value] if wrap else value}
        items.append({"id": name, "from_name": name, "to_name": "viewport", "type": kind, "value": content})
    return items


def annotation(
    unique_id: str = "u1", when: str = "2026-11-23T19:12:38.358900Z", user: Any = 1, **said: Any
) -> dict[str, Any]:
    """An annotation of an export: the machine's caption, accepted, unless told otherwise."""
    said = {"caption": DATA["caption_machine"], "verdict": "accept", **said}
    said = {name: value for name, value in said.items() if value is not None}
    return {
        "id": 7, "unique_id": unique_id, "completed_by": user, "updated_at": when, "lead_time": 8.24,
        "was_cancelled": False, "result": results(**said),
    }  # fmt: skip


def exported(*annotations: dict[str, Any], drafts: tuple[Any, ...] = (), **data: Any) -> dict[str, Any]:
    """A task of an export."""
    return {"id": 3, "annotations": list(annotations), "drafts": list(drafts), "data": {**DATA, **data}}


def judgement(
    who: str, when: int, verdict: Any = "accept", caption: str | None = "A red ball rolls.", **more: Any
) -> Annotation:
    """A judgement of a person at a second."""
    said = None if verdict is None else Decision(verdict, caption)
    given = {"annotation": f"{who}-{more.get('round', 0)}", "lead_time_s": 8.0, "said": said, **more}
    return Annotation(who=who, when=f"2026-11-23T19:12:{when:02d}.000Z", **given)

"""Read an annotation of Label Studio; every result is checked here because the server checks none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import UnionType
from typing import Any, get_args

from tsalv360.contracts.entries import ShownTimes
from tsalv360.curation.records import FLAGS, Annotation, Decision, Verdict
from tsalv360.curation.tasks import length_s, source_time

# The controls of config/label_studio.xml: the key of a result's value, and the type that it must have.
CONTROLS: dict[str, tuple[str, type | UnionType]] = {
    "caption": ("text", list),
    "alternative": ("choices", list),
    "verdict": ("choices", list),
    "flags": ("choices", list),
    "duplicate_of": ("choices", list),
    "start": ("number", int | float),
    "end": ("number", int | float),
    "rating": ("rating", int | float),
    "comment": ("text", list),
}


class _UnusableError(Exception):
    """An annotation that does not count, with the reason."""


def read_annotation(annotation: Mapping[str, Any], data: Mapping[str, Any], who: str) -> Annotation:
    """Return one annotation of a task, checked.

    The text decides: a caption that differs from the machine's after stripping is an edit, whatever the verdict is; a
    chosen alternative counts where the text is unchanged. `problem` says why an annotation cannot be used, `remark`
    what is odd about one that can; neither is ever dropped.

    Parameters: `annotation` and the task's `data` as Label Studio exports them; `who` is the curator.
    """
    results, remarks = _by_control(annotation.get("result") or [])
    said, problem = None, None
    skipped = bool(annotation.get("was_cancelled"))
    if not skipped:
        try:
            said = _decision(results, data, remarks)
        except _UnusableError as reason:
            problem = str(reason)
    return Annotation(
        annotation=str(annotation.get("unique_id") or f"annotation {annotation['id']}"),
        who=who,
        when=as_utc(annotation["updated_at"]),
        lead_time_s=None if annotation.get("lead_time") is None else round(float(annotation["lead_time"]), 1),
        said=said,
        skipped=skipped,
        problem=problem,
        remark="; ".join(remarks) or None,
        round=int(data.get("round", 0)),
    )


def as_utc(time: str | datetime) -> str:
    """Return a time of Label Studio as UTC text, which sorts by time."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _by_control(items: list[Any]) -> tuple[dict[str, list[Any]], list[str]]:
    """The values of every known control (an _UnusableError for a wrong one), and remarks on unknown controls."""
    found: dict[str, list[Any]] = {}
    remarks = []
    for item in items:
        name = item.get("from_name") if isinstance(item, dict) else None
        if name not in CONTROLS:
            remarks.append(f"a result of the control {name!r}, which the labelling interface does not have")
            continue
        key, kind = CONTROLS[name]
        value = item.get("value")
        value = value.get(key) if isinstance(value, dict) else None
        usable = isinstance(value, kind) and not isinstance(value, bool)
        found.setdefault(name, []).append(
            value if usable else _UnusableError(f"{name}: found {value!r:.60}, expected {key}")
        )
    return found, remarks


def _decision(results: Mapping[str, list[Any]], data: Mapping[str, Any], remarks: list[str]) -> Decision:
    verdict = _verdict(results)
    caption = _caption(results, data, verdict, remarks)
    if verdict != "reject":
        changed = caption != data["caption_machine"].strip()
        if verdict == "accept" and changed:
            verdict = "edit"
            remarks.append("accepted with another caption than the machine's: counts as edited")
        elif verdict == "edit" and not changed:
            remarks.append("marked as edited with the machine's caption as it was")
    flags = [str(flag) for value in _values(results, "flags") for flag in value]
    remarks += [
        f"the flag {flag!r}, which the labelling interface does not have" for flag in flags if flag not in FLAGS
    ]
    start_s, end_s = _bounds(results, data, remarks)
    return Decision(
        verdict=verdict,
        caption=caption,
        flags=flags,
        duplicate_of=_duplicate_of(results, flags, data, remarks),
        start_s=start_s,
        end_s=end_s,
        rating=_rating(results, remarks),
        comment=_text(results, "comment"),
    )


def _values(results: Mapping[str, list[Any]], name: str) -> list[Any]:
    """The values of a control; _UnusableError for one of another type."""
    for value in results.get(name, []):
        if isinstance(value, _UnusableError):
            raise value
    return list(results.get(name, []))


def _verdict(results: Mapping[str, list[Any]]) -> Verdict:
    chosen = [choice for value in _values(results, "verdict") for choice in value]
    if len(chosen) != 1 or chosen[0] not in get_args(Verdict):
        known = ", ".join(get_args(Verdict))
        found = ", ".join(map(repr, chosen)) or "none"
        raise _UnusableError(f"verdict: found {found}, expected one of {known}")
    return chosen[0]


def _text(results: Mapping[str, list[Any]], name: str) -> str:
    """The lines of a text control; Label Studio keeps several entries of one as a list."""
    return "\n".join(str(line) for value in _values(results, name) for line in value).strip()


def _caption(
    results: Mapping[str, list[Any]], data: Mapping[str, Any], verdict: Verdict, remarks: list[str]
) -> str | None:
    machine = data["caption_machine"].strip()
    typed = _text(results, "caption")
    chosen = [str(choice).strip() for value in _values(results, "alternative") for choice in value]
    if chosen and typed in ("", machine):
        return chosen[0]
    if chosen and typed != chosen[0]:
        remarks.append("an alternative was chosen and another caption typed: the typed one counts")
    if typed or verdict == "reject":
        return typed or None
    raise _UnusableError("caption: found none, expected a text with the verdict " + verdict)


def _duplicate_of(
    results: Mapping[str, list[Any]], flags: list[str], data: Mapping[str, Any], remarks: list[str]
) -> str | None:
    chosen = [str(choice) for value in _values(results, "duplicate_of") for choice in value]
    if "duplicate" not in flags:
        return None
    others = {other["value"] for other in data.get("others", [])}
    if len(chosen) == 1 and chosen[0] in others:
        return chosen[0]
    remarks.append(
        f"a duplicate of {', '.join(map(repr, chosen)) or 'an event that is not named'}: nothing to merge with"
    )
    return None


def _bounds(
    results: Mapping[str, list[Any]], data: Mapping[str, Any], remarks: list[str]
) -> tuple[float | None, float | None]:
    """Corrected start and end in seconds of the source video, from those on the counter of the viewport video."""
    given = {name: float(values[-1]) for name in ("start", "end") if (values := _values(results, name))}
    if not given:
        return None, None
    shown = ShownTimes(**data["shown"])
    for name, time in list(given.items()):
        if not 0 <= time <= length_s(shown):
            remarks.append(f"{name} at {time:g} s of a viewport video of {length_s(shown):.2f} s: not used")
            del given[name]
    start, end = (source_time(shown, given[name]) if name in given else None for name in ("start", "end"))
    if (data["start_s"] if start is None else start) >= (data["end_s"] if end is None else end):
        remarks.append("a corrected start at or after the end: not used")
        return None, None
    return start, end


def _rating(results: Mapping[str, list[Any]], remarks: list[str]) -> int | None:
    values = _values(results, "rating")
    if not values:
        return None
    if values[-1] in (1, 2, 3, 4, 5):
        return int(values[-1])
    remarks.append(f"a rating of {values[-1]:g}, not of 1 to 5: not used")
    return None

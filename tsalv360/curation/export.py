"""Read Label Studio's export: what curators decided. The server checks no result, so that every one is checked here."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import ShownTimes
from tsalv360.curation.records import FLAGS, Annotation, Decision, TrackText, Verdict, as_utc, check_encodable
from tsalv360.curation.tasks import length_s, source_time
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_id

# The key of a result's value, for each control of config/label_studio.xml; texts and choices are lists.
CONTROLS = {
    **dict.fromkeys(("caption", "comment", "start", "end"), "text"),
    **dict.fromkeys(("alternative", "verdict", "flags", "duplicate_of"), "choices"),
    "rating": "rating",
}
BOUND_FLAGS = {"start": "bad_start", "end": "bad_end"}
_STRAY = re.compile(r"(?:\s|[.!?]\s*)([^\W\d_])$")  # one letter on its own after the caption
Values = Mapping[str, list[Any]]  # of an annotation, by control


@dataclass(frozen=True)
class AnnotatedEvent:
    """The event of an exported task, from fields of `TaskData`, which may have been edited by hand.

    Fields of any type are checked only when a decision needs them. `round` counts how often the event was sent back.
    """

    event_id: str
    event_hash: str
    video: str
    caption_machine: str
    track: TrackText
    shown: Any
    start_s: Any
    end_s: Any
    others: Any = ()
    round: Any = 0


class AnnotatedTask(NamedTuple):
    """A task of an export: its event, its annotations, and who has a draft."""

    event: AnnotatedEvent
    annotations: list[Annotation]
    drafts: list[str]


class Export(NamedTuple):
    """The tasks of an export, and why other tasks or annotations in it cannot be used."""

    tasks: list[AnnotatedTask]
    problems: list[str]


class _UnusableError(Exception):
    """Why a task or an annotation does not count."""


def read_export(tasks: Any, users: Mapping[int, str]) -> Export:
    """Return the content of an export.

    Parameters: `tasks` in Label Studio's format JSON; e-mail addresses of `users` by id, as far as known. Raises
    InputError for another format.
    """
    of_tasks = isinstance(tasks, list) and all(isinstance(task, dict) for task in tasks)
    if not of_tasks or not all(isinstance(task.get("annotations"), list) for task in tasks):
        expected = "Label Studio's JSON (not JSON-MIN, CSV)"
        raise InputError("export", "another format", expected, "Export the project as JSON.")
    usable, problems = [], []
    for task in tasks:
        try:
            event = _event(task.get("data"))
        except _UnusableError as reason:
            problems.append(f"task {task.get('id')!r}: {reason}")
            continue
        annotations = []
        for number, annotation in enumerate(task["annotations"], 1):
            try:
                check_encodable(annotation)
                curator = _name(annotation.get("completed_by"), users)
                annotations.append(read_annotation(annotation, event, curator))
            except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
                problems.append(f"{event.event_id}: annotation {number} has not Label Studio's form ({error!r})")
        begun = task["drafts"] if isinstance(task.get("drafts"), list) else []
        drafts = [_name(draft.get("user"), users) for draft in begun if isinstance(draft, dict)]
        usable.append(AnnotatedTask(event, annotations, drafts))
    return Export(usable, problems)


def _event(data: Any) -> AnnotatedEvent:
    try:
        event = TypeAdapter(AnnotatedEvent).validate_python(data or {})
        check_encodable(data)
        check_id(event.video, "video")
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'data'}: {one['msg']}" for one in error.errors())
        raise _UnusableError(f"not a task of tsalv360, or edited by hand ({wrong})") from None
    except ValueError as error:
        raise _UnusableError(str(error)) from None
    if not re.fullmatch(rf"{re.escape(event.video)}_[0-9]+", event.event_id):
        raise _UnusableError(f"the event {event.event_id!r} does not belong to the video {event.video}")
    return event


def _name(user: Any, users: Mapping[int, str]) -> str:
    """Return the name of a user of an export, which is an id, an e-mail address, or both."""
    if isinstance(user, dict):
        return str(user.get("email") or f"user {user.get('id')}")
    if isinstance(user, int):
        return users.get(user, f"user {user}")
    return str(user) if user else "unknown"


def read_annotation(annotation: Mapping[str, Any], event: AnnotatedEvent, curator: str) -> Annotation:
    """Return an annotation of an export as it goes into the curators' files.

    The text wins: a caption that differs from the machine's after stripping is an edit, whatever the verdict. A chosen
    alternative counts if the text was not changed. `problem` says what makes the annotation unusable, `remark` what is
    odd about it.
    """
    remarks: list[str] = []
    values, problem = _values(annotation.get("result") or [], remarks)
    decision, skipped = None, bool(annotation.get("was_cancelled"))
    if not skipped and not problem:
        try:
            decision = _decision(values, event, remarks)
        except _UnusableError as reason:
            problem = str(reason)
    return Annotation(
        id=str(annotation.get("unique_id") or f"annotation {annotation['id']}"),
        curator=curator,
        when=as_utc(annotation["updated_at"]),
        lead_time_s=None if annotation.get("lead_time") is None else round(float(annotation["lead_time"]), 1),
        decision=decision,
        skipped=skipped,
        problem=None if skipped else problem or None,
        remark="; ".join(remarks) or None,
        round=int(event.round),
    )


def _values(results: list[Any], remarks: list[str]) -> tuple[Values, str]:
    """Return the values by control, and which are of a wrong type; add remarks on unknown controls."""
    values: dict[str, list[Any]] = defaultdict(list)
    wrong = []
    for result in results:
        name = result.get("from_name") if isinstance(result, dict) else None
        if name not in CONTROLS:
            remarks.append(f"a result of the control {name!r}, which the labelling interface does not have")
            continue
        content, key = result.get("value"), CONTROLS[name]
        value = content.get(key) if isinstance(content, dict) else None
        if name in BOUND_FLAGS and isinstance(content, dict) and "number" in content:
            value = [content["number"]]  # interfaces before texts for times
        if not isinstance(value, list if key in ("text", "choices") else int | float) or isinstance(value, bool):
            wrong.append(f"{name}: found {value!r:.60}, expected {key}")
        else:
            values[name] += value if isinstance(value, list) else [value]
    return values, "; ".join(wrong)


def _decision(values: Values, event: AnnotatedEvent, remarks: list[str]) -> Decision:
    verdicts, machine = values["verdict"], event.caption_machine.strip()
    flags = [str(flag) for flag in values["flags"]]
    duplicate_of = _duplicate_of(values, event, remarks) if "duplicate" in flags else None
    if duplicate_of and not verdicts:
        verdicts = ["reject"]
        remarks.append(f"a duplicate without a verdict: counts as rejected in favour of {duplicate_of}")
    if len(verdicts) != 1 or verdicts[0] not in get_args(Verdict):
        found = ", ".join(map(repr, verdicts)) or "none"
        raise _UnusableError(f"verdict: found {found}, expected one of {', '.join(get_args(Verdict))}")
    verdict, caption = verdicts[0], _text(values["caption"])
    if chosen := [str(choice).strip() for choice in values["alternative"]]:
        if caption in ("", machine):
            caption = chosen[0]
        elif caption != chosen[0]:
            remarks.append("an alternative was chosen and another caption typed: the typed one counts")
    if not caption and verdict == "accept" and machine:
        caption = machine
        remarks.append("accepted with an empty caption field: the machine's caption, which the task shows, counts")
    if not caption and verdict != "reject":
        raise _UnusableError(f"caption: found none, expected a text with the verdict {verdict}")
    if verdict == "accept" and caption != machine:
        verdict = "edit"
        remarks.append("accepted with another caption than the machine's: counts as edited")
    elif verdict == "edit" and caption == machine:
        remarks.append("marked as edited, but the machine's caption is unchanged")
    if "\n" in caption:
        remarks.append("the caption has a line break")
    if stray := _STRAY.search(caption):
        remarks.append(f"the caption ends in a single letter, {stray[1]!r}, perhaps a key pressed in the text")
    unknown = [flag for flag in flags if flag not in FLAGS]
    remarks += [f"the flag {flag!r}, which the labelling interface does not have" for flag in unknown]
    start_s, end_s = _bounds(values, flags, event, remarks)
    rating = values["rating"][-1] if values["rating"] else None
    if rating not in (None, 1, 2, 3, 4, 5):
        remarks.append(f"a rating of {rating:g}, not of 1 to 5: not used")
        rating = None
    return Decision(verdict, caption or None, flags, duplicate_of, start_s, end_s, rating, _text(values["comment"]))


def _text(lines: list[Any]) -> str:
    return "\n".join(map(str, lines)).strip()  # Label Studio keeps several entries of a text as a list


def _bounds(
    values: Values, flags: list[str], event: AnnotatedEvent, remarks: list[str]
) -> tuple[float | None, float | None]:
    """Return corrected start and end in seconds of the source video, from seconds of the viewport video.

    A bound counts only with its flag, since Label Studio also sends fields that it hides.
    """
    if not values["start"] and not values["end"]:
        return None, None
    shown = TypeAdapter(ShownTimes).validate_python(event.shown)
    corrected: dict[str, float] = {}
    for name, flag in BOUND_FLAGS.items():
        for text in map(str, values[name][-1:]):
            time = _seconds(text)
            if flag not in flags:
                remarks.append(f"{name} at {text.strip()!r:.40} without the flag {flag}: not used")
            elif time is None:
                remarks.append(f"{name} at {text.strip()!r:.40}, which is no number of seconds: not used")
            elif not shown.runs or time > length_s(shown):
                remarks.append(f"{name} at {time:g} s of a viewport video of {length_s(shown):.2f} s: not used")
            else:
                corrected[name] = source_time(shown, time)
    if corrected.get("start", event.start_s) >= corrected.get("end", event.end_s):
        remarks.append("a corrected start at or after the end: not used")
        return None, None
    return corrected.get("start"), corrected.get("end")


def _seconds(text: str) -> float | None:
    """Return the number in a text with a decimal point or comma, None for anything else."""
    number = text.strip().replace(",", ".")
    return float(number) if re.fullmatch(r"\d+\.?\d*|\.\d+", number, re.ASCII) else None


def _duplicate_of(values: Values, event: AnnotatedEvent, remarks: list[str]) -> str | None:
    chosen = [str(choice) for choice in values["duplicate_of"]]
    if len(chosen) == 1 and chosen[0] in {other["value"] for other in event.others}:
        return chosen[0]
    named = ", ".join(map(repr, chosen)) or "an event that is not named"
    remarks.append(f"a duplicate of {named}: nothing to merge with")
    return None

"""Reading annotations: every result is checked, the text wins, and nothing that a curator typed is lost."""

from dataclasses import replace
from typing import Any

import pytest
from curation.annotating import DATA, annotation
from pydantic import TypeAdapter

from tsalv360.curation.export import AnnotatedEvent, read_annotation
from tsalv360.curation.records import as_utc

EVENT = TypeAdapter(AnnotatedEvent).validate_python(DATA)


def read(**given: Any) -> Any:
    return read_annotation(annotation(**given), EVENT, "ann@example.org")


def test_the_unchanged_machine_caption_is_accepted() -> None:
    ours = read(flags=["bad_viewport"], rating=4, comment=" fine ")
    decision = ours.decision
    assert (decision.verdict, decision.caption, decision.flags, decision.rating, decision.comment) == (
        "accept", "A red ball rolls.", ["bad_viewport"], 4, "fine",
    )  # fmt: skip
    assert (ours.curator, ours.when, ours.lead_time_s) == (
        "ann@example.org",
        "2026-11-23T19:12:38.358Z",
        8.2,
    )
    assert ours.problem is None and ours.remark is None


@pytest.mark.parametrize(
    "text",
    [
        "A blue ball rolls.",
        "A red ball rolls!",
        "a red ball rolls.",
        "🙂 كرة حمراء",
        "x" * 10_000,
        "<script>alert(1)</script>",
    ],
)
@pytest.mark.parametrize("verdict", ["accept", "edit"])
def test_the_text_wins_whatever_the_verdict(text: str, verdict: str) -> None:
    ours = read(caption=text, verdict=verdict)
    assert (ours.decision.verdict, ours.decision.caption) == ("edit", text)
    assert ("counts as edited" in (ours.remark or "")) == (verdict == "accept")


def test_spaces_around_a_caption_and_the_line_end_of_the_enter_key_are_no_edit() -> None:
    assert read(caption="  A red ball rolls.\n").decision.verdict == "accept"
    spaced = replace(EVENT, caption_machine=" A red ball rolls. ")
    assert read_annotation(annotation(), spaced, "a").decision.verdict == "accept"


def test_an_edit_without_a_change_is_remarked_and_kept() -> None:
    ours = read(verdict="edit")
    assert ours.decision.verdict == "edit"
    assert "machine's caption is unchanged" in ours.remark


def test_an_alternative_counts_if_the_text_was_not_changed() -> None:
    assert read(alternative="A ball.").decision.caption == "A ball."
    assert read(alternative="A ball.").decision.verdict == "edit"
    assert read(alternative="A ball.", caption=None).decision.caption == "A ball."
    typed = read(alternative="A ball.", caption="A box.")
    assert typed.decision.caption == "A box." and "the typed one counts" in typed.remark


def test_a_rejection_needs_no_caption_and_keeps_one() -> None:
    assert read(verdict="reject", caption=None).decision.caption is None
    assert read(verdict="reject").decision.caption == "A red ball rolls."
    assert read(verdict="reject", caption="Nothing here.").decision.caption == "Nothing here."


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"verdict": None}, "verdict: found none, expected one of accept, edit, reject"),
        ({"verdict": "maybe"}, "verdict: found 'maybe'"),
        ({"caption": None, "verdict": "edit"}, "caption: found none"),
        ({"caption": "  ", "verdict": "edit"}, "caption: found none"),
    ],
)
def test_an_annotation_that_cannot_count_says_why(given: dict[str, Any], problem: str) -> None:
    ours = read(**given)
    assert ours.decision is None and problem in ours.problem


def test_an_empty_field_accepts_the_caption_that_the_task_shows() -> None:
    """Label Studio's own editor gives a second opinion an empty field, beside the machine's caption."""
    ours = read(caption=None)
    assert (ours.decision.verdict, ours.decision.caption) == ("accept", "A red ball rolls.")
    assert "empty caption field" in ours.remark
    without = read_annotation(annotation(caption=None), replace(EVENT, caption_machine=""), "a")
    assert without.decision is None and "caption: found none" in without.problem


def test_results_of_a_wrong_type_are_named() -> None:
    broken = annotation()
    broken["result"][0]["value"] = {"text": "no list"}
    assert "caption: found 'no list', expected text" in read_annotation(broken, EVENT, "a").problem
    broken["result"] = [*annotation()["result"], {"from_name": "mood", "value": {}}, "text"]
    ours = read_annotation(broken, EVENT, "a")
    assert ours.decision is not None and "control 'mood'" in ours.remark


def test_two_verdicts_are_none() -> None:
    twice = annotation()
    twice["result"].append({**twice["result"][1], "value": {"choices": ["reject"]}})
    assert "found 'accept', 'reject'" in read_annotation(twice, EVENT, "a").problem


def test_a_skipped_task_has_no_decision() -> None:
    skipped = {**annotation(), "was_cancelled": True, "result": []}
    ours = read_annotation(skipped, EVENT, "a")
    assert ours.skipped and ours.decision is None and ours.problem is None


def test_corrected_bounds_are_times_of_the_source_video() -> None:
    # The viewport video starts at 4.0 s of the source; its event lies from 5.0 s to 8.0 s.
    decision = read(flags=["bad_start", "bad_end"], start=0.5, end=3.0).decision
    assert (decision.start_s, decision.end_s) == (4.5, 7.0)
    assert read(flags=["bad_start"], start=0).decision.start_s == 4.0


@pytest.mark.parametrize(
    ("typed", "seconds"), [("1.05", 5.0), ("0.07", 4.062), (" 1,5 ", 5.5), ("2", 6.0), ("2.", 6.0), (",5", 4.5)]
)
def test_typed_times_are_taken_as_they_read(typed: str, seconds: float) -> None:
    ours = read(flags=["bad_start"], start=typed)
    assert ours.decision.start_s == seconds and ours.remark is None


def test_the_number_fields_of_earlier_interfaces_are_read() -> None:
    earlier = annotation(flags=["bad_end"])
    earlier["result"].append({"id": "end", "from_name": "end", "type": "number", "value": {"number": 3}})
    assert read_annotation(earlier, EVENT, "a").decision.end_s == 7.0


@pytest.mark.parametrize(("name", "flag"), [("start", "bad_start"), ("end", "bad_end")])
def test_a_bound_without_its_flag_has_no_effect(name: str, flag: str) -> None:
    for flags in ([], ["bad_saliency"], [{"bad_start": "bad_end"}.get(flag, "bad_start")]):
        ours = read(flags=flags, **{name: "2.5"})
        assert (ours.decision.start_s, ours.decision.end_s) == (None, None)
        assert ours.remark == f"{name} at '2.5' without the flag {flag}: not used"


@pytest.mark.parametrize(
    ("caption", "remark"),
    [
        ("A blue ball\nrolls.", "the caption has a line break"),
        ("A blue ball rolls.\ne", "the caption has a line break; the caption ends in a single letter, 'e'"),
        ("A blue ball rolls.e", "the caption ends in a single letter, 'e'"),
        ("A blue ball rolls a", "the caption ends in a single letter, 'a'"),
    ],
)
def test_what_keys_leave_in_a_caption_is_remarked_and_not_changed(caption: str, remark: str) -> None:
    ours = read(caption=caption, verdict="edit")
    assert ours.decision.caption == caption and ours.remark.startswith(remark)


@pytest.mark.parametrize("caption", ["A red ball rolls!", "A plan B.", "Number 5", "It is 5 m.", "Seen by U2"])
def test_a_caption_without_stray_letters_has_no_remark(caption: str) -> None:
    assert read(caption=caption, verdict="edit").remark is None


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        ({"start": 9.0}, "start at 9 s of a viewport video of 5.00 s: not used"),
        ({"end": -1}, "end at '-1', which is no number of seconds: not used"),
        ({"end": "1:05"}, "end at '1:05', which is no number of seconds: not used"),
        ({"start": "2e0"}, "start at '2e0', which is no number of seconds: not used"),
        ({"start": 4.8}, "a corrected start at or after the end"),
        ({"start": 3, "end": 2}, "a corrected start at or after the end"),
        ({"end": 0.5}, "a corrected start at or after the end"),
    ],
)
def test_impossible_bounds_are_remarked_and_the_rest_counts(given: dict[str, Any], remark: str) -> None:
    ours = read(flags=["bad_start", "bad_end"], **given)
    assert remark in ours.remark
    assert (ours.decision.start_s, ours.decision.end_s, ours.decision.verdict) == (None, None, "accept")


def test_a_duplicate_needs_no_verdict() -> None:
    ours = read(verdict=None, flags=["duplicate"], duplicate_of="v_0")
    assert ours.decision and (ours.decision.verdict, ours.decision.duplicate_of) == ("reject", "v_0")
    assert "counts as rejected in favour of v_0" in str(ours.remark)
    assert "verdict: found none" in str(read(verdict=None, flags=["duplicate"]).problem)


def test_a_duplicate_names_another_event_of_the_video() -> None:
    assert read(flags=["duplicate"], duplicate_of="v_0").decision.duplicate_of == "v_0"
    assert read(duplicate_of="v_0").decision.duplicate_of is None  # the flag was removed again
    for wrong in ("v_1", "../v_0", None):
        ours = read(flags=["duplicate"], duplicate_of=wrong)
        assert ours.decision.duplicate_of is None and "nothing to merge with" in ours.remark


def test_flags_and_ratings_that_the_interface_lacks_are_remarked() -> None:
    ours = read(flags=["ugly"], rating=9)
    assert ours.decision.flags == ["ugly"] and ours.decision.rating is None
    assert "flag 'ugly'" in ours.remark and "rating of 9" in ours.remark


def test_times_are_in_utc() -> None:
    assert (
        as_utc("2026-11-23T20:12:38.358900+01:00")
        == as_utc("2026-11-23T19:12:38.358900Z")
        == "2026-11-23T19:12:38.358Z"
    )

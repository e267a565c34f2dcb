"""What an annotation says: every result is checked, the text wins, and nothing a person typed is lost."""

from typing import Any

import pytest
from curation.annotating import DATA, annotation

from tsalv360.curation.annotations import as_utc, read_annotation


def read(**said: Any) -> Any:
    return read_annotation(annotation(**said), DATA, "ann@example.org")


def test_the_machine_caption_as_it_was_is_accepted() -> None:
    judgement = read(flags=["bad_viewport"], rating=4, comment=" fine ")
    said = judgement.said
    assert (said.verdict, said.caption, said.flags, said.rating, said.comment) == (
        "accept", "A red ball rolls.", ["bad_viewport"], 4, "fine",
    )  # fmt: skip
    assert (judgement.who, judgement.when, judgement.lead_time_s) == (
        "ann@example.org",
        "2026-11-23T19:12:38.358Z",
        8.2,
    )
    assert judgement.problem is None and judgement.remark is None


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
    judgement = read(caption=text, verdict=verdict)
    assert (judgement.said.verdict, judgement.said.caption) == ("edit", text)
    assert ("counts as edited" in (judgement.remark or "")) == (verdict == "accept")


def test_spaces_around_a_caption_and_the_line_end_of_the_enter_key_are_no_edit() -> None:
    assert read(caption="  A red ball rolls.\n").said.verdict == "accept"
    spaced = {**DATA, "caption_machine": " A red ball rolls. "}
    assert read_annotation(annotation(), spaced, "a").said.verdict == "accept"


def test_an_edit_without_a_change_is_listed_and_kept() -> None:
    judgement = read(verdict="edit")
    assert judgement.said.verdict == "edit"
    assert "machine's caption as it was" in judgement.remark


def test_an_alternative_counts_where_the_text_was_left() -> None:
    assert read(alternative="A ball.").said.caption == "A ball."
    assert read(alternative="A ball.").said.verdict == "edit"
    assert read(alternative="A ball.", caption=None).said.caption == "A ball."
    typed = read(alternative="A ball.", caption="A box.")
    assert typed.said.caption == "A box." and "the typed one counts" in typed.remark


def test_a_rejection_needs_no_caption_and_keeps_one() -> None:
    assert read(verdict="reject", caption=None).said.caption is None
    assert read(verdict="reject").said.caption == "A red ball rolls."
    assert read(verdict="reject", caption="Nothing here.").said.caption == "Nothing here."


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"verdict": None}, "verdict: found none, expected one of accept, edit, reject"),
        ({"verdict": "maybe"}, "verdict: found 'maybe'"),
        ({"caption": None}, "caption: found none"),
        ({"caption": "  "}, "caption: found none"),
    ],
)
def test_what_cannot_count_is_told(said: dict[str, Any], problem: str) -> None:
    judgement = read(**said)
    assert judgement.said is None and problem in judgement.problem


def test_results_of_a_wrong_form_are_told() -> None:
    broken = annotation()
    broken["result"][0]["value"] = {"text": "no list"}
    assert "caption: found 'no list', expected text" in read_annotation(broken, DATA, "a").problem
    broken["result"] = [*annotation()["result"], {"from_name": "mood", "value": {}}, "text"]
    judgement = read_annotation(broken, DATA, "a")
    assert judgement.said is not None and "control 'mood'" in judgement.remark


def test_two_verdicts_are_none() -> None:
    twice = annotation()
    twice["result"].append({**twice["result"][1], "value": {"choices": ["reject"]}})
    assert "found 'accept', 'reject'" in read_annotation(twice, DATA, "a").problem


def test_a_skipped_task_says_nothing() -> None:
    skipped = {**annotation(), "was_cancelled": True, "result": []}
    judgement = read_annotation(skipped, DATA, "a")
    assert judgement.skipped and judgement.said is None and judgement.problem is None


def test_corrected_bounds_are_times_of_the_source_video() -> None:
    # The viewport video starts at 4.0 s of the source; its event lies from 5.0 s to 8.0 s.
    said = read(flags=["bad_start", "bad_end"], start=0.5, end=3.0).said
    assert (said.start_s, said.end_s) == (4.5, 7.0)
    assert read(start=0).said.start_s == 4.0


@pytest.mark.parametrize(
    ("said", "remark"),
    [
        ({"start": 9.0}, "start at 9 s of a viewport video of 5.00 s: not used"),
        ({"end": -1}, "end at -1 s"),
        ({"start": 4.8}, "a corrected start at or after the end"),
        ({"start": 3, "end": 2}, "a corrected start at or after the end"),
        ({"end": 0.5}, "a corrected start at or after the end"),
    ],
)
def test_bounds_that_cannot_be_are_told_and_the_rest_counts(said: dict[str, Any], remark: str) -> None:
    judgement = read(**said)
    assert remark in judgement.remark
    assert (judgement.said.start_s, judgement.said.end_s, judgement.said.verdict) == (None, None, "accept")


def test_a_duplicate_names_another_event_of_the_video() -> None:
    assert read(flags=["duplicate"], duplicate_of="v_0").said.duplicate_of == "v_0"
    assert read(duplicate_of="v_0").said.duplicate_of is None  # the flag was taken back
    for wrong in ("v_1", "../v_0", None):
        judgement = read(flags=["duplicate"], duplicate_of=wrong)
        assert judgement.said.duplicate_of is None and "nothing to merge with" in judgement.remark


def test_flags_and_ratings_that_the_interface_lacks_are_told() -> None:
    judgement = read(flags=["ugly"], rating=9)
    assert judgement.said.flags == ["ugly"] and judgement.said.rating is None
    assert "flag 'ugly'" in judgement.remark and "rating of 9" in judgement.remark


def test_times_are_told_in_utc() -> None:
    assert (
        as_utc("2026-11-23T20:12:38.358900+01:00")
        == as_utc("2026-11-23T19:12:38.358900Z")
        == "2026-11-23T19:12:38.358Z"
    )

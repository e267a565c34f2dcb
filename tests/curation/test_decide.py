"""What holds where several people judged an event."""

from curation.annotating import judgement

from tsalv360.curation.resolve import resolve


def test_without_a_verdict_nothing_is_decided() -> None:
    skipped = judgement("a", 1, None, skipped=True)
    unusable = judgement("b", 2, None, problem="no verdict")
    assert resolve([], "latest") == resolve([skipped, unusable], "latest") == (None, [], False)


def test_the_latest_holds_and_disagreement_is_told() -> None:
    history = [judgement("a", 9, "accept"), judgement("b", 5, "reject")]
    decision = resolve(history, "latest")
    assert decision.decided == history[0].said
    assert (decision.by, decision.disagreement) == (["a"], True)


def test_each_person_has_one_vote_the_last() -> None:
    first = judgement("a", 1, "reject", annotation="one")
    second = judgement("a", 3, "accept", annotation="two")
    decision = resolve([first, second, judgement("b", 2, "accept")], "majority")
    assert decision.decided == second.said
    assert (decision.by, decision.disagreement) == (["b", "a"], False)


def test_a_later_version_of_an_annotation_stands_for_it() -> None:
    before, after = judgement("a", 1, "accept"), judgement("a", 2, None, problem="no verdict")
    assert resolve([before, after], "latest").decided is None
    assert resolve([after, before], "latest").decided is None


def test_the_majority_decides_first_whether_the_event_is_kept_then_its_caption() -> None:
    history = [
        judgement("a", 1, "edit", "A box."), judgement("b", 2, "edit", "A box."), judgement("c", 3, "accept"),
        judgement("d", 4, "reject"),
    ]  # fmt: skip
    decision = resolve(history, "majority")
    assert decision.decided is history[1].said
    assert (decision.by, decision.disagreement) == (["a", "b"], True)
    assert resolve(history, "latest").decided.verdict == "reject"


def test_a_tie_of_the_majority_decides_nothing() -> None:
    decision = resolve([judgement("a", 1), judgement("b", 2, "reject")], "majority")
    assert decision.decided is None and decision.disagreement


def test_a_task_that_was_sent_back_overrides_what_was_said_before() -> None:
    history = [judgement("a", 8, "accept"), judgement("b", 9, "reject"), judgement("c", 5, "edit", "A box.", round=1)]
    decision = resolve(history, "latest")
    assert (decision.decided.caption, decision.by, decision.disagreement) == ("A box.", ["c"], False)

"""The decision on an event that several curators annotated."""

from curation.annotating import vote

from tsalv360.curation.resolve import resolve


def test_an_event_without_a_verdict_is_undecided() -> None:
    skipped = vote("a", 1, None, skipped=True)
    unusable = vote("b", 2, None, problem="no verdict")
    assert resolve([], "latest") == resolve([skipped, unusable], "latest") == (None, [], False)


def test_the_latest_decision_counts_and_disagreement_is_noted() -> None:
    history = [vote("a", 9, "accept"), vote("b", 5, "reject")]
    resolution = resolve(history, "latest")
    assert resolution.decision == history[0].decision
    assert (resolution.curators, resolution.disagreement) == (["a"], True)


def test_each_curator_has_one_vote_the_last() -> None:
    first = vote("a", 1, "reject", id="one")
    second = vote("a", 3, "accept", id="two")
    resolution = resolve([first, second, vote("b", 2, "accept")], "majority")
    assert resolution.decision == second.decision
    assert (resolution.curators, resolution.disagreement) == (["b", "a"], False)


def test_the_latest_version_of_an_annotation_replaces_the_others() -> None:
    before, after = vote("a", 1, "accept"), vote("a", 2, None, problem="no verdict")
    assert resolve([before, after], "latest").decision is None
    assert resolve([after, before], "latest").decision is None


def test_the_majority_first_decides_on_rejection_then_on_the_caption() -> None:
    history = [
        vote("a", 1, "edit", "A box."), vote("b", 2, "edit", "A box."), vote("c", 3, "accept"),
        vote("d", 4, "reject"),
    ]  # fmt: skip
    resolution = resolve(history, "majority")
    assert resolution.decision is history[1].decision
    assert (resolution.curators, resolution.disagreement) == (["a", "b"], True)
    assert resolve(history, "latest").decision.verdict == "reject"


def test_a_tie_of_the_majority_is_undecided() -> None:
    resolution = resolve([vote("a", 1), vote("b", 2, "reject")], "majority")
    assert resolution.decision is None and resolution.disagreement


def test_a_task_that_was_sent_back_overrides_earlier_rounds() -> None:
    history = [vote("a", 8, "accept"), vote("b", 9, "reject"), vote("c", 5, "edit", "A box.", round=1)]
    resolution = resolve(history, "latest")
    assert (resolution.decision.caption, resolution.curators, resolution.disagreement) == ("A box.", ["c"], False)

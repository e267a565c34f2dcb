"""Which tasks a push creates, updates and leaves alone."""

from dataclasses import replace
from typing import Any

import pytest
from curation.annotating import task, vote

from tsalv360.curation.labelstudio import ServerTask, as_json
from tsalv360.curation.records import EventRecord
from tsalv360.curation.resolve import resolve
from tsalv360.curation.review import ordered, plan_push, send_back

KEPT = "kept, although changed since a curator worked on them"
REVIEW = "to be reviewed again, since the event has changed"


WORK: list[dict[str, Any]] = [{"id": 1, "was_cancelled": False}]


def on_server(event: str, content: str = "h", touched: bool = False, number: int = 3, **data: Any) -> ServerTask:
    return as_it_arrived(task(event, content, **data), number, WORK if touched else [])


def as_it_arrived(sent: Any, number: int = 3, annotations: Any = ()) -> ServerTask:
    content = as_json(sent)
    predictions = [{"id": 10 * number + k, **one} for k, one in enumerate(content["predictions"])]
    return ServerTask(number, content["data"], "2026", list(annotations), [], predictions)


def with_caption(event: str, caption: str = "A red ball rolls.", model: str = "facts 1") -> Any:
    result = {"id": "caption", "from_name": "caption", "to_name": "viewport", "type": "textarea"}
    prediction = {"model_version": model, "result": [{**result, "value": {"text": [caption]}}]}
    return replace(task(event), predictions=[prediction])


def record(event: str, *history: Any) -> EventRecord:
    return EventRecord(event, "h", *resolve(list(history), "latest"), "A red ball rolls.", "0 0 0", list(history))


def test_a_new_task_is_created_once() -> None:
    tasks = [task("v_1"), task("v_2")]
    assert plan_push(tasks, [], {}, set()).create == tasks
    plan = plan_push(tasks, [on_server("v_1")], {}, set())
    assert (plan.create, plan.unchanged) == ([tasks[1]], {("v_1", "h", 0)})
    assert plan_push(tasks, [on_server("v_1"), on_server("v_2")], {}, set()).create == []


def test_a_changed_task_is_updated_while_no_curator_has_worked_on_it() -> None:
    new, old = task("v_1", "new"), on_server("v_1", "old")
    assert plan_push([new], [old], {}, set()).update == [(old, new)]
    moved, existing = task("v_1", viewport_url="elsewhere"), on_server("v_1")
    assert plan_push([moved], [existing], {}, set()).update == [(existing, moved)]


def test_a_task_that_changed_after_a_curator_worked_on_it_stays_and_is_listed() -> None:
    skipped, draft = [{"id": 1, "was_cancelled": True}], [{"id": 1, "user": "ann@example.org"}]
    for work in ({"annotations": WORK}, {"annotations": skipped}, {"drafts": draft}):
        old = replace(on_server("v_1", "old"), **work)
        plan = plan_push([task("v_1", "new")], [old], {}, set())
        assert (plan.notes, plan.update, plan.create) == ({KEPT: ["v_1"]}, [], [])


def test_an_event_that_moved_is_reviewed_again_unless_its_decision_still_applies() -> None:
    new, old = task("v_1", "new", track="1.000 0.0 0.0"), on_server("v_1", "old", touched=True)
    plan = plan_push([new], [old], {}, set())
    assert (plan.create, plan.notes, plan.update) == ([new], {REVIEW: ["v_1"]}, [])
    decided = plan_push([new], [old], {"v_1": record("v_1", vote("a", 1))}, set())
    assert (decided.create, decided.notes) == ([], {KEPT: ["v_1"]})


def test_a_decided_event_needs_no_task_on_another_server() -> None:
    plan = plan_push([task("v_1")], [], {"v_1": record("v_1", vote("a", 1))}, set())
    assert (plan.create, plan.notes) == ([], {"decided already, no task needed": ["v_1"]})


def test_events_that_are_gone_are_listed() -> None:
    plan = plan_push([task("v_1")], [on_server("v_1"), on_server("v_9")], {}, set())
    assert plan.notes == {"only on the server: these events no longer exist": ["v_9"]}


def test_of_equal_tasks_one_stays_and_all_that_curators_worked_on() -> None:
    def removed(*touched: int) -> tuple[list[int], list[str]]:
        existing = [on_server("v_1", touched=number in touched, number=number) for number in (5, 3, 4)]
        plan = plan_push([task("v_1")], existing, {}, set())
        assert len(plan.unchanged) == 1 and not (plan.create or plan.update)
        return [one.id for one in plan.remove], sorted(plan.notes)

    assert removed() == ([4, 5], [])
    assert removed(5) == ([3, 4], [])
    assert removed(4, 5) == ([3], ["on the server twice, each with work of curators: both count"])


@pytest.mark.parametrize("touched", [False, True])
def test_a_caption_that_did_not_arrive_is_sent_again(touched: bool) -> None:
    sent = with_caption("v_1")
    arrived = replace(as_it_arrived(sent), annotations=WORK if touched else [])
    assert not plan_push([sent], [arrived], {}, set())
    plan = plan_push([sent], [replace(arrived, predictions=[])], {}, set())
    ((one, predictions),) = plan.mend
    assert one.lacks(predictions) == as_json(sent)["predictions"] and plan.events() == ["v_1"]


def test_another_caption_goes_unless_a_curator_may_have_seen_it() -> None:
    sent, other = with_caption("v_1"), as_it_arrived(with_caption("v_1", "Of before."))
    once, twice = as_it_arrived(sent), as_it_arrived(sent, 5)
    for wrong, surplus in (
        (other.predictions, [30]),
        ([*other.predictions, *once.predictions], [30]),
        ([*once.predictions, *twice.predictions], [50]),
    ):
        ((one, predictions),) = plan_push([sent], [replace(once, predictions=wrong)], {}, set()).mend
        assert one.surplus(predictions) == surplus
    touched = replace(once, predictions=[*other.predictions, *once.predictions], annotations=WORK)
    assert not plan_push([sent], [touched], {}, set())


def test_captions_of_all_captioners_are_shown_in_the_task_stream() -> None:
    tasks = [with_caption("v_1", model="facts 1"), with_caption("v_2", model="llava main")]
    assert len({as_json(one)["predictions"][0]["model_version"] for one in tasks}) == 1


def test_disagreement_is_sent_back_once_with_the_opinions() -> None:
    apart = {
        "v_1": record("v_1", vote("a", 1), vote("b", 2, "reject", None)),
        "v_2": record("v_2", vote("a", 1)),
    }
    tasks, old = [task("v_1"), task("v_2")], [on_server("v_1", touched=True), on_server("v_2", touched=True)]
    (again,) = send_back(tasks, old, apart)
    assert again.data.round == 1
    assert "- a: accept: A red ball rolls.\n- b: reject: no caption" in again.data.facts
    more = [*old, as_it_arrived(again, 4)]
    assert send_back(tasks, more, apart) == []
    assert plan_push(tasks, more, apart, set()).update == []
    assert plan_push(tasks[:1], more[2:], apart, set()).update == []


def test_captions_of_curators_who_disagree_can_be_chosen() -> None:
    apart = {"v_1": record("v_1", vote("a", 1), vote("b", 2, "edit", "A blue ball."), vote("c", 3, "edit", "A ball."))}
    (again,) = send_back([task("v_1")], [on_server("v_1", touched=True)], apart)
    assert again.data.alternatives == [{"value": "A blue ball."}, {"value": "A ball."}]  # the machine's is there anyway


def test_the_order_is_a_setting() -> None:
    tasks = [task(f"v_{k}", confidence=k % 5) for k in range(20)]
    assert ordered(tasks, "by_video", 0) == tasks
    assert [one.data.confidence for one in ordered(tasks, "least_confident", 0)] == sorted(k % 5 for k in range(20))
    mixed = ordered(tasks, "random", 1)
    assert mixed != tasks and sorted(map(str, mixed)) == sorted(map(str, tasks))
    assert mixed == ordered(tasks, "random", 1) != ordered(tasks, "random", 2)

"""Which tasks a push creates, updates and leaves alone."""

from dataclasses import replace
from typing import Any

from curation.annotating import task, vote

from tsalv360.curation.labelstudio import ServerTask, as_json
from tsalv360.curation.records import EventRecord
from tsalv360.curation.resolve import resolve
from tsalv360.curation.review import ordered, plan_push, send_back

KEPT = "kept, although changed since a curator worked on them"
REVIEW = "to be reviewed again, since the event has changed"


def on_server(event: str, content: str = "h", touched: bool = False, **data: Any) -> ServerTask:
    return ServerTask(3, as_json(task(event, content, **data))["data"], int(touched), 0, 0, "2026")


def record(event: str, *history: Any) -> EventRecord:
    return EventRecord(event, "h", *resolve(list(history), "latest"), "A red ball rolls.", "0 0 0", list(history))


def test_a_new_task_is_created_once() -> None:
    tasks = [task("v_1"), task("v_2")]
    assert plan_push(tasks, [], {}, set()).create == tasks
    plan = plan_push(tasks, [on_server("v_1")], {}, set())
    assert (plan.create, plan.unchanged) == ([tasks[1]], 1)
    assert plan_push(tasks, [on_server("v_1"), on_server("v_2")], {}, set()).create == []


def test_a_changed_task_is_updated_while_no_curator_has_worked_on_it() -> None:
    new, old = task("v_1", "new"), on_server("v_1", "old")
    assert plan_push([new], [old], {}, set()).update == [(old, new)]
    moved, existing = task("v_1", viewport_url="elsewhere"), on_server("v_1")
    assert plan_push([moved], [existing], {}, set()).update == [(existing, moved)]


def test_a_task_that_changed_after_a_curator_worked_on_it_stays_and_is_listed() -> None:
    for kind in ({"n_annotations": 1}, {"n_skipped": 1}, {"n_drafts": 1}):
        old = replace(on_server("v_1", "old"), **kind)
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


def test_events_that_are_gone_or_on_the_server_twice_are_listed() -> None:
    plan = plan_push([task("v_1")], [on_server("v_1"), on_server("v_1"), on_server("v_9")], {}, set())
    assert plan.notes == {
        "on the server twice": ["v_1"],
        "only on the server: these events no longer exist": ["v_9"],
    }


def test_disagreement_is_sent_back_once_with_the_opinions() -> None:
    apart = {
        "v_1": record("v_1", vote("a", 1), vote("b", 2, "reject", None)),
        "v_2": record("v_2", vote("a", 1)),
    }
    tasks, old = [task("v_1"), task("v_2")], [on_server("v_1", touched=True), on_server("v_2", touched=True)]
    (again,) = send_back(tasks, old, apart)
    assert again.data.round == 1
    assert "- a: accept: A red ball rolls.\n- b: reject: no caption" in again.data.facts
    more = [*old, ServerTask(4, as_json(again)["data"], 0, 0, 0, "2026")]
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

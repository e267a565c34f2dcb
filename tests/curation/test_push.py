"""Which tasks a push makes, updates and leaves alone."""

from typing import Any

from curation.annotating import DATA, judgement

from tsalv360.curation.labelstudio import ServerTask
from tsalv360.curation.push import ordered, plan_push, send_back
from tsalv360.curation.records import EventRecord
from tsalv360.curation.resolve import resolve


def wanted(event: str, content: str = "h", **data: Any) -> dict[str, Any]:
    return {"data": {**DATA, "event_id": event, "event_hash": content, **data}, "predictions": []}


def there(event: str, content: str = "h", touched: bool = False, **data: Any) -> ServerTask:
    return ServerTask(3, wanted(event, content, **data)["data"], int(touched), 0, 0, "2026")


def record(event: str, *history: Any) -> EventRecord:
    decision = resolve(list(history), "latest")
    return EventRecord(
        event, "h", decision.decided, decision.by, decision.disagreement, "A red ball rolls.", "0 0 0", list(history)
    )


def test_what_is_new_is_made_once() -> None:
    tasks = [wanted("v_1"), wanted("v_2")]
    assert plan_push(tasks, [], {}, set()).create == tasks
    plan = plan_push(tasks, [there("v_1")], {}, set())
    assert (plan.create, plan.unchanged) == ([tasks[1]], 1)
    assert plan_push(tasks, [there("v_1"), there("v_2")], {}, set()).create == []


def test_what_changed_is_updated_while_nobody_has_touched_it() -> None:
    task, old = wanted("v_1", "new"), there("v_1", "old")
    assert plan_push([task], [old], {}, set()).update == [(old, task)]
    moved, place = wanted("v_1", viewport_url="elsewhere"), there("v_1")
    assert plan_push([moved], [place], {}, set()).update == [(place, moved)]


def test_what_changed_after_somebody_touched_it_stays_and_is_told() -> None:
    for kind in ({"n_annotations": 1}, {"n_skipped": 1}, {"n_drafts": 1}):
        old = ServerTask(**{**there("v_1", "old").__dict__, **kind})
        plan = plan_push([wanted("v_1", "new")], [old], {}, set())
        assert (plan.changed, plan.update, plan.create) == (["v_1"], [], [])


def test_an_event_that_moved_goes_to_a_person_again_unless_its_judgement_carries_over() -> None:
    task, old = wanted("v_1", "new", track="1.000 0.0 0.0"), there("v_1", "old", touched=True)
    plan = plan_push([task], [old], {}, set())
    assert (plan.create, plan.again, plan.update) == ([task], ["v_1"], [])
    held = plan_push([task], [old], {"v_1": record("v_1", judgement("a", 1))}, set())
    assert (held.create, held.changed) == ([], ["v_1"])


def test_a_judged_event_needs_no_task_on_another_server() -> None:
    plan = plan_push([wanted("v_1")], [], {"v_1": record("v_1", judgement("a", 1))}, set())
    assert (plan.create, plan.judged) == ([], ["v_1"])


def test_what_vanished_and_what_is_there_twice_is_told() -> None:
    plan = plan_push([wanted("v_1")], [there("v_1"), there("v_1"), there("v_9")], {}, set())
    assert (plan.vanished, plan.twice) == (["v_9"], ["v_1"])


def test_disagreement_is_sent_back_once_with_what_was_said() -> None:
    apart = {
        "v_1": record("v_1", judgement("a", 1), judgement("b", 2, "reject", None)),
        "v_2": record("v_2", judgement("a", 1)),
    }
    tasks, old = [wanted("v_1"), wanted("v_2")], [there("v_1", touched=True), there("v_2", touched=True)]
    (again,) = send_back(tasks, old, apart)
    assert again["data"]["round"] == 1
    assert "- a: accept: A red ball rolls.\n- b: reject: no caption" in again["data"]["facts"]
    more = [*old, ServerTask(4, again["data"], 0, 0, 0, "2026")]
    assert send_back(tasks, more, apart) == []
    assert plan_push(tasks, more, apart, set()).update == []
    assert plan_push(tasks[:1], more[2:], apart, set()).update == []


def test_the_order_is_a_setting() -> None:
    tasks = [wanted(f"v_{k}", confidence=k % 5) for k in range(20)]
    assert ordered(tasks, "by_video", 0) == tasks
    assert [task["data"]["confidence"] for task in ordered(tasks, "least_confident", 0)] == sorted(
        k % 5 for k in range(20)
    )
    mixed = ordered(tasks, "random", 1)
    assert mixed != tasks and sorted(map(str, mixed)) == sorted(map(str, tasks))
    assert mixed == ordered(tasks, "random", 1) != ordered(tasks, "random", 2)

"""Plan and carry out a push: which tasks to create, which to update, and which to leave alone."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from tsalv360.curation.labelstudio import Project, ServerTask
from tsalv360.curation.records import Decision, EventRecord
from tsalv360.curation.resolve import current
from tsalv360.curation.settings import Order
from tsalv360.job.log import progress

_AT_ONCE = 500

Wanted = dict[str, Any]  # a task in Label Studio's import format


@dataclass
class Plan:
    """What a push does.

    `create` and `update` are tasks; the other fields list event ids. `changed` events have a task that a curator has
    touched, which stays as it is. `judged` ones have a decision and no task on this server. `again` are those of
    `create` that go to a curator a second time. `vanished` exist on the server only, `twice` have two equal tasks.
    """

    create: list[Wanted] = field(default_factory=list)
    update: list[tuple[ServerTask, Wanted]] = field(default_factory=list)
    unchanged: int = 0
    changed: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def plan_push(
    wanted: Sequence[Wanted],
    there: Iterable[ServerTask],
    decided: Mapping[str, EventRecord],
    review: Set[str],
) -> Plan:
    """Compare the tasks of the current events with those on the server.

    Parameters: `decided` are the events with a decided record that matches them, `review` those near an earlier one.
    The key of a task is its event's id and content hash, because servers reuse the numbers of tasks.
    """
    plan = Plan()
    of_event: dict[str, list[ServerTask]] = defaultdict(list)
    for existing in there:
        of_event[str(existing.data.get("event_id"))].append(existing)
    for task in wanted:
        event = task["data"]["event_id"]
        tasks = of_event.pop(event, [])
        same = [t for t in tasks if t.data.get("event_hash") == task["data"]["event_hash"]]
        first = [t for t in same if not t.data.get("round")]  # later rounds show earlier opinions, and stay
        free = [t for t in tasks if not t.touched]
        if len(first) > 1:
            plan.twice.append(event)
        if same:
            _compare(plan, task, (first or same)[0])
        elif event in decided:
            (plan.changed if tasks else plan.judged).append(event)
        elif free:
            plan.update.append((free[0], task))
        elif any(t.data.get("track") == task["data"]["track"] for t in tasks):
            plan.changed.append(event)
        else:
            plan.create.append(task)
            if event in review or tasks:
                plan.again.append(event)
    plan.vanished = sorted(of_event)
    return plan


def send_back(
    wanted: Sequence[Wanted], there: Iterable[ServerTask], matched: Mapping[str, EventRecord]
) -> list[Wanted]:
    """Return tasks of a further round for the events on which curators disagree, with their opinions in the facts."""
    rounds: dict[str, int] = defaultdict(int)
    for existing in there:
        event = str(existing.data.get("event_id"))
        rounds[event] = max(rounds[event], int(existing.data.get("round", 0)))
    tasks = []
    for task in wanted:
        event = task["data"]["event_id"]
        record = matched.get(event)
        if record and record.disagreement:
            votes = current(record.history)
            if rounds[event] <= votes[-1].round:
                opinions = "Curators disagree:\n" + "\n".join(f"- {vote.who}: {_in_words(vote.said)}" for vote in votes)
                tasks.append(review_task(task, opinions, round=votes[-1].round + 1))
    return tasks


def review_task(task: Wanted, why: str, **data: Any) -> Wanted:
    """Return a task with the reason for a second review above its facts."""
    return {**task, "data": {**task["data"], "facts": f"{why}\n\n{task['data']['facts']}", **data}}


def earlier_decision(record: EventRecord) -> str:
    """Return the decision on an event before it changed, in words."""
    assert record.decided
    return f"Decision before the event changed, by {', '.join(record.decided_by)}: {_in_words(record.decided)}"


def _in_words(decision: Decision | None) -> str:
    return f"{decision.verdict}: {decision.caption or 'no caption'}" if decision else "nothing"


def _compare(plan: Plan, wanted: Wanted, task: ServerTask) -> None:
    """Update the rest of a task with the same content, such as its URLs, unless a curator has touched it."""
    if task.touched or task.data.get("round") or task.data == wanted["data"]:
        plan.unchanged += 1
    else:
        plan.update.append((task, wanted))


def ordered(tasks: list[Wanted], order: Order, seed: int) -> list[Wanted]:
    """Return tasks in the order in which curators get them."""
    if order == "random":
        return random.Random(seed).sample(tasks, len(tasks))
    if order == "least_confident":
        return sorted(tasks, key=lambda task: task["data"]["confidence"])
    return tasks


def carry_out(plan: Plan, project: Project, order: Order, seed: int) -> None:
    """Create and update the tasks; after an interruption the next push continues where this one stopped."""
    new = ordered(plan.create, order, seed)
    if not new and not plan.update:
        return
    with progress(total=len(new) + len(plan.update), what="tasks") as bar:
        for start in range(0, len(new), _AT_ONCE):
            project.create(new[start : start + _AT_ONCE])
            bar.update(len(new[start : start + _AT_ONCE]))
        for task, wanted in plan.update:
            project.update(task, wanted["data"], wanted["predictions"])
            bar.update()

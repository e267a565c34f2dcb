"""Which tasks Label Studio lacks, which changed, and which must not be touched."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from tsalv360.curation.labelstudio import Project, Task
from tsalv360.curation.records import EventRecord, Judged
from tsalv360.curation.resolve import current
from tsalv360.curation.settings import Order
from tsalv360.job.log import progress

_AT_ONCE = 500

Wanted = dict[str, Any]  # a task in Label Studio's import format


@dataclass
class Plan:
    """What a push does, by event id where nothing is done.

    `changed` were touched by a person and have changed since: they stay as they are. `judged` have a judgement already
    and no task on this server. `again` of `create` go to a person a second time. `vanished` are on the server only.
    """

    create: list[Wanted] = field(default_factory=list)
    update: list[tuple[Task, Wanted]] = field(default_factory=list)
    unchanged: int = 0
    changed: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def plan_push(
    wanted: Sequence[Wanted],
    there: Iterable[Task],
    holding: Mapping[str, EventRecord],
    review: Set[str],
) -> Plan:
    """Compare the tasks of the events of now with those on the server.

    Parameters: `holding` {event id: record} where a judgement holds for the event as it is now, `review` the events for
    which an earlier one may. The key of a task is its event's id and content hash: numbers on a server are used again.
    """
    plan = Plan()
    of_event: dict[str, list[Task]] = defaultdict(list)
    for existing in there:
        of_event[str(existing.data.get("event_id"))].append(existing)
    for task in wanted:
        event = task["data"]["event_id"]
        tasks = of_event.pop(event, [])
        same = [t for t in tasks if t.data.get("event_hash") == task["data"]["event_hash"]]
        first = [t for t in same if not t.data.get("round")]  # later rounds carry what people said, and stay
        free = [t for t in tasks if not t.touched]
        if len(first) > 1:
            plan.twice.append(event)
        if same:
            _compare(plan, task, (first or same)[0])
        elif event in holding:
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


def send_back(wanted: Sequence[Wanted], there: Iterable[Task], holding: Mapping[str, EventRecord]) -> list[Wanted]:
    """Tasks of a further round for the events on which people disagree, with what they said; one at a time of each."""
    rounds: dict[str, int] = defaultdict(int)
    for existing in there:
        event = str(existing.data.get("event_id"))
        rounds[event] = max(rounds[event], int(existing.data.get("round", 0)))
    tasks = []
    for task in wanted:
        event = task["data"]["event_id"]
        record = holding.get(event)
        if record and record.disagreement:
            votes = current(record.history)
            if rounds[event] <= votes[-1].round:
                said = "People disagree:\n" + "\n".join(f"- {vote.who}: {_said(vote.said)}" for vote in votes)
                tasks.append(asked_again(task, said, round=votes[-1].round + 1))
    return tasks


def asked_again(task: Wanted, why: str, **data: Any) -> Wanted:
    """A task with, above its facts, why a person sees it a second time."""
    return {**task, "data": {**task["data"], "facts": f"{why}\n\n{task['data']['facts']}", **data}}


def earlier(record: EventRecord) -> str:
    """What was said of an event before it changed."""
    assert record.decided
    return f"Judged before the event changed, by {', '.join(record.decided_by)}: {_said(record.decided)}"


def _said(judged: Judged | None) -> str:
    return f"{judged.verdict}: {judged.caption or 'no caption'}" if judged else "nothing"


def _compare(plan: Plan, wanted: Wanted, task: Task) -> None:
    """A task of the same content: what else it carries, such as addresses, is brought up to date while it is free."""
    if task.touched or task.data.get("round") or task.data == wanted["data"]:
        plan.unchanged += 1
    else:
        plan.update.append((task, wanted))


def ordered(tasks: list[Wanted], order: Order, seed: int) -> list[Wanted]:
    """Tasks in the order in which curators get them."""
    if order == "random":
        return random.Random(seed).sample(tasks, len(tasks))
    if order == "least_confident":
        return sorted(tasks, key=lambda task: task["data"]["confidence"])
    return tasks


def carry_out(plan: Plan, project: Project, order: Order, seed: int) -> None:
    """Make and update the tasks; a run that is stopped in the middle goes on where it stopped when it is run again."""
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

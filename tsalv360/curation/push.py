"""Push tasks to Label Studio: create missing ones, update changed ones, and leave those that curators worked on."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tsalv360.contracts.entries import Task
from tsalv360.curation.labelstudio import Project, ServerTask, as_json
from tsalv360.curation.records import EventRecord
from tsalv360.curation.settings import Order
from tsalv360.job.log import progress

_AT_ONCE = 500


@dataclass
class Plan:
    """The tasks that a push creates and updates, the number of unchanged ones, and notes: events by what is noted."""

    create: list[Task] = field(default_factory=list)
    update: list[tuple[ServerTask, Task]] = field(default_factory=list)
    unchanged: int = 0
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def plan_push(
    tasks: Sequence[Task], existing: Iterable[ServerTask], decided: Mapping[str, EventRecord], review: Set[str]
) -> Plan:
    """Compare the tasks of the current events with those on the server.

    Parameters: `decided` has the records of events with a decision, `review` the events that a curator has to review
    again. Event id and content hash identify a task, since a server may use its own numbers again.
    """
    plan = Plan()
    on_server: dict[str, list[ServerTask]] = defaultdict(list)
    for one in existing:
        on_server[one.event_id].append(one)
    for task in tasks:
        event = task.data.event_id
        found = on_server.pop(event, [])
        same = [one for one in found if one.data.get("event_hash") == task.data.event_hash]
        first_round = [one for one in same if not one.round]  # tasks of later rounds show annotations, and stay
        free = [one for one in found if not one.touched]
        if len(first_round) > 1:
            plan.notes["on the server twice"].append(event)
        if same:
            one = (first_round or same)[0]
            if one.touched or one.round or one.data == as_json(task)["data"]:
                plan.unchanged += 1
            else:  # other URLs or facts, for example
                plan.update.append((one, task))
        elif event in decided and not found:
            plan.notes["decided already, no task needed"].append(event)
        elif event not in decided and free:
            plan.update.append((free[0], task))
        elif event in decided or any(one.data.get("track") == task.data.track for one in found):
            plan.notes["kept, although changed since a curator worked on them"].append(event)
        else:
            plan.create.append(task)
            if event in review or found:
                plan.notes["to be reviewed again, since the event has changed"].append(event)
    if on_server:
        plan.notes["only on the server: these events no longer exist"] = sorted(on_server)
    return plan


def execute(plan: Plan, project: Project, order: Order, seed: int) -> None:
    """Create and update the tasks of a plan; after an interruption the next push continues."""
    new = ordered(plan.create, order, seed)
    if not new and not plan.update:
        return
    with progress(total=len(new) + len(plan.update), what="tasks") as bar:
        for start in range(0, len(new), _AT_ONCE):
            batch = new[start : start + _AT_ONCE]
            project.create(batch)
            bar.update(len(batch))
        for one, task in plan.update:
            project.update(one, task)
            bar.update()


def ordered(tasks: list[Task], order: Order, seed: int) -> list[Task]:
    """Return tasks in the order in which curators get them."""
    if order == "random":
        return random.Random(seed).sample(tasks, len(tasks))
    return sorted(tasks, key=lambda task: task.data.confidence) if order == "least_confident" else tasks

"""Which tasks curators get: new and changed events, events to be reviewed again, and those they disagree on.

A push creates missing tasks, updates changed ones, and leaves those that curators worked on. It then reads all of them
back, and goes on until the server has every task once, with its data and its caption.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import cv2
import numpy as np
import pandas as pd

from tsalv360.config import Config, plan_recordings
from tsalv360.contracts.entries import IndexEntry, Task, TaskData, read_entry
from tsalv360.contracts.tables import TRACKS, read_table
from tsalv360.curation.labelstudio import Key, Project, ServerTask, as_json
from tsalv360.curation.match import NearRecord, match_records
from tsalv360.curation.records import Decision, EventRecord, Order, read_records
from tsalv360.curation.resolve import counting
from tsalv360.curation.tasks import read_track_text
from tsalv360.job.files import whole_file
from tsalv360.job.log import progress
from tsalv360.media.drawing import poster, titled
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.sphere.projection import Picture

PICTURES = "curation_pictures"  # folder beside the viewports, in the dataset's results
_HFOV = 75.0
_AT_ONCE = 500
Item = TypeVar("Item")


@dataclass
class Plan:
    """What a push has to do, the keys of the unchanged tasks, and notes: events by what is noted.

    Tasks to create and to update; tasks whose predictions are not those that were sent, with these; and tasks to
    remove, as another one is the same.
    """

    create: list[Task] = field(default_factory=list)
    update: list[tuple[ServerTask, Task]] = field(default_factory=list)
    mend: list[tuple[ServerTask, list[dict[str, Any]]]] = field(default_factory=list)
    remove: list[ServerTask] = field(default_factory=list)
    unchanged: set[Key] = field(default_factory=set)
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __bool__(self) -> bool:
        """Return whether anything is to be done."""
        return bool(self.events())

    def events(self) -> list[str]:
        """Return the events of which anything is to be done."""
        on_server = [*(one for one, _ in [*self.update, *self.mend]), *self.remove]
        return sorted({task.data.event_id for task in self.create} | {one.event_id for one in on_server})


def plan_push(
    tasks: Sequence[Task], existing: Iterable[ServerTask], decided: Mapping[str, EventRecord], review: Set[str]
) -> Plan:
    """Compare the tasks of the current events with those on the server.

    Parameters: `decided` has the records of events with a decision, `review` the events that a curator has to review
    again. Event id, content hash and round identify a task, since a server may use its own numbers again.
    """
    plan = Plan()
    on_server: dict[str, list[ServerTask]] = defaultdict(list)
    for same in _by_key(existing).values():
        first, *others = sorted(same, key=lambda one: (not one.touched, one.id))
        on_server[first.event_id] += [first, *(one for one in others if one.touched)]
        plan.remove += [one for one in others if not one.touched]
        if any(one.touched for one in others):
            plan.notes["on the server twice, each with work of curators: both count"].append(first.event_id)
    for task in tasks:
        event, content = task.data.event_id, as_json(task)
        found = on_server.pop(event, [])
        same = [one for one in found if one.data.get("event_hash") == task.data.event_hash]
        free = [one for one in found if not one.touched]
        plan.mend += [(one, content["predictions"]) for one in same if _to_mend(one, content["predictions"])]
        if same:
            # Tasks of later rounds show annotations, and stay.
            changed = [one for one in same if not (one.touched or one.round or one.data == content["data"])]
            plan.update += [(one, task) for one in changed]  # other URLs or facts, for example
            plan.unchanged |= set() if changed else {key_of(task)}
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
    updated = {one.id for one, _ in plan.update}
    plan.mend = [(one, predictions) for one, predictions in plan.mend if one.id not in updated]
    if on_server:
        plan.notes["only on the server: these events no longer exist"] = sorted(on_server)
    return plan


def key_of(task: Task) -> Key:
    """Return what identifies a task, as `ServerTask.key`."""
    return task.data.event_id, task.data.event_hash, getattr(task.data, "round", 0)


def _by_key(tasks: Iterable[ServerTask]) -> dict[Key, list[ServerTask]]:
    by_key: dict[Key, list[ServerTask]] = defaultdict(list)
    for task in tasks:
        by_key[task.key].append(task)
    return by_key


def _to_mend(task: ServerTask, predictions: list[dict[str, Any]]) -> bool:
    """Return whether a task lacks predictions, or has others; what a curator may have seen is not taken away."""
    return bool(task.lacks(predictions) or (not task.touched and task.surplus(predictions)))


@dataclass
class Done:
    """What a push has done so far: keys of the tasks that it created and updated, numbers of those on the server."""

    created: set[Key] = field(default_factory=set)
    updated: set[Key] = field(default_factory=set)
    mended: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)

    def __str__(self) -> str:
        """Return the numbers."""
        parts = [f"{len(self.created)} new tasks, {len(self.updated)} updated"]
        if self.mended:
            parts.append(f"{len(self.mended)} without their caption, or with another one, mended")
        if self.removed:
            parts.append(f"{len(self.removed)} that were there twice removed")
        return ", ".join(parts)


def execute(plan: Plan, project: Project, order: Order, seed: int, done: Done) -> None:
    """Carry a plan out, and add to `done` what is done; after an interruption the next push continues."""
    new = ordered(plan.create, order, seed)
    with progress(total=len(new) + len(plan.update) + len(plan.mend), what="tasks") as bar:
        for batch in batched(new):
            n_sent = len(batch), sum(len(task.predictions) for task in batch)
            done.created |= {key_of(task) for task in batch}
            if (n_taken := project.create(batch)) != n_sent:
                tasks, captions = n_taken
                print(f"The server took {tasks} of {n_sent[0]} tasks and {captions} of {n_sent[1]} captions.")
            bar.update(len(batch))
        for one, task in plan.update:
            if project.update(one, task):
                done.updated.add(key_of(task))
            bar.update()
        for some in batched(plan.mend):
            project.add_predictions((one, one.lacks(predictions)) for one, predictions in some)
            for one, predictions in some:
                project.remove_predictions([] if one.touched else one.surplus(predictions))
            done.mended |= {one.id for one, _ in some}
            bar.update(len(some))
        for twice in batched(plan.remove):  # last: a server may give their numbers to the next new tasks
            project.remove_untouched(twice)
            done.removed |= {one.id for one in twice}


def batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in batches of the size of one request."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def ordered(tasks: list[Task], order: Order, seed: int) -> list[Task]:
    """Return tasks in the order in which curators get them."""
    if order == "random":
        return random.Random(seed).sample(tasks, len(tasks))
    return sorted(tasks, key=lambda task: task.data.confidence) if order == "least_confident" else tasks


@dataclass(frozen=True)
class NextRound(TaskData):
    """The data of a task for an event that is sent back to curators for the `round`-th time."""

    round: int


def match_all(config: Config) -> tuple[dict[str, EventRecord], dict[str, NearRecord]]:
    """Return the records of all current events, and the nearest record of each event that needs another review."""
    matched: dict[str, EventRecord] = {}
    review: dict[str, NearRecord] = {}
    for video in plan_recordings(config):
        if records := read_records(config.curation.file(config.dataset.name, video), video):
            tracks = read_table(config.folder() / "tracks" / f"{video}.parquet", TRACKS)
            matches = match_records(records, tracks, _kept(config, video).time_s.to_numpy())
            matched |= matches.matched
            review |= {event: nearest for event, (nearest, *_) in matches.review.items()}
    return matched, review


def send_back(tasks: Sequence[Task], existing: Iterable[ServerTask], matched: Mapping[str, EventRecord]) -> list[Task]:
    """Return tasks of a further round for events on which curators disagree; none if one is on the server already."""
    rounds = Counter[str]()
    for one in existing:
        rounds[one.event_id] = max(rounds[one.event_id], one.round)
    further = []
    for task in tasks:
        record = matched.get(task.data.event_id)
        if record and record.disagreement:
            votes = counting(record.history)
            last = votes[-1].round
            if rounds[task.data.event_id] <= last:
                opinions = "\n".join(f"- {vote.curator}: {_in_words(vote.decision)}" for vote in votes)
                captions = [vote.decision.caption for vote in votes if vote.decision and vote.decision.caption]
                texts = dict.fromkeys([*captions, *(one["value"] for one in task.data.alternatives)])
                data = replace(
                    task.data,
                    facts=f"Curators disagree:\n{opinions}\n\n{task.data.facts}",
                    alternatives=[{"value": text} for text in texts if text != task.data.caption_machine],
                )
                further.append(replace(task, data=NextRound(**vars(data), round=last + 1)))
    return further


def with_earlier(config: Config, task: Task, review: Mapping[str, NearRecord]) -> Task:
    """Return a task, with the earlier decision and a picture of both events if its event needs another review.

    The picture is written to the dataset's results.
    """
    event, video = task.data.event_id, task.data.video
    if event not in review or not review[event].record.decision:
        return task
    record, results = review[event].record, config.folder()
    name = f"{event}-{task.data.event_hash}.jpg"
    current = read_picture(results / "viewports" / video / f"{event}.jpg")
    earlier = _earlier_poster(config, video, record)
    current = cv2.resize(current, earlier.shape[1::-1]).astype(np.uint8, copy=False)
    both = np.vstack([titled(current, "now"), titled(earlier, "when reviewed")])
    with whole_file(results / PICTURES / name) as partial:
        write_picture(partial, both[..., ::-1])
    decision = f"Reviewed before the event changed, by {', '.join(record.decided_by)}: {_in_words(record.decision)}"
    url = f"{task.data.poster_url.rsplit('/', 3)[0]}/{PICTURES}/{name}"  # in place of the media's folder, video, event
    return replace(task, data=replace(task.data, facts=f"{decision}\n\n{task.data.facts}", poster_url=url))


def _in_words(decision: Decision | None) -> str:
    return f"{decision.verdict}: {decision.caption or 'no caption'}" if decision else "nothing"


def _earlier_poster(config: Config, video: str, record: EventRecord) -> Picture:
    """Return the poster of an event as it was when reviewed, RGB."""
    kept = _kept(config, video)
    track = read_track_text(record.track, kept.time_s.to_numpy())
    places = np.searchsorted(kept.time_s, track.time_s)
    middle = len(places) // 2
    frame = f"{kept.frame.iloc[places[middle]]:04d}"
    (panorama,) = map(read_picture, (config.folder() / "frames" / video).glob(f"{frame}.*"))
    rows = pd.DataFrame({"yaw_deg": track.yaw_deg, "pitch_deg": track.pitch_deg})
    return poster(panorama, rows, places, (float(track.yaw_deg[middle]), float(track.pitch_deg[middle]), _HFOV))


def _kept(config: Config, video: str) -> pd.DataFrame:
    """Return `frame` and `time_s` of the kept frames of a video."""
    return read_entry(config.folder() / "videos" / f"{video}.json", IndexEntry).kept_times

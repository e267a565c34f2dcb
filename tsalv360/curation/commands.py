"""How far the curation is, as a table.

The commands `tsalv360 curation start | push | status | pull | import`.
"""

import math
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

from tabulate import tabulate

from tsalv360.config import Config, plan_recordings
from tsalv360.curation import server
from tsalv360.curation.labelstudio import TRIED, Project, Studio, Task
from tsalv360.curation.pull import EXPORTS, Pulled, keep_raw, read_export, take_in
from tsalv360.curation.push import Plan, carry_out, plan_push, send_back
from tsalv360.curation.records import EventRecord, read_records
from tsalv360.curation.resolve import current
from tsalv360.curation.review import PICTURES, match_records, with_earlier
from tsalv360.curation.settings import CurationSettings
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, write_json
from tsalv360.job.text import plain

_COLUMNS = ("tasks", "untouched", "drafts", "skipped", "judged", "accept", "edit", "reject", "undecided", "disagree")


def status_table(tasks: Sequence[Task], videos: Iterable[str], settings: CurationSettings, dataset: str) -> str:
    """One row for each of the `videos` that has tasks, one for all, then the time left."""
    rows, records = [], []
    for video in sorted({str(task.data.get("video")) for task in tasks} & set(videos)):
        own = [task for task in tasks if task.data.get("video") == video]
        known = read_records(settings.file(dataset, video), video)
        rows.append([video, *_counts(own, known)])
        records += known
    if len(rows) != 1:
        rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])] if rows else ["all"])
    table = tabulate(rows, headers=["video", *_COLUMNS])
    return f"{table}\n\n{_time_left(tasks, records)}"


def _counts(tasks: Sequence[Task], records: Sequence[EventRecord]) -> list[int]:
    """Numbers in the order of _COLUMNS. What was judged on the server and not pulled yet is in `judged` only."""
    verdicts = Counter(record.decided.verdict if record.decided else "undecided" for record in records)
    return [
        len(tasks),
        sum(not task.touched for task in tasks),
        sum(bool(task.n_drafts) and not task.n_annotations for task in tasks),
        sum(bool(task.n_skipped) and not task.n_annotations for task in tasks),
        sum(bool(task.n_annotations) for task in tasks),
        verdicts["accept"],
        verdicts["edit"],
        verdicts["reject"],
        verdicts["undecided"],
        sum(record.disagreement for record in records),
    ]


def _time_left(tasks: Sequence[Task], records: Sequence[EventRecord]) -> str:
    """How long the rest takes one person at the median pace so far."""
    left = sum(not task.n_annotations for task in tasks)
    paces = [j.lead_time_s for record in records for j in current(record.history) if j.lead_time_s]
    if not paces or not left:
        return f"{left} left"
    pace = median(paces)
    minutes = math.ceil(left * pace / 60)
    return f"{left} left: {minutes // 60} h {minutes % 60:02d} min for one person at {pace:.0f} s an event"


_LOCAL_FILES = "/data/local-files/?d="
_SHOWN = 20  # of a list that could be long; the whole lists are in the files


def start(config: Config) -> None:
    """Run a Label Studio of one's own with the tasks of the dataset, until Ctrl-C or SIGTERM."""
    settings = config.curation
    wanted_tasks(config), _media_folders(config)  # what is wrong is told before anything starts
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with server.serve(Path(settings.server_folder), Path(config.results), settings.port) as (running, login):
        project = _push(config, Studio(running.url, login.key))
        print(f"\n  open      {project.url}\n  user      {login.user}\n  password  {login.password}\n")
        print("Ctrl-C stops it. What people said comes by: tsalv360 curation pull", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopping Label Studio ...", flush=True)


def push(config: Config, again: bool) -> None:
    """Bring the tasks of the dataset to Label Studio; `again` also those on which people disagree, once more."""
    project = _push(config, connect(config), again)
    print(project.url)


def pull(config: Config) -> None:
    """Bring what people said into their files."""
    project = _project(config)
    _tell(_pull(config, project, project.tasks()))


def import_file(config: Config, file: Path) -> None:
    """Bring an export of any Label Studio into people's files, without a server."""
    try:
        tasks = read_json(file, "Export again.")
    except OSError as error:
        raise InputError(
            file, f"no readable JSON ({error})", "a whole export of Label Studio", "Export again."
        ) from None
    _tell(_take(config, tasks, {}))


def status(config: Config) -> None:
    """Show how far the curation is."""
    project = _project(config)
    print(status_table(project.tasks(), plan_recordings(config), config.curation, config.dataset.name))
    print(f"\n{project.url}")


def connect(config: Config) -> Studio:
    """The team's server that the environment names, else one's own that runs."""
    url, key = os.environ.get("LABEL_STUDIO_URL"), os.environ.get("LABEL_STUDIO_API_KEY")
    if url:
        if not key:
            raise InputError("LABEL_STUDIO_API_KEY", "nothing", "a token of the server in LABEL_STUDIO_URL", "Set it.")
        studio = Studio(url, key)
    else:
        folder = Path(config.curation.server_folder)
        running = server.running(folder)
        if running is None:
            raise InputError(
                "Label Studio",
                "no server of one's own that runs, and no LABEL_STUDIO_URL",
                "either",
                "Run tsalv360 curation start in another terminal, or set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.",
            )
        studio = Studio(running.url, server.own_login(folder).key)
    if not studio.version.startswith(TRIED):
        print(f"note: the server is Label Studio {studio.version}; tried is {TRIED}")
    return studio


def wanted_tasks(config: Config) -> list[dict[str, Any]]:
    """The tasks that the workflow wrote, with the addresses of their media; InputError where it has not yet."""
    folder = config.folder() / "curation_tasks"
    videos = [video for video, recording in plan_recordings(config).items() if (folder / f"{video}.json").exists()]
    if not videos:
        raise InputError(folder, "no tasks", "a file for each video", "Build the dataset first: snakemake --cores 2")
    tasks = [task for video in videos for task in read_json(folder / f"{video}.json")]
    return [_with_address(task, config.curation.media_url) for task in tasks]


def _with_address(task: dict[str, Any], media_url: str | None) -> dict[str, Any]:
    if media_url is None:
        return task
    data = {
        key: f"{media_url.rstrip('/')}/{value.removeprefix(_LOCAL_FILES)}"
        if key.endswith("_url") and value.startswith(_LOCAL_FILES)
        else value
        for key, value in task["data"].items()
    }
    return {**task, "data": data}


def _title(config: Config) -> str:
    return config.curation.project or f"tsalv360: {config.dataset.name}"


def _project(config: Config) -> Project:
    studio, title = connect(config), _title(config)
    project = studio.find_project(title)
    if project is None:
        raise InputError(
            studio.url, f"no project {title!r}", "one", "Run tsalv360 curation push, or set curation.project."
        )
    return project


def _push(config: Config, studio: Studio, again: bool = False) -> Project:
    """Bring home what people said so far, then compare with the tasks of now: only then is it known what is new."""
    settings = config.curation
    tasks, folders = wanted_tasks(config), _media_folders(config)
    project = studio.open_project(_title(config))
    if settings.media_url is None:
        project.connect_media(folders)
    there = project.tasks()
    if (taken := _pull(config, project, there)).raw:
        _tell(taken)
    holds, review = match_records(config)
    tasks = [with_earlier(config, task, review) for task in tasks]
    plan = plan_push(tasks, there, {event: record for event, record in holds.items() if record.decided}, set(review))
    if again:
        plan.create += send_back(tasks, there, holds)
    carry_out(plan, project, settings.order, settings.seed)
    _tell_plan(plan)
    return project


def _media_folders(config: Config) -> list[str]:
    """The folders of media, as the server sees them; InputError for a link in them: it would give out its target."""
    ours = [config.folder() / name for name in ("viewports", PICTURES)]
    ours[1].mkdir(exist_ok=True)
    for path in (path for folder in ours for path in folder.rglob("*") if path.is_symlink()):
        raise InputError(path, "a symbolic link", "files only: Label Studio gives out what is in there", "Remove it.")
    root = Path(config.curation.media_root or config.results).absolute()
    return [str(root / config.dataset.name / folder.name) for folder in ours]


def _pull(config: Config, project: Project, there: Sequence[Task]) -> Pulled:
    """What changed of the tasks on the server since the last pull; all of it where that is not known."""
    state = config.folder() / "curation_pulled.json"
    place = f"{project.url} of {project.created}"  # a database made anew counts as another
    known = read_json(state) if state.exists() else {}
    times = {str(task.id): task.updated for task in there if task.touched}
    tasks = project.export([int(task) for task, time in times.items() if known.get(place, {}).get(task) != time])
    taken = _take(config, tasks, project.studio.users() if tasks else {})
    if tasks:
        write_json(state, known | {place: times})
    return taken


def _take(config: Config, tasks: Any, users: dict[int, str]) -> Pulled:
    """Keep an export as it came, and take what it says into people's files."""
    settings, dataset = config.curation, config.dataset.name
    seen, problems = read_export(tasks, users)
    raw = keep_raw(tasks, settings.file(dataset, "any").parent / EXPORTS, datetime.now(UTC)) if tasks else None
    taken = take_in(seen, dataset, settings)
    taken.problems[:0] = problems
    taken.raw = raw
    return taken


def _tell(pulled: Pulled) -> None:
    videos = f" of {len(pulled.videos)} videos: {', '.join(pulled.videos)}" if pulled.videos else ""
    print(f"{pulled.n_new} new judgements{videos}" if pulled.n_new else "nothing new")
    if pulled.raw:
        print(f"the export as it came: {pulled.raw}")
    _list("does not count", pulled.problems)
    _list("odd, and counts", pulled.remarks)
    _list("people disagree (send back: tsalv360 curation push --send-back)", pulled.disagreements)
    _list("begun and not submitted", pulled.drafts)
    _list("decided by hand in the file, left so", pulled.by_hand)


def _tell_plan(plan: Plan) -> None:
    print(f"{len(plan.create)} new tasks, {len(plan.update)} updated, {plan.unchanged} as they were")
    _list("changed since somebody worked on them, not touched", plan.changed)
    _list("go to a person again: the event has changed", plan.again)
    _list("judged already, no task needed", plan.judged)
    _list("on the server only: these events are gone", plan.vanished)
    _list("on the server twice", plan.twice)


def _list(what: str, items: Sequence[str]) -> None:
    if items:
        more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
        print(f"{what} ({len(items)}):\n  " + "\n  ".join(map(plain, items[:_SHOWN])) + more)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt

"""The commands `tsalv360 curation start | push | status | pull | import`."""

import fcntl
import math
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from socket import gethostname
from statistics import median
from typing import Any, get_args
from urllib.parse import urlsplit

from tabulate import tabulate

from tsalv360.config import Config, plan_recordings
from tsalv360.contracts.entries import Task, TaskData, read_entry
from tsalv360.curation import server
from tsalv360.curation.export import read_export
from tsalv360.curation.labelstudio import Project, ServerTask, UnansweredError
from tsalv360.curation.page import FOLDER, page_url, write_page
from tsalv360.curation.records import CurationSettings, EventRecord, Verdict, read_records
from tsalv360.curation.resolve import keep_export, merge
from tsalv360.curation.review import PICTURES, Done, Plan, execute, match_all, plan_push, send_back, with_earlier
from tsalv360.job.errors import InputError, plain
from tsalv360.job.files import read_json, write_json

_LOCAL_FILES = "/data/local-files/?d="
_WAITS_S = (1, 2, 4, 8)  # before a push asks a server again that did not answer
_READINGS = 3  # how often a push sends what it does not find on the server
_LISTED = 20  # events of a list that are printed; the files have them all


def start(config: Config) -> None:
    """Run your own Label Studio with the tasks of the dataset, until Ctrl-C or SIGTERM."""
    read_tasks(config), _media_folders(config)  # raise errors before anything starts
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    settings = config.curation
    with (
        _explorer_served(config) as explorers,
        server.serve(Path(settings.server_folder), Path(config.results), settings.port, explorers) as running,
    ):
        project = Project(running.url, running.login.key, _title(config))
        with _alone(config):
            _push(config, project)
        user, password = running.login.user, running.login.password
        print(f"\n  open      {_page(config, project)}\n  user      {user}\n  password  {password}\n")
        ports = [urlsplit(url).port for url in (running.url, *explorers.values())]
        forwarded = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
        tunnel = f"ssh {forwarded} {getuser()}@{gethostname()}"
        print(f"Colleagues who may log in to this machine open the same address after: {tunnel}")
        print("Ctrl-C stops it. To save the curators' work: tsalv360 curation pull", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopping Label Studio ...", flush=True)


@contextmanager
def _explorer_served(config: Config) -> Iterator[dict[str, str]]:
    """Serve the explorer of the dataset during the block, if it is built; yields its URL by the dataset's name."""
    from tsalv360.explorer.server import background

    folder = config.folder() / "explorer"
    if not folder.exists():
        yield {}
        return
    with background(folder) as url:
        yield {config.dataset.name: url}


def push(config: Config, again: bool) -> None:
    """Send the tasks of the dataset to Label Studio; with `again` also further ones where curators disagree."""
    with _alone(config):
        project = _project(config)
        _push(config, project, again)
    print(_page(config, project))


def pull(config: Config) -> None:
    """Save the curators' annotations in their files."""
    with _alone(config):
        project = _existing_project(config)
        _pull(config, project, project.tasks())


def import_file(config: Config, file: Path) -> None:
    """Import an export of any Label Studio into the curators' files, without a server."""
    advice = "Export again."
    try:
        tasks = read_json(file, advice)
    except OSError as error:
        raise InputError(file, f"no readable JSON ({error})", "an export of Label Studio", advice) from None
    with _alone(config):
        _merge(config, tasks, {})


def status(config: Config) -> None:
    """Show what is on the server, by video and by curator, and what is saved."""
    project = _existing_project(config)
    tasks = project.tasks()
    print(status_text(tasks, project.users() if tasks else {}))
    records = _saved_records(config)
    verdicts = Counter(record.decision.verdict if record.decision else "undecided" for record in records)
    numbers = ", ".join(f"{verdicts[name]} {name}" for name in (*get_args(Verdict), "undecided"))
    apart = sum(record.disagreement for record in records)
    print(f"\nsaved in {_folder(config)}: {numbers}; curators disagree on {apart}")
    if waiting := len(_changed(config, project, tasks)):
        print(f"not saved yet: what is new on {waiting} tasks (tsalv360 curation pull)")
    print(f"\n{project.url}")


def status_text(tasks: Sequence[ServerTask], users: Mapping[int, str]) -> str:
    """Return what the server has: a table with a row for each video, one for each curator, and the time left."""
    by_video: dict[str, list[ServerTask]] = defaultdict(list)
    for task in tasks:
        by_video[str(task.data.get("video"))].append(task)
    rows = [{"video": video} | _counts(by_video[video]) for video in sorted(by_video)]
    if len(rows) != 1:
        rows.append({"video": "all"} | _counts(tasks))
    exported = [
        {"id": task.id, "data": task.data, "annotations": task.annotations, "drafts": task.drafts} for task in tasks
    ]
    read = read_export(exported, users).tasks
    people: dict[str, Counter[str]] = defaultdict(Counter)
    for one in read:
        for annotation in one.annotations:
            what = annotation.decision.verdict if annotation.decision else "not counted"
            people[annotation.curator]["skipped" if annotation.skipped else what] += 1
        for curator in one.drafts:
            people[curator]["drafts"] += 1
    columns = (*get_args(Verdict), "skipped", "drafts", "not counted")
    by_curator = [
        {"curator": curator, **{column: people[curator][column] for column in columns}} for curator in sorted(people)
    ]
    times = [one.lead_time_s for task in read for one in task.annotations if one.decision and one.lead_time_s]
    tables = [tabulate(table, headers="keys") for table in (rows, by_curator) if table]
    return "\n\n".join([*tables, _time_left(sum(not task.n_annotations for task in tasks), times)])


def _counts(tasks: Sequence[ServerTask]) -> dict[str, Any]:
    """Return the numbers of tasks by what curators did with them."""
    return {
        "tasks": len(tasks),
        "untouched": sum(not task.touched for task in tasks),
        "drafts": sum(bool(task.n_drafts) and not task.n_annotations for task in tasks),
        "skipped": sum(bool(task.n_skipped) and not task.n_annotations for task in tasks),
        "annotated": sum(bool(task.n_annotations) for task in tasks),
    }


def _time_left(left: int, times: Sequence[float]) -> str:
    """Return how long the other tasks take one curator at the median of the times so far."""
    if not times or not left:
        return f"{left} left"
    hours, minutes = divmod(math.ceil(left * median(times) / 60), 60)
    return f"{left} left: {hours} h {minutes:02d} min for one curator at {median(times):.0f} s an event"


def _folder(config: Config) -> Path:
    """Return the folder of the curators' files."""
    return config.curation.file(config.dataset.name, "any").parent


def _saved_records(config: Config) -> list[EventRecord]:
    """Return the records in the curators' files."""
    files = sorted(_folder(config).glob("*.json"))
    return [record for file in files for record in read_records(file, file.stem)]


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Wait until no other push, pull or import of this dataset runs: two at once would overwrite each other's files."""
    config.folder().mkdir(parents=True, exist_ok=True)
    with open(config.folder() / "curation.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another push, pull or import of this dataset is running; waiting for it ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _project(config: Config) -> Project:
    """Return the project on the server that the environment names, else on your own running one; it may not exist."""
    url, key = os.environ.get("LABEL_STUDIO_URL"), os.environ.get("LABEL_STUDIO_API_KEY")
    if not url:
        if not (running := server.running(Path(config.curation.server_folder))):
            advice = "Run tsalv360 curation start in another shell, or set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY."
            raise InputError("Label Studio", "no running server of yours", "one, or LABEL_STUDIO_URL", advice)
        url, key = running.url, running.login.key
    if not key:
        raise InputError("LABEL_STUDIO_API_KEY", "nothing", "a token of the server in LABEL_STUDIO_URL", "Set it.")
    return Project(url, key, _title(config))


def _existing_project(config: Config) -> Project:
    project = _project(config)
    if not project.id:
        advice = "Run tsalv360 curation push, or set curation.project."
        raise InputError(project.server, f"no project {project.title!r}", "one", advice)
    return project


def _page(config: Config, project: Project) -> str:
    """Return the URL of the curators' page; that of Label Studio's own editor where it cannot serve our page."""
    if _reads_results(config.curation):
        return page_url(project.server, config.dataset.name, project.id)
    return f"{project.url}/data?labeling=1"


def _explorer(config: Config) -> str | None:
    """Return the URL of the dataset's explorer, where a server has it."""
    if base := config.curation.media_url:
        return f"{base.rstrip('/')}/{config.dataset.name}/explorer"
    own = None if os.environ.get("LABEL_STUDIO_URL") else server.running(Path(config.curation.server_folder))
    return own.explorers.get(config.dataset.name) if own else None


def _reads_results(settings: CurationSettings) -> bool:
    """Return whether Label Studio serves files of the results folder; else a web server has the media."""
    return settings.media_url is None or settings.media_root is not None


def _title(config: Config) -> str:
    return config.curation.project or f"tsalv360: {config.dataset.name}"


def read_tasks(config: Config) -> list[Task]:
    """Return the tasks that the workflow wrote, with the URLs of their media; InputError if there are none."""
    folder = config.folder() / "curation_tasks"
    files = [file for video in plan_recordings(config) if (file := folder / f"{video}.json").exists()]
    if not files:
        raise InputError(folder, "no tasks", "a file for each video", "Build the dataset first: snakemake --cores 2")
    tasks: list[Task] = [task for file in files for task in read_entry(file, list[Task])]
    if (base := config.curation.media_url) is None:
        return tasks
    return [replace(task, data=_with_urls(task.data, base.rstrip("/"))) for task in tasks]


def _with_urls(data: TaskData, base: str) -> TaskData:
    """Return the data of a task with URLs of a web server instead of Label Studio's."""
    urls = {name: url for name, url in vars(data).items() if name.endswith("_url") and url.startswith(_LOCAL_FILES)}
    return TaskData(**vars(data) | {name: f"{base}/{url.removeprefix(_LOCAL_FILES)}" for name, url in urls.items()})


def _push(config: Config, project: Project, again: bool = False) -> None:
    """Create and update tasks until the server has all of them; what it does not answer is tried again.

    Each attempt begins with what is on the server, so that nothing is made twice.
    """
    done = Done()
    for wait in (*_WAITS_S, None):
        try:
            _push_and_check(config, project, again, done)
            return
        except UnansweredError as error:
            if wait is None:
                raise
            print(f"{error}\nTrying again in {wait} s ...", file=sys.stderr, flush=True)
            time.sleep(wait)


def _push_and_check(config: Config, project: Project, again: bool, done: Done) -> None:
    """Pull first, since decisions determine which tasks are needed; push, and read back what arrived."""
    settings = config.curation
    tasks, folders = read_tasks(config), _media_folders(config)
    project.set_up()
    if _reads_results(settings):
        project.connect_media(folders)
    project.present(_page(config, project), settings.curators_per_event)
    existing = project.tasks()
    _pull(config, project, existing, quiet=True)
    matched, review = match_all(config)
    tasks = [with_earlier(config, task, review) for task in tasks]
    decided = {event: record for event, record in matched.items() if record.decision}

    def compare() -> Plan:
        plan = plan_push(tasks, existing, decided, set(review))
        plan.create += send_back(tasks, existing, matched) if again else []
        return plan

    plan = compare()
    notes = plan.notes
    for _ in range(_READINGS):
        if not plan:
            break
        execute(plan, project, settings.order, settings.seed, done)
        existing = project.tasks()
        plan = compare()
    if plan:
        found = f"other tasks or captions than were sent, of {', '.join(plan.events()[:_LISTED])}"
        raise InputError(project.url, found, "all that was sent", "Push again; see the server's log.")
    if any(task.predictions for task in existing):
        project.show_predictions()
    print(f"{done}, {len(plan.unchanged - done.created - done.updated)} unchanged")
    print(f"{len(existing)} tasks are on the server; data and captions were read back")
    _print_notes(notes)


def _media_folders(config: Config) -> list[str]:
    """Return the folders of media as the server sees them; InputError for a link, whose target would be served."""
    (config.folder() / PICTURES).mkdir(exist_ok=True)
    write_page(config.folder() / FOLDER, _explorer(config))
    # With and without sound: tasks that curators worked on keep the media that they were made with.
    folders = [config.folder() / name for name in ("viewports", "viewports_with_sound", PICTURES, FOLDER)]
    folders = [folder for folder in folders if folder.is_dir()]
    for link in (path for folder in folders for path in folder.rglob("*") if path.is_symlink()):
        raise InputError(link, "a symbolic link", "files only, since Label Studio serves this folder", "Remove it.")
    root = Path(config.curation.media_root or config.results).absolute()
    return [str(root / config.dataset.name / folder.name) for folder in folders]


def _pull(config: Config, project: Project, existing: Sequence[ServerTask], quiet: bool = False) -> None:
    """Merge what changed on the server since the last pull, or everything if there is no record of one."""
    tasks, users = project.export(_changed(config, project, existing))
    _merge(config, tasks, users, quiet)
    if tasks:
        times = {str(task.id): task.updated for task in existing if task.touched}
        write_json(_state(config), _pulled(config) | {_place(project): times})


def _changed(config: Config, project: Project, existing: Sequence[ServerTask]) -> list[int]:
    """Return the tasks on which something has changed since the last pull."""
    known = _pulled(config).get(_place(project), {})
    return [task.id for task in existing if task.touched and known.get(str(task.id)) != task.updated]


def _state(config: Config) -> Path:
    """Return the file with the states of the tasks at the last pull, by server."""
    return config.folder() / "curation_pulled.json"


def _pulled(config: Config) -> dict[str, dict[str, str]]:
    return read_json(_state(config)) if _state(config).exists() else {}


def _place(project: Project) -> str:
    return f"{project.url} of {project.created}"  # a new database counts as another server


def _merge(config: Config, tasks: Any, users: dict[int, str], quiet: bool = False) -> None:
    """Keep an export unchanged and merge it into the curators' files; report, if not `quiet` or if there are tasks."""
    export = read_export(tasks, users)
    kept = keep_export(tasks, _folder(config) / "exports", datetime.now(UTC)) if tasks else None
    merged = merge(export, config.dataset.name, config.curation)
    if tasks or not quiet:
        videos = f" of {len(merged.videos)} videos: {', '.join(merged.videos)}" if merged.videos else ""
        print(f"{merged.n_new} new annotations{videos}" if merged.n_new else "nothing new")
        if kept:
            print(f"the unchanged export: {kept}")
        _print_notes(merged.notes)


def _print_notes(notes: Mapping[str, Sequence[str]]) -> None:
    for heading, items in notes.items():
        if items:
            more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
            print(f"{heading} ({len(items)}):\n  " + "\n  ".join(map(plain, items[:_LISTED])) + more)

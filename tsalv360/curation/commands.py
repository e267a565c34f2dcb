"""The commands `tsalv360 curation start | push | status | pull | import`."""

import math
import os
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate

from tsalv360.config import Config, plan_recordings
from tsalv360.contracts.entries import Task, TaskData, read_entry
from tsalv360.curation import server
from tsalv360.curation.export import read_export
from tsalv360.curation.labelstudio import Project, ServerTask
from tsalv360.curation.page import FOLDER, page_url, write_page
from tsalv360.curation.records import CurationSettings, EventRecord, read_records
from tsalv360.curation.resolve import counting, keep_export, merge
from tsalv360.curation.review import PICTURES, execute, match_all, plan_push, send_back, with_earlier
from tsalv360.job.errors import InputError, plain
from tsalv360.job.files import read_json, write_json

_LOCAL_FILES = "/data/local-files/?d="
_LISTED = 20  # events of a list that are printed; the files have them all


def start(config: Config) -> None:
    """Run your own Label Studio with the tasks of the dataset, until Ctrl-C or SIGTERM."""
    read_tasks(config), _media_folders(config)  # raise errors before anything starts
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    settings = config.curation
    with server.serve(Path(settings.server_folder), Path(config.results), settings.port) as running:
        project = Project(running.url, running.login.key, _title(config))
        _push(config, project)
        user, password = running.login.user, running.login.password
        print(f"\n  open      {_page(config, project)}\n  user      {user}\n  password  {password}\n")
        print("Ctrl-C stops it. To save the curators' work: tsalv360 curation pull", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopping Label Studio ...", flush=True)


def push(config: Config, again: bool) -> None:
    """Send the tasks of the dataset to Label Studio; with `again` also further ones where curators disagree."""
    project = _project(config)
    _push(config, project, again)
    print(_page(config, project))


def pull(config: Config) -> None:
    """Save the curators' annotations in their files."""
    project = _existing_project(config)
    _pull(config, project, project.tasks())


def import_file(config: Config, file: Path) -> None:
    """Import an export of any Label Studio into the curators' files, without a server."""
    advice = "Export again."
    try:
        tasks = read_json(file, advice)
    except OSError as error:
        raise InputError(file, f"no readable JSON ({error})", "an export of Label Studio", advice) from None
    _merge(config, tasks, {})


def status(config: Config) -> None:
    """Show the progress of the curation."""
    project = _existing_project(config)
    print(status_table(project.tasks(), plan_recordings(config), config.curation, config.dataset.name))
    print(f"\n{project.url}")


def status_table(tasks: Sequence[ServerTask], videos: Iterable[str], settings: CurationSettings, dataset: str) -> str:
    """Return a table with a row for each of the `videos` that has tasks and one for all, then the time left."""
    own: dict[str, list[ServerTask]] = defaultdict(list)
    for task in tasks:
        own[str(task.data.get("video"))].append(task)
    records = {video: read_records(settings.file(dataset, video), video) for video in sorted({*own} & {*videos})}
    rows = [{"video": video} | _counts(own[video], records[video]) for video in records]
    every = [record for of_video in records.values() for record in of_video]
    if len(rows) != 1:
        rows.append({"video": "all"} | _counts([task for video in records for task in own[video]], every))
    return f"{tabulate(rows, headers='keys')}\n\n{_time_left(tasks, every)}"


def _counts(tasks: Sequence[ServerTask], records: Sequence[EventRecord]) -> dict[str, Any]:
    """Return numbers of tasks, and of events by decision; annotations not pulled yet are only in `annotated`."""
    verdicts = Counter(record.decision.verdict if record.decision else "undecided" for record in records)
    return {
        "tasks": len(tasks),
        "untouched": sum(not task.touched for task in tasks),
        "drafts": sum(bool(task.n_drafts) and not task.n_annotations for task in tasks),
        "skipped": sum(bool(task.n_skipped) and not task.n_annotations for task in tasks),
        "annotated": sum(bool(task.n_annotations) for task in tasks),
        **{verdict: verdicts[verdict] for verdict in ("accept", "edit", "reject", "undecided")},
        "disagree": sum(record.disagreement for record in records),
    }


def _time_left(tasks: Sequence[ServerTask], records: Sequence[EventRecord]) -> str:
    """Return how long the other tasks take one curator at the median pace so far."""
    left = sum(not task.n_annotations for task in tasks)
    times = [one.lead_time_s for record in records for one in counting(record.history) if one.lead_time_s]
    if not times or not left:
        return f"{left} left"
    hours, minutes = divmod(math.ceil(left * median(times) / 60), 60)
    return f"{left} left: {hours} h {minutes:02d} min for one curator at {median(times):.0f} s an event"


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
    """Pull first, since decisions determine which tasks are needed; then create and update tasks."""
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
    plan = plan_push(tasks, existing, decided, set(review))
    if again:
        plan.create += send_back(tasks, existing, matched)
    execute(plan, project, settings.order, settings.seed)
    print(f"{len(plan.create)} new tasks, {len(plan.update)} updated, {plan.unchanged} unchanged")
    _print_notes(plan.notes)


def _media_folders(config: Config) -> list[str]:
    """Return the folders of media as the server sees them; InputError for a link, whose target would be served."""
    (config.folder() / PICTURES).mkdir(exist_ok=True)
    write_page(config.folder() / FOLDER)
    # With and without sound: tasks that curators worked on keep the media that they were made with.
    folders = [config.folder() / name for name in ("viewports", "viewports_with_sound", PICTURES, FOLDER)]
    folders = [folder for folder in folders if folder.is_dir()]
    for link in (path for folder in folders for path in folder.rglob("*") if path.is_symlink()):
        raise InputError(link, "a symbolic link", "files only, since Label Studio serves this folder", "Remove it.")
    root = Path(config.curation.media_root or config.results).absolute()
    return [str(root / config.dataset.name / folder.name) for folder in folders]


def _pull(config: Config, project: Project, existing: Sequence[ServerTask], quiet: bool = False) -> None:
    """Merge what changed on the server since the last pull, or everything if there is no record of one."""
    state = config.folder() / "curation_pulled.json"
    place = f"{project.url} of {project.created}"  # a new database counts as another server
    known = read_json(state) if state.exists() else {}
    times = {str(task.id): task.updated for task in existing if task.touched}
    changed = [int(task) for task, time in times.items() if known.get(place, {}).get(task) != time]
    tasks, users = project.export(changed)
    _merge(config, tasks, users, quiet)
    if tasks:
        write_json(state, known | {place: times})


def _merge(config: Config, tasks: Any, users: dict[int, str], quiet: bool = False) -> None:
    """Keep an export unchanged and merge it into the curators' files; report, if not `quiet` or if there are tasks."""
    settings, dataset = config.curation, config.dataset.name
    export, folder = read_export(tasks, users), settings.file(dataset, "any").parent / "exports"
    kept = keep_export(tasks, folder, datetime.now(UTC)) if tasks else None
    merged = merge(export, dataset, settings)
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

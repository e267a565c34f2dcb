"""Client of a Label Studio server: its project, tasks and exports, through Label Studio's own SDK."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from tsalv360.contracts.entries import Task
from tsalv360.curation.records import as_utc
from tsalv360.job.errors import InputError, plain
from tsalv360.job.installed import FILES

INTERFACE = FILES / "config" / "label_studio.xml"
GUIDE = Path(__file__).parent / "guide.html"
CAPTION_SET = "tsalv360"  # Label Studio's `model_version`; its task stream shows predictions of one version only
_TESTED = "1.23"  # the version that the tests run
_TIMEOUT_S = 120
_PAGE = 200  # of a larger one, a busy server may not answer within the time limit
_EXPORTED_AT_ONCE = 200  # their ids are part of the URL
_NO_RETRY: Any = {"max_retries": 0}  # the SDK would repeat a request that made something before its answer failed
# Only `all` includes drafts, annotations and predictions; the names of the second line are of their fields.
_FIELDS = (
    "id,data,updated_at,annotations,drafts,predictions,result,model_version,completed_by,was_cancelled,lead_time,user"
)


Condition = tuple[str, str, str, Any]  # of a filter: column, operator, type and value
Key = tuple[str, str, int]  # of a task: its event, the hash of its content, and its round


class UnansweredError(InputError):
    """A request that is worth another look: its answer did not come or was an internal error, or its object is gone."""


@dataclass(frozen=True)
class ServerTask:
    """A task on the server, with everything that curators and pushes added to it.

    `data` is what is stored there; `updated` changes whenever the task, its annotations or its drafts do. `drafts` are
    those of the key's own user, as Label Studio lists no others; `begun` says whether anybody has one.
    """

    id: int
    data: dict[str, Any]
    updated: str
    annotations: list[dict[str, Any]] = field(default_factory=list)
    drafts: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False

    @property
    def n_annotations(self) -> int:
        """Number of submitted annotations."""
        return sum(not one.get("was_cancelled") for one in self.annotations)

    @property
    def n_skipped(self) -> int:
        """How often curators skipped it."""
        return len(self.annotations) - self.n_annotations

    @property
    def n_drafts(self) -> int:
        """Number of annotations that were begun and not submitted, those of others as one."""
        return max(len(self.drafts), int(self.begun))

    @property
    def touched(self) -> bool:
        """Whether a curator has worked on it."""
        return bool(self.annotations or self.n_drafts)

    @property
    def event_id(self) -> str:
        """The event that it shows."""
        return str(self.data.get("event_id"))

    @property
    def round(self) -> int:
        """How often its event had been sent back to curators."""
        number = self.data.get("round")
        return number if isinstance(number, int) else 0

    @property
    def key(self) -> Key:
        """What identifies it, since a server may give its number to another task later."""
        return self.event_id, str(self.data.get("event_hash")), self.round

    def lacks(self, predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the `predictions` that did not arrive on the server."""
        there = [_content(one) for one in self.predictions]
        return [dict(one) for one in predictions if one not in there]

    def surplus(self, predictions: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the ids of predictions on the server that are not, or once more, among `predictions`."""
        kept: list[dict[str, Any]] = []
        numbers = []
        for one in self.predictions:
            if (content := _content(one)) in predictions and content not in kept:
                kept.append(content)
            else:
                numbers.append(int(one["id"]))
        return numbers


def as_json(task: Task) -> Any:
    """Return a task in Label Studio's import format, as a server gives it back.

    All predictions get one model version, since the task stream shows the predictions of one version only.
    """
    content = json.loads(json.dumps(asdict(task)))
    content["predictions"] = [_content(one | {"model_version": CAPTION_SET}) for one in content["predictions"]]
    return content


def _content(prediction: Mapping[str, Any]) -> dict[str, Any]:
    return {name: prediction[name] for name in ("model_version", "result")}


class Project:
    """The project with a title on a Label Studio server; `id` is 0 if there is none yet.

    Of several projects with the title it is the one with annotations or drafts, else the one made first. Parameters:
    URL of the `server`, `key` of either kind. Raises InputError if no Label Studio answers, if it does not accept the
    key, or if curators worked in several projects with the title; no message contains the key.
    """

    def __init__(self, server: str, key: str, title: str) -> None:
        self.server, self._key, self.title = server.rstrip("/"), key, title
        if urlsplit(self.server).scheme not in ("http", "https") or "@" in urlsplit(self.server).netloc:
            found = "no URL, or one with a password"  # not shown: it may be the key, by mistake
            raise InputError("LABEL_STUDIO_URL", found, "a URL such as http://host:8080", "Correct it.")
        with self._errors("connect"):
            answer = httpx.get(f"{self.server}/api/version", timeout=_TIMEOUT_S, follow_redirects=True)
            try:
                version = str(answer.json()["release"])
            except (ValueError, KeyError, TypeError):
                wrong = f"a server that is not Label Studio (status {answer.status_code})"
                raise InputError(self.server, wrong, "Label Studio", "Correct LABEL_STUDIO_URL.") from None
            self.client = LabelStudio(base_url=self.server, api_key=key, timeout=_TIMEOUT_S)
            self.client.users.whoami()  # fails if the key is not accepted
            if not version.startswith(_TESTED):
                print(f"note: the server is Label Studio {version}; tested with {_TESTED}")
        self._find()

    def _find(self) -> list[int]:
        """Look for the project; returns the ids of others of its title, which have nothing but our untouched tasks."""
        with self._errors("find the project"):
            found = sorted((one for one in self.client.projects.list() if one.title == self.title), key=lambda p: p.id)
        worked = [one for one in found if len(found) > 1 and any(map(_to_keep, self._tasks_of(one.id)))]
        if len(worked) > 1:
            pages = " and ".join(f"{self.server}/projects/{one.id}" for one in worked)
            advice = (
                "Rename all but one (Settings, General). What is in a renamed one is saved by tsalv360 curation pull "
                "with curation.project set to its new title."
            )
            raise InputError(
                self.server, f"{len(worked)} projects {self.title!r} with work of curators: {pages}", "one", advice
            )
        kept = next(iter(worked or found), None)
        self.id, self.created = (int(kept.id), as_utc(kept.created_at)) if kept else (0, "")
        return [int(one.id) for one in found if int(one.id) != self.id]

    @property
    def url(self) -> str:
        """The project's page."""
        return f"{self.server}/projects/{self.id}"

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        """Raise errors of network and server as InputError, without request headers, which contain the key."""
        passing = True
        try:
            yield
            return
        except httpx.ConnectError:
            found, expected = "no server that answers", "Label Studio"
            advice = "Start it (tsalv360 curation start), or correct LABEL_STUDIO_URL."
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            found, expected = f"{type(error).__name__} on a request to {action}", "an answer"
            advice = "Run the command again: it continues where it stopped."
        except ApiError as error:
            passing = (error.status_code or 0) >= 500 or error.status_code == 404  # another push removed it
            if error.status_code == 401:
                found, expected = "an invalid or expired token", "a valid one in LABEL_STUDIO_API_KEY"
                advice = "Copy a new one from Account & Settings in Label Studio."
            else:
                body = error.body if isinstance(error.body, str) else json.dumps(error.body)
                body = plain(body.replace(self._key, "***"))[:300]
                found, expected = f"error {error.status_code} on a request to {action} ({body})", "success"
                advice = "See the server's log."
        raise (UnansweredError if passing else InputError)(self.server, found, expected, advice)

    def set_up(self) -> None:
        """Create the project if there is none, and give it the current labelling interface and guide.

        Raises InputError if existing annotations do not fit the interface.
        """
        interface, guide = (path.read_text(encoding="utf-8") for path in (INTERFACE, GUIDE))
        self._find()  # another push may have made or removed it meanwhile
        with self._errors("set up the project"):
            if not self.id:
                self.client.projects.create(
                    title=self.title,
                    label_config=interface,
                    expert_instruction=guide,
                    show_instruction=True,
                    show_collab_predictions=True,
                    enable_empty_annotation=False,
                    sampling="Sequential sampling",
                    request_options=_NO_RETRY,
                )
        for number in self._find():  # of two pushes at once, both keep the project that was made first
            self._delete("project", self.client.projects.delete, number)
            print(f"Removed project {number}, a second one called {self.title!r} in which nobody has worked.")
        with self._errors("set up the project"):
            existing = self.client.projects.get(id=self.id)
            edited = existing.label_config.strip() != interface.strip()
            if edited:
                print("The project's labelling interface differs from config/label_studio.xml, which it is set to now.")
            if edited or existing.expert_instruction != guide:
                self.client.projects.update(id=self.id, label_config=interface, expert_instruction=guide)

    def present(self, page: str, curators_per_event: int) -> None:
        """Give the project the URL of the curators' page, and let so many curators have each event."""
        description = f"Curators open {page}"
        with self._errors("set up the project"):
            existing = self.client.projects.get(id=self.id)
            if (existing.description, existing.maximum_annotations) != (description, curators_per_event):
                self.client.projects.update(id=self.id, description=description, maximum_annotations=curators_per_event)

    def connect_media(self, folders: Sequence[str]) -> None:
        """Let the server serve the files in these folders of its own machine, and no others."""
        local = self.client.import_storage.local
        with self._errors("connect the media folder"):
            connected = {storage.path for storage in local.list(project=self.id)}
            for folder in [folder for folder in folders if folder not in connected]:
                # The filter matches no file, so that none is imported as a task.
                local.create(
                    project=self.id, path=folder, title="tsalv360", regex_filter="^$", request_options=_NO_RETRY
                )

    def tasks(self) -> list[ServerTask]:
        """Return all tasks, with what the server has of each."""
        return self._tasks_of(self.id)

    def _tasks_of(self, project: int) -> list[ServerTask]:
        with self._errors("list the tasks"):
            begun = self._begun(project)
            listed = self.client.tasks.list(project=project, fields="all", include=_FIELDS, page_size=_PAGE)
            return [_server_task(task, int(task.id) in begun) for task in listed]

    def _begun(self, project: int, *which: Condition) -> set[int]:
        """Return the ids of the tasks of which anybody has a draft; only its author may list the draft itself."""
        query = json.dumps({"filters": _filters(("draft_exists", "equal", "Boolean", True), *which)})
        return {int(one.id) for one in self.client.tasks.list(project=project, query=query, page_size=_PAGE)}

    def create(self, tasks: Sequence[Task]) -> tuple[int, int]:
        """Create tasks with their predictions, in this order; returns how many of both the server took."""
        request = [as_json(task) for task in tasks]
        with self._errors("create tasks"):
            taken = self.client.projects.import_tasks(id=self.id, request=request, request_options=_NO_RETRY)
        return taken.task_count or 0, getattr(taken, "prediction_count", None) or 0

    def update(self, existing: ServerTask, task: Task) -> bool:
        """Replace data and predictions of a task, unless a curator has begun it since it was listed."""
        content = as_json(task)
        with self._errors(f"update task {existing.id}"):
            annotated = self.client.tasks.get(id=str(existing.id)).annotations
            if annotated or self._begun(self.id, ("id", "equal", "Number", existing.id)):
                return False
        # In this order the caption in the data is always among the predictions, wherever a network or process fails.
        self.add_predictions([(existing, existing.lacks(content["predictions"]))])
        with self._errors(f"update task {existing.id}"):
            self.client.tasks.update(id=str(existing.id), data=content["data"])
        self.remove_predictions(existing.surplus(content["predictions"]))
        return True

    def add_predictions(self, predictions: Iterable[tuple[ServerTask, Sequence[Mapping[str, Any]]]]) -> None:
        """Add predictions to tasks, all in one request."""
        request: list[Any] = [{"task": task.id, **one} for task, added in predictions for one in added]
        if request:
            with self._errors("add predictions"):
                self.client.projects.import_predictions(id=self.id, request=request, request_options=_NO_RETRY)

    def remove_predictions(self, numbers: Iterable[int]) -> None:
        """Delete predictions by their ids."""
        for number in numbers:
            self._delete("prediction", self.client.predictions.delete, number)

    def show_predictions(self) -> None:
        """Let the task stream show our predictions; there must be some."""
        with self._errors("choose the predictions to show"):
            if self.client.projects.get(id=self.id).model_version != CAPTION_SET:
                self.client.projects.update(id=self.id, model_version=CAPTION_SET)

    def remove_untouched(self, tasks: Sequence[ServerTask]) -> None:
        """Delete those of the tasks on which nobody has worked; the server checks that at the same moment."""
        chosen = _filters(
            ("id", "in_list", "Number", [task.id for task in tasks]),
            ("total_annotations", "equal", "Number", 0),
            ("cancelled_annotations", "equal", "Number", 0),
            ("draft_exists", "equal", "Boolean", False),
        )
        every: Any = {"all": True, "excluded": []}
        with self._errors("remove tasks that are there twice"):
            self.client.actions.create(id="delete_tasks", project=self.id, filters=chosen, selected_items=every)

    def _delete(self, what: str, delete: Callable[..., Any], number: int) -> None:
        """Delete something, which another push may have deleted before."""
        with self._errors(f"delete {what} {number}"):
            try:
                delete(id=number)
            except ApiError as error:
                if error.status_code != 404:
                    raise

    def export(self, ids: Sequence[int]) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """Return tasks in Label Studio's export format, and the e-mail addresses of all users by id."""
        tasks: list[dict[str, Any]] = []
        with self._errors("export tasks"):
            for start in range(0, len(ids), _EXPORTED_AT_ONCE):
                # The SDK's own `ids` does not filter; the server expects `ids[]`.
                query = {"ids[]": list(ids[start : start + _EXPORTED_AT_ONCE])}
                chunks = self.client.projects.exports.download_sync(
                    id=self.id,
                    export_type="JSON",
                    download_all_tasks=True,
                    request_options={"additional_query_parameters": query},
                )
                tasks += json.loads(b"".join(chunks))
        return tasks, self.users() if ids else {}

    def users(self) -> dict[int, str]:
        """Return the e-mail addresses of all users by id."""
        with self._errors("list the users"):
            return {int(user.id): str(user.email) for user in self.client.users.list()}


def _to_keep(task: ServerTask) -> bool:
    """Return whether a curator has worked on a task, or somebody else has made it."""
    return task.touched or "event_hash" not in task.data


def _filters(*conditions: Condition) -> Any:
    """Return the filters of Label Studio that all of these conditions make."""
    names = ("filter", "operator", "type", "value")
    items = [dict(zip(names, (f"filter:tasks:{first}", *rest), strict=True)) for first, *rest in conditions]
    return {"conjunction": "and", "items": items}


def _server_task(task: Any, begun: bool) -> ServerTask:
    """Return a task from the SDK's form, in which times have either of two types."""
    annotations, drafts, predictions = (
        [one if isinstance(one, dict) else one.model_dump() for one in found or []]
        for found in (task.annotations, task.drafts, task.predictions)
    )
    times = [as_utc(time) for time in (task.updated_at, *(one["updated_at"] for one in [*annotations, *drafts]))]
    updated = f"{max(times)} {len(times)}" + (" begun" if begun else "")
    return ServerTask(int(task.id), dict(task.data), updated, annotations, drafts, predictions, begun)

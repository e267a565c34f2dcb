"""Client of a Label Studio server: its project, tasks and exports, through Label Studio's own SDK."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from tsalv360.contracts.entries import Task
from tsalv360.curation.records import as_utc
from tsalv360.job.errors import InputError, plain

INTERFACE = Path(__file__).parents[2] / "config" / "label_studio.xml"
GUIDE = Path(__file__).parent / "guide.html"
_TESTED = "1.23"  # the version that the tests run
_TIMEOUT_S = 120
_PAGE = 1000
_EXPORTED_AT_ONCE = 200  # their ids are part of the URL
_NO_RETRY: Any = {"max_retries": 0}  # an import that is sent twice creates every task twice


@dataclass(frozen=True)
class ServerTask:
    """A task on the server; `data` as stored there, `updated` when it, its annotations or its drafts changed last."""

    id: int
    data: dict[str, Any]
    n_annotations: int
    n_skipped: int
    n_drafts: int
    updated: str

    @property
    def touched(self) -> bool:
        """Whether a curator has worked on it."""
        return bool(self.n_annotations or self.n_skipped or self.n_drafts)

    @property
    def event_id(self) -> str:
        """The event that it shows."""
        return str(self.data.get("event_id"))

    @property
    def round(self) -> int:
        """How often its event had been sent back to curators."""
        number = self.data.get("round")
        return number if isinstance(number, int) else 0


def as_json(task: Task) -> Any:
    """Return a task in Label Studio's import format, as a server gives it back."""
    return json.loads(json.dumps(asdict(task)))


class Project:
    """The project with a title on a Label Studio server; `id` is 0 if there is none yet.

    Parameters: URL of the `server`, `key` of either kind. Raises InputError if no Label Studio answers, if it does not
    accept the key, or if several projects have the title; no message contains the key.
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
        with self._errors("find the project"):
            projects = [project for project in self.client.projects.list() if project.title == title]
        if len(projects) > 1:
            advice = "Rename the others, or set curation.project."
            raise InputError(self.server, f"{len(projects)} projects {title!r}", "one", advice)
        self.id = int(projects[0].id) if projects else 0
        self.created = as_utc(projects[0].created_at) if projects else ""

    @property
    def url(self) -> str:
        """The project's page."""
        return f"{self.server}/projects/{self.id}"

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        """Raise errors of network and server as InputError, without request headers, which contain the key."""
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
            if error.status_code == 401:
                found, expected = "an invalid or expired token", "a valid one in LABEL_STUDIO_API_KEY"
                advice = "Copy a new one from Account & Settings in Label Studio."
            else:
                body = error.body if isinstance(error.body, str) else json.dumps(error.body)
                body = plain(body.replace(self._key, "***"))[:300]
                found, expected = f"error {error.status_code} on a request to {action} ({body})", "success"
                advice = "See the server's log."
        raise InputError(self.server, found, expected, advice)

    def set_up(self) -> None:
        """Create the project if there is none, and give it the current labelling interface and guide.

        Raises InputError if existing annotations do not fit the interface.
        """
        interface, guide = (path.read_text(encoding="utf-8") for path in (INTERFACE, GUIDE))
        with self._errors("set up the project"):
            if not self.id:
                created = self.client.projects.create(
                    title=self.title,
                    label_config=interface,
                    expert_instruction=guide,
                    show_instruction=True,
                    show_collab_predictions=True,
                    enable_empty_annotation=False,
                    sampling="Sequential sampling",
                )
                self.id, self.created = int(created.id), as_utc(created.created_at)
                return
            existing = self.client.projects.get(id=self.id)
            edited = existing.label_config.strip() != interface.strip()
            if edited:
                print("The labelling interface was changed on the server; it is reset to config/label_studio.xml.")
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
                local.create(project=self.id, path=folder, title="tsalv360", regex_filter="^$")

    def tasks(self) -> list[ServerTask]:
        """Return all tasks, without the content of annotations."""
        # Only `all` includes drafts, which do not change a task's own time.
        include = "id,data,total_annotations,cancelled_annotations,drafts,updated_at"
        with self._errors("list the tasks"):
            listed = self.client.tasks.list(project=self.id, fields="all", include=include, page_size=_PAGE)
            return [
                ServerTask(
                    id=int(task.id),
                    data=dict(task.data),
                    n_annotations=int(task.total_annotations or 0),
                    n_skipped=int(task.cancelled_annotations or 0),
                    n_drafts=len(task.drafts or []),
                    updated=max(as_utc(one.updated_at) for one in [task, *(task.drafts or [])]),
                )
                for task in listed
            ]

    def create(self, tasks: Sequence[Task]) -> None:
        """Create tasks with their predictions, in this order."""
        request = [as_json(task) for task in tasks]
        with self._errors("create tasks"):
            self.client.projects.import_tasks(id=self.id, request=request, request_options=_NO_RETRY)

    def update(self, existing: ServerTask, task: Task) -> None:
        """Replace data and predictions of an existing task."""
        content, predictions = as_json(task), self.client.predictions
        with self._errors(f"update task {existing.id}"):
            self.client.tasks.update(id=str(existing.id), data=content["data"])
            for old in predictions.list(task=existing.id):
                predictions.delete(id=int(old.id))
            for new in content["predictions"]:
                predictions.create(task=existing.id, **new)

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
            return tasks, {int(user.id): str(user.email) for user in self.client.users.list()} if ids else {}

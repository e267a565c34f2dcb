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

from tsalv360.captions.text import plain
from tsalv360.contracts.entries import Task
from tsalv360.curation.records import as_utc
from tsalv360.job.errors import InputError

INTERFACE = Path(__file__).parents[2] / "config" / "label_studio.xml"
GUIDE = Path(__file__).parent / "guide.html"
TESTED = "1.23"  # the version that the tests run
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


class Studio:
    """A connection to a Label Studio server.

    Parameters: `url` and `key` (either kind of token). Raises InputError if no Label Studio answers or it does not
    accept the key; no message contains the key.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url, self._key = url.rstrip("/"), key
        if urlsplit(self.url).scheme not in ("http", "https") or "@" in urlsplit(self.url).netloc:
            found = "no URL, or one with a password"  # not shown: it may be the key, by mistake
            raise InputError("LABEL_STUDIO_URL", found, "a URL such as http://host:8080", "Correct it.")
        with self.errors("connect"):
            answer = httpx.get(f"{self.url}/api/version", timeout=_TIMEOUT_S, follow_redirects=True)
            try:
                self.version = str(answer.json()["release"])
            except (ValueError, KeyError, TypeError):
                found = f"a server that is not Label Studio (status {answer.status_code})"
                raise InputError(self.url, found, "Label Studio", "Correct LABEL_STUDIO_URL.") from None
            self.client = LabelStudio(base_url=self.url, api_key=key, timeout=_TIMEOUT_S)
            self.client.users.whoami()  # fails if the key is not accepted

    def open_project(self, title: str) -> "Project":
        """Return the project with this title, with the current labelling interface and guide; created if missing.

        Raises InputError if two projects have the title, or if existing annotations do not fit the interface.
        """
        interface, guide = (path.read_text(encoding="utf-8") for path in (INTERFACE, GUIDE))
        project = self.find_project(title)
        with self.errors("set up the project"):
            if project is None:
                created = self.client.projects.create(
                    title=title,
                    label_config=interface,
                    expert_instruction=guide,
                    show_instruction=True,
                    show_collab_predictions=True,
                    enable_empty_annotation=False,
                    sampling="Sequential sampling",
                )
                return Project(self, int(created.id), as_utc(created.created_at))
            existing = self.client.projects.get(id=project.id)
            edited = existing.label_config.strip() != interface.strip()
            if edited:
                print("The labelling interface was changed on the server; it is reset to config/label_studio.xml.")
            if edited or existing.expert_instruction != guide:
                self.client.projects.update(id=project.id, label_config=interface, expert_instruction=guide)
        return project

    def find_project(self, title: str) -> "Project | None":
        """Return the project with this title, None if there is none; InputError if there are several."""
        with self.errors("find the project"):
            found = [project for project in self.client.projects.list() if project.title == title]
        if len(found) > 1:
            advice = "Rename the others, or set curation.project."
            raise InputError(self.url, f"{len(found)} projects {title!r}", "one", advice)
        return Project(self, int(found[0].id), as_utc(found[0].created_at)) if found else None

    def users(self) -> dict[int, str]:
        """Return the e-mail addresses of the users by id."""
        with self.errors("list the users"):
            return {int(user.id): str(user.email) for user in self.client.users.list()}

    @contextmanager
    def errors(self, action: str) -> Iterator[None]:
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
        raise InputError(self.url, found, expected, advice)


@dataclass(frozen=True)
class Project:
    """A project on a server, and when it was created."""

    studio: Studio
    id: int
    created: str

    @property
    def url(self) -> str:
        """The project's page."""
        return f"{self.studio.url}/projects/{self.id}"

    def connect_media(self, folders: Sequence[str]) -> None:
        """Let the server serve the files in these folders of its own machine, and no others."""
        local = self.studio.client.import_storage.local
        with self.studio.errors("connect the media folder"):
            connected = {storage.path for storage in local.list(project=self.id)}
            for folder in [folder for folder in folders if folder not in connected]:
                # The filter matches no file, so that none is imported as a task.
                local.create(project=self.id, path=folder, title="tsalv360", regex_filter="^$")

    def tasks(self) -> list[ServerTask]:
        """Return all tasks, without the content of annotations."""
        # Only `all` includes drafts, which do not change a task's own time.
        include = "id,data,total_annotations,cancelled_annotations,drafts,updated_at"
        with self.studio.errors("list the tasks"):
            listed = self.studio.client.tasks.list(project=self.id, fields="all", include=include, page_size=_PAGE)
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
        with self.studio.errors("create tasks"):
            request = [as_json(task) for task in tasks]
            self.studio.client.projects.import_tasks(id=self.id, request=request, request_options=_NO_RETRY)

    def update(self, existing: ServerTask, task: Task) -> None:
        """Replace data and predictions of an existing task."""
        client, content = self.studio.client, as_json(task)
        with self.studio.errors(f"update task {existing.id}"):
            client.tasks.update(id=str(existing.id), data=content["data"])
            for old in client.predictions.list(task=existing.id):
                client.predictions.delete(id=int(old.id))
            for new in content["predictions"]:
                client.predictions.create(task=existing.id, **new)

    def export(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return tasks in Label Studio's export format, with annotations and drafts."""
        tasks: list[dict[str, Any]] = []
        with self.studio.errors("export tasks"):
            for start in range(0, len(ids), _EXPORTED_AT_ONCE):
                # The SDK's own `ids` does not filter; the server expects `ids[]`.
                query = {"ids[]": list(ids[start : start + _EXPORTED_AT_ONCE])}
                chunks = self.studio.client.projects.exports.download_sync(
                    id=self.id,
                    export_type="JSON",
                    download_all_tasks=True,
                    request_options={"additional_query_parameters": query},
                )
                tasks += json.loads(b"".join(chunks))
        return tasks

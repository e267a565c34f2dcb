"""A Label Studio server: its project, its tasks and its exports, by Label Studio's own SDK."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from tsalv360.curation.annotations import as_utc
from tsalv360.job.errors import InputError
from tsalv360.job.text import plain

INTERFACE = Path(__file__).parents[2] / "config" / "label_studio.xml"
GUIDE = Path(__file__).parent / "guide.html"
TRIED = "1.23"  # the version that the tests run
_TIMEOUT_S = 120
_PAGE = 1000
_EXPORTED_AT_ONCE = 200  # their numbers go into the address
_ONCE: Any = {"max_retries": 0}  # an import that is sent twice makes every task twice


@dataclass(frozen=True)
class Task:
    """A task on the server; `updated` is when it, its annotations or its drafts changed last."""

    id: int
    data: dict[str, Any]
    n_annotations: int
    n_skipped: int
    n_drafts: int
    updated: str

    @property
    def touched(self) -> bool:
        """Whether a person's work hangs on it."""
        return bool(self.n_annotations or self.n_skipped or self.n_drafts)


class Studio:
    """A connection to a Label Studio server.

    Parameters: `url` and `key` (either kind of token). Raises InputError where there is no server, or another one, or
    the key does not open it; the key is in no message.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url, self._key = url.rstrip("/"), key
        if urlsplit(self.url).scheme not in ("http", "https") or "@" in urlsplit(self.url).netloc:
            found = "no address, or one with a password in it"  # not shown: it may be the key, by mistake
            raise InputError("LABEL_STUDIO_URL", found, "an address such as http://host:8080", "Correct it.")
        with self._explained("connect"):
            self.version = _version(self.url)
            self._client = LabelStudio(base_url=self.url, api_key=key, timeout=_TIMEOUT_S)
            self._client.users.whoami()  # tells whether the key opens it

    def open_project(self, title: str) -> "Project":
        """The project of this title with the labelling interface and the guide as they are now; made where it is not.

        InputError where two have that title, or where the interface cannot take over: people's work would not fit it.
        """
        interface = INTERFACE.read_text(encoding="utf-8")
        guide = GUIDE.read_text(encoding="utf-8")
        project = self.find_project(title)
        with self._explained("set up the project"):
            if project is None:
                made = self._client.projects.create(
                    title=title,
                    label_config=interface,
                    expert_instruction=guide,
                    show_instruction=True,
                    show_collab_predictions=True,
                    enable_empty_annotation=False,
                    sampling="Sequential sampling",
                )
                return Project(self, int(made.id), as_utc(made.created_at))
            there = self._client.projects.get(id=project.id)
            if there.label_config.strip() != interface.strip():
                print("the labelling interface was changed on the server: set back to config/label_studio.xml")
            if there.label_config.strip() != interface.strip() or there.expert_instruction != guide:
                self._client.projects.update(id=project.id, label_config=interface, expert_instruction=guide)
        return project

    def find_project(self, title: str) -> "Project | None":
        """The project of this title, None where there is none."""
        with self._explained("look for the project"):
            found = [project for project in self._client.projects.list() if project.title == title]
        if len(found) > 1:
            raise InputError(
                self.url,
                f"{len(found)} projects {title!r}",
                "one",
                "Rename the others, or set curation.project.",
            )
        return Project(self, int(found[0].id), as_utc(found[0].created_at)) if found else None

    def users(self) -> dict[int, str]:
        """E-mail addresses by number."""
        with self._explained("list the users"):
            return {int(user.id): str(user.email) for user in self._client.users.list()}

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Errors of the network and of the server as InputError; without headers, which hold the key."""
        try:
            yield
        except httpx.ConnectError:
            raise InputError(
                self.url,
                "no server that answers",
                "Label Studio",
                "Start it (tsalv360 curation start), or correct LABEL_STUDIO_URL.",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(
                self.url,
                f"{type(error).__name__} when asked to {what}",
                "an answer",
                "Run the command again: it goes on where it stopped.",
            ) from None
        except ApiError as error:
            if error.status_code == 401:
                raise InputError(
                    self.url,
                    "a token that it does not accept, or that has expired",
                    "a valid one in LABEL_STUDIO_API_KEY",
                    "Copy a new one from Account & Settings of Label Studio.",
                ) from None
            body = error.body if isinstance(error.body, str) else json.dumps(error.body)
            raise InputError(
                self.url,
                f"error {error.status_code} when asked to {what} ({plain(body.replace(self._key, '***'))[:300]})",
                "success",
                "See the server's log.",
            ) from None


@dataclass(frozen=True)
class Project:
    """One project on a server, and when it was made."""

    studio: Studio
    id: int
    created: str

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"{self.studio.url}/projects/{self.id}"

    def connect_media(self, folders: Sequence[str]) -> None:
        """Let the server give out the files in these folders of its own machine, and no others."""
        client = self.studio._client.import_storage.local
        with self.studio._explained("connect the media folder"):
            there = {storage.path for storage in client.list(project=self.id)}
            for folder in folders:
                if folder not in there:
                    client.create(
                        project=self.id, path=folder, title="tsalv360", regex_filter="^$"
                    )  # no file is a task

    def tasks(self) -> list[Task]:
        """All tasks, without what was said."""
        # Drafts are told with `all` only, and do not move a task's own time.
        include = "id,data,total_annotations,cancelled_annotations,drafts,updated_at"
        with self.studio._explained("list the tasks"):
            listed = self.studio._client.tasks.list(project=self.id, fields="all", include=include, page_size=_PAGE)
            return [
                Task(
                    id=int(task.id),
                    data=dict(task.data),
                    n_annotations=int(task.total_annotations or 0),
                    n_skipped=int(task.cancelled_annotations or 0),
                    n_drafts=len(task.drafts or []),
                    updated=max(map(as_utc, [task.updated_at, *(draft.updated_at for draft in task.drafts or [])])),
                )
                for task in listed
            ]

    def create(self, tasks: list[dict[str, Any]]) -> None:
        """Make new tasks, with their predictions, in this order."""
        with self.studio._explained("make tasks"):
            self.studio._client.projects.import_tasks(id=self.id, request=tasks, request_options=_ONCE)

    def update(self, task: Task, data: dict[str, Any], predictions: list[dict[str, Any]]) -> None:
        """Give a task other data and predictions."""
        client = self.studio._client
        with self.studio._explained(f"update task {task.id}"):
            client.tasks.update(id=str(task.id), data=data)
            for old in client.predictions.list(task=task.id):
                client.predictions.delete(id=int(old.id))
            for new in predictions:
                client.predictions.create(task=task.id, result=new["result"], model_version=new["model_version"])

    def export(self, ids: list[int]) -> list[dict[str, Any]]:
        """These tasks as Label Studio exports them, with annotations and drafts."""
        tasks: list[dict[str, Any]] = []
        with self.studio._explained("export tasks"):
            for start in range(0, len(ids), _EXPORTED_AT_ONCE):
                some = ids[start : start + _EXPORTED_AT_ONCE]
                # The SDK's own `ids` filters nothing; the server wants `ids[]`.
                chunks = self.studio._client.projects.exports.download_sync(
                    id=self.id,
                    export_type="JSON",
                    download_all_tasks=True,
                    request_options={"additional_query_parameters": {"ids[]": some}},
                )
                tasks += json.loads(b"".join(chunks))
        return tasks


def _version(url: str) -> str:
    """The version of the Label Studio that answers at an address."""
    answer = httpx.get(f"{url}/api/version", timeout=_TIMEOUT_S, follow_redirects=True)
    try:
        return str(answer.json()["release"])
    except (ValueError, KeyError, TypeError):
        raise InputError(
            url,
            f"a server that is not Label Studio (status {answer.status_code})",
            "Label Studio",
            "Correct LABEL_STUDIO_URL.",
        ) from None

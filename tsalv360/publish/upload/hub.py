"""A dataset repository of the Hugging Face Hub, and a static Space with its explorer."""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.job.errors import InputError, masked, shorten
from tsalv360.job.files import link_or_copy, sha256, whole_folder
from tsalv360.job.log import byte_progress
from tsalv360.publish.upload.plan import secret
from tsalv360.sources.published_folder import http_error, read_sums

MAX_FILES_IN_FOLDER = 10_000  # https://huggingface.co/docs/hub/storage-limits
# A commit: large enough to be rare, small enough to be done again.
_COMMIT_FILES, _COMMIT_BYTES = 100, 2e9
WAITS_S = (5, 20)  # before each further try of a commit; the library tries each file again itself
_HUBS_OWN = {".gitattributes", "style.css"}  # what the Hub puts into new repositories
_HttpError = http_error()
_AGAIN = "Run the command again: what has arrived is not sent again."
_FORBIDDEN = "The token in HF_TOKEN must be valid and have write access there (huggingface.co/settings/tokens)."


class HubRepositories:
    """A dataset repository, private unless told otherwise; with `space`, also a static Space of its explorer."""

    def __init__(
        self, folder: Path, files: Sequence[Path], name: str, public: bool, space: str | None, work: Path
    ) -> None:
        """InputError if there are no pages for the Space.

        Parameters
        ----------
        files : of the folder, `SHA256SUMS` last.
        name : of the repository: user/name.
        space : the title of the Space; None for no Space.
        work : a folder for the files of the Space.
        """
        explorer = folder / "explorer"
        if space is not None and not (explorer / "index.html").is_file():
            advice = "Leave out --space, or state in publish.pictures whose pages may be passed on."
            raise InputError(explorer, "no pages", "the explorer, which --space sends", advice)
        self._repositories = [_Repository(name, "dataset", public)]
        self._folder, self._files, self._title, self._work = folder, files, space, work / "space"
        if space is not None:
            self._repositories.append(_Repository(f"{name}-explorer", "space", public))

    def describe(self) -> list[str]:
        """Return what the repositories are, whether they exist, and who may see them."""
        lines = [repository.describe() for repository in self._repositories]
        folders: dict[Path, int] = {}
        for file in self._files:
            folders[file.parent] = folders.get(file.parent, 0) + 1
        for parent, n in folders.items():
            if n > MAX_FILES_IN_FOLDER:
                where = parent.relative_to(self._folder).as_posix()
                lines.append(f"Remark:   {n:,} files in {where}; the Hub advises less than {MAX_FILES_IN_FOLDER:,}.")
        return lines

    def send(self) -> list[str]:
        """Send what is not there yet, and compare the lists of files."""
        lines = []
        for repository in self._repositories:
            repository.refuse_public()
        for repository in self._repositories:
            if repository.kind == "space":
                self._write_space()
                lines.append(repository.send(self._work))
                shutil.rmtree(self._work)
            else:
                lines.append(repository.send(self._folder))
        return lines

    def _write_space(self) -> None:
        """Write the files of the Space: the pages as links, and what the Hub wants to know of it."""
        explorer = self._folder / "explorer"
        with whole_folder(self._work) as partial:
            for file in self._files:
                if file.is_relative_to(explorer):
                    target = partial / file.relative_to(explorer)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(file, target)
            header = f"title: {json.dumps(self._title)}\nsdk: static\napp_file: index.html"  # JSON is YAML
            (partial / "README.md").write_text(f"---\n{header}\n---\n", encoding="utf-8")
            files = sorted(path for path in partial.rglob("*") if path.is_file())
            lines = [f"{sha256(path)}  {path.relative_to(partial).as_posix()}\n" for path in files]
            (partial / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


class _Repository:
    def __init__(self, name: str, kind: Literal["dataset", "space"], public: bool) -> None:
        self._name, self.kind, self._public = name, kind, public
        self._token = os.environ.get("HF_TOKEN", "").strip()
        # the library reads HF_ENDPOINT once, when it is imported
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=self._token or False)

    def describe(self) -> str:
        """Return where it is, whether it exists, and who may see it."""
        private = self._is_private() if self._token else None
        state = "new, public" if self._public else "new, private"
        if private is not None:
            state = "exists, private" if private else "exists, PUBLIC: everybody sees what is sent"
            if private and self._public:
                state += "; it stays so, --public concerns new ones: its settings page changes it"
        if not self._token:
            state = "not looked up: HF_TOKEN is not set"
        return f"To:       {self.kind} {self._name} at {self._api.endpoint} ({state})"

    def refuse_public(self) -> None:
        """Raise InputError if it is public and this was not asked for, or without a token."""
        secret("HF_TOKEN", self._name, "Make one with write access at huggingface.co/settings/tokens, then:")
        if self._is_private() is False and not self._public:
            advice = "Give --public, name another one, or make it private on its settings page."
            raise InputError(self._name, f"a public {self.kind} of this name", "a private or new one", advice)

    def send(self, folder: Path) -> str:
        """Send the files that `SHA256SUMS` of a folder lists, then that list; return the address."""
        with self._explained():
            if self._is_private() is None:
                sdk = "static" if self.kind == "space" else None
                self._api.create_repo(self._name, repo_type=self.kind, private=not self._public, space_sdk=sdk)
                self.refuse_public()  # should the server not have done as it was told
            sums = read_sums(folder)
            remote = self._remote()
            stale = self._stale(remote, sums)
            lacking = [name for name in sums if not self._is_there(folder, name, sums[name], remote)]
            self._commit_all(folder, sums, lacking)
            digest = sha256(folder / CHECKSUMS)
            if not self._is_there(folder, CHECKSUMS, digest, remote):
                self._commit([CommitOperationDelete(name) for name in stale], folder, [CHECKSUMS])
            self._check_arrival(folder, sums | {CHECKSUMS: digest})
        part = "spaces" if self.kind == "space" else "datasets"
        return f"Sent and compared: {self._api.endpoint}/{part}/{self._name}"

    def _commit_all(self, folder: Path, sums: dict[str, str], lacking: Sequence[str]) -> None:
        sizes = {name: (folder / name).stat().st_size for name in sums}
        if not sys.stderr.isatty():
            disable_progress_bars()  # the library's bar for each file would fill a log
        with byte_progress(sum(sizes.values()), f"Uploading {self.kind}") as bar:
            bar.update(sum(sizes[name] for name in sums if name not in set(lacking)))
            batch: list[str] = []
            for name in lacking:
                batch.append(name)
                n_bytes = sum(sizes[one] for one in batch)
                if len(batch) >= _COMMIT_FILES or n_bytes >= _COMMIT_BYTES or name == lacking[-1]:
                    self._commit([], folder, batch)
                    bar.update(n_bytes)
                    batch = []

    def _commit(self, deletions: list[CommitOperationDelete], folder: Path, names: Sequence[str]) -> None:
        """Send files as one commit; a fault that passes is tried again."""
        for wait_s in (*WAITS_S, None):
            additions = [CommitOperationAdd(name, folder / name) for name in names]
            message = f"{len(names)} files of the dataset" if len(names) > 1 else f"{names[0]}"
            try:
                self._api.create_commit(
                    self._name, [*deletions, *additions], commit_message=message, repo_type=self.kind
                )
                return
            except (_HttpError, RuntimeError) as error:
                status = _status(error)
                if wait_s is None or (status is not None and status != 429 and status < 500):
                    raise
            time.sleep(wait_s)

    def _is_private(self) -> bool | None:
        """Return whether it is private; None if it does not exist, or not for this token."""
        with self._explained():
            try:
                return bool(self._api.repo_info(self._name, repo_type=self.kind).private)
            except RepositoryNotFoundError:
                return None

    def _remote(self) -> dict[str, RepoFile]:
        tree = self._api.list_repo_tree(self._name, repo_type=self.kind, recursive=True)
        return {one.path: one for one in tree if isinstance(one, RepoFile)}

    def _is_there(self, folder: Path, name: str, digest: str, remote: dict[str, RepoFile]) -> bool:
        one = remote.get(name)
        if one is None or one.size != (folder / name).stat().st_size:
            return False
        return one.lfs.sha256 == digest if one.lfs else one.blob_id == _git_blob(folder / name)

    def _stale(self, remote: dict[str, RepoFile], sums: dict[str, str]) -> list[str]:
        """Return what an earlier version of this folder has left there; InputError for files of somebody else."""
        others = sorted(remote.keys() - sums.keys() - _HUBS_OWN - {CHECKSUMS})
        if not others:
            return []
        earlier: dict[str, str] = {}
        if CHECKSUMS in remote:
            path = Path(self._api.hf_hub_download(self._name, CHECKSUMS, repo_type=self.kind))
            earlier = read_sums(path.parent)
        if foreign := [name for name in others if name not in earlier]:
            found = f"files that are not of this dataset: {shorten(', '.join(foreign))}"
            raise InputError(self._name, found, "a new repository, or one of this dataset", "Name another with --repo.")
        return others

    def _check_arrival(self, folder: Path, sums: dict[str, str]) -> None:
        remote = self._remote()
        differ = [name for name in sums if not self._is_there(folder, name, sums[name], remote)]
        differ += sorted(remote.keys() - sums.keys() - _HUBS_OWN)
        if differ:
            found = f"files that differ from those sent: {shorten(', '.join(differ))}"
            raise InputError(self._name, found, "the same files", _AGAIN)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise errors of the library as InputError that says what to do, without the token."""
        try:
            yield
        except InputError:
            raise
        except (_HttpError, RuntimeError, ValueError, OSError) as error:
            cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
            advice = _FORBIDDEN if _status(error) in (401, 403) else _AGAIN
            raise InputError(self._name, masked(cause, self._token), "an upload", advice) from None


def _git_blob(path: Path) -> str:
    """Return the name that git gives to the content of a file, which small files have on the Hub."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _status(error: Any) -> int | None:
    """Return the HTTP status of an error of the library, or of its cause; None where there was no answer."""
    for one in (error, getattr(error, "__cause__", None)):
        if (status := getattr(getattr(one, "response", None), "status_code", None)) is not None:
            return int(status)
    return None

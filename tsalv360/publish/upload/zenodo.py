"""A draft on Zenodo, through its deposition interface (https://developers.zenodo.org)."""

import hashlib
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpx

from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.job.errors import InputError, masked
from tsalv360.job.files import read_json, sha256, whole_file, write_json
from tsalv360.job.log import byte_progress
from tsalv360.publish.upload.plan import secret

URL = "https://zenodo.org"
METADATA = "zenodo.json"
# Limits of a record, https://help.zenodo.org/docs/deposit/manage-files
MAX_FILES, MAX_BYTES = 100, 50e9
WAITS_S = (1, 4, 16, 60)  # before each further try
_LONGEST_WAIT_S = 300  # that a server may ask for
_CHUNK = 1 << 20
_AGAIN = "Run the command again: what has arrived is not sent again."


class Remote(NamedTuple):
    """A file on the server."""

    id: str
    size: int
    md5: str


class ZenodoDraft:
    """A draft of a record, which is never published from here. A second run goes on with the same draft."""

    def __init__(self, folder: Path, files: Sequence[Path], work: Path) -> None:
        """InputError for an address that a token must not be sent to.

        Parameters: the folder, its files, `SHA256SUMS` last; a folder for archives and for the number of the draft.
        """
        self._url = os.environ.get("ZENODO_URL", URL).rstrip("/")
        address = urlsplit(self._url)
        if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise InputError("ZENODO_URL", self._url, "an address that begins with https://", "Correct it.")
        self._folder, self._files, self._work = folder, files, work
        self._state = work / "zenodo.json"

    def describe(self) -> list[str]:
        """Return where it goes, and in which files."""
        names = self._names()
        draft = self._draft_id()
        which = f"draft {draft}" if draft else "a new draft"
        lines = [
            f"To:       {which} at {self._url} (a draft is private, and is not published from here)",
            f"As:       {len(names)} files: {', '.join(names)}; folders are packed as .tar, without compression",
        ]
        n_bytes = sum(file.stat().st_size for file in self._files)
        if n_bytes > MAX_BYTES:
            lines.append(f"Remark:   a record takes {MAX_BYTES / 1e9:.0f} GB. Ask Zenodo for more before you send it.")
        return lines

    def send(self) -> list[str]:
        """Send what the draft does not have yet, and its metadata; return its link."""
        with _Api(self._url, self._token()) as api:
            draft = self._draft(api)
            api.describe(draft["id"], self._metadata())  # first: what it refuses is said before hours of upload
            remote = api.files(draft["id"])
            parts = self._pack()
            for name in remote.keys() - parts.keys():  # of an earlier version of the folder
                api.delete(draft["id"], remote[name].id)
            with byte_progress(sum(part.stat().st_size for part in parts.values()), "Uploading") as bar:
                for name, part in parts.items():
                    if name in remote and _same(part, remote[name]):
                        bar.update(part.stat().st_size)
                    else:
                        api.upload(draft["links"]["bucket"], name, part, bar)
            self._check_arrival(api.files(draft["id"]), parts)
        shutil.rmtree(self._packed, ignore_errors=True)
        link = draft["links"].get("html", f"{self._url}/deposit/{draft['id']}")
        return [f"Draft: {link}", "It is NOT published. Look through it there, then publish it there."]

    def _token(self) -> str:
        how = f"Make one with the scope deposit:write at {self._url}/account/settings/applications, then:"
        return secret("ZENODO_TOKEN", self._url, how)

    def _names(self) -> list[str]:
        """Return the names on the server, `SHA256SUMS` last; InputError for too many."""
        tops = dict.fromkeys(file.relative_to(self._folder).parts[0] for file in self._files)
        names = [f"{top}.tar" if (self._folder / top).is_dir() else top for top in tops]
        if len(names) > MAX_FILES or len({*names}) < len(names):
            found = f"{len(names)} files and folders at its top"
            raise InputError(self._folder, found, f"at most {MAX_FILES} of different names", "Remove some.")
        return names

    @property
    def _packed(self) -> Path:
        """The folder of archives of this version of the published folder."""
        return self._work / f"zenodo-{sha256(self._folder / CHECKSUMS)[:16]}"

    def _pack(self) -> dict[str, Path]:
        """Return what is uploaded by its name; an archive that an earlier run has made is taken as it is."""
        for old in self._work.glob("zenodo-*"):
            if old != self._packed:
                shutil.rmtree(old)
        parts = {}
        for name in self._names():
            top = self._folder / name.removesuffix(".tar")
            parts[name] = self._folder / name
            if top.is_dir():
                parts[name] = self._packed / name
                if not parts[name].exists():
                    _write_tar(parts[name], [file for file in self._files if file.is_relative_to(top)], self._folder)
        return parts

    def _metadata(self) -> dict[str, Any]:
        content = read_json(self._folder / METADATA)
        return content.get("metadata", content)

    def _draft_id(self) -> int | None:
        state = read_json(self._state, "Remove it: the next run makes a new draft.") if self._state.exists() else {}
        return state.get(self._url)

    def _draft(self, api: "_Api") -> dict[str, Any]:
        """Return the draft of earlier runs, or a new one."""
        known = self._draft_id()
        draft = api.draft(known) if known else None
        if draft is None:
            draft = api.create()
            states = read_json(self._state) if self._state.exists() else {}
            write_json(self._state, states | {self._url: draft["id"]})
        if draft.get("submitted"):
            advice = f"For a new draft, remove {self._state}; for a new version, use the page of the record."
            raise InputError(self._url, f"{known}, which is published already", "a draft", advice)
        bucket = draft.get("links", {}).get("bucket")
        if not isinstance(bucket, str) or urlsplit(bucket)[:2] != urlsplit(self._url)[:2]:
            found = f"the place for files {masked(bucket, api.token)}"
            raise InputError(self._url, found, "one on the same server, where the token may be sent", "Report this.")
        return draft

    def _check_arrival(self, remote: dict[str, Remote], parts: dict[str, Path]) -> None:
        differ = sorted(remote.keys() ^ parts.keys())
        differ += [name for name in parts if name in remote and remote[name].size != parts[name].stat().st_size]
        if differ:
            found = f"a draft whose files differ from those sent: {', '.join(differ)}"
            raise InputError(self._url, masked(found, ""), "the same files", _AGAIN)


class _Api:
    """The requests. Errors that pass are tried again; others say what to do, without the token."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self.token = url, token
        times = httpx.Timeout(60, read=900)  # a server that has taken a large file computes its checksum
        self._client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=times)

    def __enter__(self) -> "_Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def create(self) -> dict[str, Any]:
        """Return a new draft."""
        return self._read("POST", self._deposition(), json={})

    def draft(self, number: int) -> dict[str, Any] | None:
        """Return a deposition, None if it was removed."""
        response = self._request("GET", self._deposition(number), missing=(404, 410))
        return response.json() if response.is_success else None

    def describe(self, number: int, metadata: dict[str, Any]) -> None:
        """Set the metadata of a draft."""
        self._request("PUT", self._deposition(number), json={"metadata": metadata})

    def files(self, number: int) -> dict[str, Remote]:
        """Return the files of a draft by name."""
        rows = self._read("GET", f"{self._deposition(number)}/files")
        return {
            row["filename"]: Remote(row["id"], int(row["filesize"]), str(row["checksum"]).removeprefix("md5:"))
            for row in rows
        }

    def delete(self, number: int, file: str) -> None:
        """Remove a file from a draft."""
        self._request("DELETE", f"{self._deposition(number)}/files/{quote(file, safe='')}", missing=(404, 410))

    def upload(self, bucket: str, name: str, path: Path, bar: Any) -> None:
        """Send a file; InputError if the server has another checksum of it. `bar` counts bytes."""
        start, size = bar.n, path.stat().st_size

        def content(digest: Any) -> Iterator[bytes]:
            bar.n = start  # also when it begins again
            with open(path, "rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    yield chunk
                    bar.update(len(chunk))

        digests = []

        def again() -> dict[str, Any]:
            digests.append(hashlib.md5(usedforsecurity=False))
            return {"content": content(digests[-1]), "headers": {"Content-Length": str(size)}}

        answer = self._read("PUT", f"{bucket}/{quote(name, safe='')}", again)
        if str(answer.get("checksum")).removeprefix("md5:") != digests[-1].hexdigest():
            raise InputError(self._url, f"another content of {name} than was sent", "the same checksum", _AGAIN)

    def _deposition(self, number: int | None = None) -> str:
        return f"{self._url}/api/deposit/depositions" + ("" if number is None else f"/{int(number)}")

    def _read(self, method: str, url: str, again: Callable[[], dict[str, Any]] | None = None, **content: Any) -> Any:
        response = self._request(method, url, again, **content)
        try:
            return response.json()
        except ValueError:
            found = f"an answer that is no JSON: {masked(response.text, self.token)}"
            raise InputError(self._url, found, "the deposition interface of Zenodo", "Correct ZENODO_URL.") from None

    def _request(
        self,
        method: str,
        url: str,
        again: Callable[[], dict[str, Any]] | None = None,
        missing: Sequence[int] = (),
        **content: Any,
    ) -> httpx.Response:
        """Return the answer; InputError if there is none after several tries, or if it is an error.

        Parameters: `again` returns the content for each try; statuses in `missing` are no error.
        """
        reason = ""
        for wait_s in (*WAITS_S, None):
            asked_s: float | None = None
            try:
                response = self._client.request(method, url, **(again() if again else content))
            except httpx.ConnectError as error:
                reason = f"no connection ({error})"
            except httpx.TransportError as error:
                reason = f"a dropped connection ({error or type(error).__name__})"
                if method == "POST":  # a second one could make a second draft
                    break
            else:
                if response.is_success or response.status_code in missing:
                    return response
                reason = f"HTTP {response.status_code}: {response.text}"
                if response.status_code != 429 and response.status_code < 500:
                    self._refused(response.status_code, reason)
                asked_s = _retry_after(response)
            if wait_s is None or (asked_s or 0) > _LONGEST_WAIT_S:
                break
            time.sleep(wait_s if asked_s is None else asked_s)
        raise InputError(self._url, masked(reason, self.token), "an answer", _AGAIN)

    def _refused(self, status: int, reason: str) -> None:
        advice = {
            401: "The token in ZENODO_TOKEN is not valid there; the sandbox has tokens of its own.",
            403: "The token in ZENODO_TOKEN needs the scope deposit:write, and the draft must be yours.",
            413: "Zenodo takes 50 GB a record: ask for more.",
        }
        what = advice.get(status, f"If it concerns the metadata, correct {METADATA} by the section publish.")
        raise InputError(self._url, masked(reason, self.token), "an answer", what)


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(float(response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _same(path: Path, remote: Remote) -> bool:
    if path.stat().st_size != remote.size:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == remote.md5


def _write_tar(path: Path, files: Sequence[Path], base: Path) -> None:
    """Write files as an archive; the same files give the same bytes."""
    n_bytes = sum(file.stat().st_size for file in files)
    with (
        whole_file(path) as partial,
        tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive,
        byte_progress(n_bytes, f"Packing {path.name}") as bar,
    ):
        for file in sorted(files):
            entry = tarfile.TarInfo(file.relative_to(base).as_posix())  # no owner, time 0, mode 644
            entry.size = file.stat().st_size
            with open(file, "rb") as content:
                archive.addfile(entry, content)
            bar.update(entry.size)

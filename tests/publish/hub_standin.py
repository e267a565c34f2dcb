"""The part of the Hugging Face Hub's interface that the library speaks for an upload, without Xet or with it."""

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hf_xet
from publish.standin import Answer, Request, StandIn

TOKEN = "hf_secret1"
_KIND = r"(datasets|spaces)"
_NAME = r"([^/]+/[^/]+)"
_PAGE = 4  # files on a page of a listing
_LARGE = (".parquet", ".tar")


@dataclass
class Repository:
    """A repository; `commits` has the names that each commit has changed."""

    private: bool
    sdk: str | None = None
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.parquet filter=lfs\n"})
    commits: list[list[str]] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr([*self.files.items()]).encode()).hexdigest()


class Hub(StandIn):
    """Repositories by kind and name, as "datasets/user/name"; large files by their SHA-256 in `large`."""

    routes = [  # noqa: RUF012
        (r"POST /api/repos/create", "create"),
        (r"POST /api/validate-yaml", "validate"),
        (rf"GET /api/{_KIND}/{_NAME}(?:/revision/main)?", "info"),
        (rf"POST /api/{_KIND}/{_NAME}/preupload/main", "preupload"),
        (rf"POST /api/{_KIND}/{_NAME}/commit/main", "commit"),
        (rf"GET /api/{_KIND}/{_NAME}/tree/[^/]+", "tree"),
        (rf"POST /{_KIND}/{_NAME}\.git/info/lfs/objects/batch", "batch"),
        (r"PUT /large/([0-9a-f]{64})", "put"),
        (r"POST /verify", "verify"),
        (rf"(?:HEAD|GET) /{_KIND}/{_NAME}/resolve/[^/]+/(.+)", "resolve"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.roles = {TOKEN: "write"}
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.obeys_private = True

    def answer(self, request: Request) -> Answer:
        if not request.path.startswith("/large/"):  # signed addresses, which get no token
            if request.token not in self.roles:
                words = "Invalid credentials in Authorization header"
                return Answer(401, {"error": f"{words} {request.token}"}, {"X-Error-Message": words})
            if request.method == "POST" and self.roles[request.token] != "write":
                return Answer(403, {"error": "You have read-only access."})
        else:
            assert not request.token
        return super().answer(request)

    def create(self, request: Request) -> Answer:
        content = request.json()
        name = f"{content['type']}s/{content['organization']}/{content['name']}"
        if name in self.repositories:
            return Answer(409, {"error": "You already created this repo"})
        private = content.get("visibility") == "private" and self.obeys_private
        self.repositories[name] = Repository(private, content.get("sdk"))
        if content.get("sdk"):
            self.repositories[name].files |= {"README.md": b"template", "index.html": b"template", "style.css": b""}
        return Answer(200, {"url": f"{self.url}/{name}"})

    def validate(self, request: Request) -> Answer:
        return Answer(200, {"errors": [], "warnings": []})

    def info(self, request: Request, kind: str, name: str) -> Answer:
        if not (one := self.repositories.get(f"{kind}/{name}")):
            return Answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        siblings = [{"rfilename": path} for path in one.files]
        return Answer(200, {"id": name, "private": one.private, "sha": one.sha, "tags": [], "siblings": siblings})

    def preupload(self, request: Request, kind: str, name: str) -> Answer:
        present = self.repositories[f"{kind}/{name}"].files
        rows = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                "shouldIgnore": False,
                "oid": _oid(file["path"], present[file["path"]]) if file["path"] in present else None,
            }
            for file in request.json()["files"]
        ]
        return Answer(200, {"files": rows})

    def batch(self, request: Request, kind: str, name: str) -> Answer:
        rows = []
        for one in request.json()["objects"]:
            row: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.large:
                upload, verify = {"href": f"{self.url}/large/{one['oid']}"}, {"href": f"{self.url}/verify"}
                row["actions"] = {"upload": upload, "verify": verify}
            rows.append(row)
        return Answer(200, {"transfer": "basic", "objects": rows})

    def put(self, request: Request, oid: str) -> Answer:
        if hashlib.sha256(request.body).hexdigest() != oid:
            return Answer(400, {"error": "BadDigest"})
        self.large[oid] = request.body
        return Answer(200, b"")

    def verify(self, request: Request) -> Answer:
        content = request.json()
        whole = content["size"] == len(self.large.get(content["oid"], b""))
        return Answer(200 if whole else 404, {})

    def commit(self, request: Request, kind: str, name: str) -> Answer:
        one, changed = self.repositories[f"{kind}/{name}"], []
        for line in request.body.splitlines():
            key, value = (row := json.loads(line))["key"], row["value"]
            if key == "file":
                one.files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.large:
                    return Answer(400, {"error": f"no such object {value['oid']}"})
                one.files[value["path"]] = self.large[value["oid"]]
            elif key == "deletedFile":
                del one.files[value["path"]]
            if key != "header":
                changed.append(value["path"])
        one.commits.append(changed)
        return Answer(200, {"commitUrl": f"{self.url}/{kind}/{name}/commit/{one.sha}", "commitOid": one.sha})

    def tree(self, request: Request, kind: str, name: str) -> Answer:
        start = int(request.query.get("cursor", ["0"])[0])
        rows: list[dict[str, Any]] = []
        files = sorted(self.repositories[f"{kind}/{name}"].files.items())
        for path, content in files[start : start + _PAGE]:
            row = {"type": "file", "path": path, "size": len(content), "oid": _git(content)}
            if path.endswith(_LARGE):
                sha = hashlib.sha256(content).hexdigest()
                row |= {"oid": _git(b"pointer"), "lfs": {"oid": sha, "size": len(content), "pointerSize": 130}}
            rows.append(row)
        folders = {path.partition("/")[0] for path, _ in itertools.islice(files, start, start + _PAGE) if "/" in path}
        rows += [{"type": "directory", "path": path, "oid": _git(b"")} for path in folders]
        headers = {}
        if start + _PAGE < len(files):
            address = f"{self.url}{request.path}?recursive=True&cursor={start + _PAGE}"
            headers["Link"] = f'<{address}>; rel="next"'
        return Answer(200, rows, headers)

    def resolve(self, request: Request, kind: str, name: str, path: str) -> Answer:
        one = self.repositories[f"{kind}/{name}"]
        content = one.files[path]
        return Answer(200, content, {"X-Repo-Commit": one.sha, "ETag": f'"{_oid(path, content)}"'})


class XetHub(Hub):
    """A Hub whose large files come by Xet: into a store in a folder, which the library's own code writes and reads."""

    routes = [(rf"GET /api/{_KIND}/{_NAME}/xet-write-token/main", "xet_token"), *Hub.routes]  # noqa: RUF012

    def __init__(self, store: Path, files: Iterable[Path]) -> None:
        """Parameters: the files that may come; their SHA-256 leads to their names in the store."""
        super().__init__()
        paths = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in files}
        hashes = hf_xet.hash_files([str(path) for path in paths.values()])
        self._infos = dict(zip(paths, hashes, strict=True))
        self._store = store

    def xet_token(self, request: Request, kind: str, name: str) -> Answer:
        return Answer(200, {"accessToken": "short-lived", "exp": 1 << 32, "casUrl": f"local://{self._store}"})

    def commit(self, request: Request, kind: str, name: str) -> Answer:
        for line in map(json.loads, request.body.splitlines()):
            if line["key"] == "lfsFile" and (oid := line["value"]["oid"]) not in self.large:
                target, info = self._store / "read", hf_xet.XetFileInfo(self._infos[oid].hash, line["value"]["size"])
                with hf_xet.XetSession().new_file_download_group(endpoint=f"local://{self._store}") as group:
                    group.start_download_file(info, str(target))
                self.large[oid] = target.read_bytes()
        return super().commit(request, kind, name)


def _oid(path: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if path.endswith(_LARGE) else _git(content)


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

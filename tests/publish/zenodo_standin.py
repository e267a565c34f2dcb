"""The part of Zenodo's deposition interface that the upload uses, as https://developers.zenodo.org describes it."""

import hashlib
from typing import Any

from publish.standin import Answer, Request, StandIn

TOKEN = "zenodo-secret-1"
DEPOSITIONS = r"/api/deposit/depositions"


class Zenodo(StandIn):
    """Depositions by their id; the files of each are in `stored`."""

    routes = [  # noqa: RUF012
        (rf"POST {DEPOSITIONS}", "create"),
        (rf"GET {DEPOSITIONS}/(\d+)", "show"),
        (rf"PUT {DEPOSITIONS}/(\d+)", "describe"),
        (rf"GET {DEPOSITIONS}/(\d+)/files", "list"),
        (rf"DELETE {DEPOSITIONS}/(\d+)/files/([^/]+)", "delete"),
        (rf"POST {DEPOSITIONS}/(\d+)/actions/publish", "publish"),
        (r"PUT /api/files/bucket-(\d+)/([^/]+)", "put"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.scopes = {TOKEN: {"deposit:write"}}
        self.metadata: dict[str, Any] = {}
        self.submitted: set[str] = set()
        self.stored: dict[str, dict[str, bytes]] = {}
        self.bucket_server, self.n_created = self.url, 0

    def answer(self, request: Request) -> Answer:
        if request.token not in self.scopes:
            return Answer(401, {"status": 401, "message": f"The token {request.token} is not known."})
        if "deposit:write" not in self.scopes[request.token]:
            return Answer(403, {"status": 403, "message": "Permission denied."})
        return super().answer(request)

    def create(self, request: Request) -> Answer:
        assert request.json() == {}
        self.n_created += 1
        number = str(100 + self.n_created)
        self.stored[number] = {}
        return Answer(201, self._deposition(number))

    def show(self, request: Request, number: str) -> Answer:
        return Answer(200, self._deposition(number)) if number in self.stored else Answer(404, {"status": 404})

    def describe(self, request: Request, number: str) -> Answer:
        metadata = request.json()["metadata"]
        if missing := {"title", "upload_type", "description", "creators"} - metadata.keys():
            return Answer(400, {"message": "Validation error.", "errors": [{"field": name} for name in missing]})
        self.metadata[number] = metadata
        return Answer(200, self._deposition(number))

    def list(self, request: Request, number: str) -> Answer:
        return Answer(200, [self._file(name, content) for name, content in self.stored[number].items()])

    def delete(self, request: Request, number: str, file: str) -> Answer:
        for name in [*self.stored[number]]:
            if self._file(name, b"")["id"] == file:
                del self.stored[number][name]
                return Answer(204)
        return Answer(404)

    def publish(self, request: Request, number: str) -> Answer:
        self.submitted.add(number)
        return Answer(202, self._deposition(number))

    def put(self, request: Request, number: str, name: str) -> Answer:
        if "content-length" not in request.headers:
            return Answer(411, {"message": "Length required."})
        if len(self.stored[number].keys() | {name}) > 100:
            return Answer(400, {"message": "At most 100 files."})
        self.stored[number][name] = request.body
        checksum = f"md5:{hashlib.md5(request.body).hexdigest()}"
        return Answer(201, {"key": name, "size": len(request.body), "checksum": checksum})

    def _deposition(self, number: str) -> dict[str, Any]:
        base = f"{self.url}{DEPOSITIONS}/{number}"
        links = {"self": base, "html": f"{self.url}/deposit/{number}", "files": f"{base}/files"}
        links |= {"bucket": f"{self.bucket_server}/api/files/bucket-{number}", "publish": f"{base}/actions/publish"}
        submitted = number in self.submitted
        return {
            "id": int(number),
            "links": links,
            "submitted": submitted,
            "state": "done" if submitted else "unsubmitted",
        }

    def _file(self, name: str, content: bytes) -> dict[str, Any]:
        row = {"id": hashlib.sha1(name.encode()).hexdigest(), "filename": name, "filesize": len(content)}
        return row | {"checksum": hashlib.md5(content).hexdigest()}

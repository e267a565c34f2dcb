"""A local HTTP server that stands in for a real one, and fails by a script."""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Request(NamedTuple):
    """What a client has sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self) -> Any:
        return json.loads(self.body)


class Answer(NamedTuple):
    """What is sent back: a status, JSON, bytes or nothing, and headers."""

    status: int
    content: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


Handler = Callable[..., Answer]


class StandIn(ThreadingHTTPServer):
    """Answers by `routes`: pairs of a pattern of `METHOD path` and a function of the request and the pattern's groups.

    `fail(pattern, faults…)` makes the next requests of a kind fail, one fault each: a status, or a status and headers;
    "drop": the connection breaks off after half of the body; "deaf": it is done, and the answer is lost.
    """

    daemon_threads = True
    routes: list[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Request] = []
        self.lock = threading.RLock()
        self._faults: list[tuple[str, Any]] = []

    def fail(self, pattern: str, *faults: Any) -> None:
        self._faults += [(pattern, fault) for fault in faults]

    def recover(self) -> None:
        self._faults = []

    def seen(self, pattern: str) -> list[Request]:
        """The requests of a kind that arrived whole."""
        return [one for one in self.requests if re.fullmatch(pattern, f"{one.method} {one.path}")]

    def fault(self, method: str, path: str) -> Any:
        with self.lock:
            for number, (pattern, fault) in enumerate(self._faults):
                if re.fullmatch(pattern, f"{method} {path}"):
                    del self._faults[number]
                    return fault
        return None

    def answer(self, request: Request) -> Answer:
        for pattern, name in self.routes:
            if match := re.fullmatch(pattern, f"{request.method} {request.path}"):
                with self.lock:
                    return getattr(self, name)(request, *map(unquote, match.groups()))
        return Answer(404, {"message": f"no such address: {request.path}"})

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        address = urlsplit(self.path)
        fault = self.server.fault(self.command, address.path)
        body = self._body(half=fault == "drop")
        if fault == "drop":
            return self._break_off()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, address.path, parse_qs(address.query), headers, body)
        if fault is None or fault == "deaf":
            self.server.requests.append(request)
            answer = self.server.answer(request)
            return self._break_off() if fault == "deaf" else self._send(answer)
        status, more = fault if isinstance(fault, tuple) else (fault, {})
        return self._send(Answer(status, {"message": f"scripted {status}; your token {request.token}"}, more))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _do  # noqa: N815 - names of the base class

    def _body(self, half: bool) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
                if half:
                    return b""
            self.rfile.readline()
            return b"".join(chunks)
        size = int(self.headers.get("content-length", 0))
        return self.rfile.read(size // 2 if half else size)

    def _break_off(self) -> None:
        """Reset the connection, as one that is cut."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, answer: Answer) -> None:
        body = b"" if answer.content is None else answer.content
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(answer.status)
        for name, value in ({"Content-Length": str(len(body))} | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

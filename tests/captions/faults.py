"""A server of chat completions that fails by a script."""

import json
import threading
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serving import serving

GOOD: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "tiny",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "A dog runs."},
            "logprobs": {"content": [{"token": "A", "logprob": -0.5}, {"token": " dog", "logprob": -1.5}]},
        }
    ],
}


def good(**choice: Any) -> dict[str, Any]:
    """A reply whose only choice has some things of its own."""
    return GOOD | {"choices": [GOOD["choices"][0] | choice]}


class FaultServer(ThreadingHTTPServer):
    """Gives the replies of `script` in turn, then good ones; `requests` and `most_at_once` are what it saw.

    A reply is a status, a body as bytes or JSON, or one of: half (of a reply), nothing (the connection is dropped),
    slow (an answer after 2 s).
    """

    daemon_threads = True

    def __init__(self, script: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.requests, self.headers = list(script), [], []
        self.lock, self.at_once, self.most_at_once, self.hold_s = threading.Lock(), 0, 0, 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Dropped connections are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.requests.append(content)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = server.script.pop(0) if server.script else GOOD
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        time.sleep(server.hold_s)
        with server.lock:
            server.at_once -= 1
        self._reply(reply)

    def _reply(self, reply: Any) -> None:
        status, headers = 200, {}
        if isinstance(reply, tuple):
            reply, headers = reply
        if reply == "slow":
            time.sleep(2)
            reply = GOOD
        if isinstance(reply, int):
            status, reply = reply, {"error": {"message": f"scripted {reply}; your key {self._key()}"}}
        body = reply if isinstance(reply, bytes) else json.dumps(GOOD if reply == "half" else reply).encode()
        self.close_connection = True
        if reply == "nothing":
            return
        self.send_response(status)
        own = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        for name, value in (own | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if reply == "half" else body)

    def _key(self) -> str:
        return (self.headers["authorization"] or "").removeprefix("Bearer ")

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def serve(*script: Any) -> AbstractContextManager[FaultServer]:
    """A running server with a script."""
    return serving(FaultServer(list(script)))

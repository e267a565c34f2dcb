"""A proxy before a server that can cut connections, and pushes that are killed at a request."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import httpx

Fault = Callable[[int, str, str], str]  # of a request's number (from 1), method and path: "", "before" or "after"
_NOT_FORWARDED = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "accept-encoding"}


@contextmanager
def cut(url: str, fault: Fault, dropped: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Yield the URL of a proxy that drops a connection before or after the server has carried the request out."""
    numbers, lock = iter(range(1, 1_000_000)), Lock()

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                number = next(numbers)
            when = fault(number, self.command, self.path)
            self.close_connection = True
            if when == "before":
                return dropped()
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
            answer = httpx.request(self.command, url + self.path, headers=headers, content=body, timeout=300)
            if when == "after":
                return dropped()
            try:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in _NOT_FORWARDED:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            except OSError:  # the client has been killed
                pass

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = forward  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def killed_at(url: str, number: int, when: str, push: Callable[[str], None]) -> bool:
    """Run a push in a process of its own and kill it -9 at a request, before or after the server carries it out.

    `push` gets the URL of the server. Returns whether the push made so many requests.
    """
    child: list[int] = []
    hit: list[str] = []

    def fault(count: int, method: str, path: str) -> str:
        if count != number:
            return ""
        hit.append(f"{method} {path}")
        return when

    with cut(url, fault, lambda: os.kill(child[0], signal.SIGKILL)) as proxy:
        if (process := os.fork()) == 0:
            try:
                push(proxy)
            finally:
                os._exit(0)
        child.append(process)
        os.waitpid(process, 0)
    return bool(hit)

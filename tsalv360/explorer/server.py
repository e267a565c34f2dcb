"""The server of `tsalv360 explore`: the files of an explorer, and the answers of a model, for this machine alone."""

import asyncio
import json
import logging
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsalv360.job.errors import InputError
from tsalv360.prediction.live import LAST, LiveModel

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 8360
_MORE_PORTS = 100  # to look for a free one
_HOST = "127.0.0.1"
_MOST_BYTES = 65536  # of a request
_HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",  # no other page reads the scripts that hold data
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


def listen(port: int | None = None) -> socket.socket:
    """Return a socket that listens on a port of this machine, by default 8360 or the next free one.

    Raises InputError if there is none.
    """
    ports = range(PORT, PORT + _MORE_PORTS) if port is None else [port]
    for one in ports:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
        try:
            listening.bind((_HOST, one))
            listening.listen()
            return listening
        except (OSError, OverflowError) as error:
            listening.close()
            reason = str(error)
    found = f"none free from {ports[0]} to {ports[-1]}" if port is None else f"{port} ({reason})"
    raise InputError("port", found, "a free one", "Name another:  --port 8500")


def serve(
    listening: socket.socket,
    folder: Path,
    browser: bool = True,
    live: LiveModel | None = None,
    checkpoint: str = "",
) -> None:
    """Show an explorer's folder, and open it in the browser, until Ctrl-C (KeyboardInterrupt).

    Parameters: `live`, the model that answers prompts, if any, and `checkpoint`, its name.
    """
    address = f"http://{_HOST}:{listening.getsockname()[1]}/"
    print(f"The explorer is at {address} (Ctrl-C ends it)", flush=True)
    if browser:  # some browsers return only when they are closed
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    try:
        _Server(make_app(folder, live, checkpoint), live).run(sockets=[listening])
    finally:
        if live:
            live.close()


@contextmanager
def background(folder: Path) -> Iterator[str]:
    """Show an explorer's folder during the block, in a thread; yields its URL, without a slash at its end."""
    with listen() as listening:
        server = _Server(make_app(folder))
        thread = threading.Thread(target=server.run, args=[[listening]], daemon=True)
        thread.start()
        try:
            yield f"http://{_HOST}:{listening.getsockname()[1]}"
        finally:
            server.end()
            thread.join(5)


class _Server(uvicorn.Server):
    """A server that ends quietly, although browsers hold answers of the model and files of videos open."""

    def __init__(self, app: Starlette, live: LiveModel | None = None) -> None:
        quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
        super().__init__(uvicorn.Config(app, ws="none", lifespan="off", timeout_graceful_shutdown=1, **quiet))
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End by a signal."""
        self.end()
        super().handle_exit(sig, frame)

    def end(self) -> None:
        """End soon."""
        if self._live:
            self._live.close(timeout_s=0)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it reports what it cuts off
        self.should_exit = True


def make_app(folder: Path, live: LiveModel | None = None, checkpoint: str = "") -> Starlette:
    """Return the application; parameters as those of `serve`."""

    async def live_js(request: Request) -> Response:
        content = f"window.TSALV360_LIVE = {json.dumps({'checkpoint': checkpoint})};\n"
        return Response(content, media_type="text/javascript")

    async def ask(request: Request) -> Response:
        assert live
        video = request.path_params["video"]
        if refusal := _refusal(request) or _unknown(folder, video):
            return refusal
        try:
            prompt = json.loads(await _body(request))["prompt"]
            if not isinstance(prompt, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            return _error(400, 'expected JSON such as {"prompt": "a red ball"}')
        return StreamingResponse(_answer(live, video, prompt), media_type="application/x-ndjson")

    files: list[Route | Mount] = [Mount("/", StaticFiles(directory=folder, html=True))]
    with_model = [Route("/live.js", live_js), Route("/live/{video}", ask, methods=["POST"])]
    return Starlette(
        routes=[*(with_model if live else []), *files],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=[_HOST, "localhost"], www_redirect=False),
        ],
    )


async def _answer(live: LiveModel, video: str, prompt: str) -> AsyncIterator[str]:
    """Yield the messages of a prompt as lines of JSON. A client that goes closes this, which stops the model."""
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    asked = live.ask(video, prompt, lambda message: _put(loop, messages.put_nowait, message))
    try:
        while True:
            message = await messages.get()
            yield json.dumps(message, allow_nan=False) + "\n"
            if message["kind"] in LAST:
                return
    finally:
        asked.cancel()


def _put(loop: asyncio.AbstractEventLoop, put: "Callable[[Any], None]", message: dict[str, Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(put, message)


def _refusal(request: Request) -> Response | None:
    """Return the answer to a request that another page may have sent, or that is no JSON."""
    headers = request.headers
    if headers.get("origin") != f"http://{headers.get('host')}":
        return _error(403, "expected a request of the explorer's own pages")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _error(415, "expected the content type application/json")
    return None


def _unknown(folder: Path, video: str) -> Response | None:
    known = {path.name for path in Path(folder, "videos").glob("*.html")}
    return None if f"{video}.html" in known else _error(404, "no such video")


async def _body(request: Request) -> bytes:
    """Return the content of a request; ValueError if it is too long."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise ValueError("a long request")
    return content


def _error(status: int, text: str) -> Response:
    return JSONResponse({"kind": "error", "message": text}, status_code=status)


class _Headers:
    """Adds to every answer the headers that keep other pages and old copies away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)

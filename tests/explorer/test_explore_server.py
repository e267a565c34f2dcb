"""The server of `tsalv360 explore` as a browser and a stranger meet it, and the answers of a tiny model."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
import torch
import uvicorn
from numpy.typing import NDArray

import tsalv360
from tsalv360.explorer.commands import explore_dataset
from tsalv360.explorer.server import PORT, _Server, background, listen, serve
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import write_picture
from tsalv360.media.video import read_pictures
from tsalv360.model import ModelSettings, TSalV360, save_checkpoint
from tsalv360.prediction.live import LiveModel, coarse_to_fine
from tsalv360.prediction.outputs import peak_and_spread
from tsalv360.prediction.small import SMALL
from tsalv360.saliency import resize_maps

N_FRAMES = 39  # of the video at 16 fps
CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture(scope="module")
def model() -> TSalV360:
    torch.manual_seed(0)
    return TSalV360(ModelSettings.tiny()).eval()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, video: Path, model: TSalV360) -> Path:
    """Results of a dataset with the videos 001 and 002, what lies around them, and a checkpoint."""
    folder = tmp_path_factory.mktemp("results")
    explorer = folder / "explorer"
    (explorer / "videos").mkdir(parents=True)
    (explorer / "index.html").write_text("<h1>all</h1>")
    (explorer / "live.js").write_text("window.TSALV360_LIVE = null;\n")
    (folder / "secret.txt").write_text("secret")
    (explorer / "videos" / "leak.txt").symlink_to(folder / "secret.txt")
    (explorer / "all").symlink_to(folder)
    numbers = [round(k / 16 * 25) for k in range(N_FRAMES)]
    for name in ("001", "002"):
        (explorer / "videos" / f"{name}.html").write_text(name)
        (explorer / "videos" / f"{name}.mp4").write_bytes(CONTENT)
        (folder / "frames" / name).mkdir(parents=True)
        for number, picture in zip(numbers, read_pictures(video, numbers), strict=True):
            write_picture(folder / "frames" / name / f"{number:04d}.png", picture[..., ::-1])
    (explorer / "videos" / "003.html").write_text("without frames")
    with (explorer / "videos" / "long.mp4").open("wb") as long:
        long.truncate(50_000_000)
    save_checkpoint(model, folder / "fold0" / "best.pt")
    return folder


class Client:
    """Speaks to the server at an address, as a page of it does unless told otherwise."""

    def __init__(self, address: str) -> None:
        self.netloc = urlsplit(address).netloc

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self.netloc, timeout=60)
        connection.putrequest(method, path, skip_host="Host" in headers)  # the path as it is
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def post(self, video: str, content: Any, **headers: str) -> http.client.HTTPResponse:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        connection = http.client.HTTPConnection(self.netloc, timeout=60)
        sent = {"Origin": f"http://{self.netloc}", "Content-Type": "application/json"} | headers
        connection.request("POST", f"/live/{video}", body, {name: value for name, value in sent.items() if value})
        return connection.getresponse()

    def ask(self, video: str, prompt: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.post(video, {"prompt": prompt})]


@contextmanager
def command(folder: Path, *options: str) -> Iterator[tuple[Client, subprocess.Popen[str]]]:
    """The real command in `folder`, and a client."""
    start = [sys.executable, "-m", "tsalv360.cli", "explore", "--no-browser", *options]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        start, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert "http://127.0.0.1:" in line, process.stderr and process.stderr.read()
            yield Client(line.split()[4]), process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(results: Path) -> Iterator[Callable[[LiveModel | None], Client]]:
    """Returns a function that starts the server in this process, with a model or without."""
    servers: list[uvicorn.Server] = []
    threads: list[threading.Thread] = []

    class Known(_Server):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            servers.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsalv360.explorer.server._Server", Known)

        def start(live: LiveModel | None = None) -> Client:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            how = {"browser": False, "live": live, "checkpoint": "fold0/best.pt"}
            arguments = [listen(port), results / "explorer"]
            thread = threading.Thread(target=serve, args=arguments, kwargs=how, daemon=True)
            thread.start()
            threads.append(thread)
            until(lambda: len(servers) == len(threads) and servers[-1].started)
            return Client(f"http://127.0.0.1:{port}/")

        yield start
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join(10)


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def frames_of(results: Path) -> Callable[[str], list[Path]]:
    return lambda video: sorted((results / "frames" / video).iterdir())


@pytest.fixture(scope="module")
def plain(server: Callable[..., Client]) -> Client:
    return server()


@pytest.fixture(scope="module")
def live(server: Callable[..., Client], model: TSalV360, results: Path) -> Client:
    return server(LiveModel(model, frames_of(results)))


@pytest.fixture
def expected(results: Path, model: TSalV360) -> Callable[[str], dict[int, NDArray[np.float32]]]:
    """The maps of `predict` for a prompt, by the place of their frame among the kept ones."""

    def predict(prompt: str) -> dict[int, NDArray[np.float32]]:
        windows = tsalv360.predict(results / "frames" / "001", prompt, model, fps=25, height=96)
        return {7 + k: window.maps[0] for k, window in enumerate(windows)}

    return predict


def decoded(message: dict[str, Any]) -> NDArray[np.float32]:
    gray = cv2.imdecode(np.frombuffer(base64.b64decode(message["png"]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert gray.dtype == np.uint8
    return gray.astype(np.float32) / 255 * message["value"]


def maps_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["kind"] == "map"]


def test_files_whole_and_in_part(plain: Client) -> None:
    status, headers, content = plain.get("/")
    assert (status, content) == (200, b"<h1>all</h1>")
    assert headers["Cache-Control"] == "no-cache" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and headers["Server"] is None
    status, headers, content = plain.get("/videos/001.mp4")
    assert (status, content) == (200, CONTENT) and headers["Accept-Ranges"] == "bytes"
    for asked, start, end in (("0-0", 0, 1), ("1000-1999", 1000, 2000), ("299990-", 299_990, None), ("-7", -7, None)):
        status, headers, content = plain.get("/videos/001.mp4", Range=f"bytes={asked}")
        assert (status, content) == (206, CONTENT[start:end])
        assert headers["Content-Range"].endswith("/300000")
    assert plain.get("/videos/001.mp4", Range="bytes=300000-")[0] == 416
    assert plain.get("/videos/001.mp4", If_None_Match=headers["ETag"])[0] == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/videos/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/videos/%2e%2e/%2e%2e/secret.txt",
        "/videos/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/videos/leak.txt",
        "/all/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/etc/passwd%00.html",
        "/file:///etc/passwd",
    ],
)
def test_nothing_outside_the_folder(plain: Client, live: Client, results: Path, path: str) -> None:
    for client in (plain, live):
        status, _, content = client.get(path)
        assert status in (400, 404) and content in (b"Not Found", b"Invalid HTTP request received."), content


def test_other_hosts_are_refused(live: Client) -> None:
    """As after DNS rebinding, when a stranger's name leads to this machine."""
    for host in ("evil.example", "evil.example:8360", "127.0.0.1.evil.example", "localhost.evil.example", ""):
        assert live.get("/", Host=host)[0] == 400
        if host:
            assert live.post("001", {"prompt": "a boat"}, Host=host, Origin=f"http://{host}").status == 400
    port = live.netloc.partition(":")[2]
    assert live.get("/", Host=f"localhost:{port}")[0] == 200


def test_only_own_pages_may_ask(live: Client) -> None:
    port = live.netloc.partition(":")[2]
    for origin in (
        "http://evil.example",
        "null",
        f"https://127.0.0.1:{port}",
        "http://127.0.0.1",
        f"http://localhost:{port}",
        "",
    ):
        assert live.post("001", {"prompt": "a boat"}, Origin=origin).status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert live.post("001", {"prompt": "a boat"}, **{"Content-Type": kind}).status == 415
    for content in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b'"a"',
        b'{"prompt": 3}',
        b"[" * 60_000,
        b"\xff",
        {"prompt": "a" * 70_000},
    ):
        assert live.post("001", content).status == 400
    assert live.get("/live/001")[0] in (404, 405)
    for video in ("004", "..", "%2e%2e", "001%00", "001.html", "*", ""):
        answer = live.post(video, {"prompt": "a boat"})
        assert answer.status in (404, 405)
        assert b"/" not in answer.read()


def test_pages_know_whether_a_model_answers(plain: Client, live: Client) -> None:
    assert plain.get("/live.js")[2] == b"window.TSALV360_LIVE = null;\n"
    status, headers, content = live.get("/live.js")
    assert status == 200 and headers["Content-Type"].startswith("text/javascript")
    assert content == b'window.TSALV360_LIVE = {"checkpoint": "fold0/best.pt"};\n'
    assert plain.post("001", {"prompt": "a boat"}).status == 405


def test_coarse_to_fine() -> None:
    order = coarse_to_fine(40)
    assert order[:6] == [0, 16, 32, 8, 24, 4] and sorted(order) == list(range(40))
    assert coarse_to_fine(1) == [0] and coarse_to_fine(0) == []


def test_a_prompt_gives_the_maps_of_predict(
    live: Client, expected: Callable[[str], dict[int, NDArray[np.float32]]]
) -> None:
    for prompt in ("a red ball", "two dogs run", "a red ball"):
        start, *messages, done = live.ask("001", prompt)
        assert start == {"kind": "start", "n": N_FRAMES - 7, "prompt": prompt, "remark": ""}
        assert done == {"kind": "done"}
        maps, known = maps_in(messages), expected(prompt)
        assert [one["picture"] for one in maps] == [7 + k for k in coarse_to_fine(N_FRAMES - 7)]
        for one in maps:
            whole = known[one["picture"]]
            assert one["value"] == pytest.approx(float(whole.max()), abs=1e-6)
            yaw, pitch, *_ = peak_and_spread(whole)
            assert (one["peak_yaw"], one["peak_pitch"]) == pytest.approx((yaw, pitch), abs=0.01)
            found = decoded(one)
            assert found.shape == SMALL == (96, 192)
            assert np.abs(found - resize_maps(whole[None], SMALL)[0]).max() < one["value"] / 255
    assert live.ask("002", "a red ball")[-1] == {"kind": "done"}


def test_a_second_prompt_encodes_no_frame_again(
    model: TSalV360, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    encode = model.encode_frames
    monkeypatch.setattr(
        model, "encode_frames", lambda frames, **how: encoded.append(len(frames)) or encode(frames, **how)
    )
    model_alone = LiveModel(model, frames_of(results))
    for prompt, n in (("a boat", N_FRAMES), ("a dog", 0), ("a boat", 0)):
        encoded.clear()
        assert len(maps_in(answer(model_alone, "001", prompt))) == N_FRAMES - 7
        assert sum(encoded) == n and set(encoded) <= {1}
    model_alone.close()
    assert not model_alone._thread.is_alive()


@pytest.mark.slow
def test_with_little_room_maps_are_the_same(model: TSalV360, results: Path) -> None:
    """Of 20 frames with maps, and of 2 videos without."""
    frame = model.encode_frames(torch.zeros(1, 96, 192, 3, dtype=torch.uint8))[0]
    with_maps = sum(tensor.nbytes for tensor in (frame.vectors, *frame.pooled, *(frame.maps or ())))
    whole = LiveModel(model, frames_of(results))
    known = answer(whole, "001", "a boat")
    for most in (0, 10 * with_maps, 60 * with_maps):
        small = LiveModel(model, frames_of(results), most)
        for video in ("001", "002", "001"):
            assert [one["png"] for one in maps_in(answer(small, video, "a boat"))] == [o["png"] for o in maps_in(known)]
            assert sum(small._kept._bytes.values()) <= most
            held = {
                video: sum(tensor.nbytes for f in frames.values() for tensor in (f.vectors, *f.pooled, *(f.maps or ())))
                for video, frames in small._kept._videos.items()
            }
            assert held == small._kept._bytes
        small.close()
    whole.close()


def answer(model: LiveModel, video: str, prompt: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    model.ask(video, prompt, messages.append)
    until(lambda: messages and messages[-1]["kind"] in ("done", "superseded", "error"))
    return messages


class Slow:
    """A model whose frames take as long as they are told."""

    def __init__(self, model: TSalV360, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.05) -> None:
        self.seconds, self.encoded, encode = seconds, 0, model.encode_frames

        def slowly(frames: torch.Tensor, **how: Any) -> Any:
            time.sleep(self.seconds)
            self.encoded += len(frames)
            return encode(frames, **how)

        monkeypatch.setattr(model, "encode_frames", slowly)


Begun = tuple[Slow, Client, http.client.HTTPResponse]


@pytest.fixture
def begun(
    server: Callable[..., Client], model: TSalV360, results: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Begun]:
    """A model at work, its client, and the answer to a first prompt, which takes 10 s."""
    slow = Slow(model, monkeypatch, 0.25)
    client = server(LiveModel(model, frames_of(results), 0))
    answer = client.post("001", {"prompt": "a boat"})
    assert json.loads(answer.readline())["kind"] == "start"
    yield slow, client, answer
    answer.close()


def test_the_newest_prompt_supersedes_the_others(begun: Begun) -> None:
    slow, client, first = begun
    second = client.post("002", {"prompt": "a dog"})  # waits for one batch at most
    third = client.post("001", {"prompt": "a kite"})
    assert json.loads(third.readline()) == {"kind": "start", "n": N_FRAMES - 7, "prompt": "a kite", "remark": ""}
    assert slow.encoded < N_FRAMES, "the first would take 10 s"
    assert json.loads(first.readlines()[-1]) == {"kind": "superseded"}
    assert json.loads(second.readlines()[-1]) == {"kind": "superseded"}
    slow.seconds = 0
    lines = [json.loads(line) for line in third]
    assert lines[-1] == {"kind": "done"} and len(maps_in(lines)) == N_FRAMES - 7


def test_progress_says_how_fast_and_how_long(
    server: Callable[..., Client], model: TSalV360, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Slow(model, monkeypatch)
    client = server(LiveModel(model, frames_of(results)))
    begin = time.monotonic()
    messages = client.ask("001", "a boat")
    took = time.monotonic() - begin
    found = [message for message in messages if message["kind"] == "progress"]
    assert 2 <= len(found) <= took / 0.5
    assert {message["stage"] for message in found} <= {"encoding", "decoding"}
    assert all(message["of"] == N_FRAMES - 7 and message["per_s"] >= 0 for message in found)
    done = [message["done"] for message in found]
    assert done == sorted(done) and 0 < found[len(found) // 2]["remaining_s"] < 3 * took
    assert found[-1]["remaining_s"] < found[0]["remaining_s"]


def test_files_are_served_while_the_model_computes(begun: Begun) -> None:
    slow, client, _ = begun
    n = slow.encoded
    for _ in range(10):
        assert client.get("/videos/001.mp4", Range="bytes=5-8")[2] == CONTENT[5:9]
    assert slow.encoded < N_FRAMES, "they waited for the model"
    until(lambda: slow.encoded > n)


def test_a_client_that_goes_stops_the_model(begun: Begun) -> None:
    slow, _, answer = begun
    answer.close()
    n = -1
    while n != slow.encoded:
        n = slow.encoded
        time.sleep(1)  # four frames
    assert n < N_FRAMES


def test_errors_are_those_of_the_model(live: Client, results: Path, model: TSalV360, video: Path) -> None:
    for prompt in ("", " ", "ball " * 98):
        (message,) = live.ask("001", prompt)
        with pytest.raises(InputError) as error:
            tsalv360.predict(video, prompt, model)
        assert message == {"kind": "error", "message": str(error.value)}
    (message,) = live.ask("003", "a boat")
    assert message["kind"] == "error" and "003" in message["message"]
    assert live.ask("001", "a boat")[-1] == {"kind": "done"}


def test_what_breaks_the_model_is_an_error_and_the_next_prompt_is_answered(
    model: TSalV360, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = LiveModel(model, frames_of(results))
    with monkeypatch.context() as patch:
        decode = model.decode
        patch.setattr(model, "decode", lambda clips, text: decode(clips, text) * float("nan"))
        message = answer(alone, "001", "a boat")[-1]
        assert (
            message["kind"] == "error"
            and "video 001: found saliency that is not finite near frame 0011" in message["message"]
        )
        patch.setattr(model, "decode", lambda clips, text: (_ for _ in ()).throw(RuntimeError("out of memory")))
        assert answer(alone, "001", "a boat")[-1] == {"kind": "error", "message": "The model failed: out of memory"}
    assert answer(alone, "001", "a boat")[-1] == {"kind": "done"}
    alone.close()


@pytest.mark.parametrize("busy", ["nothing", "model", "video"])
def test_ctrl_c_ends_the_command_at_once(results: Path, tmp_path: Path, busy: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "demo").symlink_to(results)
    options = ["--checkpoint", str(results / "fold0" / "best.pt"), "--device", "cpu"] if busy == "model" else []
    with command(tmp_path, *options) as (client, process):
        assert client.get("/videos/001.html")[2] == b"001"
        if busy == "model":
            assert b"fold0/best.pt" in client.get("/live.js")[2]
            answer = client.post("001", {"prompt": "a boat"})
            assert json.loads(answer.readline())["kind"] == "start"
        elif busy == "video":  # as a browser that waits in the middle of a film
            connection = http.client.HTTPConnection(client.netloc)
            connection.request("GET", "/videos/long.mp4")
            assert len(connection.getresponse().read(1000)) == 1000
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr and process.stderr.read() == "Interrupted.\n"
        if busy == "model":
            assert json.loads(answer.readlines()[-1])["message"] == "The model was stopped."


def test_a_server_in_the_background(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with background(results / "explorer") as url:
        client = Client(url)
        assert url == f"http://{client.netloc}" and client.get("/videos/001.html")[2] == b"001"
        connection = http.client.HTTPConnection(client.netloc)
        connection.request("GET", "/videos/long.mp4")
        assert len(connection.getresponse().read(1000)) == 1000
    with pytest.raises(OSError, match="refused"):
        client.get("/")
    assert capfd.readouterr() == ("", "")


def test_ports() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for impossible in (port, -1, 70_000):
            with pytest.raises(InputError, match=f"port: found {impossible} .* --port"):
                listen(impossible)

    with listen() as first, listen() as second:
        ports = [one.getsockname()[1] for one in (first, second)]
        assert PORT <= ports[0] < ports[1] < PORT + 100
        assert first.getsockname()[0] == "127.0.0.1"


def test_what_is_missing_is_said_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"explorer: found no explorer; .*snakemake"):
        explore_dataset(tmp_path)

"""Captions from a server: what it is sent, what its answers mean, and what happens when it fails."""

import base64
import io
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from captions.faults import GOOD, good, serve

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.captions.endpoint import Endpoint
from tsalv360.captions.settings import EndpointSettings
from tsalv360.job.errors import InputError

Make = Callable[..., Clip]
DOG = Answer("A dog runs.", -1.0)


def endpoint(url: str, **settings: Any) -> Endpoint:
    return Endpoint(EndpointSettings(url=url, model="tiny", **{"backoff_s": 0.01, "timeout_s": 60} | settings), 40)


def ask(url: str, clips: list[Clip], **settings: Any) -> dict[str, Answer]:
    return {clip.event: answer for clip, answer in endpoint(url, **settings).caption(clips, "what?")}


def test_the_pictures_are_sent_before_the_prompt_and_look_as_they_are(make_clip: Make) -> None:
    clip = make_clip("v_1", n=3)
    with serve() as server:
        assert ask(server.url, [clip]) == {"v_1": DOG}
    (request,) = server.requests
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("tiny", 0, 40)
    assert request["logprobs"] is True
    *images, text = request["messages"][0]["content"]
    assert text == {"type": "text", "text": "what?"}
    assert len(images) == 3
    for image, picture in zip(images, clip.pictures(), strict=True):
        head, data = image["image_url"]["url"].split(",")
        assert head == "data:image/jpeg;base64"
        seen = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(seen.astype(int) - picture).mean() < 6


def test_a_clip_can_be_sent_as_a_video_of_true_pace(make_clip: Make) -> None:
    clip = make_clip("v_1", n=8)
    with serve() as server:
        ask(server.url, [clip], send="video", logprobs=False)
    (request,) = server.requests
    assert "logprobs" not in request
    video, _ = request["messages"][0]["content"]
    head, data = video["video_url"]["url"].split(",")
    assert head == "data:video/mp4;base64"
    with av.open(io.BytesIO(base64.b64decode(data))) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 8
    assert frames[4].time == pytest.approx(0.5)
    assert np.abs(frames[5].to_ndarray(format="rgb24").astype(int) - clip.pictures()[5]).mean() < 12


@pytest.mark.parametrize("fault", [429, 503, "nothing", "half", b"<html>oops", {"choices": []}, 500, "slow"])
def test_a_passing_fault_costs_a_second_try(make_clip: Make, fault: Any) -> None:
    wait = 1 if fault == "slow" else 60
    with serve(fault) as server:
        assert ask(server.url, [make_clip()], attempts=2, error_attempts=2, timeout_s=wait) == {"v_1": DOG}
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [500, 502, b"<html>oops", {"error": "none"}, "slow"])
def test_server_errors_are_retried_and_then_fail_the_clip_alone(make_clip: Make, fault: Any) -> None:
    clips = [make_clip("v_1", seed=1), make_clip("v_2", seed=2)]
    wait = 1 if fault == "slow" else 60
    with serve(fault, fault, fault) as server:
        answers = ask(server.url, clips, error_attempts=3, concurrency=1, timeout_s=wait)
    assert answers["v_1"].failure.endswith("3 times")
    assert answers["v_2"] == DOG
    assert len(server.requests) == 4


def test_a_dropped_connection_fails_the_clip_alone_if_the_server_is_up(make_clip: Make) -> None:
    clips = [make_clip("v_1", seed=1), make_clip("v_2", seed=2)]
    with serve("nothing", "nothing") as server:
        answers = ask(server.url, clips, attempts=2, concurrency=1)
    assert "2 times" in answers["v_1"].failure
    assert answers["v_2"] == DOG


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_not_repeated(make_clip: Make, status: int) -> None:
    with serve(status) as server:
        answers = ask(server.url, [make_clip()])
    assert answers["v_1"].failure.startswith(f"HTTP {status}: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("send", "named"), [("video", True), ("images", False)])
def test_a_server_that_takes_no_video_is_explained(make_clip: Make, send: str, named: bool) -> None:
    with serve(400) as server:
        failure = ask(server.url, [make_clip()], send=send)["v_1"].failure
    assert ("captions.endpoint.send: images" in failure) == named


@pytest.mark.parametrize(("status", "advice"), [(401, "TSALV360_KEY"), (404, "captions.endpoint.model")])
def test_a_refusal_that_concerns_every_clip_stops_at_once(make_clip: Make, status: int, advice: str) -> None:
    clips = [make_clip(f"v_{k}", seed=k) for k in range(5)]
    with serve(*[status] * 5) as server, pytest.raises(InputError, match=rf"HTTP {status}[^$]*{advice}"):
        ask(server.url, clips, concurrency=1, key_variable="TSALV360_KEY")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_stays_busy_stops_the_job_after_the_answers_so_far(make_clip: Make, status: int) -> None:
    clips = [make_clip(f"v_{k}", seed=k) for k in range(4)]
    came = []
    with (
        serve(GOOD, *[status] * 3) as server,
        pytest.raises(InputError, match=rf"{server.url}.*HTTP {status}.*3 times"),
    ):
        for clip, answer in endpoint(server.url, attempts=3, concurrency=1).caption(clips, "what?"):
            came.append((clip.event, answer))
    assert came == [("v_0", DOG)]
    assert len(server.requests) == 4


def test_a_server_that_is_down_stops_the_job(make_clip: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(InputError, match=r"refused.*3 times.*Start the server again"):
        ask(url, [make_clip(f"v_{k}", seed=k) for k in range(6)], attempts=3)


def test_waits_double_unless_the_server_names_one(make_clip: Make) -> None:
    waited: list[float] = []
    with serve(429, 429, 500, (429, {"retry-after": "7"})) as server:
        captioner = endpoint(server.url, backoff_s=1, error_attempts=3)
        captioner._stop.wait = lambda s: bool(waited.append(s))  # type: ignore[method-assign, assignment]
        assert [answer for _, answer in captioner.caption([make_clip()], "what?")] == [DOG]
    assert waited[3] == 7
    for n, wait in enumerate(waited[:3]):
        assert 0.75 * 2**n <= wait <= 2**n


def test_requests_are_concurrent_up_to_the_limit(make_clip: Make) -> None:
    clips = [make_clip(f"v_{k}", seed=k) for k in range(9)]
    with serve() as server:
        server.hold_s = 0.2
        assert ask(server.url, clips, concurrency=3, timeout_s=30) == dict.fromkeys((c.event for c in clips), DOG)
    assert server.most_at_once == 3


@pytest.mark.parametrize(
    ("choice", "answer"),
    [
        ({"logprobs": None}, Answer("A dog runs.", None)),
        ({"finish_reason": "length", "logprobs": None}, Answer("A dog runs.", None, cut_off=True)),
        ({"message": {"content": None}, "logprobs": None}, Answer("")),
        (
            {
                "message": {"content": [{"type": "text", "text": "A dog "}, {"type": "text", "text": "runs."}]},
                "logprobs": None,
            },
            Answer("A dog runs."),
        ),
        (
            {
                "message": {
                    "content": [{"type": "reasoning", "summary": "?"}, {"type": "output_text", "text": "A cat."}]
                },
                "logprobs": None,
            },
            Answer("A cat."),
        ),
        ({"message": {"content": "", "refusal": "No."}}, Answer("", failure="the answer is a refusal: No.")),
        ({"finish_reason": "content_filter"}, Answer("", failure="the answer is a refusal: content filter")),
    ],
)
def test_replies_become_answers(make_clip: Make, choice: dict[str, Any], answer: Answer) -> None:
    with serve(good(**choice)) as server:
        assert ask(server.url, [make_clip()]) == {"v_1": answer}


def test_the_key_is_sent_and_never_shown(
    make_clip: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TSALV360_KEY", "sk-very-secret")
    with caplog.at_level(logging.DEBUG), serve(500, 400, 401) as server:
        clips = [make_clip("v_1", seed=1), make_clip("v_2", seed=2)]
        captioner = endpoint(server.url, key_variable="TSALV360_KEY", concurrency=1)
        failures = []
        with pytest.raises(InputError) as error:
            failures += [answer.failure for _, answer in captioner.caption(clips, "what?")]
    assert all(headers["authorization"] == "Bearer sk-very-secret" for headers in server.headers)
    shown = caplog.text, *capfd.readouterr(), str(error.value), *failures, str(captioner.decoding)
    everything = "".join(shown)
    assert "your key ***" in everything
    assert "secret" not in everything


def test_a_key_that_a_server_repeats_is_masked_in_captions(make_clip: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSALV360_KEY", "sk-very-secret")
    with serve(good(message={"content": "A man with sk-very-secret."})) as server:
        ((_, answer),) = endpoint(server.url, key_variable="TSALV360_KEY").caption([make_clip()], "what?")
    assert answer.text == "A man with ***."


@pytest.fixture(scope="module")
def transformers_server(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve` on this machine: a real server of chat completions."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(checkpoints["llava-next"])]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, *options], stdout=file, stderr=file, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        )
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.slow
def test_a_real_server_captions_what_it_is_sent(
    transformers_server: str, checkpoints: dict[str, Path], make_clip: Make
) -> None:
    clips = [make_clip(f"v_{k}", n=4, seed=k) for k in range(4)]
    settings = {"model": str(checkpoints["llava-next"]), "timeout_s": 120.0}

    def captions(concurrency: int) -> dict[str, Answer]:
        captioner = Endpoint(EndpointSettings(url=transformers_server, concurrency=concurrency, **settings), 12)  # type: ignore[arg-type]
        return {clip.event: answer for clip, answer in captioner.caption(clips, "describe one short sentence")}

    at_once, one_by_one = captions(4), captions(1)
    assert [at_once[clip.event].text for clip in clips] == [one_by_one[clip.event].text for clip in clips]
    assert len({answer.text for answer in at_once.values()}) == 4
    for answer in at_once.values():
        assert answer.text and not answer.failure
        assert answer.score is None or (answer.score < 0 and math.isfinite(answer.score))


@pytest.mark.slow
def test_a_real_server_refuses_an_unknown_model(transformers_server: str, make_clip: Make) -> None:
    captioner = Endpoint(EndpointSettings(url=transformers_server, model="no/such-model", backoff_s=0.01), 12)
    ((_, answer),) = captioner.caption([make_clip()], "what?")
    assert answer.failure.startswith("HTTP 400: {") and "pinned" in answer.failure

"""Many people and many faults at once on a real Label Studio: what is typed arrives unchanged, every task exists once.

Each test has a short form and one for `make soak`, whose length in seconds is TSALV360_SOAK_SECONDS (300). Both print
how much was tried.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import httpx
import pytest
import yaml
from curation.annotating import results
from running import TINY, Workflow
from workflow.cutting import cut, killed_at
from workflow.labelling import Session, plain_environment, session

from tsalv360.curation.labelstudio import CAPTION_SET

pytestmark = pytest.mark.slow
SECONDS = int(os.environ.get("TSALV360_SOAK_SECONDS", "300"))
WHOLE = pytest.mark.soak
DONE = "data and captions were read back"


@pytest.fixture(scope="module")
def studio(built: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session(built.folder, tmp_path_factory.mktemp("load") / "work") as running:
        yield running


class Dataset:
    """A made-up dataset with many events, from the same folder as the session or from another person's copy."""

    def __init__(self, studio: Session, name: str, folder: Path | None = None) -> None:
        self.studio, self.name, self.folder = studio, name, folder or studio.folder
        self.tasks: list[dict[str, Any]] = []
        self._results = self.folder / "results" / name
        for part in ("tracks", "videos"):
            source = studio.folder / "results" / "tiny" / part
            shutil.copytree(source, self._results / part, dirs_exist_ok=True)
        (self._results / "curation_tasks").mkdir(exist_ok=True)
        self._config = self.folder / f"{name}.yaml"
        # On a server, media are where the server finds them: in the session's folder.
        root = str(studio.folder / "results")
        (studio.folder / "results" / name / "curation_pictures").mkdir(parents=True, exist_ok=True)
        self._config.write_text(yaml.safe_dump({"dataset": {"name": name}, "curation": {"media_root": root}}))

    def write(self, n: int, note: str = "", first: int = 1) -> None:
        """Write the tasks of events 1 to `n`; those from `first` on have the note among their facts."""
        source = json.loads((self.studio.folder / "results" / "tiny" / "curation_tasks" / "001.json").read_text())[0]
        self.tasks = []
        for k in range(1, n + 1):
            task = json.loads(json.dumps(source))
            caption = f"Thing {k} moves{note if k >= first else ''}."
            task["data"] |= {"event_id": f"001_{k}", "event_hash": f"{k}{note if k >= first else ''}"}
            task["data"]["caption_machine"] = caption
            task["predictions"][0]["result"][0]["value"]["text"] = [caption]
            self.tasks.append(task)
        (self._results / "curation_tasks" / "001.json").write_text(json.dumps(self.tasks))

    def command(self, *arguments: str) -> list[str]:
        """A command of `tsalv360 curation` on this dataset."""
        return ["curation", *arguments, "--configfile", str(TINY), str(self._config)]

    def environment(self, url: str) -> dict[str, str]:
        return plain_environment() | {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": self.studio.login["key"]}

    def begin(self, *arguments: str, url: str = "") -> "subprocess.Popen[str]":
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tsalv360.cli", *self.command(*arguments)],
            cwd=self.folder,
            env=self.environment(url or self.studio.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def succeed(self, *arguments: str) -> str:
        """Run a command; returns what it prints."""
        process = self.begin(*arguments)
        printed = process.communicate(timeout=600)[0]
        assert process.returncode == 0, printed
        return printed

    def push_here(self, url: str) -> None:
        """Push in this process, a child that may be killed."""
        from tsalv360.cli import main

        os.chdir(self.folder)
        os.environ |= self.environment(url)
        main(self.command("push"))

    def project(self) -> Any:
        return self.studio.project(f"tsalv360: {self.name}")

    def n_projects(self) -> int:
        return sum(one.title == f"tsalv360: {self.name}" for one in self.studio.api().projects.list())

    def check(self) -> None:
        """Check that the server has every task once, with its data and its caption, and shows the caption."""
        assert self.n_projects() == 1
        there = self.project().tasks()
        assert Counter(task.event_id for task in there) == Counter(one["data"]["event_id"] for one in self.tasks)
        sent = {one["data"]["event_id"]: one for one in self.tasks}
        for task in there:
            expected = sent[task.event_id]
            assert task.touched or task.data == expected["data"]
            shown = [one["result"][0]["value"]["text"][0] for one in task.predictions]
            if task.touched:  # what a curator may have seen is not taken away
                shown = list(dict.fromkeys(shown))
            assert task.data["caption_machine"] in shown and (task.touched or len(shown) == 1), f"{task}"
        assert self.studio.api().projects.get(id=self.project().id).model_version == CAPTION_SET

    def saved(self) -> dict[str, set[str]]:
        """The captions in the curators' file, by event, in any version of any annotation."""
        path = self.folder / "curation" / self.name / "001.json"
        events = json.loads(path.read_text())["events"] if path.exists() else []
        found: dict[str, set[str]] = {}
        for event in events:
            captions = {one["said"]["caption"] for one in event["history"] if one["said"]}
            found.setdefault(event["event_id"], set()).update(captions)
        return found


class Annotators:
    """People who open tasks, type, and submit; who sees an error submits again, as one does in a browser."""

    def __init__(self, dataset: Dataset, n: int, url: str, pause_s: float) -> None:
        self.typed: dict[str, str] = {}
        self.n_errors = 0
        self._stop, self._url, self._pause_s = Event(), url, pause_s
        self._key = dataset.studio.login["key"]
        tasks = [task for task in dataset.project().tasks() if not task.touched]
        self._threads = [Thread(target=self._work, args=(number, tasks[number::n])) for number in range(n)]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int, tasks: list[Any]) -> None:
        chance = random.Random(number)
        with httpx.Client(headers={"Authorization": f"Token {self._key}"}, timeout=300) as http:
            for count, task in enumerate(tasks):
                if self._stop.is_set():
                    return
                text = f"Annotator {number} types text {count} of {task.event_id}: é “🙂” <b>."
                self._until_done(http, "GET", f"/api/tasks/{task.id}")
                draft = {"result": results(caption=text[:20]), "lead_time": 1.0}
                begun = self._until_done(http, "POST", f"/api/tasks/{task.id}/drafts", draft)
                final = {"result": results(caption=text, verdict="edit"), "lead_time": 5.0, "draft_id": begun["id"]}
                self._until_done(http, "POST", f"/api/tasks/{task.id}/annotations", final)
                self.typed[task.event_id] = text
                time.sleep(chance.uniform(0, 2 * self._pause_s))

    def _until_done(self, http: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        for _ in range(100):
            with suppress(httpx.TransportError):
                answer = http.request(method, self._url + path, json=body)
                if answer.is_success:
                    return answer.json()
            self.n_errors += 1
            time.sleep(0.3)
        raise AssertionError(f"{method} {path} never succeeded")

    def finish(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(600)
            assert not thread.is_alive()


def lost(typed: dict[str, str], saved: dict[str, set[str]]) -> list[str]:
    """Return the events whose typed text is not in the files to the character."""
    return [event for event, text in typed.items() if text not in saved.get(event, set())]


@pytest.mark.parametrize("seconds", [15, pytest.param(SECONDS, marks=WHOLE)])
def test_all_that_ten_annotators_type_beside_two_pushes_and_a_pull_arrives(
    studio: Session, tmp_path: Path, seconds: int
) -> None:
    ours = Dataset(studio, f"crowd-{seconds}")
    n = max(120, seconds * 12)
    ours.write(n)
    ours.succeed("push")
    people = Annotators(ours, 10, studio.url, pause_s=0.5)
    try:
        end = time.monotonic() + seconds
        theirs = Dataset(studio, ours.name, tmp_path)  # another person's folder: no lock between the two
        for dataset in (ours, theirs):
            dataset.write(n + n // 2, " anew", first=n - 9)
        pushes = [ours.begin("push"), theirs.begin("push")]
        printed = [push.communicate(timeout=600)[0] for push in pushes]
        assert [push.returncode for push in pushes] == [0, 0], printed
        ours.succeed("pull")
        time.sleep(max(0, end - time.monotonic()))
    finally:
        people.finish()
    printed.append(ours.succeed("push"))
    ours.check()
    ours.succeed("pull")
    gone = lost(people.typed, ours.saved())
    print(f"{seconds} s: {len(people.typed)} texts typed, {len(gone)} lost, {people.n_errors} requests tried again")
    print(*printed, sep="\n")
    assert people.typed and not gone


def test_two_first_pushes_at_the_same_time_make_everything_once(studio: Session, tmp_path: Path) -> None:
    pair = [Dataset(studio, "twins"), Dataset(studio, "twins", tmp_path)]
    together = {name: Barrier(2) for name in ("/api/projects/", "/import")}

    def wait_for_the_other(_: int, method: str, path: str) -> str:
        for name, barrier in together.items():
            if method == "POST" and path.split("?")[0].endswith(name):
                with suppress(Exception):  # broken: the other one is past it
                    barrier.wait(20)
        return ""

    for dataset in pair:
        dataset.write(20)
    with cut(studio.url, wait_for_the_other) as proxy:
        pushes = [dataset.begin("push", url=proxy) for dataset in pair]
        printed = [push.communicate(timeout=600)[0] for push in pushes]
    assert [push.returncode for push in pushes] == [0, 0], printed
    assert any("Removed project" in one for one in printed), printed
    assert "0 new tasks, 0 updated" in pair[0].succeed("push")
    pair[0].check()


@pytest.mark.parametrize("part", ["some", pytest.param("all", marks=WHOLE)])
def test_a_push_killed_between_any_two_requests_is_completed_by_the_next(studio: Session, part: str) -> None:
    """Kills while everything is made, and while tasks change and captions are missing."""
    n_kills, chance = 0, random.Random(1)
    places = [(number, when) for number in range(3, 40) for when in ("before", "after")]
    some = [(21, "before"), *chance.sample(places[:28], 2)]  # the first: while a task has its old and new predictions
    for number, when in places if part == "all" else some:
        dataset = Dataset(studio, f"killed-{part}-{number}-{when}")
        dataset.write(4)
        n_kills += killed_at(studio.url, number, when, dataset.push_here)
        completed(dataset)
        dataset.check()
        dataset.write(6, " anew", first=3)
        untouched = dataset.project().tasks()[0]
        for one in untouched.predictions:
            studio.api().predictions.delete(id=one["id"])
        n_kills += killed_at(studio.url, number, when, dataset.push_here)
        for task in dataset.project().tasks():
            shown = [one["result"][0]["value"]["text"][0] for one in task.predictions]
            assert not shown or task.data["caption_machine"] in shown, "a curator may open it before the next push"
        completed(dataset)
        dataset.check()
    print(f"{n_kills} kills, every time the next push had all tasks with their captions")
    assert n_kills >= (5 if part == "some" else 40)


def completed(dataset: Dataset) -> None:
    """Push in a child of this process, which has its libraries already."""
    killed_at(dataset.studio.url, -1, "", dataset.push_here)


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=WHOLE)])
def test_a_push_outlasts_a_server_that_stands_still(studio: Session, seconds: int) -> None:
    dataset = Dataset(studio, f"still-{seconds}")
    dataset.write(1500)
    number = json.loads((studio.folder / "label-studio" / "running.json").read_text())["pid"]
    stopped = Event()

    def stop(_: int, method: str, path: str) -> str:
        if method == "POST" and "/import" in path and not stopped.is_set():
            stopped.set()
            Thread(target=stand_still, args=(number, seconds)).start()
        return ""

    with cut(studio.url, stop) as proxy:
        push = dataset.begin("push", url=proxy)
        printed = push.communicate(timeout=600)[0]
    assert stopped.is_set() and push.returncode == 0 and DONE in printed, printed
    dataset.check()


def stand_still(process: int, seconds: int) -> None:
    os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [10, pytest.param(SECONDS // 3, marks=WHOLE)])
def test_what_is_typed_arrives_over_a_network_that_fails(studio: Session, seconds: int) -> None:
    """One of five requests is cut, half of these after the server has carried it out; a push has the same network."""
    dataset, chance = Dataset(studio, f"cut-{seconds}"), random.Random(2)
    n = max(40, seconds * 4)
    dataset.write(n)
    dataset.succeed("push")

    def fault(_: int, method: str, path: str) -> str:
        return chance.choice(["before", "after"]) if chance.random() < 0.2 else ""

    with cut(studio.url, fault) as proxy:
        people = Annotators(dataset, 3, proxy, pause_s=0.2)
        end = time.monotonic() + seconds
        try:
            dataset.write(n + n // 2, " anew", first=n - 4)
            push = dataset.begin("push", url=proxy)
            printed = push.communicate(timeout=600)[0]
            assert push.returncode == 0 or re.search("found .* on a request to|no server that answers", printed), (
                printed
            )
            time.sleep(max(0, end - time.monotonic()))
        finally:
            people.finish()
    dataset.succeed("push")
    dataset.check()
    dataset.succeed("pull")
    gone = lost(people.typed, dataset.saved())
    print(
        f"{len(people.typed)} texts typed, {len(gone)} lost, {people.n_errors} requests tried again; push:\n{printed}"
    )
    assert people.typed and people.n_errors and not gone

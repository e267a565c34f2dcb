"""A real Label Studio session on a copy of the tiny dataset, with a second user and a real browser."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from curation.annotating import results
from running import ROOT, TINY
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tsalv360.cli import main
from tsalv360.curation.labelstudio import Project
from tsalv360.curation.page import page_url

BROWSER = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1500,1250")
OFFLINE = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
CAPTION = "[data-testid=htx-textbox-content], [data-testid=htx-textbox-input]"
OPENINGS = 3


@dataclass
class Session:
    """`tsalv360 curation start`, as it runs in a folder of its own."""

    folder: Path
    configs: tuple[Path, ...] = (TINY,)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it has printed its login."""
        log = self.folder / "start.log"
        command = [sys.executable, "-m", "tsalv360.cli", "curation", "start", "--configfile", *map(str, self.configs)]
        with open(log, "w") as file:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT, env=plain_environment()
            )
        while "password" not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.3)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; returns its exit status."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(60)

    def kill_server(self) -> None:
        """Take the server away as a power cut does."""
        os.kill(json.loads((self.folder / "label-studio" / "running.json").read_text())["pid"], signal.SIGKILL)

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A command of `tsalv360 curation`."""
        return subprocess.run(
            [sys.executable, "-m", "tsalv360.cli", *self._command(arguments)],
            cwd=self.folder,
            env=plain_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def output(self, *arguments: str, **environment: str) -> str:
        """What a successful command prints; in this process, as a new one takes seconds to load its libraries."""
        printed = io.StringIO()
        surroundings = patch.dict(os.environ, plain_environment() | environment, clear=True)
        with chdir(self.folder), surroundings, redirect_stdout(printed), redirect_stderr(printed):
            status = main(self._command(arguments))
        assert status == 0, printed.getvalue()
        return printed.getvalue()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["curation", *arguments, "--configfile", *map(str, self.configs)]

    @property
    def login(self) -> dict[str, str]:
        return json.loads((self.folder / "label-studio" / "login.json").read_text())

    @property
    def url(self) -> str:
        return json.loads((self.folder / "label-studio" / "running.json").read_text())["url"]

    def project(self, title: str = "tsalv360: tiny") -> Project:
        project = Project(self.url, self.login["key"], title)
        assert project.id
        return project

    def task(self, event: str, number: int = 0) -> Any:
        """The task of an event, or that of a further round."""
        tasks = [task for task in self.project().tasks() if task.data["event_id"] == event]
        (task,) = [task for task in tasks if task.data.get("round", 0) == number]
        return task

    def annotate(self, event: str, user: int = 1, **given: Any) -> None:
        """Annotate an event through the API; `skipped=True` skips it."""
        skipped = given.pop("skipped", False)
        caption = {} if skipped else {"caption": self.task(event).data["caption_machine"]}
        self.api().annotations.create(
            id=self.task(event).id,
            result=results(**{**caption, **given}),
            was_cancelled=skipped,
            completed_by=user,
            lead_time=9.0,
        )

    def api(self) -> Any:
        return Project(self.url, self.login["key"], "any").client

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Token {self.login['key']}"}, timeout=60)

    def exports(self) -> list[Path]:
        """The exports that were kept, the oldest first."""
        return sorted((self.folder / "curation" / "tiny" / "exports").glob("*.json"))

    def records(self, video: str) -> list[dict[str, Any]]:
        return json.loads((self.folder / "curation" / "tiny" / f"{video}.json").read_text())["events"]

    def record(self, event: str) -> dict[str, Any]:
        (record,) = [r for r in self.records(event.split("_")[0]) if r["event_id"] == event]
        return record

    def change_tasks(self, video: str, change: Any) -> None:
        """Change what the workflow wrote: `change` gets the tasks of a video."""
        path = self.folder / "results" / "tiny" / "curation_tasks" / f"{video}.json"
        tasks = json.loads(path.read_text())
        change(tasks)
        path.write_text(json.dumps(tasks))


@contextmanager
def session(built: Path, folder: Path) -> Iterator[Session]:
    """A running session on a copy of a built dataset."""
    shutil.copytree(built, folder, copy_function=shutil.copy2)
    running = Session(folder)
    running.change_tasks("001", _more_to_choose_from)
    try:
        running.start()
        yield running
    finally:
        if running.process and running.process.poll() is None:
            running.stop(signal.SIGTERM)


def _more_to_choose_from(tasks: list[dict[str, Any]]) -> None:
    """Captions of a second captioner, as the workflow writes them where it has one; one event only has its caption."""
    tasks[0]["predictions"][0]["model_version"] = "second captioner main"
    for task in tasks:
        task["data"]["alternatives"] = [{"value": "A shape drifts over a town."}, {"value": "<b>Bold</b> & “quoted”."}]


def has_browser() -> bool:
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


def open_browser() -> webdriver.Chrome:
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in (*BROWSER, *OFFLINE):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


class Browser:
    """Chromium, logged in as the administrator."""

    def __init__(self, session: Session) -> None:
        self.driver = open_browser()
        self.session = session
        self.driver.get(f"{session.url}/user/login")
        self.driver.find_element(By.NAME, "email").send_keys(session.login["user"])
        self.driver.find_element(By.NAME, "password").send_keys(session.login["password"])
        self.driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self.wait(lambda: "/user/login" not in self.driver.current_url)
        # The list of tasks first: where the page of a task is the first of a project, Label Studio makes the project's
        # tab meanwhile, loads the list again and builds the page twice, over a task that it has dropped.
        self.driver.get(session.project().url)
        self.wait(lambda: "tab=" in self.driver.current_url)

    def wait(self, condition: Any, seconds: int = 60) -> Any:
        return WebDriverWait(self.driver, seconds, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda _: condition()
        )

    def find(self, selector: str) -> WebElement:
        found = self.wait(lambda: [e for e in self.driver.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()])
        return found[0]

    def text(self, text: str) -> WebElement:
        """The innermost element that shows a text."""
        path = f"//*[normalize-space(text())='{text}']"
        return self.wait(lambda: [e for e in self.driver.find_elements(By.XPATH, path) if e.is_displayed()])[0]

    def open(self, event: str) -> None:
        """Open the task of an event; a page that does not come up is opened again, as a curator would."""
        project, task = self.session.project(), self.session.task(event)
        for opening in range(1, OPENINGS + 1):
            self.driver.get(f"{project.url}/data?task={task.id}")
            try:
                return self._wait_for_task()
            except TimeoutException:
                self.keep(f"opening-{opening}-of-{event}")
        raise AssertionError(f"the task of {event} did not come up in {OPENINGS} openings")

    def _wait_for_task(self) -> None:
        """Wait until both videos can play and the caption can be edited."""
        script = "return [...document.querySelectorAll('video')].filter(v => v.readyState == 4).length"
        self.wait(lambda: self.driver.execute_script(script) == 2)
        self.find(CAPTION)

    def key(self, key: str) -> None:
        """Press a key outside of any text."""
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def edit_caption(self, text: str) -> None:
        """Replace the caption by native clicks and keys."""
        content = self.find("[data-testid=htx-textbox-content]")
        webdriver.ActionChains(self.driver).move_to_element(content).perform()  # shows the button
        self.find("[data-testid=htx-textbox-edit-button]").click()
        box = self.find("[data-testid=htx-textbox-input]")
        box.clear()
        box.send_keys(text)

    def submit(self, event: str) -> None:
        self.find("[data-testid=bottombar-submit-button]").click()
        self.wait(lambda: self.session.task(event).n_annotations)

    def keep(self, name: str) -> None:
        """Keep what is seen, the page and its console where TSALV360_ARTEFACTS names a folder."""
        if folder := os.environ.get("TSALV360_ARTEFACTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(folder, f"{name}.png")))
            Path(folder, f"{name}.html").write_text(self.driver.page_source, encoding="utf-8")
            console = [f"{line['level']} {line['message']}\n" for line in self.driver.get_log("browser")]
            Path(folder, f"{name}.log").write_text("".join(console), encoding="utf-8")


class Page:
    """Our page in Chromium on a small screen, logged in as a curator; native clicks and keys."""

    def __init__(self, session: Session, user: str, password: str) -> None:
        self.session, self.user, self.password = session, user, password
        self.driver = open_browser()
        self.driver.set_window_size(1366, 768)
        self.open()

    @property
    def url(self) -> str:
        return page_url(self.session.url, "tiny", self.session.project().id)

    def open(self) -> None:
        """Open the page by its printed URL, and log in if Label Studio asks for it."""
        self.driver.get(self.url)
        if self.driver.find_elements(By.NAME, "email"):
            self.driver.find_element(By.NAME, "email").send_keys(self.user)
            self.driver.find_element(By.NAME, "password").send_keys(self.password)
            self.driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self.wait(lambda: self.event)

    def open_task(self, task: Any) -> None:
        """Open the event of a task, whether or not it is the next one."""
        self.driver.get(f"{self.driver.current_url.partition('&task')[0]}&task={task.id}")
        self.wait(lambda: self.event == task.event_id)

    def wait(self, condition: Any, seconds: int = 60) -> Any:
        ignored = [StaleElementReferenceException]
        return WebDriverWait(self.driver, seconds, 0.05, ignored).until(lambda _: condition())

    def at(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def alternative(self, text: str) -> WebElement:
        """The button of another caption."""
        return self.at("alternatives").find_element(By.XPATH, f"button[contains(., '{text}')]")

    @property
    def event(self) -> str:
        """The event that is ready for review, nothing while one is loaded or if none is left."""
        ready = "const m = document.querySelector('main'); return Boolean(m) && !m.inert && !m.hidden"
        return self.at("title").text.split()[1] if self.driver.execute_script(ready) else ""

    @property
    def caption(self) -> str:
        return str(self.at("caption").get_property("value"))

    @property
    def verdict(self) -> str:
        """The chosen verdict, nothing if there is none."""
        chosen = self.driver.find_elements(By.CSS_SELECTOR, ".verdict[aria-pressed=true]")
        return str(chosen[0].get_attribute("data-verdict")) if chosen else ""

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def write(self, text: str) -> None:
        """Replace the caption, and stay in its field."""
        self.keys("e")
        webdriver.ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        self.keys(text)

    def submit(self) -> str:
        """Press Enter and wait for the next event or the end; returns the submitted event."""
        before = self.event
        self.keys(Keys.ENTER)
        self.wait(lambda: self.event not in ("", before) or self.at("done").is_displayed())
        return before

    def saved(self) -> None:
        """Wait until the server has the draft."""
        self.wait(lambda: self.at("saved").text == "saved")

    def seek(self, time_s: float) -> None:
        """Stop the video at a time by a click on the line below it."""
        line = self.at("line")
        length = float(self.at("counter").text.split()[2])
        x = round(line.rect["width"] * (time_s / length - 0.5))
        webdriver.ActionChains(self.driver).move_to_element_with_offset(line, x, 0).click().perform()
        self.wait(lambda: abs(float(self.at("counter").text.split()[0]) - time_s) < 0.1)


def sign_up(session: Session, user: str, password: str) -> httpx.Client:
    """Make an account by an invitation link, as colleagues do; returns a client that is logged in."""
    with session.http() as http:
        link = http.get("/api/invite").json()["invite_url"]
    new = httpx.Client(base_url=session.url, timeout=60)
    new.get(link)
    form = {"email": user, "password": password, "csrfmiddlewaretoken": new.cookies["csrftoken"]}
    assert new.post(link, data=form).status_code == 302
    return new


@contextmanager
def reviewing(session: Session, browser: Browser | None, event: str, **given: Any) -> Iterator[Browser]:
    """A curator reviews an event in the browser; the following tests find the annotation in any case.

    Without a browser the test is skipped, and if it fails the page is kept; then the API annotates as `given`.
    """
    try:
        if browser is None:
            pytest.skip("needs chromium and chromedriver (apt-get install chromium chromium-driver)")
        yield browser
    except Exception:
        if browser:
            browser.keep(f"failed-{event}")
        raise
    finally:
        if not session.task(event).n_annotations:
            session.annotate(event, **given)
        session.output("pull")


def plain_environment() -> dict[str, str]:
    secret = ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY")
    return {**{k: v for k, v in os.environ.items() if k not in secret}, "PYTHONPATH": str(ROOT)}

"""A real curation session: the server, two curators, a browser, faults; the tests run in order on one server."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pandas as pd
import pytest
import yaml
from curation.annotating import results
from explorer.made_dataset import data_of
from running import TINY, Workflow
from selenium.webdriver.common.keys import Keys
from workflow.labelling import Browser, Session, has_browser, plain_environment, reviewing, session, sign_up

from tsalv360.contracts.entries import Task, read_entry
from tsalv360.contracts.tables import TRACKS, write_table
from tsalv360.curation.labelstudio import INTERFACE
from tsalv360.curation.page import page_url
from tsalv360.curation.tasks import track_text
from tsalv360.media.maps import Maps

EDITED = "A blue star <script>alert(1)</script> drifts right. نجمة"
GONE = re.compile("no server that answers|Run the command again: it continues where it stopped")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(built: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session(built.folder, tmp_path_factory.mktemp("studio") / "work") as running:
        running.api().users.create(email="ben@example.org", username="ben")
        yield running


@pytest.fixture(scope="module")
def browser(studio: Session) -> Iterator[Browser | None]:
    opened = Browser(studio) if has_browser() else None
    yield opened
    if opened:
        opened.driver.quit()


def test_start_prints_the_url_and_every_event_is_a_task(studio: Session) -> None:
    printed = (studio.folder / "start.log").read_text()
    assert (
        f"open      {page_url(studio.url, 'tiny', studio.project().id)}" in printed
        and studio.login["password"] in printed
    )
    assert "4 new tasks" in printed
    port = studio.url.rpartition(":")[2]
    assert f"ssh -L {port}:127.0.0.1:{port} " in printed
    assert (studio.folder / "label-studio").stat().st_mode & 0o077 == 0
    outside = [p for p in studio.folder.rglob("*") if p.is_file() and "label-studio" not in p.parts]
    assert not [p for p in outside if studio.login["key"].encode() in p.read_bytes()]
    assert sorted(task.data["event_id"] for task in studio.project().tasks()) == ["001_1", "001_2", "002_1", "002_2"]


def test_sign_up_is_closed_and_media_are_for_users_who_are_logged_in(studio: Session) -> None:
    page = httpx.get(f"{studio.url}/user/signup/")
    form = {"email": "eve@example.org", "password": "eve-eve-eve", "csrfmiddlewaretoken": page.cookies["csrftoken"]}
    assert httpx.post(f"{studio.url}/user/signup/", data=form, cookies=page.cookies).status_code == 403
    viewport = studio.task("001_1").data["viewport_url"]
    assert httpx.get(studio.url + viewport).status_code == 401
    with studio.http() as http:
        got = http.get(viewport)
        assert (got.status_code, got.headers["content-type"]) == (200, "video/mp4")
        for other in ("tiny/dataset/README.md", "tiny/viewports/../dataset/README.md", "../label-studio/login.json"):
            assert http.get(f"/data/local-files/?d={other}").status_code >= 400


def test_pushing_again_creates_nothing_twice(studio: Session) -> None:
    assert "0 new tasks, 0 updated, 4 unchanged" in studio.output("push")
    assert len(studio.project().tasks()) == 4


def test_the_task_stream_shows_the_captions_of_every_captioner(studio: Session) -> None:
    with studio.http() as http:
        opened = http.post(
            "/api/dm/actions", params={"id": "next_task", "project": studio.project().id}, json={}
        ).json()
    assert opened["data"]["event_id"] == "001_1"
    (shown,) = opened["predictions"]
    assert shown["result"][0]["value"]["text"] == [opened["data"]["caption_machine"]]


def test_captions_that_did_not_arrive_or_are_others_are_mended(studio: Session) -> None:
    api, text = studio.api(), {"from_name": "caption", "to_name": "viewport", "type": "textarea"}
    (lost,), (other,) = studio.task("001_1").predictions, studio.task("002_1").predictions
    api.predictions.delete(id=lost["id"])
    wrong = [{"id": "caption", **text, "value": {"text": ["Of before."]}}]
    api.predictions.update(id=other["id"], task=studio.task("002_1").id, result=wrong)
    assert "0 new tasks, 0 updated, 2 without their caption, or with another one, mended" in studio.output("push")
    for event in ("001_1", "002_1"):
        task = studio.task(event)
        assert [one["result"][0]["value"]["text"] for one in task.predictions] == [[task.data["caption_machine"]]]


def test_a_task_that_another_curator_has_begun_since_it_was_listed_stays(studio: Session) -> None:
    """Label Studio lists a draft to its author only."""
    listed, project = studio.task("001_1"), studio.project()
    path = studio.folder / "results" / "tiny" / "curation_tasks" / "001.json"
    (new,) = [task for task in read_entry(path, list[Task]) if task.data.event_id == "001_1"]
    with closing(sign_up(studio, "other@example.org", "curating360")) as http:
        token = {"X-CSRFToken": http.cookies["csrftoken"]}
        begun = http.post(f"/api/tasks/{listed.id}/drafts", json={"result": [], "lead_time": 1.0}, headers=token)
        assert studio.task("001_1").touched and not listed.touched
        assert not project.update(listed, replace(new, data=replace(new.data, facts="Other facts.")))
        project.remove_untouched([listed])
        http.delete(f"/api/drafts/{begun.json()['id']}/", headers=token)
    assert studio.task("001_1").data == listed.data and not studio.task("001_1").touched


def test_of_two_projects_the_one_with_the_work_of_curators_stays(studio: Session) -> None:
    api, title = studio.api(), "tsalv360: tiny"
    first = studio.project()
    second = api.projects.create(title=title, label_config=INTERFACE.read_text())
    assert f"Removed project {second.id}" in studio.output("push")
    assert [one.id for one in api.projects.list() if one.title == title] == [first.id]

    second = api.projects.create(title=title, label_config=INTERFACE.read_text())
    here = studio.task("001_1")
    api.projects.import_tasks(id=second.id, request=[{"data": here.data}])
    (there,) = api.tasks.list(project=second.id)
    for task in (here, there):
        api.annotations.create(id=task.id, result=results(caption="Typed.", verdict="edit"))
    done = studio.run("push")
    assert done.returncode == 1 and f"projects/{first.id} and {studio.url}/projects/{second.id}" in done.stdout
    assert "Rename all but one (Settings, General)" in done.stdout
    assert sorted(one.id for one in api.projects.list() if one.title == title) == [first.id, second.id]
    api.projects.delete(id=second.id)
    for annotation in studio.task("001_1").annotations:
        api.annotations.delete(id=annotation["id"])


def test_a_link_among_the_media_is_refused(studio: Session) -> None:
    link = studio.folder / "results" / "tiny" / "viewports" / "001" / "link.mp4"
    link.symlink_to("/etc/passwd")
    done = studio.run("push")
    link.unlink()
    assert done.returncode == 1 and f"{link.relative_to(studio.folder)}: found a symbolic link" in done.stdout


def test_a_curator_edits_in_the_browser(studio: Session, browser: Browser | None) -> None:
    with reviewing(studio, browser, "001_1", verdict="edit", caption=EDITED) as curator:
        curator.open("001_1")
        play = "return [...document.querySelectorAll('video')].map(v => v.currentTime)"
        curator.find("[data-testid='playback-button:play']").click()
        curator.wait(lambda: min(curator.driver.execute_script(play)) > 0.5)
        left, right = curator.driver.execute_script(play)
        assert abs(left - right) < 0.2
        curator.find("[data-testid='playback-button:pause']").click()
        curator.edit_caption(EDITED)
        curator.key(Keys.ENTER)
        curator.key("e")  # the verdict, not a letter of the text
        curator.keep("label-studio")
        curator.submit("001_1")
    decided = studio.record("001_1")["decided"]
    assert decided["caption"] == EDITED
    assert decided["verdict"] == "edit"
    (judgement,) = studio.record("001_1")["history"]
    assert judgement["who"] == studio.login["user"] and judgement["lead_time_s"] > 0


def test_a_curator_accepts_with_two_keys(studio: Session, browser: Browser | None) -> None:
    with reviewing(studio, browser, "002_2", verdict="accept") as curator:
        curator.open("002_2")
        curator.key("a")
        curator.submit("002_2")
    assert studio.record("002_2")["decided"]["verdict"] == "accept"
    assert studio.record("002_2")["history"][0]["remark"] is None


def test_an_alternative_can_be_chosen_and_is_shown_as_text(studio: Session, browser: Browser | None) -> None:
    alternative = studio.task("001_2").data["alternatives"][1]["value"]
    given = {"verdict": "edit", "alternative": alternative, "flags": ["bad_end"], "end": 2.5}
    with reviewing(studio, browser, "001_2", **given) as curator:
        curator.open("001_2")
        curator.text("<b>Bold</b> & “quoted”.").click()
        curator.key("e")
        curator.key("d")
        curator.find("input[name=end]").send_keys("2.5")
        curator.submit("001_2")
    decided = studio.record("001_2")["decided"]
    assert decided["caption"] == "<b>Bold</b> & “quoted”."
    assert decided["flags"] == ["bad_end"]
    # The viewport video begins one second before the event.
    assert decided["end_s"] == pytest.approx(studio.task("001_2").data["start_s"] + 1.5, abs=0.07)


def test_the_decisions_are_in_the_dataset_that_is_built_next(studio: Session) -> None:
    drafts = Workflow(studio.folder)
    machine = pd.read_parquet(drafts.results / "dataset" / "annotations.parquet").set_index("event_id")
    curated = drafts.with_config(curation={"mode": "curated"})
    assert curated.planned() == {"assemble": 2, "dataset": 1, "explorer_page": 2, "explorer": 1}
    curated.build()
    curated_rows = pd.read_parquet(drafts.results / "dataset" / "annotations.parquet").set_index("event_id")
    assert curated_rows.caption_origin.to_dict() == {"001_1": "edited", "001_2": "edited", "002_2": "accepted"}
    assert curated_rows.caption["001_1"] == EDITED and curated_rows.caption["002_2"] == machine.caption["002_2"]
    assert curated_rows.end_frame["001_2"] < machine.end_frame["001_2"]
    assert Maps(drafts.results / "dataset" / "maps" / "001.parquet").caption("001_1") == EDITED
    page = (drafts.results / "explorer" / "videos" / "001.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page
    assert [event["verdict"] for event in data_of(drafts.results / "explorer" / "videos" / "001.html")["events"]] == [
        "edit", "edit"
    ]  # fmt: skip


def test_skipped_tasks_and_drafts_are_listed_and_decide_nothing(studio: Session) -> None:
    studio.annotate("002_1", skipped=True)
    with studio.http() as http:
        draft = {"result": [], "lead_time": 1.0}
        assert http.post(f"/api/tasks/{studio.task('002_1').id}/drafts", json=draft).status_code == 201
    printed = studio.output("pull")
    assert "drafts, not submitted (1):\n  002_1: a draft of curator@example.org" in printed
    assert studio.record("002_1")["decided"] is None
    row = next(line for line in studio.output("status").splitlines() if line.startswith("002"))
    assert row.split() == ["002", "2", "0", "1", "1", "1"]


def test_status_counts_what_is_on_the_server_and_what_is_saved(studio: Session) -> None:
    studio.annotate("002_1", user=2, verdict="reject")
    printed = studio.output("status")
    people = [line.split() for line in printed.splitlines() if "@" in line]
    assert people == [
        ["ben@example.org", "0", "0", "1", "0", "0", "0"],
        [studio.login["user"], "1", "2", "0", "1", "1", "0"],
    ]
    assert "saved in curation/tiny: 1 accept, 2 edit, 0 reject, 1 undecided" in printed
    assert "not saved yet: what is new on 1 tasks" in printed
    (by_ben,) = [one for one in studio.task("002_1").annotations if one["completed_by"] == 2]
    studio.api().annotations.delete(id=by_ben["id"])
    assert "nothing new" in studio.output("pull")


def test_a_second_pull_transfers_only_changes_and_every_export_is_kept(studio: Session) -> None:
    before = studio.exports()
    assert studio.output("pull").startswith("nothing new")
    assert studio.exports() == before
    text = "🙂 " + "very long " * 1000
    studio.annotate("002_1", user=2, caption=text, verdict="accept")
    assert "counts as edited" in studio.output("pull")
    (new,) = [path for path in studio.exports() if path not in before]
    assert [task["data"]["event_id"] for task in json.loads(new.read_text())] == ["002_1"]
    assert studio.record("002_1")["decided"]["caption"] == text.strip()
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=new.parent, check=False)
    assert done.returncode == 0


def test_disagreement_is_listed_and_the_event_is_sent_back_once(studio: Session) -> None:
    studio.annotate("001_1", user=2, verdict="reject", flags=["not_an_event"])
    printed = studio.output("pull")
    assert "curators disagree" in printed and "001_1" in printed
    record = studio.record("001_1")
    assert record["disagreement"] and record["decided"]["verdict"] == "reject"
    assert [judgement["who"] for judgement in record["history"]] == ["curator@example.org", "ben@example.org"]
    assert "1 new tasks" in studio.output("push", "--send-back")
    assert "0 new tasks" in studio.output("push", "--send-back")
    assert f"- curator@example.org: edit: {EDITED}" in studio.task("001_1", 1).data["facts"]


def test_an_update_reaches_free_tasks_and_no_others(studio: Session) -> None:
    def add(tasks: list[dict[str, Any]]) -> None:
        copy = json.loads(json.dumps(tasks[0]))
        copy["data"] |= {"event_id": "002_3", "event_hash": "first"}
        tasks.append(copy)

    def change(tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            task["data"] |= {"event_hash": "second", "caption_machine": "Another caption."}
            task["predictions"][0]["result"][0]["value"]["text"] = ["Another caption."]

    studio.change_tasks("002", add)
    assert "1 new tasks, 0 updated" in studio.output("push")
    touched = studio.task("002_1")
    studio.change_tasks("002", change)
    printed = studio.output("push")
    assert "0 new tasks, 1 updated" in printed
    assert "kept, although changed since a curator worked on them (2):\n  002_1\n  002_2" in printed
    assert studio.task("002_1") == touched
    free = studio.task("002_3")
    assert free.data["event_hash"] == "second"
    (prediction,) = studio.api().predictions.list(task=free.id)
    assert prediction.result[0]["value"]["text"] == ["Another caption."]


def test_an_event_that_changed_is_reviewed_again_with_pictures_of_both(studio: Session) -> None:
    path = studio.folder / "results" / "tiny" / "tracks" / "002.parquet"
    before = path.read_bytes()
    tracks = pd.read_parquet(path)
    tracks.loc[tracks.event_id == "002_2", "pitch_deg"] -= 6
    write_table(path, tracks, TRACKS)

    as_it_was: dict[str, Any] = {}

    def move(tasks: list[dict[str, Any]]) -> None:
        as_it_was.update(tasks[1]["data"])
        tasks[1]["data"] |= {"event_hash": "moved", "track": track_text(tracks[tracks.event_id == "002_2"], 25.0)}

    studio.change_tasks("002", move)
    printed = studio.output("push")
    assert "to be reviewed again, since the event has changed (1):\n  002_2" in printed
    (task,) = [task for task in studio.project().tasks() if task.data["event_hash"] == "moved"]
    assert task.data["facts"].startswith("Reviewed before the event changed, by curator@example.org: accept: ")
    with studio.http() as http:
        both = http.get(task.data["poster_url"])
    assert both.headers["content-type"] == "image/jpeg" and both.content[:3] == b"\xff\xd8\xff"
    assert studio.output("push").count("0 new tasks, 0 updated")
    studio.api().tasks.delete(id=str(task.id))
    path.write_bytes(before)
    studio.change_tasks("002", lambda tasks: tasks[1]["data"].update(as_it_was))


def test_a_task_deleted_by_hand_comes_back_or_its_record_stays(studio: Session) -> None:
    studio.api().tasks.delete(id=str(studio.task("002_3").id))
    assert "1 new tasks" in studio.output("push")
    studio.change_tasks("002", lambda tasks: tasks.pop())
    assert "only on the server: these events no longer exist (1):\n  002_3" in studio.output("push")
    reviewed = studio.record("002_2")
    studio.api().tasks.delete(id=str(studio.task("002_2").id))
    studio.output("pull")
    assert studio.record("002_2") == reviewed


def test_a_project_edited_by_hand_is_reset_and_loses_nothing(studio: Session) -> None:
    project = studio.project()
    edited = INTERFACE.read_text().replace('<Choice value="edit" hotkey="e"/>', '<Choice value="maybe"/>')
    studio.api().projects.update(id=project.id, label_config=edited)
    studio.annotate("001_2", user=2, verdict="maybe")
    printed = studio.output("push")
    assert "The project's labelling interface differs from config/label_studio.xml, which it is set to now" in printed
    assert "verdict: found 'maybe', expected one of accept, edit, reject" in printed
    assert studio.api().projects.get(id=project.id).label_config.strip() == INTERFACE.read_text().strip()
    assert studio.record("001_2")["decided"]["verdict"] == "edit"


def test_either_kind_of_token_opens_a_team_server(studio: Session) -> None:
    with studio.http() as http:
        personal = http.post("/api/token/", json={}).json()["token"]
    for key in (studio.login["key"], personal):
        printed = studio.output("status", LABEL_STUDIO_URL=studio.url, LABEL_STUDIO_API_KEY=key)
        assert "001" in printed and key not in printed


@pytest.mark.parametrize(
    ("url", "key", "message"),
    [
        (None, "0" * 40, "found an invalid or expired token"),
        (
            None,
            jwt.encode({"exp": 1, "token_type": "refresh"}, "k" * 32),
            "found an invalid or expired token",
        ),
        (None, "", "LABEL_STUDIO_API_KEY: found nothing"),
        ("http://127.0.0.1:9", "x", "found no server that answers"),
        ("127.0.0.1:8080", "x", "expected a URL such as http://host:8080"),
    ],
)
def test_a_server_that_cannot_be_used_is_named(studio: Session, url: str | None, key: str, message: str) -> None:
    done = studio.run("pull", LABEL_STUDIO_URL=url or studio.url, LABEL_STUDIO_API_KEY=key)
    assert done.returncode == 1 and message in done.stdout
    assert "Traceback" not in done.stdout and (not key or len(key) < 9 or key not in done.stdout)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "found a server that is not Label Studio (status 404)"),
        (
            {"/api/version": {"release": "2.0.0"}, "/api/current-user/whoami": {"id": 1, "email": "a@b"}},
            "note: the server is Label Studio 2.0.0; tested with 1.23",
        ),
    ],
)
def test_another_kind_of_server_is_named(studio: Session, answers: dict[str, Any], message: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.split("?")[0].rstrip("/"))
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    Thread(target=other.serve_forever, daemon=True).start()
    done = studio.run("status", LABEL_STUDIO_URL=f"http://127.0.0.1:{other.server_port}", LABEL_STUDIO_API_KEY="x" * 40)
    other.shutdown()
    assert done.returncode == 1 and message in done.stdout and "Traceback" not in done.stdout


def test_an_export_can_be_imported_without_a_server(studio: Session, tmp_path: Path) -> None:
    alone = Session(tmp_path)
    for path in studio.exports():
        alone.output("import", str(path))
    for video in ("001", "002"):
        ours = [(r["event_id"], r["event_hash"], r["decided"]) for r in studio.records(video)]
        assert [(r["event_id"], r["event_hash"], r["decided"]) for r in alone.records(video)] == ours
    half = tmp_path / "half.json"
    half.write_bytes(studio.exports()[0].read_bytes()[:-500])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    done = alone.run("import", str(half))
    assert done.returncode == 1 and "half.json: found no readable JSON" in done.stdout
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.json")}


def test_a_second_start_is_refused_while_one_runs(studio: Session) -> None:
    done = studio.run("start")
    assert done.returncode == 1 and f"a server that runs already, {studio.url}" in done.stdout


def test_a_server_killed_in_the_middle_of_push_and_pull_loses_nothing(studio: Session) -> None:
    many = studio.folder / "many.yaml"
    many.write_text(yaml.safe_dump({"dataset": {"name": "many"}}))
    source = json.loads((studio.folder / "results" / "tiny" / "curation_tasks" / "001.json").read_text())[0]
    tasks = [
        {**source, "data": {**source["data"], "event_id": f"001_{k}", "event_hash": str(k)}} for k in range(1, 2001)
    ]
    results_of_many = studio.folder / "results" / "many"
    shutil.copytree(studio.folder / "results" / "tiny", results_of_many)
    (results_of_many / "curation_tasks" / "001.json").write_text(json.dumps(tasks))
    (results_of_many / "curation_tasks" / "002.json").unlink()
    large = Session(studio.folder, (TINY, many), studio.process)

    title = "tsalv360: many"
    pushing = Thread(target=lambda: done.append(large.run("push")))
    done: list[Any] = []
    pushing.start()
    wait_for_requests(studio, "/import", 2)
    large.kill_server()
    pushing.join()
    assert done[0].returncode == 1 and GONE.search(done[0].stdout)
    large.stop()
    large.start()  # pushes the rest
    pushed = Counter(task.data["event_id"] for task in large.project(title).tasks())
    assert len(pushed) == 2000 and set(pushed.values()) == {1}

    captions = {task.data["event_id"]: f"Seen {task.id}." for task in large.project(title).tasks()[:12]}
    for task in large.project(title).tasks()[:12]:
        caption = results(caption=captions[task.data["event_id"]], verdict="edit")
        large.api().annotations.create(id=task.id, result=caption)
    one_at_a_time = (
        "import tsalv360.curation.labelstudio as s; s._EXPORTED_AT_ONCE = 1; import tsalv360.cli as c; c.main()"
    )
    pulling = subprocess.Popen(
        [sys.executable, "-c", one_at_a_time, "curation", "pull", "--configfile", str(TINY), str(many)],
        cwd=studio.folder,
        env=plain_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_requests(studio, "/export?", 2)
    large.kill_server()
    assert GONE.search(pulling.communicate(timeout=120)[1])
    assert not (studio.folder / "curation" / "many" / "001.json").exists()
    large.stop()
    large.start()
    large.output("pull")
    kept = json.loads((studio.folder / "curation" / "many" / "001.json").read_text())["events"]
    assert {record["event_id"]: record["decided"]["caption"] for record in kept} == captions
    studio.process = large.process


def wait_for_requests(studio: Session, path: str, n: int) -> None:
    """Wait until the server has answered n more requests of a path than when this was called."""
    log = studio.folder / "label-studio" / "server.log"
    already = log.read_text().count(path)
    while log.read_text().count(path) < already + n:
        time.sleep(0.01)


def test_ctrl_c_stops_the_server_and_its_work_stays(studio: Session) -> None:
    url = studio.url
    assert studio.stop() == 0
    assert "Stopping Label Studio" in (studio.folder / "start.log").read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    assert not (studio.folder / "label-studio" / "running.json").exists()
    done = studio.run("status")
    assert done.returncode == 1 and "tsalv360 curation start" in done.stdout

"""Our page on a real Label Studio, in Chromium by native clicks and keys: nothing typed is lost or changed."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from running import TINY, Workflow
from selenium.webdriver.common.keys import Keys
from workflow.labelling import Browser, Page, Session, has_browser, session, sign_up

ANN, BEN = ("ann@example.org", "ann-ann-ann"), ("ben@example.org", "ben-ben-ben")
TYPED = "A blue star <script>alert(1)</script> drifts right. نجمة"
LEAVING = ("Tab", "Escape", "Enter", "a click elsewhere")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_browser(), reason="needs chromium and chromedriver (apt-get install chromium chromium-driver)"
    ),
]


@pytest.fixture(scope="module")
def studio(built: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session(built.folder, tmp_path_factory.mktemp("studio") / "work") as running:
        running.change_tasks("002", add_events)
        running.output("push")
        for curator in (ANN, BEN):
            sign_up(running, *curator).close()
        yield running


def add_events(tasks: list[dict[str, Any]]) -> None:
    """As many events as the tests review."""
    for number in range(3, 21):
        copy = json.loads(json.dumps(tasks[0]))
        copy["data"] |= {"event_id": f"002_{number}", "event_hash": str(number), "title": f"Event 002_{number}"}
        copy["data"]["others"].append({"value": "../../dataset/002_1"})
        tasks.append(copy)


@pytest.fixture(scope="module")
def page(studio: Session) -> Iterator[Page]:
    opened = Page(studio, *ANN)
    yield opened
    opened.driver.quit()


def decided(studio: Session, event: str) -> dict[str, Any]:
    """The decision on an event after a pull."""
    studio.output("pull")
    return studio.record(event)["decided"]


def test_the_next_event_opens_with_the_machine_s_caption_and_two_keys_accept_it(studio: Session, page: Page) -> None:
    machine = studio.task(page.event).data["caption_machine"]
    assert page.caption == machine and page.verdict == ""
    page.keys("a")
    assert page.verdict == "accept"
    event = page.submit()
    assert decided(studio, event) | {"caption": machine, "verdict": "accept"} == decided(studio, event)
    (annotation,) = studio.record(event)["history"]
    assert annotation["who"] == ANN[0] and annotation["lead_time_s"] > 0 and annotation["remark"] is None
    assert page.at("progress").text == f"1 of {len(studio.project().tasks())} done"
    assert page.at("pace").text.startswith("1 by you")


def test_a_key_opens_the_moment_in_the_explorer(page: Page) -> None:
    """The server that `start` prints for it serves the pages of this dataset."""
    own, event = page.driver.current_window_handle, page.event
    page.keys("x")
    (other,) = set(page.driver.window_handles) - {own}
    page.driver.switch_to.window(other)
    try:
        video = event.partition("_")[0]
        assert re.search(rf"/videos/{video}\.html#t=\d+\.\d+&event={event}", page.driver.current_url)
        assert page.driver.title.startswith(f"{video}:")
    finally:
        page.driver.close()
        page.driver.switch_to.window(own)


def test_all_that_an_event_needs_is_on_a_small_screen(page: Page) -> None:
    height, width, scrolls = page.driver.execute_script(
        "return [innerHeight, innerWidth, document.documentElement.scrollHeight > innerHeight]"
    )
    assert (width, height < 700, scrolls) == (1366, True, False)
    names = "viewport overlay poster facts caption start end alternatives flags comment rating submit counter line play"
    for name in names.split():
        box = page.at(name).rect
        assert box["height"] > 10 and box["y"] >= 0 and box["y"] + box["height"] <= height, name
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, name
    assert page.at("viewport").rect["height"] > 200
    aside = "const a = document.querySelector('aside'); return a.scrollHeight <= a.clientHeight"
    assert page.driver.execute_script(aside)


def test_tasks_are_shown_as_text(page: Page) -> None:
    assert "<b>Bold</b> & “quoted”." in page.at("alternatives").text
    assert not page.at("alternatives").find_elements("css selector", "b")


@pytest.mark.parametrize("leaving", LEAVING)
def test_typed_text_is_kept_however_the_field_is_left(studio: Session, page: Page, leaving: str) -> None:
    text = f"{TYPED} ({leaving})"
    page.write(text)
    if leaving == "a click elsewhere":
        page.at("facts").click()
    else:
        page.keys(getattr(Keys, leaving.upper()))
    assert page.caption == text and page.verdict == "edit"
    page.keys("v")  # a hot key, not a letter of the text
    event = page.submit()
    result = decided(studio, event)
    assert (result["verdict"], result["caption"], result["flags"]) == ("edit", text, ["bad_viewport"])
    assert studio.record(event)["history"][0]["remark"] is None


def test_a_text_that_another_caption_replaced_can_be_chosen_again(studio: Session, page: Page) -> None:
    page.write("Typed with care.")
    page.keys(Keys.ENTER, "1")
    assert page.caption == studio.task(page.event).data["caption_machine"] and page.verdict == "accept"
    page.alternative("Typed with care.").click()
    event = page.submit()
    assert decided(studio, event)["caption"] == "Typed with care."


def test_a_click_on_submit_takes_what_is_being_typed(studio: Session, page: Page) -> None:
    event = page.event
    page.keys("e", " It turns.")
    page.at("submit").click()
    page.wait(lambda: page.event not in ("", event))
    assert decided(studio, event)["caption"] == studio.task(event).data["caption_machine"] + " It turns."


@pytest.mark.parametrize("how", ["closed at once", "closed when saved"])
def test_a_closed_tab_loses_nothing(studio: Session, page: Page, how: str) -> None:
    event = page.event
    page.keys("e", f" Then it is {how}")
    if how == "closed when saved":
        page.saved()
        with studio.http() as http:
            assert len(http.get(f"/api/tasks/{studio.task(event).id}/drafts").json()) == 1
    text = page.caption
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.switch_to.window(first)
    page.driver.close()
    page.driver.switch_to.window(page.driver.window_handles[0])
    page.open()
    assert (page.event, page.caption, page.verdict) == (event, text, "edit")
    page.submit()
    assert decided(studio, event)["caption"] == text


def test_bounds_are_set_where_the_video_stands(studio: Session, page: Page) -> None:
    page.seek(1.5)
    page.keys("s")
    start = page.at("start").get_property("value")
    assert start == page.at("counter").text.split()[0]
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "d")
    page.wait(lambda: float(page.at("end").get_property("value")) > float(start))
    page.keys("a")
    event = page.submit()
    printed = studio.output("pull")
    data, result = studio.task(event).data, studio.record(event)["decided"]
    assert result["flags"] == ["bad_start", "bad_end"]
    assert result["start_s"] == pytest.approx(source_time(data, float(start)), abs=0.002)
    assert result["end_s"] == pytest.approx(result["start_s"] + 2 * data["shown"]["step_s"], abs=0.002)
    change = f"start {data['start_s']:.2f} -> {result['start_s']:.2f}, end {data['end_s']:.2f} -> {result['end_s']:.2f}"
    assert f"{event}, {ANN[0]}: {change}" in printed


@pytest.mark.parametrize(("typed", "seconds"), [("1.05", 1.05), ("0.07", 0.07), ("1,5", 1.5)])
def test_typed_times_are_taken_as_they_read(studio: Session, page: Page, typed: str, seconds: float) -> None:
    page.at("start").click()
    page.keys(typed, Keys.ENTER, "a")
    event = page.submit()
    result = decided(studio, event)
    assert result["flags"] == ["bad_start"]
    assert result["start_s"] == pytest.approx(source_time(studio.task(event).data, seconds), abs=0.002)


def source_time(data: dict[str, Any], shown_s: float) -> float:
    """The time in the source video of the picture of the viewport video at a time; the event has no gaps."""
    ((first, _),) = data["shown"]["runs"]
    return float(first + int(shown_s * 16 + 1e-6) * data["shown"]["step_s"])


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("1:05", "is no number of seconds"),
        ("1.0.5", "is no number"),
        ("99", "the videos end at"),
        ("0", "after the start"),
    ],
)
def test_a_time_that_cannot_be_used_is_refused_in_words(page: Page, typed: str, words: str) -> None:
    event = page.event
    page.at("end").click()
    page.keys(typed, Keys.ENTER, "a", Keys.ENTER)
    assert words in page.at("end-wrong").text and "Correct the end" in page.at("message").text
    assert page.event == event
    page.keys(Keys.ESCAPE, "D")
    assert page.at("end-wrong").text == "" and page.at("end").get_property("value") == ""


def test_a_bound_that_is_taken_back_has_no_effect(studio: Session, page: Page) -> None:
    page.seek(1.0)
    page.keys("d")
    page.at("end-back").click()
    page.keys("a")
    result = decided(studio, page.submit())
    assert result["end_s"] is None and result["flags"] == []


def test_undo_opens_what_was_submitted_and_a_change_replaces_it(studio: Session, page: Page) -> None:
    page.keys("a")
    first = page.submit()
    page.keys("r")
    second = page.submit()
    page.keys("z")
    page.wait(lambda: page.event == second)
    assert page.verdict == "reject"
    page.keys("z")
    page.wait(lambda: page.event == first)
    page.keys("r")
    page.submit()
    assert decided(studio, first)["verdict"] == decided(studio, second)["verdict"] == "reject"
    assert len(studio.api().annotations.list(id=studio.task(first).id)) == 1


def test_a_duplicate_is_chosen_from_pictures_with_times(studio: Session, page: Page) -> None:
    page.open_task(studio.task("002_20"))
    page.keys("u")
    cards = page.driver.find_elements("css selector", "#others .other")
    other = studio.task(page.event).data["others"][0]
    assert cards[0].text.split(maxsplit=1) == [other["value"], other["hint"]]
    assert len(cards) == 1  # not the one that would lead out of the folder
    shown = "const one = document.querySelector('#others video'); return one && one.currentTime > 0.2 && one.videoWidth"
    page.wait(lambda: page.driver.execute_script(shown))  # the card with the focus moves
    page.keys(Keys.ESCAPE)
    page.wait(lambda: not page.at("original").is_displayed())  # closed without a choice, the flag is taken back
    page.keys("u")
    page.driver.find_element("css selector", "#others .other").click()
    page.keys("r")
    result = decided(studio, page.submit())
    assert (result["verdict"], result["duplicate_of"]) == ("reject", other["value"])


def test_what_is_submitted_without_a_network_arrives_once(studio: Session, page: Page) -> None:
    event = page.event
    cut = {"latency": 0, "download_throughput": 0, "upload_throughput": 0}
    page.driver.set_network_conditions(offline=True, **cut)
    page.keys("e", " Offline.", Keys.ENTER, Keys.ENTER)
    page.wait(lambda: "trying again" in page.at("message").text)
    page.driver.delete_network_conditions()
    page.wait(lambda: page.event not in ("", event))
    (annotation,) = studio.api().annotations.list(id=studio.task(event).id)
    assert annotation.result[0]["value"]["text"][0].endswith(" Offline.")


def test_label_studio_s_own_editor_shows_what_was_said_here(studio: Session, page: Page) -> None:
    page.keys("e", " Its own editor.", Keys.ENTER)
    page.at("start").click()
    page.keys("1,25", Keys.ENTER)
    event = page.submit()
    browser = Browser(studio)
    browser.open(event)
    assert "Its own editor." in browser.find("[data-testid=htx-textbox-content]").text
    assert browser.text("1,25").is_displayed()
    browser.driver.quit()


def test_two_curators_judge_one_event_disagree_and_settle_it(studio: Session, page: Page) -> None:
    event, other = (task.event_id for task in studio.project().tasks()[:2])
    ann = studio.record(other)["decided"]  # Ann accepted the first event and edited the second
    two = studio.folder / "two.yaml"
    two.write_text(yaml.safe_dump({"curation": {"curators_per_event": 2}}))
    both = Session(studio.folder, (TINY, two), studio.process)
    both.output("push")
    ben = Page(both, *BEN)
    assert studio.task(ben.event).n_annotations == 1  # events that somebody has judged come first

    ben.open_task(studio.task(event))
    ben.keys("a")
    ben.submit()
    both.output("pull")
    record = studio.record(event)
    assert record["decided_by"] == [ANN[0], BEN[0]] and not record["disagreement"]

    ben.open_task(studio.task(other))
    assert ben.caption == studio.task(other).data["caption_machine"] != ann["caption"]  # neither Ann's, nor empty
    ben.keys("a")
    ben.submit()
    assert f"tsalv360 curation push --send-back) (1):\n  {other}" in both.output("pull")
    record = studio.record(other)
    assert record["disagreement"] and record["decided"]["caption"] == record["caption_machine"]

    assert "1 new tasks" in both.output("push", "--send-back")
    page.open_task(studio.task(other, 1))
    assert f"{BEN[0]}: accept: {record['caption_machine']}" in page.at("facts").text
    page.alternative(ann["caption"]).click()  # a curator's caption is one of the alternatives
    page.submit()
    both.output("pull")
    record = studio.record(other)
    assert record["decided"]["caption"] == ann["caption"] and not record["disagreement"]
    ben.driver.quit()

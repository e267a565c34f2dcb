"""The table of the index in Chromium, opened from disk: searched, sorted, filtered, by mouse, keys and address."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer.made_dataset import EVIL, annotation, make_dataset, make_index, write_dataset
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait
from workflow.labelling import has_browser, open_browser

from tsalv360.explorer import BUNDLE
from tsalv360.explorer.words import page_json
from tsalv360.job.files import write_json

SCRIPT, STYLE = (next(file for file in BUNDLE if file.name == f"explorer.{end}") for end in ("js", "css"))
TALE = "a red kite drifts over some town while two boats turn left near the old bridge"
HOSTILE = '<img src=x onerror="window.broken=1"></script><b>bold'
N_VIDEOS, N_EVENTS = 2000, 20_000

pytestmark = [
    pytest.mark.skipif(
        not has_browser(), reason="needs chromium and chromedriver (apt-get install chromium chromium-driver)"
    ),
    pytest.mark.skipif(not SCRIPT.exists(), reason="needs the bundle (make bundle)"),
]


class Index:
    """An index in Chromium."""

    def __init__(self, driver: webdriver.Chrome, path: Path) -> None:
        self.driver, self.path = driver, path

    def open(self, anchor: str = "") -> None:
        self.driver.get("about:blank")  # another anchor alone would not load the page again
        self.driver.get(self.path.as_uri() + anchor)
        self.wait(lambda: self.all(".count"))

    def wait(self, condition: Any) -> Any:
        return WebDriverWait(self.driver, 10, 0.02).until(lambda _: condition())

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, f"#table {selector}")

    def one(self, selector: str) -> WebElement:
        return self.all(selector)[0]

    def search(self, text: str) -> None:
        box = self.one("[type=search]")
        box.clear()
        box.send_keys(text)

    def choose(self, name: str, label: str) -> None:
        Select(self.one(f"[name={name}]")).select_by_visible_text(label)

    def sort(self, column: str) -> WebElement:
        """Click on the header of a column; returns it."""
        head = self.one(f"[data-name={column}]")
        head.find_element(By.TAG_NAME, "button").click()
        return head

    def reset(self) -> None:
        next(button for button in self.all(".reset") if button.is_displayed()).click()

    @property
    def videos(self) -> list[str]:
        return [head.text for head in self.all("tbody th")]

    @property
    def hits(self) -> list[str]:
        return [one.text for one in self.all(".hits .event")]

    @property
    def count(self) -> str:
        return self.one(".count").text.replace("\u202f", " ")

    @property
    def hash(self) -> str:
        return str(self.driver.execute_script("return location.hash"))

    def script(self, code: str) -> Any:
        return self.driver.execute_script(code)


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    opened = open_browser()
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def small(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Video 100 with a hostile caption and a plain one, rejected by nobody, and 200 without events and odd gaze."""
    made = make_dataset(tmp_path_factory.mktemp("made"))
    folder = tmp_path_factory.mktemp("explorer")
    make_index(folder / "index.html", made)
    return Index(driver, with_bundle(folder / "index.html"))


def with_bundle(path: Path) -> Path:
    for file in (SCRIPT, STYLE):
        (path.parent / file.name).write_bytes(file.read_bytes())
    (path.parent / "live.js").write_text("window.TSALV360_LIVE = null;")
    return path


@pytest.fixture(autouse=True)
def _console_is_clean(driver: webdriver.Chrome) -> Iterator[None]:
    yield
    assert [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


def test_all_videos_are_shown_with_their_figures(small: Index) -> None:
    small.open()
    assert small.videos == ["100", "200"] and small.count == "2 videos, 2 events"
    rows = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in small.all("tbody tr")]
    assert rows[0] == ["100", "src-1", "test", "10.0 s", "12", "2", "0.62", "0.50"]
    assert rows[1] == ["200", "src-2", "train", "10.0 s", "12", "0", "–", "–"]
    assert small.one("tbody a").get_attribute("href") == (small.path.parent / "videos" / "100.html").as_uri()


def test_a_word_of_a_caption_finds_its_event(small: Index) -> None:
    small.open()
    small.search("PLAIN capt")
    assert small.videos == ["100"] and small.hits == ["100_2"] and small.count == "1 of 2 videos, 1 of 2 events"
    assert [mark.text for mark in small.all("mark")] == ["plain", "capt"]
    assert str(small.one(".hits a").get_attribute("href")).endswith("/videos/100.html#event=100_2")
    small.search("src-2")
    assert small.videos == ["200"] and small.hits == []
    small.search("100_1")
    assert small.hits == ["100_1"]


def test_hostile_captions_stay_text(small: Index) -> None:
    small.open()
    small.search("alert('x')")
    assert EVIL in small.one(".hits .words").text
    assert [mark.text for mark in small.all("mark")] == ["alert('x')"]
    assert small.all(":is(script, img)") == []


def test_nothing_found_says_so_and_reset_shows_all_again(small: Index) -> None:
    small.open()
    small.search("no such thing")
    assert small.videos == [] and small.one(".none").is_displayed()
    small.wait(lambda: small.hash == "#q=no+such+thing")
    small.reset()
    assert small.videos == ["100", "200"] and not small.one(".none").is_displayed()
    small.wait(lambda: small.hash == "")
    assert small.script("return document.activeElement.type") == "search"


def test_headers_sort_up_down_and_not_at_all(small: Index) -> None:
    small.open()
    assert small.sort("events").get_attribute("aria-sort") == "ascending"
    assert small.videos == ["200", "100"]
    assert small.sort("events").get_attribute("aria-sort") == "descending"
    assert small.videos == ["100", "200"]
    assert small.sort("events").get_attribute("aria-sort") is None
    head = small.one("[data-name=id] button")
    head.send_keys(Keys.ENTER)
    head.send_keys(Keys.ENTER)
    assert small.videos == ["200", "100"]


def test_what_is_missing_comes_last_both_ways(small: Index) -> None:
    small.open()
    for _ in range(2):
        small.sort("f1")
        assert small.videos == ["100", "200"]


def test_filters_of_videos(small: Index) -> None:
    small.open()
    small.choose("split", "train")
    assert small.videos == ["200"]
    small.reset()
    small.choose("source", "src-1")
    assert small.videos == ["100"] and small.hits == []
    small.reset()
    small.one("[aria-label='Number of events, to']").send_keys("1")
    assert small.videos == ["200"]
    small.reset()


def test_filters_of_events_list_the_events(small: Index) -> None:
    small.open()
    small.one("[aria-label='Confidence of an event, from']").send_keys("0.5")
    assert small.hits == ["100_1", "100_2"] and small.videos == ["100"]
    small.one("[aria-label='Confidence of an event, from']").send_keys("9")
    assert small.hits == ["100_1", "100_2"]
    small.one("[aria-label='Confidence of an event, from']").send_keys(Keys.BACKSPACE, Keys.BACKSPACE, "7")
    assert small.hits == [] and small.videos == []


def test_filters_without_a_choice_are_left_out(small: Index) -> None:
    small.open()
    shown = {select.get_attribute("name") for select in small.all("select")}
    assert shown == {"source", "split"}
    assert not small.all(":is([data-name=verdicts], [data-name=flags], [data-name=gaze])")


def test_the_address_holds_the_search(small: Index) -> None:
    small.open()
    small.search("caption")
    small.choose("source", "src-1")
    small.sort("id")
    small.wait(lambda: small.hash == "#sort=id&q=caption&source=src-1")
    small.open("#sort=-id&q=caption&source=src-1")
    assert small.hits == ["100_2"] and small.one("[type=search]").get_attribute("value") == "caption"
    assert small.one("[data-name=id]").get_attribute("aria-sort") == "descending"
    assert small.script("return Math.abs(document.getElementById('table').getBoundingClientRect().top)") < 40
    small.open("#q=100&source=nowhere&sort=nothing&what=ever")
    assert small.videos == ["100"]


def test_plain_anchors_lead_to_their_sections(small: Index) -> None:
    small.open("#accuracy")
    assert small.script("return Math.abs(document.getElementById('accuracy').getBoundingClientRect().top)") < 40
    assert small.videos == ["100", "200"]
    small.open("#q=plain")
    small.script("document.querySelector('nav a[href=\"#reliability\"]').click()")  # where it is, it scrolls smoothly
    assert small.hash == "#reliability" and small.hits == ["100_2"]
    small.driver.back()
    small.wait(lambda: small.hash == "#q=plain")
    assert small.hits == ["100_2"]


def test_keys_find_the_search_and_change_the_theme(small: Index) -> None:
    small.open()
    body = small.driver.find_element(By.TAG_NAME, "body")
    body.send_keys("/")
    assert small.script("return document.activeElement.type") == "search"
    small.one("[type=search]").send_keys("l/")
    assert small.one("[type=search]").get_attribute("value") == "l/"
    before = small.script("return getComputedStyle(document.body).backgroundColor")
    small.driver.find_element(By.CSS_SELECTOR, "header button").click()
    assert small.script("return getComputedStyle(document.body).backgroundColor") != before
    small.driver.find_element(By.CSS_SELECTOR, "header button").send_keys("l")
    assert small.script("return getComputedStyle(document.body).backgroundColor") == before


def test_events_left_out_and_odd_gaze(
    driver: webdriver.Chrome, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = make_dataset(tmp_path_factory.mktemp("made"))
    row = {"event_id": "100_1", "video": "100", "start_frame": 20, "end_frame": 63}
    write_dataset(tmp_path / "dataset", [annotation(row, "kept") | {"verdict": "accept", "flags": ["blurred"]}])
    remark = {
        "found": "all gaze lies within 3°",
        "expected": "viewers look around",
        "advice": "Set it.",
        "shown": "time",
    }
    write_json(tmp_path / "200.json", {"n_observers": 3, "notes": [], "remarks": [remark]})
    notes = [made["notes"][0], tmp_path / "200.json"]
    make_index(tmp_path / "index.html", made | {"dataset": tmp_path / "dataset", "notes": notes})
    index = Index(driver, with_bundle(tmp_path / "index.html"))
    index.open()
    assert "1 of 2" in index.one("tbody").text and "1 accepted" in index.one("tbody").text
    index.choose("reason", "left out: no caption")
    assert index.hits == ["100_2"] and "left out: no caption" in index.one(".hits").text
    index.choose("reason", "yes")
    index.choose("verdict", "accepted")
    index.choose("flag", "blurred")
    assert index.hits == ["100_1"] and "blurred" in index.one(".hits").text
    index.reset()
    index.choose("doubtful", "doubtful")
    assert index.videos == ["200"] and index.one(".doubt").text == "doubtful"


def made_columns() -> dict[str, Any]:
    """The data of 2,000 videos with 20,000 events in two folds."""
    chance = random.Random(4)
    parts = ("train", "validation", "test")
    n, each = N_VIDEOS, N_EVENTS // N_VIDEOS
    captions = [" ".join(chance.choices(TALE.split(), k=14)) for _ in range(N_EVENTS)]
    captions[12_345] = f"{HOSTILE} a zeppelin over Ærø"
    videos = {
        "id": [f"video-{k:04d}" for k in range(n)],
        "source": [k % 3 for k in range(n)],
        "recorded": ["eye"] * n,
        "duration_s": [round(chance.uniform(20, 300), 1) for _ in range(n)],
        "n_events": [each] * n,
        "n_in_dataset": [each - k % 3 for k in range(n)],
        "n_dropped": [2] * n,
        "n_observers": [chance.randint(20, 60) for _ in range(n)],
        "confidence": [round(chance.random(), 2) for _ in range(n)],
        "split": [[chance.randrange(3), 3 + chance.randrange(3)] for _ in range(n)],
        "verdicts": [[5, 2, 1, 2]] * n,
        "flags": [k % 4 for k in range(n)],
        "remarks": [int(k % 97 == 0) for k in range(n)],
        "f1": [None] * n,
    }
    events = {
        "video": [k // each for k in range(N_EVENTS)],
        "number": [k % each for k in range(N_EVENTS)],
        "start_s": [round(chance.uniform(0, 100), 1) for _ in range(N_EVENTS)],
        "end_s": [round(chance.uniform(100, 200), 1) for _ in range(N_EVENTS)],
        "confidence": [round(chance.random(), 2) for _ in range(N_EVENTS)],
        "caption": captions,
        "verdict": [chance.randrange(4) for _ in range(N_EVENTS)],
        "left_out": [chance.randrange(3) for _ in range(N_EVENTS)],
        "flags": [[chance.randrange(2)] if k % 5 == 0 else [] for k in range(N_EVENTS)],
    }
    reasons, flags = ["", "not reviewed", "rejected"], ["near-duplicate of another event", "not English"]
    splits = [(fold, part) for fold in range(2) for part in parts]
    named = {"dataset": "large", "sources": ["one", "two", "three"], "splits": splits}
    return named | {"videos": videos, "events": events, "reasons": reasons, "flag_names": flags}


@pytest.fixture(scope="module")
def large(driver: webdriver.Chrome, small: Index, tmp_path_factory: pytest.TempPathFactory) -> Index:
    start = '<script type="application/json" id="data">'
    before, _, rest = small.path.read_text(encoding="utf-8").partition(start)
    text = f"{before}{start}{page_json(made_columns())}{rest[rest.index('</script>') :]}"
    path = tmp_path_factory.mktemp("large") / "index.html"
    path.write_text(text, encoding="utf-8")
    return Index(driver, with_bundle(path))


def test_a_large_dataset_is_small_and_shown_at_once(large: Index) -> None:
    assert large.path.stat().st_size < 3e6
    large.open()
    paints = large.script("return performance.getEntriesByType('paint').map(p => [p.name, Math.round(p.startTime)])")
    print(f"\n{large.path.stat().st_size / 1e6:.1f} MB; milliseconds: {dict(paints)}")
    assert large.count == "2 000 videos, 20 000 events"
    assert len(large.all("tbody tr")) < 300


def test_a_rare_word_is_found_among_all_captions(large: Index) -> None:
    large.open()
    large.search("zeppelin ærø")
    assert large.videos == ["video-1234"] and large.hits == ["video-1234_5"]
    assert [mark.text for mark in large.all("mark")] == ["zeppelin", "Ærø"]
    assert HOSTILE in large.one(".hits .words").text and not large.all(":is(img, b)")
    assert large.script("return window.broken") is None


def test_typing_stays_fluid(large: Index) -> None:
    large.open()
    took = large.script(
        "const box = document.querySelector('#table [type=search]'), took = [];"
        "for (const text of ['k', 'ki', 'kit', 'kite', 'kite b', 'kite boats', 'kite boats bridge']) {"
        "  box.value = text; const start = performance.now(); box.dispatchEvent(new Event('input'));"
        "  box.getBoundingClientRect(); took.push(Math.round(performance.now() - start)); } return took"
    )
    print(f"\nmilliseconds of a key: {took}")
    assert large.hits and large.count.endswith("of 20 000 events")


def test_rows_come_as_one_scrolls(large: Index) -> None:
    large.open()
    first = len(large.all("tbody tr"))
    large.script("const box = document.querySelector('#table .box'); box.scrollTop = box.scrollHeight")
    large.wait(lambda: len(large.all("tbody tr")) > first)
    assert len(large.all("tbody tr")) < N_VIDEOS


def test_more_hits_of_a_video_come_at_a_click(large: Index) -> None:
    large.open("#q=video-0007&confidence_min=0.001")
    n = len(large.hits)
    large.one(".hits button").click()
    assert len(large.hits) > n and not large.all(".hits button")
    assert large.script("return document.activeElement.tagName") == "A"


def test_splits_are_those_of_the_fold(large: Index) -> None:
    large.open("#split=test")
    first = large.count
    assert large.one("[data-name=split]").text.startswith("Split, fold 0")
    large.choose("fold", "1")
    assert large.one("[data-name=split]").text.startswith("Split, fold 1")
    assert large.count != first
    assert {row.find_elements(By.TAG_NAME, "td")[1].text for row in large.all("tbody tr")[:20]} == {"test"}

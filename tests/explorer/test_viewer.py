"""The page of a video in a browser: everything is shown where and when it is, and can be reached by keys and links."""

import base64
import http.server
import json
import math
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from entries import index_entry
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from workflow.labelling import has_browser, open_browser

from tsalv360.explorer import copy_bundle
from tsalv360.explorer.stacked import TILE, Layout, write_as_script, write_stacked
from tsalv360.explorer.video_page import NO_GAZE, Media, data_of_plain_video, write_video_page
from tsalv360.sphere.directions import direction_to_pixel, to_angles, to_vectors

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_browser(), reason="needs chromium and chromedriver"),
]

PANORAMA = 512, 1024
N, FPS = 60, 16.0
LAYOUT = Layout(PANORAMA, 2, {"v_1": 1})
HOSTILE = "</script><img src=x onerror=\"document.title='run'\">\u2028<b>bold</b>"
# Discs on the panorama: yaw, pitch, colour. At a pole the disc covers it.
DISCS = [
    (0.0, 0.0, (255, 0, 0)),
    (179.9, 0.0, (0, 255, 0)),
    (-179.9, 30.0, (0, 0, 255)),
    (45.0, 89.0, (255, 255, 0)),
    (-100.0, -89.0, (255, 0, 255)),
]
BITS = (
    6  # of the picture's number, as stripes of 10° from yaw −30° on: above the horizon in the picture, below in the map
)
EVENT = range(8, 40)  # its pictures


def stripes(number: int, size: tuple[int, int], pitch: tuple[float, float]) -> np.ndarray:
    """White where a bit of the number is 1."""
    gray = np.zeros(size, dtype=np.uint8)
    (_, top), (_, bottom) = (direction_to_pixel(0, one, *size) for one in (pitch[1], pitch[0]))
    edges = [round(direction_to_pixel(60 + 10 * bit, 0, *size)[0]) for bit in range(BITS + 1)]
    for bit in range(BITS):
        gray[round(top) : round(bottom), edges[bit] : edges[bit + 1]] = 255 * (number >> bit & 1)
    return gray


def picture(number: int) -> np.ndarray:
    """A stacked picture: the discs and the number's stripes above, the map of the event with stripes below."""
    shown = np.zeros((*LAYOUT.size, 3), dtype=np.uint8)
    column, row = np.meshgrid(np.arange(PANORAMA[1]), np.arange(PANORAMA[0]))
    yaw, pitch = (column + 0.5) / PANORAMA[1] * 360 - 180, 90 - (row + 0.5) / PANORAMA[0] * 180
    vectors = to_vectors(yaw, pitch)
    for disc_yaw, disc_pitch, colour in DISCS:
        near = vectors @ to_vectors(disc_yaw, disc_pitch) > math.cos(math.radians(4))
        shown[: PANORAMA[0]][near] = colour
    shown[: PANORAMA[0]] |= stripes(number, PANORAMA, (5, 20))[..., None]
    shown[LAYOUT.tile(0)][:, TILE[1] // 2 :] = 255  # of all observers: right of the centre
    shown[LAYOUT.tile(1)] = stripes(number, TILE, (-20, -5))[..., None]
    return shown


def event() -> dict[str, Any]:
    pictures = list(EVENT)
    path = {"picture": pictures, "yaw": [60.0 + k for k in range(len(pictures))], "pitch": [10.0] * len(pictures)}
    camera = {"camera_yaw": path["yaw"], "camera_pitch": path["pitch"], "camera_hfov": [60.0] * len(pictures)}
    return {
        "id": "v_1",
        "caption": HOSTILE,
        "origin": HOSTILE,
        "left_out": "",
        "verdict": "accept",
        "flags": [HOSTILE],
        "remarks": [],
        "start_s": EVENT[0] / FPS,
        "end_s": EVENT[-1] / FPS,
        "start_frame": EVENT[0],
        "end_frame": EVENT[-1],
        "corrected_frames": None,
        "segments": [[EVENT[0] / FPS, EVENT[-1] / FPS]],
        "n_observers": 2,
        "share": 0.5,
        "evidence": 9.0,
        "by_chance": 0.01,
        "confidence": 0.8,
        "colour": 0,
        "slot": 1,
        "track": path | camera,
        "known": None,
    }


def gaze() -> str:
    """Two observers: one looks at yaw −30°, pitch −30° in every picture, the other nowhere."""
    directions = np.full((2, N, 2), NO_GAZE, dtype="<i2")
    directions[0] = (-300, -300)
    return base64.b64encode(directions.tobytes()).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An explorer with one video, which a test may not change."""
    root = tmp_path_factory.mktemp("explorer")
    videos = root / "videos"
    videos.mkdir()
    copy_bundle(root)
    write_stacked(videos / "v.mp4", (picture(number) for number in range(N)), LAYOUT, N, FPS)
    write_as_script(videos / "v.mp4", videos / "v.mp4.js")
    index = index_entry("v", FPS, N)
    data = data_of_plain_video("made", index, Media(LAYOUT, 0, True))
    dropped = {"start_s": 0.0, "end_s": 3.0, "yaw": -60.0, "pitch": 0.0, "n_observers": 2, "share": 0.1}
    data |= {
        "events": [event()],
        "dropped": [dropped | {"rule": "min_length_s", "reason": HOSTILE}],
        "n_observers": 2,
        "observers": {"names": ["ann", HOSTILE], "gaze": gaze()},
    }
    write_video_page(videos / "v.html", data)
    return root


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    opened = open_browser()
    opened.set_window_size(1280, 860)
    opened.set_script_timeout(60)
    yield opened
    opened.quit()


READY = """
const done = arguments[0];
const wait = setInterval(() => {
  if (!window.tsalv360) return;
  clearInterval(wait);
  window.tsalv360.ready.then(() => window.tsalv360.shownNow()).then(() => done(""), (error) => done(error.message));
}, 50);
"""
PIXEL = """
const sphere = document.querySelector(arguments[1]);
const copy = Object.assign(document.createElement("canvas"), { width: sphere.width, height: sphere.height });
const context = copy.getContext("2d", { willReadFrequently: true });
context.drawImage(sphere, 0, 0);
const scale = sphere.width / sphere.clientWidth;
const colour = (x, y) => Array.from(context.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data);
return arguments[0].map(([x, y]) => colour(x, y));
"""


class Page:
    """The opened page."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver = driver
        driver.get("about:blank")
        driver.get(address)
        self.problem = driver.execute_async_script(READY)

    @property
    def state(self) -> dict[str, Any]:
        return self.driver.execute_script("return tsalv360.state")

    @property
    def source(self) -> str:
        return self.driver.execute_script("return tsalv360.player.video.src")

    def go(self, moment: str) -> None:
        """Follow a link, until it is shown."""
        self.driver.execute_script("location.hash = arguments[0]", moment)
        self.driver.execute_async_script("tsalv360.shownNow().then(arguments[0])")

    def wait(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        WebDriverWait(self.driver, 20, 0.05).until(lambda _: condition(self.state))
        return self.state

    def at(self, directions: list[tuple[float, float]], canvas: str = ".sphere") -> list[list[int]]:
        """The colours (RGBA) where directions are on the screen, by the geometry of a camera without roll."""
        state = self.state
        width, height = self.driver.execute_script(
            "const s = document.querySelector('.stage'); return [s.clientWidth, s.clientHeight]"
        )
        lam, phi = math.radians(state["yaw"]), math.radians(state["pitch"])
        forward = np.array([math.cos(phi) * math.sin(lam), math.sin(phi), math.cos(phi) * math.cos(lam)])
        right = np.array([math.cos(lam), 0, -math.sin(lam)])
        scale = width / 2 / math.tan(math.radians(state["fov"] / 2))
        places = []
        for yaw, pitch in directions:
            a, b = math.radians(yaw), math.radians(pitch)
            v = np.array([math.cos(b) * math.sin(a), math.sin(b), math.cos(b) * math.cos(a)])
            v = v / (v @ forward)
            places.append([width / 2 + v @ right * scale, height / 2 - v @ np.cross(forward, right) * scale])
        return self.driver.execute_script(PIXEL, places, canvas)

    def keys(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def numbers(self) -> tuple[int, int]:
        """The picture's number as the picture shows it, and as the map does."""
        found = []
        for pitch in (12, -12):
            colours = self.at([(65 + 10 * bit, pitch) for bit in range(BITS)])
            found.append(sum((colour[0] > 128) << bit for bit, colour in enumerate(colours)))
        return found[0], found[1]


@pytest.fixture(scope="module")
def page(driver: webdriver.Chrome, folder: Path) -> Page:
    opened = Page(driver, (folder / "videos" / "v.html").as_uri())
    assert opened.problem == ""
    return opened


@pytest.mark.parametrize(("yaw", "pitch", "colour"), DISCS)
def test_a_direction_appears_in_the_centre_of_the_screen(
    page: Page, yaw: float, pitch: float, colour: tuple[int, ...]
) -> None:
    page.go(f"#t=0&yaw={yaw}&pitch={pitch}&fov=60&layer=none")
    page.keys(*("t" if page.driver.execute_script("return tsalv360.shown.tracks") else ""))
    (centre,) = page.at([(yaw, pitch)])
    assert np.abs(np.array(centre[:3]) - colour).max() < 40


@pytest.mark.parametrize(("yaw", "pitch"), [(20, 3), (-160, -7), (168, 20), (0, 75), (-90, -60)])
def test_directions_beside_the_centre_are_where_a_pinhole_camera_has_them(page: Page, yaw: float, pitch: float) -> None:
    page.go(f"#t=0&yaw={yaw}&pitch={pitch}&fov=100&layer=none")
    ahead = to_vectors(yaw, pitch)
    seen = [disc for disc in DISCS if to_vectors(disc[0], disc[1]) @ ahead > 0.75]
    assert seen
    # 3° inside and 5.5° outside of the edge at 4°
    for disc_yaw, disc_pitch, colour in seen:
        inside = [_beside(disc_yaw, disc_pitch, 3.0, angle) for angle in range(0, 360, 45)]
        outside = [_beside(disc_yaw, disc_pitch, 5.2, angle) for angle in range(0, 360, 45)]
        assert all(np.abs(np.array(one[:3]) - colour).max() < 60 for one in page.at(inside))
        assert all(max(one[:3]) < 60 for one in page.at(outside))


def _beside(yaw: float, pitch: float, degrees: float, angle: float) -> tuple[float, float]:
    """The direction at some degrees from another one."""
    centre, turn = to_vectors(yaw, pitch), math.radians(angle)
    side = np.cross(centre, [0.3, 0.5, 0.8] if abs(centre[0]) < 0.9 else [0, 1, 0])
    side /= np.linalg.norm(side)
    around = math.cos(turn) * side + math.sin(turn) * np.cross(centre, side)
    found = math.cos(math.radians(degrees)) * centre + math.sin(math.radians(degrees)) * around
    a, b = to_angles(found)
    return float(a), float(b)


def test_picture_and_map_of_the_same_frame_at_random_times(page: Page) -> None:
    for number in random.Random(1).sample(list(EVENT), 20):
        page.go(f"#t={number / FPS}&event=v_1&yaw=90&pitch=0&fov=90&layer=event")
        page.wait(lambda state, number=number: state["picture"] == number)
        assert page.numbers() == (number, number)
        assert page.state["frame"] == number


def test_the_map_of_an_event_is_shown_while_it_is_on_and_its_opacity_can_be_changed(page: Page) -> None:
    page.go("#t=1&event=v_1&yaw=90&pitch=0&fov=90&layer=event")
    page.wait(lambda state: state["picture"] == 16)
    bit = 4  # of 16
    (strong,) = page.at([(65 + 10 * bit, -12)])
    page.driver.execute_script("tsalv360.setOpacity(0.3)")
    page.driver.execute_async_script("tsalv360.shownNow().then(arguments[0])")
    (weak,) = page.at([(65 + 10 * bit, -12)])
    assert strong[0] > 2 * weak[0] > 100
    page.driver.execute_script("tsalv360.setOpacity(0.75)")
    page.go("#t=3&event=v_1&yaw=90&pitch=0&fov=90&layer=event")
    page.wait(lambda state: state["picture"] == 48)
    assert page.numbers() == (48, 0)
    assert "off at this time" in page.driver.find_element(By.CSS_SELECTOR, ".note").text


@pytest.mark.parametrize(
    ("yaw", "pitch", "expected"),
    [
        (-179.65, 0, 0.25),
        (179.65, 0, 0.75),
        (-90, 89.9, 0.43),
        (90, 89.9, 0.57),
        (-90, -89.9, 0.43),
        (-170, 0, 0),
        (170, 0, 1),
    ],
)
def test_a_map_goes_on_over_the_seam_and_the_poles(page: Page, yaw: float, pitch: float, expected: float) -> None:
    """Between the outermost pixels and those beyond, which are on the other side of the panorama."""
    page.driver.execute_script("tsalv360.setOpacity(1)")
    page.go(f"#t=3&yaw={yaw}&pitch={pitch}&fov=20&layer=all")
    page.wait(lambda state: state["picture"] == 48)
    page.driver.execute_async_script("tsalv360.shownNow().then(arguments[0])")
    (colour,) = page.at([(yaw, pitch)])
    page.driver.execute_script("tsalv360.setOpacity(0.75)")
    inferno = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)[:, 0, ::-1].astype(float)
    background = next((disc[2] for disc in DISCS if disc[1] * pitch > 7000), (0, 0, 0))
    shares = np.linspace(0, 1, 256)[:, None]
    mixed = (1 - shares) * background + shares * inferno
    found = np.abs(mixed - colour[:3]).sum(axis=1).argmin() / 255
    assert abs(found - expected) < 0.1


def test_the_gaze_of_an_observer_is_a_dot_where_it_is(page: Page) -> None:
    page.go("#t=0&yaw=-30&pitch=-20&fov=90&layer=none")
    assert page.at([(-30, -30)], ".lines")[0][3] == 0
    page.keys("o")
    page.driver.execute_async_script("tsalv360.shownNow().then(arguments[0])")
    assert page.at([(-30, -30)], ".lines")[0][3] == 255
    assert page.at([(-33, -33)], ".lines")[0][3] == 0
    page.keys("o")


def test_keys_go_through_pictures_events_and_layers(page: Page) -> None:
    page.go("#t=0&yaw=0&pitch=0&fov=90&layer=none")
    page.wait(lambda state: state["picture"] == 0)
    page.keys(Keys.ARROW_RIGHT)
    page.wait(lambda state: state["picture"] == 1)
    page.keys(Keys.SHIFT, Keys.ARROW_RIGHT)
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
    page.wait(lambda state: state["picture"] > 16)
    page.keys("n")
    state = page.wait(lambda state: state["picture"] == EVENT[0])
    assert state["event"] == "v_1" and abs(state["yaw"] - 60) < 0.1
    page.keys("1")
    assert page.state["layer"] == "event"
    page.keys("2")
    assert page.state["layer"] == "all"
    page.keys("b")
    assert page.state["layer"] == "event"
    before = page.state["yaw"]
    page.keys("d")
    assert page.state["yaw"] > before
    page.keys("?")
    assert page.driver.find_element(By.CSS_SELECTOR, "dialog.help").is_displayed()
    page.keys(Keys.ESCAPE)
    assert not page.driver.find_element(By.CSS_SELECTOR, "dialog.help").is_displayed()


def test_the_view_follows_an_event_until_one_looks_elsewhere(page: Page) -> None:
    page.go("#t=1&event=v_1&layer=event")
    page.keys("f")
    for number in (16, 30, 12):
        page.driver.execute_script("tsalv360.player.goTo(arguments[0])", number)
        state = page.wait(lambda state, number=number: state["picture"] == number)
        assert abs(state["yaw"] - (60 + number - EVENT[0])) < 0.1 and abs(state["pitch"] - 10) < 0.1
    sphere = page.driver.find_element(By.CSS_SELECTOR, ".sphere")
    ActionChains(page.driver).drag_and_drop_by_offset(sphere, 120, 40).perform()
    state = page.state
    assert not state["follow"]
    assert state["yaw"] < 64 and state["pitch"] > 10  # what was under the pointer went with it


def test_playing_shows_one_picture_after_the_other(page: Page) -> None:
    page.go("#t=0&yaw=90&pitch=0&fov=90&layer=none")
    page.wait(lambda state: state["picture"] == 0)
    page.keys(" ")
    page.wait(lambda state: state["playing"] and state["picture"] > 10)
    page.keys(" ")
    number = page.wait(lambda state: not state["playing"])["picture"]
    page.driver.execute_async_script("tsalv360.shownNow().then(arguments[0])")
    assert page.numbers()[0] == page.state["picture"] >= number


def test_the_address_holds_the_moment_and_a_link_restores_it(page: Page) -> None:
    page.go("#t=1.5&event=v_1&yaw=-120.5&pitch=33&fov=70&layer=all")
    page.wait(lambda state: state["picture"] == 24)
    WebDriverWait(page.driver, 5).until(
        lambda driver: "yaw=-120.5" in driver.current_url and "t=1.5" in driver.current_url
    )
    address = page.driver.current_url
    again = Page(page.driver, address)
    state = again.wait(lambda state: state["picture"] == 24)
    assert (state["yaw"], state["pitch"], state["fov"]) == (-120.5, 33, 70)
    assert (state["event"], state["layer"]) == ("v_1", "all")


def test_a_link_outlasts_a_video_that_loads_slowly(driver: webdriver.Chrome, folder: Path) -> None:
    """The address follows what is shown only once the moment that it asks for is shown."""
    with serving(folder, slow_s=2.0) as address:
        page = Page(driver, f"{address}/videos/v.html#t=2&event=v_1&yaw=90&pitch=0&fov=90&layer=event")
        assert page.wait(lambda state: state["picture"] == 32)["yaw"] == 90


def test_texts_with_html_stay_texts(page: Page) -> None:
    page.keys("x")
    text = page.driver.find_element(By.TAG_NAME, "body").text
    assert "<img src=x" in text and page.driver.title != "run"
    assert not page.driver.find_elements(By.CSS_SELECTOR, "img[src=x], .panel b, .timeline span b + b")
    assert page.driver.find_element(By.CSS_SELECTOR, ".bar.dropped").is_displayed()
    page.keys("x")


def test_a_click_on_an_event_goes_there(page: Page) -> None:
    page.go("#t=0&yaw=0&pitch=0")
    page.driver.find_element(By.CSS_SELECTOR, ".bar.event").click()
    state = page.wait(lambda state: state["picture"] == EVENT[0])
    assert (round(state["yaw"]), round(state["pitch"])) == (60, 10)


@pytest.mark.parametrize("missing", ["v.mp4.js", "v.mp4"])
def test_a_page_without_its_video_says_what_to_do(
    driver: webdriver.Chrome, folder: Path, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "videos" / missing).unlink()
    if missing == "v.mp4.js":
        page = Page(driver, (tmp_path / "copy" / "videos" / "v.html").as_uri())
        assert "tsalv360 explore" in page.problem
    else:
        with serving(tmp_path / "copy") as address:
            page = Page(driver, f"{address}/videos/v.html")
    assert missing in page.problem and "Copy the whole folder" in page.problem
    assert driver.find_element(By.CSS_SELECTOR, ".message").text == page.problem


def test_a_server_without_range_requests_is_enough(driver: webdriver.Chrome, folder: Path) -> None:
    with serving(folder) as address:
        page = Page(driver, f"{address}/videos/v.html#t=2&event=v_1&yaw=90&pitch=0&fov=90&layer=event")
        assert page.problem == ""
        page.wait(lambda state: state["picture"] == 32)
        assert page.numbers() == (32, 32)
        assert page.source.startswith("blob:")  # loaded whole: in a larger video Chromium could not jump


def png(value: int) -> str:
    return base64.b64encode(cv2.imencode(".png", np.full((96, 192), value, dtype=np.uint8))[1].tobytes()).decode()


def test_a_tested_video_shows_the_model_s_maps_and_their_cc(
    driver: webdriver.Chrome, folder: Path, tmp_path: Path
) -> None:
    """The right prompt's map is the stronger one; both are shown within half a second of the clip's target frame."""
    shutil.copytree(folder, tmp_path / "copy")
    page_path = tmp_path / "copy" / "videos" / "v.html"
    text = page_path.read_text(encoding="utf-8")
    page_path.write_text(text.replace('"splits":[]', '"splits":["fold 0: test"]'), encoding="utf-8")
    clip = {"clip": "v_1_0", "event": "v_1", "picture": 20, "cc": 0.7, "cc_wrong": 0.2, "prompt": "a", "wrong": HOSTILE}
    maps = {"value": 0.8, "value_wrong": 0.2, "png": png(255), "png_wrong": png(255)}
    content = {"model": "m", "fold": 0, "clips": [clip | maps]}
    predictions = tmp_path / "copy" / "predictions"
    (predictions / "m").mkdir(parents=True)
    (predictions / "models.js").write_text('window.TSALV360_MODELS = ["gone", "m"];', encoding="utf-8")
    script = f"window.TSALV360_PREDICTIONS = {json.dumps(content)};"
    (predictions / "m" / "v.js").write_text(script, encoding="utf-8")
    page = Page(driver, page_path.as_uri())
    shown = {}
    for layer in ("right", "wrong"):
        page.go(f"#t={24 / FPS}&event=v_1&yaw=0&pitch=-40&fov=90&layer={layer}:m")
        page.wait(lambda state: state["picture"] == 24)
        WebDriverWait(driver, 10).until(lambda _: max(page.at([(0, -40)])[0][:3]) > 10)
        (shown[layer],) = page.at([(0, -40)])
    assert sum(shown["right"][:3]) > 3 * sum(shown["wrong"][:3]) > 0
    chart = driver.find_element(By.CSS_SELECTOR, "canvas.curves[aria-label*='CC']")
    note = driver.find_element(By.CSS_SELECTOR, ".note").get_property("textContent")
    assert note == f"model m, fold 0, clip v_1_0: CC 0.20 with “{HOSTILE}”"
    assert "m, right prompt, mean 0.70 of 1; m, wrong prompt, mean 0.20 of 1" in str(chart.get_attribute("aria-label"))
    page.go(f"#t={32 / FPS}&event=v_1&yaw=0&pitch=-40&fov=90&layer=right:m")
    page.wait(lambda state: state["picture"] == 32)
    assert max(page.at([(0, -40)])[0][:3]) < 10
    assert "No test clip" in driver.find_element(By.CSS_SELECTOR, ".note").text


MAPS = [
    {"kind": "map", "picture": j, "value": value, "peak_yaw": 10.0, "peak_pitch": 0.0}
    for j, value in ((16, 0.2), (48, 0.8))
]


class _Model(http.server.SimpleHTTPRequestHandler):
    """A stand-in for `tsalv360 explore` with a model: the server itself is tested in test_explore_server.py."""

    def __init__(self, *given: Any, slow_s: float, **more: Any) -> None:
        self.slow_s = slow_s
        super().__init__(*given, **more)

    def do_GET(self) -> None:
        if self.path.endswith(".mp4"):
            time.sleep(self.slow_s)
        if self.path == "/live.js":
            self._answer(b'window.TSALV360_LIVE = {"checkpoint": "made.pt"};', "text/javascript")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        if not prompt:
            self._answer(b'{"kind": "error", "message": "an empty prompt"}', "application/x-ndjson")
            return

        lines = [{"kind": "start", "n": 2, "remark": ""}, *({**one, "png": png(255)} for one in MAPS), {"kind": "done"}]
        self._answer("".join(json.dumps(line) + "\n" for line in lines).encode(), "application/x-ndjson")

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class serving:  # noqa: N801
    """A plain server of a folder, without range requests."""

    def __init__(self, folder: Path, slow_s: float = 0.0) -> None:
        handler = partial(_Model, directory=str(folder), slow_s=slow_s)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_prompt_becomes_a_layer_on_the_scale_of_all_prompts(driver: webdriver.Chrome, folder: Path) -> None:
    with serving(folder) as address:
        page = Page(driver, f"{address}/videos/v.html#t=1&yaw=0&pitch=-40&fov=90")
        page.keys("/")
        page.keys("a red ball", Keys.ENTER)
        page.wait(lambda state: state["layer"] == "prompt:a red ball")
        WebDriverWait(driver, 10).until(lambda _: "2 maps" in driver.find_element(By.CSS_SELECTOR, ".live").text)
        shown = {}
        for time in (1, 3):
            page.go(f"#t={time}&yaw=0&pitch=-40&fov=90")
            page.wait(lambda state, time=time: state["picture"] == 16 * time)
            WebDriverWait(driver, 10).until(lambda _: max(page.at([(0, -40)])[0][:3]) > 10)
            shown[time] = page.at([(0, -40)])[0]
        assert sum(shown[3][:3]) > 3 * sum(shown[1][:3]) > 0
        chart = driver.find_elements(By.CSS_SELECTOR, "canvas.curves[aria-label*='a red ball']")
        assert len(chart) == 3 and all(one.is_displayed() for one in chart)
        page.keys("b")
        assert page.state["layer"] == "event"
        offer = driver.find_element(By.CSS_SELECTOR, ".offer")
        assert offer.get_property("textContent") == HOSTILE
        driver.execute_script("arguments[0].click()", offer)
        page.wait(lambda state: state["layer"] == f"prompt:{HOSTILE}")
        driver.find_element(By.CSS_SELECTOR, ".live input").clear()
        driver.execute_script("document.querySelector('.live input').value = ''")
        driver.find_element(By.CSS_SELECTOR, ".live form button").click()
        WebDriverWait(driver, 10).until(
            lambda _: "an empty prompt" in driver.find_element(By.CSS_SELECTOR, ".live").text
        )

"""Photograph the explorer of the evaluated demo, with a model that answers: python docs/picture_explorer.py [RESULTS]

It needs `make demo`, `snakemake train evaluate`, the extras `train` and `dev`, and chromium with chromedriver.
"""

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[1]
SIZE = 1280, 760
WIDTH = 700  # pixels of a picture in the strip
QUALITY = 82
READY = "const done = arguments[0]; tsalv360.ready.then(() => tsalv360.shownNow()).then(done)"


def open_browser() -> webdriver.Chrome:
    """Return Chromium without a window, whose pages have `SIZE`."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    metrics = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return driver


def photograph(driver: webdriver.Chrome, address: str, script: str = "", until: str = "return true") -> np.ndarray:
    """Return a picture of a page after a script has run and a condition holds."""
    driver.get("about:blank")
    driver.get(address)
    if "/videos/" in address:
        driver.execute_async_script(READY)
        driver.execute_script(script)
        WebDriverWait(driver, 120).until(lambda _: driver.execute_script(until))
        driver.execute_async_script(READY)
    content = base64.b64decode(driver.get_screenshot_as_base64())
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def main(results: Path) -> None:
    """Write docs/explorer.jpg."""
    model = results / "models" / "default" / "fold0" / "best.pt"
    command = [sys.executable, "-m", "tsalv360.cli", "explore", "--no-browser", "--checkpoint", str(model)]
    with subprocess.Popen(command, cwd=results.parents[1], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        address = next(line for line in server.stdout if "http://" in line).split()[4].rstrip("/")
        driver = open_browser()
        try:
            index = photograph(driver, f"{address}/index.html#table")
            tested = sorted(results.glob("explorer/predictions/default/*.js"))[0].stem
            page = f"{address}/videos/{tested}.html"
            middle = "const e = tsalv360.data.events[0], m = e.track.picture[e.track.picture.length >> 1]; "
            go = middle + "tsalv360.visit(e); tsalv360.player.goTo(m); tsalv360.setFollow(true); "
            there = middle + "return tsalv360.state.picture === m"
            event = photograph(driver, page, go, there)
            gaze = photograph(driver, page, go + "tsalv360.setLayer('all'); tsalv360.flipObservers()", there)
            ask = go + "tsalv360.live.ask(e.caption)"
            answered = """
                const { live } = tsalv360, second = tsalv360.data.events[1];
                const done = / maps$/.test(document.querySelector(".live [role=status]").textContent);
                if (live.prompts.length === 2) return done;
                if (done) live.ask(second.caption);
                return false;
            """
            asked = photograph(driver, page, ask, answered)
        finally:
            driver.quit()
            server.terminate()
    height = round(SIZE[1] * WIDTH / SIZE[0])
    small = [cv2.resize(one, (WIDTH, height), interpolation=cv2.INTER_AREA) for one in (index, event, gaze, asked)]
    framed = [cv2.copyMakeBorder(one, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for one in small]
    strip = np.vstack([np.hstack(framed[:2]), np.hstack(framed[2:])])
    cv2.imwrite(str(ROOT / "docs" / "explorer.jpg"), strip, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if len(sys.argv) > 1 else ROOT / "results" / "demo")

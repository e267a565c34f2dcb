"""From a typed prompt to the model's maps on the sphere: the real server, a tiny model, and a real browser."""

from pathlib import Path

import pytest
import torch
from explorer.test_explore_server import command
from explorer.test_viewer import Page
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from workflow.labelling import has_browser, open_browser

from tsalv360.model import ModelSettings, TSalV360, save_checkpoint

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_browser(), reason="needs chromium and chromedriver"),
]


def test_a_typed_prompt_is_answered_on_the_sphere(tmp_path: Path, video: Path) -> None:
    torch.manual_seed(0)
    save_checkpoint(TSalV360(ModelSettings.tiny()), tmp_path / "fold0" / "best.pt")
    driver = open_browser()
    driver.set_script_timeout(60)
    how = ["--checkpoint", "fold0/best.pt", "--device", "cpu", "--height", "96"]
    try:
        with command(tmp_path, str(video), *how) as (client, _):
            driver.get(f"http://{client.netloc}/")
            WebDriverWait(driver, 10).until(lambda _: driver.current_url.endswith("/videos/whole.html"))
            page = Page(driver, f"http://{client.netloc}/videos/whole.html")
            assert page.problem == ""
            assert not driver.find_element(By.CSS_SELECTOR, ".switches").is_displayed()  # nothing to switch
            assert page.source == f"http://{client.netloc}/videos/whole.mp4"  # range requests: it is not loaded whole
            asked = driver.find_element(By.CSS_SELECTOR, ".live")
            assert "fold0/best.pt" in asked.text
            (plain,) = page.at([(0, 0)])
            page.keys("/", "a red ball", Keys.ENTER)
            WebDriverWait(driver, 20).until(lambda _: "32 maps" in asked.text)
            WebDriverWait(driver, 20).until(lambda _: page.at([(0, 0)]) != [plain])
            driver.execute_script("document.querySelector('.live input').value = ''")
            page.keys("/", "ball " * 100, Keys.ENTER)
            WebDriverWait(driver, 20).until(lambda _: "found 102 tokens" in asked.text)
            assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    finally:
        driver.quit()

"""The index of a small made dataset: all numbers, nothing from elsewhere, nothing from the data unescaped."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer.made_dataset import (
    EVIL,
    STAGES,
    Page,
    annotation,
    data_of,
    make_dataset,
    make_index,
    parse,
    write_dataset,
)
from markupsafe import escape
from selenium.common.exceptions import NoAlertPresentException
from workflow.labelling import has_browser, open_browser

from tsalv360.contracts.tables import ANNOTATIONS, CLIPS, DATASET_FIXATIONS, write_rows
from tsalv360.curation.records import Annotation, Decision, EventRecord, write_records
from tsalv360.explorer import BUNDLE
from tsalv360.explorer.words import number, page_json, percent, signed
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_dataset(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def index(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    make_index(path, made)
    return path


@pytest.fixture(scope="module")
def page(index: Path) -> Page:
    return parse(index)


def cells(page: Path, start: str, section: str = "") -> list[str]:
    """The texts of the cells of the table row that begins with `start`, the first in the page or from a section on."""
    source = page.read_text(encoding="utf-8").partition(f'<section id="{section}">' if section else "<body")[2]
    for row in re.findall(r"<tr>(.*?)</tr>", source, re.S):
        texts = [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.S)]
        if texts[0] == start:
            return texts
    raise AssertionError(f"no row {start}")


def test_same_input_gives_same_bytes(made: dict[str, Any], index: Path, tmp_path: Path) -> None:
    make_index(tmp_path / "again.html", made)
    assert (tmp_path / "again.html").read_bytes() == index.read_bytes()


def test_counts(page: Page) -> None:
    words = page.words()
    assert "Captions: draft, written by a machine (facts), not curated" in words
    for text in (
        "2 videos 1 without events",
        "0.3 minutes",
        "2 events",
        "1 clips",
        "11 looks a map",
        "5 fixation rows 60 % belong",
    ):
        assert text in words, text
    for text in ("12 observers per video", "3 candidates dropped", "1 videos excluded"):
        assert text in words, text


def test_table_of_sources(index: Path) -> None:
    assert cells(index, "src-1")[3:] == ["1", "0.2", "2", "1", "4", "75\u202f%"]
    licence = str(escape(f"licence {EVIL}"))
    assert cells(index, "src-1")[1:3] == cells(index, "src-2")[1:3] == ["eye", licence]
    assert cells(index, "src-2")[3:] == ["1", "0.2", "0", "0", "1", "0\u202f%"]


def test_captions_are_measured_and_what_went_wrong_is_listed(index: Path, page: Page) -> None:
    row = cells(index, f"{escape(f'a model {EVIL}')}, revision 7")
    assert row[1:] == ["what?", "2", "2", "6", "3", "9", "1", "0"]
    words = page.words()
    assert "The longest shown caption has 21 CLIP tokens" in words
    assert f"100_2 : endpoint, “what?”: HTTP 400 {EVIL}" in words.replace("100_2:", "100_2 :")
    assert "100_1: near-duplicate of 100_3" in words


def test_settings_and_versions(page: Page) -> None:
    assert "camera_hfov_deg: 75.0" in page.text
    assert f"numpy {np.__version__}" in page.text


def test_reliability(index: Path, page: Page) -> None:
    assert cells(index, "100", "reliability")[1:] == ["2", "1.5", "0.67", "0.50"]
    assert cells(index, "200", "reliability")[1:] == ["0", "–", "–", "–"]
    assert cells(index, "all", "reliability")[1:] == ["2", "1.5", "0.67", "0.50"]
    words = page.words()
    diagram = "0.00 of 1 with confidence 0 to 0.2; 1.00 of 1 with confidence 0.6 to 0.8; 1.00 of 1"
    assert f"Of 3 events of halves of the observers, the other half finds {diagram}" in words
    assert "Not measured in 1 video: " in words


def test_accuracy(index: Path, page: Page) -> None:
    scores = ["2", "2", "1", "0.50", "0.50", "0.50", "1.00°", "0.25 s", "0.00 s"]
    assert cells(index, "100", "accuracy")[1:] == scores
    assert cells(index, "200", "accuracy")[1:] == ["0", "0", "0", *["–"] * 6]
    assert cells(index, "all", "accuracy")[1:] == scores
    words = page.words()
    assert "100: kite, 1.0 s to 3.9 s; no event near it" in words
    assert "100_2, 2.0 s to 6.9 s; no known event is near it at that time" in words


def test_published_camera_paths_stand_beside_the_events(made: dict[str, Any], index: Path, tmp_path: Path) -> None:
    """The path of video 100 stands at yaw 30, pitch 5 from frame 42 to 85, when event 100_1 is there until 63."""
    (tmp_path / "100.txt").write_text("".join(f"(1120, 453) {frame}\n" for frame in range(42, 86)))
    make_index(tmp_path / "index.html", {**made, "truth": [], "camera_paths": [tmp_path / "100.txt"]})
    row = cells(tmp_path / "index.html", "100", "camera-paths")
    assert row[1:3] + row[4:7] == ["1", "0.50", "1.0", "2", "0.44"]
    (picture,) = [a for a in parse(tmp_path / "index.html").all("img") if "camera paths of video 100" in a["alt"]]
    assert picture["src"].startswith("data:image/jpeg")
    assert "camera path" not in parse(index).text


def test_camera_paths_that_run_on_after_the_video_are_refused(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "100.txt").write_text("(1120, 453) 159\n(1120, 453) 160\n")
    with pytest.raises(InputError, match=r"100\.txt: found frame 160; expected frames up to 159"):
        make_index(tmp_path / "index.html", {**made, "camera_paths": [tmp_path / "100.txt"]})


def test_text_of_charts_is_text(page: Page) -> None:
    assert len(page.all("svg")) == 3
    assert all(word in page.text for word in ("length in seconds", "observers"))
    assert "2 events of 2.7 s to 4.9 s, median 3.8 s" in page.words()
    assert "5 to 9 observers watched an event, median 7" in page.words()


def test_only_videos_without_events(made: dict[str, Any], tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    for name, table in (("annotations", ANNOTATIONS), ("clips", CLIPS), ("fixations", DATASET_FIXATIONS)):
        write_rows(dataset / f"{name}.parquet", [], table)
    lists = {stage: made[stage][1:] for stage in STAGES}
    make_index(tmp_path / "index.html", {**made, **lists, "dataset": dataset, "truth": made["truth"][:1]})
    page = parse(tmp_path / "index.html")
    assert "No candidate for an event was dropped." in page.text
    assert data_of(tmp_path / "index.html")["events"]["video"] == []
    assert not page.all("svg") and not page.all("p", "banner")
    assert cells(tmp_path / "index.html", "all")[1:4] == ["0", "0", "0"]


def test_what_curators_decided_is_shown(made: dict[str, Any], tmp_path: Path) -> None:
    row = {"event_id": "100_1", "video": "100", "start_frame": 20, "end_frame": 63}
    judged = annotation(row, "a dog") | {"caption_origin": "edited", "n_curators": 2, "end_frame": 70}
    write_dataset(tmp_path / "dataset", [judged])
    curation = {key: [] for key in ("rejected", "merged", "uncurated", "review", "problems")}
    curation |= {
        "rejected": [("100_2", f"not_an_event {EVIL}")],
        "orphaned": [("100_7", "100_7 of 1.000 s to 2.000 s")],
    }
    write_json(tmp_path / "dataset" / "curation.json", {"n_curators": 2, **curation})
    said = Decision("edit", "a dog")
    history = [Annotation(who, f"{who} {EVIL}", "2026-01-01T10:00:00Z", 12.0, said) for who in ("ann", "ben")]
    write_records(
        tmp_path / "100.json", "100", [EventRecord("100_1", "hash", said, ["ann"], False, "a cat", "0 0 0", history)]
    )
    given = {**made, "dataset": tmp_path / "dataset", "records": [tmp_path / "100.json"]}
    make_index(tmp_path / "index.html", given)
    page = parse(tmp_path / "index.html")
    words = page.words()
    assert "Captions: reviewed by 2 curators" in words
    assert f"1 event: rejected 100_2: not_an_event {EVIL}" in words
    assert "100_7: 100_7 of 1.000 s to 2.000 s" in words
    assert cells(tmp_path / "index.html", str(escape(f"ann {EVIL}")))[1:] == ["1", "0", "1", "0", "0", "12.0 s", "300"]
    pair = cells(tmp_path / "index.html", str(escape(f"ann {EVIL} and ben {EVIL}")))
    assert pair[1:] == ["1", "100\u202f%", "–", "100\u202f%"]
    data = data_of(tmp_path / "index.html")
    assert data["events"]["verdict"] == [0, 3] and data["videos"]["verdicts"][0] == [0, 0, 1, 1]
    assert [data["reasons"][k] for k in data["events"]["left_out"]] == ["", "rejected"]


def test_page_needs_nothing_from_elsewhere(page: Page, index: Path) -> None:
    addresses = [a[name] for _, a in page.tags for name in ("src", "href", "xlink:href", "srcset") if a.get(name)]
    ours = {"explorer.css", "explorer.js", "live.js"}
    assert ours <= {*addresses} and ours <= {file.name for file in BUNDLE}
    assert all(one in ours or one.startswith(("data:", "#", "videos/100.html", "videos/200.html")) for one in addresses)
    source = index.read_text(encoding="utf-8")
    assert "@import" not in source
    assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", source))
    assert not re.search(r"xmlns|DOCTYPE svg|<\?xml", source)
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy.startswith("default-src 'none'; script-src 'self';")


def test_links_lead_to_something_and_ids_are_unique(page: Page) -> None:
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = [a["href"] or "" for a in page.all("a")] + [a["xlink:href"] or "" for a in page.all("use")]
    assert {target[1:] for target in targets if target.startswith("#")} <= set(ids)
    assert "videos/100.html#event=100_2" in targets


def test_text_from_data_is_shown_as_text(page: Page, index: Path) -> None:
    assert [a.get("src") for a in page.all("script")] == ["live.js", "explorer.js", None]
    assert "<script>" not in index.read_text(encoding="utf-8")
    assert page.text.count("alert('x')") == 7  # licences, model, failure, excluded, known event, settings, a caption
    assert data_of(index)["events"]["caption"][0] == EVIL


def test_data_end_neither_their_element_nor_a_line() -> None:
    text = "</script><b>\u2028\u2029é"
    shown = page_json({"text": text, "none": float("nan"), "list": [float("nan"), (1, "<")]})
    assert not {"<", "\u2028", "\u2029"} & set(shown) and "é" in shown
    assert json.loads(shown) == {"text": text, "none": None, "list": [None, [1, "<"]]}


def test_the_table_has_a_row_for_each_video_and_event(index: Path) -> None:
    data = data_of(index)
    assert data["dataset"] == "small" and data["sources"] == ["src-1", "src-2"]
    assert data["splits"] == [[0, "train"], [0, "validation"], [0, "test"]]
    assert data["videos"] == {
        "id": ["100", "200"],
        "source": [0, 1],
        "recorded": ["eye", "eye"],
        "duration_s": [10.0, 10.0],
        "n_events": [2, 0],
        "n_in_dataset": [2, 0],
        "n_dropped": [3, 0],
        "n_observers": [12, 12],
        "confidence": [0.62, None],
        "split": [[2], [0]],
        "verdicts": [[0, 0, 0, 2], [0, 0, 0, 0]],
        "flags": [0, 0],
        "remarks": [0, 0],
        "f1": [0.5, None],
    }
    assert data["events"] == {
        "video": [0, 0],
        "number": [1, 2],
        "start_s": [1.2, 2.0],
        "end_s": [3.9, 6.9],
        "confidence": [0.62, 0.62],
        "caption": [EVIL, "a plain caption"],
        "verdict": [0, 0],
        "left_out": [0, 0],
        "flags": [[], []],
    }


def test_an_event_left_out_of_the_dataset_says_why(made: dict[str, Any], tmp_path: Path) -> None:
    row = {"event_id": "100_1", "video": "100", "start_frame": 20, "end_frame": 63}
    write_dataset(tmp_path / "dataset", [annotation(row, "kept")])
    make_index(tmp_path / "index.html", {**made, "dataset": tmp_path / "dataset"})
    assert "2 events 1 left out of the dataset" in parse(tmp_path / "index.html").words()
    data = data_of(tmp_path / "index.html")
    assert [data["reasons"][k] for k in data["events"]["left_out"]] == ["", "no caption"]
    assert data["videos"]["n_in_dataset"] == [1, 0]


def test_gaze_that_looks_wrong_is_named_and_links_to_its_video(made: dict[str, Any], tmp_path: Path) -> None:
    remark = {"found": "all gaze lies within 3°", "expected": "viewers look around", "advice": "Set `angle_unit`."}
    write_json(tmp_path / "200.json", {"n_observers": 3, "notes": [], "remarks": [remark | {"shown": "time"}]})
    make_index(tmp_path / "index.html", made | {"notes": [made["notes"][0], tmp_path / "200.json"]})
    assert "The gaze of 1 video may be read wrongly: 200" in parse(tmp_path / "index.html").words()
    assert data_of(tmp_path / "index.html")["videos"]["remarks"] == [0, 1]


def test_observers_that_the_source_hides_are_unknown(made: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "100.json", {"n_observers": None, "notes": ["of maps"]})
    make_index(tmp_path / "index.html", {**made, "notes": [tmp_path / "100.json", made["notes"][1]]})
    assert "12 observers per video unknown for 1" in parse(tmp_path / "index.html").words()
    assert data_of(tmp_path / "index.html")["videos"]["n_observers"] == [None, 12]


def test_dropped_candidates_are_counted_by_rule(index: Path, page: Page) -> None:
    assert cells(index, "2", "dropped")[1:3] == ["events.min_duration_s", "2.0 s"]
    assert cells(index, "1", "dropped")[1:3] == ["events.merge_deg", "12.0 deg"]
    assert "127: no gaze" in page.words()


def test_without_truth_there_is_no_accuracy(made: dict[str, Any], tmp_path: Path) -> None:
    make_index(tmp_path / "index.html", {**made, "truth": []})
    assert "known event" not in parse(tmp_path / "index.html").text
    assert data_of(tmp_path / "index.html")["videos"]["f1"] == [None, None]


def test_long_lists_are_cut_and_say_so(
    made: dict[str, Any], index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "more;" not in parse(index).words()
    monkeypatch.setattr("tsalv360.explorer.index_page.FEW", 1)
    times = {"time_s": [1.0, 1.1], "yaw_deg": [150.0] * 2, "pitch_deg": [5.0] * 2}
    events = [{"object": name, "start_s": 1.0, "end_s": 1.1, **times} for name in ("ball", "kite")]
    write_json(tmp_path / "100.json", {"video": "100", "events": events})
    make_index(tmp_path / "index.html", {**made, "truth": [tmp_path / "100.json", made["truth"][0]]})
    words = parse(tmp_path / "index.html").words()
    assert words.count("and 1 more; the pages of the videos have them") == 2  # missed, and matching no known one
    assert "The 1 of 2 videos whose halves agree least; the pages of the others have theirs." in words
    assert "The 1 of 2 videos with the lowest F1; the table above has it for all." in words
    assert cells(tmp_path / "index.html", "100", "accuracy")[1] == "2"


def test_the_nearest_event_of_a_miss_is_shown(made: dict[str, Any], tmp_path: Path) -> None:
    time = np.arange(42, 104) / 16
    track = {"time_s": time.tolist(), "yaw_deg": [32.0] * 62, "pitch_deg": [5.0] * 62}
    write_json(
        tmp_path / "100.json", {"video": "100", "events": [{"object": "kite", "start_s": 2.6, "end_s": 6.4, **track}]}
    )
    make_index(tmp_path / "index.html", {**made, "truth": [tmp_path / "100.json"]})
    words = parse(tmp_path / "index.html").words()
    assert "100: kite, 2.6 s to 6.4 s; nearest is 100_1 with 26 % of the frames in common, 2.0° away" in words
    assert words.count("has 26 % of the frames in common with kite, 2.0° away") == 1


def test_numbers_in_words() -> None:
    assert number(12345.678, 1, " s") == "12\u202f345.7 s"
    assert number(float("nan")) == "–"
    assert [signed(x) for x in (1.26, -1.26, -0.01, float("nan"))] == ["+1.3", "−1.3", "0.0", "–"]
    assert percent(0.625) == "62\u202f%"


@pytest.mark.skipif(not has_browser(), reason="needs chromium and chromedriver")
def test_nothing_from_the_data_runs_in_a_browser(index: Path) -> None:
    driver = open_browser()
    try:
        driver.get(index.as_uri())
        with pytest.raises(NoAlertPresentException):
            driver.switch_to.alert  # noqa: B018
        assert driver.execute_script("return document.scripts.length") == 3
        assert "alert('x')" in driver.find_element("tag name", "body").text
    finally:
        driver.quit()

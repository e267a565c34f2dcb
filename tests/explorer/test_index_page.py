"""The report page of a small made-up dataset: all numbers, nothing from elsewhere, nothing from the data unescaped."""

import base64
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from entries import index_entry
from markupsafe import escape
from selenium.common.exceptions import NoAlertPresentException
from tsalv360.explorer.page import banner, number, percent, signed, write_report
from workflow.labelling import has_browser, open_browser

from tsalv360.config import load_config
from tsalv360.contracts.grid import segments_of
from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.tables import (
    ANNOTATIONS,
    CLIPS,
    DATASET_FIXATIONS,
    DROPPED,
    EVENTS,
    RELIABILITY,
    TRACKS,
    write_rows,
)
from tsalv360.curation.records import Annotation, Decision, EventRecord, write_records
from tsalv360.explorer.inputs import read_videos
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.media.drawing import bar, lanes, ticks
from tsalv360.media.pictures import write_picture
from tsalv360.media.video import VideoWriter
from tsalv360.sources.recording import Origin

EVIL = "<script>alert('x')</script> & \"a\" https://evil.example"
LEAD, PICTURES = 3, 8
STAGES = ("indexes", "notes", "events", "tracks", "dropped", "reliability", "viewports", "sheets")
OF_VIDEOS = (*STAGES, "truth", "camera_paths", "origins")


@dataclass
class Page(HTMLParser):
    """Elements, text, ids and addresses of a page."""

    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        """Attributes of all elements of a tag whose class contains `kind`."""
        return [a for t, a in self.tags if t == tag and kind in [*(a.get("class") or "").split(), ""]]

    def words(self) -> str:
        """The text with single plain spaces."""
        return re.sub(r"\s+", " ", self.text)


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def event_rows(
    video: str, k: int, time: np.ndarray[Any, Any], yaw: float, observers: int
) -> tuple[dict[str, Any], Any]:
    """An event and its track at `yaw`, pitch 5, at 16 fps."""
    name = f"{video}_{k}"
    frames = np.rint(time * 16).astype(int)
    track = [
        {"event_id": name, "frame": int(f), "time_s": f / 16, "yaw_deg": yaw, "pitch_deg": 5.0, "spread_deg": 2.0}
        | {"n_observers": observers, "camera_yaw_deg": yaw, "camera_pitch_deg": 5.0, "camera_hfov_deg": 75.0}
        for f in frames
    ]
    event = {"event_id": name, "video": video, "start_frame": int(frames[0]), "end_frame": int(frames[-1])}
    event |= {"start_s": float(time[0]), "end_s": float(time[-1]), "n_segments": 1 + int((np.diff(frames) > 1).sum())}
    event |= {"yaw_deg": yaw, "pitch_deg": 5.0, "n_observers": observers, "share": 0.5}
    return event | {"evidence": 38.7, "by_chance": 1e-3, "confidence": 0.625}, track


def write_viewports(folder: Path, events: list[str]) -> None:
    """Viewport videos whose picture j has the gray level 20 j, overlays 10 brighter, and a poster."""
    folder.mkdir(parents=True)
    for event in events:
        for kind, extra in (("", 0), (".overlay", 10)):
            with VideoWriter(folder / f"{event}{kind}.mp4", 16, (48, 64)) as writer:
                for j in range(LEAD + PICTURES + 1):
                    writer.write(np.full((48, 64, 3), 20 * j + extra, np.uint8))
        write_picture(folder / f"{event}.jpg", np.full((480, 960, 3), 90, np.uint8))
    lengths = {"lead_in": LEAD, "pictures": PICTURES, "lead_out": 1}
    write_json(folder / "viewports.json", {"fps": 16, "events": dict.fromkeys(events, lengths)})


def write_video(root: Path, video: str, events: list[Any], dropped: list[dict[str, Any]], notes: list[str]) -> None:
    write_json(root / "indexes" / f"{video}", index_entry(video, notes=notes))
    write_json(root / "notes" / f"{video}", {"n_observers": 12, "notes": ["7 of 90 gaze samples removed"]})
    for stage in ("events", "tracks", "dropped", "reliability"):
        (root / stage).mkdir(exist_ok=True)
    write_rows(root / "events" / video, [event for event, _ in events], EVENTS)
    write_rows(root / "tracks" / video, [row for _, track in events for row in track], TRACKS)
    write_rows(root / "dropped" / video, dropped, DROPPED)
    write_rows(root / "reliability" / video, trials_of(video, len(events)), RELIABILITY)
    write_viewports(root / "viewports" / video, [event["event_id"] for event, _ in events])
    (root / "sheets").mkdir(exist_ok=True)
    write_picture(root / "sheets" / f"{video}.jpg", np.full((90, 144, 3), 60, np.uint8))


def trials_of(video: str, n_events: int) -> list[dict[str, Any]]:
    """A split and a surrogate of a video with events; without any the video could not be measured."""
    trial = {"video": video, "number": 0, "n_observers": 12}
    rows = [trial | {"gaze": "all", "confidence": [0.625] * n_events, "found": []}]
    if n_events:
        rows.append(trial | {"gaze": "half", "confidence": [0.62, 0.13], "found": [True, False]})
        rows.append(trial | {"gaze": "half", "confidence": [0.81], "found": [True]})
        rows.append(trial | {"gaze": "surrogate", "confidence": [0.1], "found": []})
    return rows


def annotation(event: dict[str, Any], caption: str) -> dict[str, Any]:
    frames = {name: event[name] for name in ("start_frame", "end_frame")}
    row = {
        "event_id": event["event_id"],
        "video": event["video"],
        "source": "src-1",
        "gaze": "eye",
        "caption": caption,
        **frames,
    }
    row |= {"caption_machine": caption, "caption_origin": "machine", "model": "facts", "revision": "1"}
    row |= {"candidates": [caption], "n_tokens": None, "verdict": None, "flags": [], "n_curators": 0}
    return row | {f"{name}_before": value for name, value in frames.items()}


def write_dataset(folder: Path, annotations: list[dict[str, Any]]) -> None:
    folder.mkdir()
    write_rows(folder / "annotations.parquet", annotations, ANNOTATIONS)
    clip = clip_row("100_1", "100", 0, list(range(8))) | {"n_looks": 11, "n_observers": 6}
    write_rows(folder / "clips.parquet", [clip], CLIPS)
    fixation = {"observer": "a", "fixation_id": 0, "time_s": 1.0, "duration_s": 0.1, "frame": 16, "yaw_deg": 0.0}
    fixation |= {"pitch_deg": 0.0, "weight": 1.0}
    owners = ["100_1", "100_1", "100_1", None]
    rows = [{"video": "100", **fixation, "event_id": owner} for owner in owners] + [
        {"video": "200", **fixation, "event_id": None}
    ]
    write_rows(folder / "fixations.parquet", rows, DATASET_FIXATIONS)


def write_captions(path: Path) -> Path:
    """Video 100: of two events one has a caption, and a model failed on the other."""
    by = {"backend": "endpoint", "prompt": "what?", "model": f"a model {EVIL}", "revision": "7", "score": None}
    texts = ["A dog runs.", "A cat sleeps on a mat. It is red."]
    shown = {"caption": texts[0], "candidates": [by | {"text": text} for text in texts], "failures": []}
    failure = {"backend": "endpoint", "prompt": "what?", "reason": f"HTTP 400 {EVIL}"}
    none = {"caption": None, "candidates": [], "failures": [failure], "n_tokens": None, "flags": []}
    shown |= {"n_tokens": 21, "flags": ["near-duplicate of 100_3"]}
    write_json(path, {"200": {}, "100": {"100_2": none | {"notes": []}, "100_1": shown | {"notes": []}}})
    return path


def write_truth(folder: Path) -> list[Path]:
    """Video 100: one event that is found 1° off and a quarter second late, and one that is not found."""
    time = np.arange(16, 64) / 16
    events = []
    for name, yaw in ((f"ball {EVIL}", 31.0), ("kite", 90.0)):
        track = {"time_s": time.tolist(), "yaw_deg": [yaw] * len(time), "pitch_deg": [5.0] * len(time)}
        events.append({"object": name, "start_s": time[0], "end_s": time[-1], **track})
    write_json(folder / "100.json", {"video": "100", "events": events})
    write_json(folder / "200.json", {"video": "200", "events": []})
    return [folder / "200.json", folder / "100.json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the arguments of `read_videos` and `write_report` for video 100 with two events and 200 without any."""
    root = tmp_path_factory.mktemp("report")
    whole = np.arange(20, 64) / 16
    broken = np.concatenate([np.arange(32, 64), np.arange(80, 112)]) / 16
    events = [event_rows("100", 1, whole, 30.0, 9), event_rows("100", 2, broken, -100.0, 5)]
    drop = {
        "video": "100",
        "start_s": 0.0,
        "end_s": 1.5,
        "yaw_deg": 1.0,
        "pitch_deg": 2.0,
        "n_observers": 4,
        "share": 0.25,
    }
    drops = [
        drop | {"rule": "min_duration_s", "reason": "lasts 1.56 s, less than 2 s"},
        drop | {"rule": "merge_deg", "reason": f"stays within 12° {EVIL}"},
        drop | {"rule": "min_duration_s", "reason": "lasts 0.50 s, less than 2 s"},
    ]
    write_video(root, "100", events, drops, ["header says 0 frames, decoding gives 160"])
    write_video(root, "200", [], [], [])
    write_dataset(root / "dataset", [annotation(events[0][0], EVIL), annotation(events[1][0], "a plain caption")])
    config = load_config({"sources": [{"kind": "demo"}], "dataset": {"name": "small"}}).data_settings()
    config["videos"]["exclude"] = {"127": f"no gaze {EVIL}"}
    paths = {stage: [root / stage / video for video in ("100", "200")] for stage in STAGES}
    paths["sheets"] = [root / "sheets" / f"{video}.jpg" for video in ("100", "200")]
    truth = write_truth(root / "truth")
    captions = write_captions(root / "captions.json")
    others = {"truth": truth, "camera_paths": [], "captions": [captions], "records": [], "config": config}
    others["origins"] = {video: Origin(f"src-{video[0]}", f"licence {EVIL}") for video in ("100", "200")}
    return {"dataset": root / "dataset", **paths, **others}


def make_report(path: Path, made: dict[str, Any]) -> None:
    """Write the report as its rule does."""
    videos = read_videos(**{name: made[name] for name in OF_VIDEOS})
    write_report(path, videos, **{name: value for name, value in made.items() if name not in OF_VIDEOS})


@pytest.fixture(scope="module")
def report(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    make_report(path, made)
    return path


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return parse(report)


def cells(page: Path, start: str, section: str = "") -> list[str]:
    """The texts of the cells of the table row that begins with `start`, the first in the page or from a section on."""
    source = page.read_text(encoding="utf-8").partition(f'<section id="{section}">' if section else "<body>")[2]
    for row in re.findall(r"<tr>(.*?)</tr>", source, re.S):
        texts = [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.S)]
        if texts[0] == start:
            return texts
    raise AssertionError(f"no row {start}")


def test_page_needs_nothing_from_elsewhere(page: Page, report: Path) -> None:
    addresses = [
        a[name] for _, a in page.tags for name in ("src", "href", "xlink:href", "srcset", "action") if name in a
    ]
    assert addresses
    assert all(address and address.startswith(("data:", "#")) for address in addresses)
    source = report.read_text(encoding="utf-8")
    assert "@import" not in source
    assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", source))
    assert not re.search(r"xmlns|DOCTYPE svg|<\?xml", source)
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy.startswith("default-src 'none'")


def test_links_lead_to_something_and_ids_are_unique(page: Page) -> None:
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = [a["href"] for a in page.all("a")] + [a["xlink:href"] for a in page.all("use")]
    assert {target[1:] for target in targets if target} <= set(ids)


def test_text_from_data_is_shown_as_text(page: Page, report: Path) -> None:
    assert len(page.all("script")) == 1
    assert report.read_text(encoding="utf-8").count("<script>") == 1
    (shown, _) = re.findall(r"<blockquote>(.*?)</blockquote>", report.read_text(encoding="utf-8"))
    assert "<" not in shown
    assert unescape(shown) == EVIL
    assert any(EVIL in (a["title"] or "") for a in page.all("a", "bar"))
    assert page.text.count("alert('x')") == 11  # caption, licences, dropped, excluded, known event, settings


def test_same_input_gives_same_bytes(made: dict[str, Any], report: Path, tmp_path: Path) -> None:
    make_report(tmp_path / "again.html", made)
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()


def test_gaze_that_looks_wrong_is_shown_with_its_picture_and_the_setting(made: dict[str, Any], tmp_path: Path) -> None:
    remarks = [
        {"found": f"all gaze lies within 3° {EVIL}", "expected": "viewers look around", "advice": "Set `angle_unit`."},
        {"found": "gaze ends at 2 of 4 s", "expected": "gaze lasts", "advice": "Check `time_unit`."},
    ]
    notes = {"n_observers": 3, "notes": [], "remarks": []}
    for remark, shown in zip(remarks, ("directions", "time"), strict=True):
        notes["remarks"] += [remark | {"shown": shown}]
    density = np.zeros((18, 36), dtype=int)
    density[9, 18] = 90
    speeds = [30.0, None, 700.0]
    summary = {"density": density.tolist(), "step_s": 0.1, "speed_deg_s": speeds, "duration_s": 0.4, "cuts_s": [0.2]}
    write_json(tmp_path / "200.json", notes | {"summary": summary})
    make_report(tmp_path / "report.html", made | {"notes": [made["notes"][0], tmp_path / "200.json"]})
    page = parse(tmp_path / "report.html")
    assert "Gaze ends at 2 of 4 s; gaze lasts. Check time_unit." in page.words()
    pictures = [a for a in page.all("img") if (a["alt"] or "").startswith("Video 200: ")]
    assert [(a["width"], a["height"]) for a in pictures] == [("720", "360"), ("720", "134")]
    assert "The gaze of 1 video may be read wrongly: 200" in page.words()
    assert len(page.all("div", "doubt")) == 2 and len(page.all("script")) == 1


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


def test_table_of_sources(report: Path) -> None:
    assert cells(report, "src-1")[3:] == ["1", "0.2", "2", "1", "4", "75\u202f%"]
    licence = str(escape(f"licence {EVIL}"))
    assert cells(report, "src-1")[1:3] == cells(report, "src-2")[1:3] == ["eye", licence]
    assert cells(report, "src-2")[3:] == ["1", "0.2", "0", "0", "1", "0\u202f%"]


def test_notes_and_a_video_without_events(page: Page) -> None:
    words = page.words()
    assert "header says 0 frames, decoding gives 160" in words
    assert "7 of 90 gaze samples removed" in words
    assert words.count("No events:") == 1
    assert "src-1 16 fps 960 × 480 160 frames 10.0 s 12 observers 3 candidates dropped" in words
    assert "9 of 12" in words


def test_observers_that_the_source_hides_are_unknown(made: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "100.json", {"n_observers": None, "notes": ["of maps"]})
    make_report(tmp_path / "report.html", {**made, "notes": [tmp_path / "100.json", made["notes"][1]]})
    words = parse(tmp_path / "report.html").words()
    assert "src-1 16 fps 960 × 480 160 frames 10.0 s observers unknown 3 candidates dropped" in words
    assert "of maps" in words and "9 of 12" not in words
    assert "12 observers per video unknown for 1" in words


def test_bars_stand_where_the_events_are(page: Page) -> None:
    first, second = page.all("a", "bar")[:2]
    assert first["href"] == "#event-100_1"
    assert first["style"] == "--lane:0;left:12.5%;width:26.875%"
    assert second["style"] == "--lane:1;left:20.0%;width:49.375%"
    parts = [a["style"] for a in page.all("i")][1:3]
    length = 79 / 16
    expected = [(0, 31 / 16 / length), (48 / 16 / length, 31 / 16 / length)]
    assert parts == [f"left:{100 * a:.3f}%;width:{100 * b:.3f}%".replace("0.000%", "0.0%") for a, b in expected]


def test_captions_are_measured_and_what_went_wrong_is_listed(report: Path, page: Page) -> None:
    row = cells(report, f"{escape(f'a model {EVIL}')}, revision 7")
    assert row[1:] == ["what?", "2", "2", "6", "3", "9", "1", "0"]
    words = page.words()
    assert "The longest shown caption has 21 CLIP tokens" in words
    assert f"100_2 : endpoint, “what?”: HTTP 400 {EVIL}" in words.replace("100_2:", "100_2 :")
    assert "100_1: near-duplicate of 100_3" in words


def test_dropped_candidates(report: Path, page: Page) -> None:
    assert cells(report, "2")[1:3] == ["events.min_duration_s", "2.0 s"]
    assert cells(report, "1")[1:3] == ["events.merge_deg", "12.0 deg"]
    words = page.words()
    assert "All 3 candidates that were dropped" in words
    assert "lasts 1.56 s, less than 2 s" in words
    assert "127: no gaze" in words


def test_settings_and_versions(page: Page) -> None:
    assert "camera_hfov_deg: 75.0" in page.text
    assert f"numpy {np.__version__}" in page.text


def test_reliability(report: Path, page: Page) -> None:
    assert cells(report, "100", "reliability")[1:] == ["2", "1.5", "0.67", "0.50"]
    assert cells(report, "200", "reliability")[1:] == ["0", "–", "–", "–"]
    assert cells(report, "all", "reliability")[1:] == ["2", "1.5", "0.67", "0.50"]
    words = page.words()
    diagram = "0.00 of 1 with confidence 0 to 0.2; 1.00 of 1 with confidence 0.6 to 0.8; 1.00 of 1"
    assert f"Of 3 events of halves of the observers, the other half finds {diagram}" in words
    assert "Not measured in 1 video: " in words


def test_accuracy(report: Path, page: Page) -> None:
    scores = ["2", "2", "1", "0.50", "0.50", "0.50", "1.00°", "0.25 s", "0.00 s"]
    assert cells(report, "100")[1:] == scores
    assert cells(report, "200")[1:] == ["0", "0", "0", *["–"] * 6]
    assert cells(report, "all")[1:] == scores
    words = page.words()
    assert "100: kite, 1.0 s to 3.9 s; no event near it" in words
    assert "100_2, 2.0 s to 6.9 s; no known event is near it at that time" in words
    assert "kite: missed" in words
    assert "1.0° away, 92 % of the frames in common, start +0.25 s, end 0.00 s" in words
    assert words.count("matches no known event") == 1


def test_without_truth_there_is_no_accuracy(made: dict[str, Any], tmp_path: Path) -> None:
    make_report(tmp_path / "report.html", {**made, "truth": []})
    page = parse(tmp_path / "report.html")
    assert "known event" not in page.text
    assert len(page.all("a", "bar")) == 2


def test_published_camera_paths_stand_beside_the_events(made: dict[str, Any], report: Path, tmp_path: Path) -> None:
    """The path of video 100 stands at yaw 30, pitch 5 from frame 42 to 85, when event 100_1 is there until 63."""
    (tmp_path / "100.txt").write_text("".join(f"(1120, 453) {frame}\n" for frame in range(42, 86)))
    make_report(tmp_path / "report.html", {**made, "truth": [], "camera_paths": [tmp_path / "100.txt"]})
    row = cells(tmp_path / "report.html", "100", "camera-paths")
    assert row[1:3] + row[4:7] == ["1", "0.50", "1.0", "2", "0.44"]
    (picture,) = [a for a in parse(tmp_path / "report.html").all("img") if "camera paths of video 100" in a["alt"]]
    assert picture["src"].startswith("data:image/jpeg")
    assert "camera path" not in parse(report).text


def test_camera_paths_that_run_on_after_the_video_are_refused(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "100.txt").write_text("(1120, 453) 159\n(1120, 453) 160\n")
    with pytest.raises(InputError, match=r"100\.txt: found frame 160; expected frames up to 159"):
        make_report(tmp_path / "report.html", {**made, "camera_paths": [tmp_path / "100.txt"]})


def test_pictures_are_those_from_the_middle(page: Page) -> None:
    images = [a for a in page.all("img") if "sheet" not in (a["alt"] or "")]
    assert [(a["width"], a["height"]) for a in images[:3]] == [("64", "48"), ("64", "48"), ("480", "240")]
    assert all(a["loading"] == "lazy" and a["alt"] for a in images)
    levels = []
    for image in images[:3]:
        data = base64.b64decode((image["src"] or "").removeprefix("data:image/jpeg;base64,"))
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        levels.append(float(picture.mean()))
    middle = 20 * (LEAD + PICTURES // 2)
    assert levels == pytest.approx([middle, middle + 10, 90], abs=3)


def test_every_video_has_its_contact_sheet_as_it_was_made(page: Page, made: dict[str, Any]) -> None:
    images = {a["alt"]: a for a in page.all("img") if "sheet" in (a["alt"] or "")}
    assert list(images) == ["Contact sheet of video 100", "Contact sheet of video 200"]
    for path, image in zip(made["sheets"], images.values(), strict=True):
        assert image["src"] == f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
        assert (image["width"], image["height"]) == ("144", "90")


def test_a_contact_sheet_that_is_damaged_is_named(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "200.jpg").write_bytes(b"half")
    for sheet in (tmp_path / "200.jpg", tmp_path / "none.jpg"):
        with pytest.raises(InputError, match=f"{sheet.name}: found no readable picture"):
            make_report(tmp_path / "r.html", {**made, "sheets": [made["sheets"][0], sheet]})


def test_text_of_charts_is_text(page: Page) -> None:
    assert len(page.all("svg")) == 3
    assert all(word in page.text for word in ("length in seconds", "observers"))
    assert "2 events of 2.7 s to 4.9 s, median 3.8 s" in page.words()
    assert "5 to 9 observers watched an event, median 7" in page.words()


def test_many_videos_are_folded(
    made: dict[str, Any], report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "open" in parse(report).all("details", "fold")[0]
    monkeypatch.setattr("tsalv360.explorer.page.OPEN_UP_TO", 1)
    make_report(tmp_path / "report.html", made)
    folded = parse(tmp_path / "report.html")
    assert "open" not in folded.all("details", "fold")[0]
    assert len(folded.all("button")) == 1


def test_only_videos_without_events(made: dict[str, Any], tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    for name, table in (("annotations", ANNOTATIONS), ("clips", CLIPS), ("fixations", DATASET_FIXATIONS)):
        write_rows(dataset / f"{name}.parquet", [], table)
    lists = {stage: made[stage][1:] for stage in STAGES}
    make_report(tmp_path / "report.html", {**made, **lists, "dataset": dataset, "truth": made["truth"][:1]})
    page = parse(tmp_path / "report.html")
    assert "No candidate for an event was dropped." in page.text
    assert not page.all("svg") and not page.all("p", "banner")
    assert cells(tmp_path / "report.html", "all")[1:4] == ["0", "0", "0"]


def test_event_left_out_of_the_dataset(made: dict[str, Any], tmp_path: Path) -> None:
    row = {"event_id": "100_1", "video": "100", "start_frame": 20, "end_frame": 63}
    write_dataset(tmp_path / "dataset", [annotation(row, "kept")])
    make_report(tmp_path / "report.html", {**made, "dataset": tmp_path / "dataset"})
    words = parse(tmp_path / "report.html").words()
    assert "2 events 1 left out of the dataset" in words
    assert "Left out of the dataset: no caption." in words


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
    make_report(tmp_path / "report.html", given)
    page = parse(tmp_path / "report.html")
    words = page.words()
    assert "Captions: reviewed by 2 curators" in words
    assert "edited: facts, revision 1; frames corrected to 20 to 70" in words
    assert "Left out of the dataset: rejected." in words
    assert f"1 event: rejected 100_2: not_an_event {EVIL}" in words
    assert "100_7: 100_7 of 1.000 s to 2.000 s" in words
    assert cells(tmp_path / "report.html", str(escape(f"ann {EVIL}")))[1:] == ["1", "0", "1", "0", "0", "12.0 s", "300"]
    pair = cells(tmp_path / "report.html", str(escape(f"ann {EVIL} and ben {EVIL}")))
    assert pair[1:] == ["1", "100\u202f%", "–", "100\u202f%"]
    assert len(page.all("script")) == 1
    ids = {a["id"] for _, a in page.tags if a.get("id")}
    assert {target[1:] for a in page.all("a") if (target := a["href"])} <= ids


def test_a_video_shorter_than_its_entry_is_an_error(made: dict[str, Any], tmp_path: Path) -> None:
    write_viewports(tmp_path / "100", ["100_1", "100_2"])
    lengths = {"lead_in": 40, "pictures": PICTURES, "lead_out": 1}
    write_json(tmp_path / "100" / "viewports.json", {"fps": 16, "events": dict.fromkeys(["100_1", "100_2"], lengths)})
    with pytest.raises(InputError, match=r"100_1\.mp4: found no picture 44"):
        make_report(tmp_path / "r.html", {**made, "viewports": [tmp_path / "100", made["viewports"][1]]})
    assert not (tmp_path / "r.html").exists()


def test_banner_counts_what_is_draft() -> None:
    table = pd.DataFrame({"caption_origin": ["machine", "edited"], "n_curators": [0, 2], "model": ["facts", "facts"]})
    partly = "Captions: 1 of 2 are draft, written by a machine (facts), not curated"
    assert banner(table) == partly
    assert banner(table, 3) == f"{partly}; the others reviewed by 3 curators"
    assert banner(table[:1], 0) == "Captions: draft, written by a machine (facts), not curated"
    assert banner(table[1:], 1) == "Captions: reviewed by 1 curator"
    assert banner(table[1:]) == ""


@pytest.mark.parametrize("fps", [16.0, 17.0, 24.0, 25.0, 30000 / 1001, 60.0, 10.0])
def test_segments_end_at_gaps_only(fps: float) -> None:
    kept = np.array(sorted({round(i / 16 * fps) for i in range(96)}))
    time = kept / fps
    assert segments_of(time, fps) == [(time[0], time[-1])]
    gap = np.concatenate([time[:30], time[32:]])
    assert segments_of(gap, fps) == [(time[0], time[29]), (time[32], time[-1])]


def test_lanes_keep_overlapping_events_apart() -> None:
    assert lanes([]) == []
    assert lanes([(0, 4), (2, 6), (5, 8), (3, 3.5)]) == [0, 1, 0, 2]


def test_bar_in_percent() -> None:
    shape = bar(2, 6, [(2, 3), (5, 6)], 8)
    assert (shape.left, shape.width, shape.parts) == (25, 50, [(0, 25), (75, 25)])


@pytest.mark.parametrize(
    ("duration", "times"), [(0.5, [0]), (8, list(range(9))), (9, [0, 2, 4, 6, 8]), (3600, [0, 600])]
)
def test_ticks_are_round_and_few(duration: float, times: list[float]) -> None:
    found = [time for time, _ in ticks(duration)]
    assert found[: len(times)] == times
    assert len(found) <= 9


def test_numbers_in_words() -> None:
    assert number(12345.678, 1, " s") == "12\u202f345.7 s"
    assert number(float("nan")) == "–"
    assert [signed(x) for x in (1.26, -1.26, -0.01, float("nan"))] == ["+1.3", "−1.3", "0.0", "–"]
    assert percent(0.625) == "62\u202f%"


def test_the_nearest_event_of_a_miss_and_of_a_false_event_is_shown(made: dict[str, Any], tmp_path: Path) -> None:
    time = np.arange(42, 104) / 16
    track = {"time_s": time.tolist(), "yaw_deg": [32.0] * 62, "pitch_deg": [5.0] * 62}
    write_json(
        tmp_path / "100.json", {"video": "100", "events": [{"object": "kite", "start_s": 2.6, "end_s": 6.4, **track}]}
    )
    make_report(tmp_path / "report.html", {**made, "truth": [tmp_path / "100.json"]})
    words = parse(tmp_path / "report.html").words()
    assert "100: kite, 2.6 s to 6.4 s; nearest is 100_1 with 26 % of the frames in common, 2.0° away" in words
    assert words.count("has 26 % of the frames in common with kite, 2.0° away") == 2


@pytest.mark.skipif(not has_browser(), reason="needs chromium and chromedriver")
def test_nothing_from_the_data_runs_in_a_browser(report: Path) -> None:
    driver = open_browser()
    try:
        driver.get(report.as_uri())
        with pytest.raises(NoAlertPresentException):
            driver.switch_to.alert  # noqa: B018
        assert driver.execute_script("return document.scripts.length") == 1
        assert "alert('x')" in driver.find_element("tag name", "body").text
    finally:
        driver.quit()

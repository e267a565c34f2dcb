"""The metadata of a published folder, read by the libraries that others read it with."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from publish.published import SETTINGS, make_published
from publish.small_folder import content_of

from tsalv360.contracts.entries import DatasetOutcome
from tsalv360.contracts.tables import ANNOTATIONS, DATASET_FIXATIONS, VIDEOS, read_table, write_table
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256, write_json
from tsalv360.publish.configs import size_category
from tsalv360.publish.metadata import write_metadata
from tsalv360.publish.settings import DRAWN, PublishSettings

BUILD_CARD = (
    "# small\n\n## Contents\n\nof the build\n\n## How reliable the events are\n\nF1 0.71, `annotations.parquet`\n"
)
HOSTILE = [
    '"]]> </script><script>alert(1)</script> {% raw %} {{ title }}',
    "--- | pipe | `code` ``` [link](javascript:x) 'quotes' \"double\" }} \\",
    "\u202eright to left\u202c \u200f\u05d0 # no heading: - no list & no &amp;",
    "two\nlines\n---\nlicense: mit\n## Forged",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published(tmp_path_factory.mktemp("made"))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library asks the Hub; the variable of the environment would hold for all tests of the process."""
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to change, and to write metadata into."""
    return Path(shutil.copytree(made, tmp_path / "publish"))


def write(folder: Path, settings: PublishSettings = SETTINGS) -> str:
    """Write the metadata; return the card."""
    write_metadata(folder, "small", settings, BUILD_CARD, content_of(folder))
    return (folder / "README.md").read_text("utf-8")


def header(folder: Path) -> dict[str, Any]:
    match = re.match(r"---\n(.*?\n)---\n", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    assert match
    return yaml.safe_load(match[1])


def shown(card: str) -> str:
    """What of a card is Markdown: without the header, and without code, in which nothing is interpreted."""
    return re.sub(r"^```.*?^```$", "", card.split("\n---\n", 1)[1], flags=re.DOTALL | re.MULTILINE)


def set_videos(folder: Path, **columns: Any) -> None:
    path = folder / "data/videos.parquet"
    write_table(path, read_table(path, VIDEOS).assign(**columns), VIDEOS)


def set_events(folder: Path, **columns: Any) -> None:
    path = folder / "data/events.parquet"
    write_table(path, read_table(path, ANNOTATIONS).assign(**columns), ANNOTATIONS)


def set_gaze(folder: Path, video: str, rows: list[dict[str, Any]]) -> None:
    row = {"video": video, "observer": "p01", "fixation_id": 0, "time_s": 0.0, "duration_s": 1.0, "frame": 0}
    row |= {"yaw_deg": 0.0, "pitch_deg": 0.0, "weight": 1.0, "event_id": None}
    write_table(
        folder / f"data/fixations/{video}.parquet", pd.DataFrame([row | one for one in rows]), DATASET_FIXATIONS
    )


def load(folder: Path, *config: str, **wanted: Any) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), *config, cache_dir=str(folder.parent / "cache"), **wanted)


def croissant(folder: Path) -> Any:
    import mlcroissant

    return mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))


def records(dataset: Any, name: str, n: int = 3) -> list[dict[str, Any]]:
    return [{key.split("/")[1]: cell for key, cell in row.items()} for row in islice(dataset.records(name), n)]


def test_the_folder_loads_in_one_line(made: Path) -> None:
    events = load(made)["train"]
    assert events["caption"][:2] == ["Caption 1 of 001.", "Caption 2 of 001."] and len(events) == 6
    assert len(load(made, "clips")["train"]) == 12
    assert load(made, "videos")["train"]["source"] == ["ours", "ours", "theirs"]
    assert set(load(made, "fixations")["train"]["video"]) == {"001", "002", "003"}
    assert load(made, "points")["train"].num_rows == 3 * 16 * 3


def test_maps_load_by_fold_and_split_as_pictures(made: Path) -> None:
    maps = load(made, "maps-fold0", split="test")
    assert {event[:3] for event in maps["event_id"]} == {"003"}
    assert maps[5]["map"].size == (64, 32) and maps[5]["map"].getpixel((0, 0)) == 50 + 9 + 5
    assert set(load(made, "maps-fold1")) == {"train", "test"}, "an empty split is left out"
    frames = load(made, "frames")["train"]
    assert frames.num_rows == 32 and frames[0]["picture"].size == (128, 64)


def test_streaming_gives_the_same_rows(made: Path) -> None:
    maps = load(made, "maps-fold0", split="test")
    streamed = next(iter(load(made, "maps-fold0", split="test", streaming=True)))
    assert streamed["map"].tobytes() == maps[0]["map"].tobytes() and streamed["caption"] == maps[0]["caption"]
    assert next(iter(load(made, streaming=True)["train"]))["event_id"] == "001_1"


def test_what_is_not_in_the_folder_is_no_config(folder: Path) -> None:
    for name in ("fixations", "points", "frames", "viewports"):
        shutil.rmtree(folder / "data" / name)
    shutil.rmtree(folder / "explorer")
    (folder / "TSV360_gt.tar").unlink()
    (folder / "data/maps/003.parquet").unlink()
    card = write(folder)
    configs = [config["config_name"] for config in header(folder)["configs"]]
    assert configs == ["events", "clips", "videos", "maps-fold0", "maps-fold1"]
    assert set(load(folder, "maps-fold0")) == {"train", "validation"}
    assert "explorer/" not in card and "TSV360_gt" not in card and "data/points" not in card
    assert "Frames of 3 of 3 videos are not in the folder" in card and "tsalv360 data attach" in card
    assert "not measured, as the folder holds no gaze" in card
    assert "in the folder for" not in (folder / "LICENSE.md").read_text("utf-8").split("## theirs")[0]
    assert {one.uuid for one in croissant(folder).metadata.record_sets} >= {"events", "maps"}
    assert not croissant(folder).metadata.ctx.issues.errors


def test_mlcroissant_loads_records_of_every_record_set(made: Path) -> None:
    dataset = croissant(made)
    assert not dataset.metadata.ctx.issues.errors
    assert [warning for warning in dataset.metadata.ctx.issues.warnings if "datePublished" not in warning] == []
    names = {record_set.uuid for record_set in dataset.metadata.record_sets}
    assert names == {
        *("events", "clips", "videos", "reliability", "checksums"),
        *("fixations", "points", "maps", "frames", "viewports"),
    }
    found = {name: records(dataset, name) for name in names}
    assert all(found[name] for name in names - {"reliability"}), "the small set has no trials"
    assert found["events"][0]["caption"] == b"Caption 1 of 001."
    assert list(found["clips"][0]["frames"]) == list(range(8))
    assert found["maps"][0]["map"].getpixel((0, 0)) == 53
    assert found["viewports"][0]["viewport"][4:8] == b"ftyp"


def test_croissant_has_no_warning_with_a_year(folder: Path) -> None:
    write(folder, replace(SETTINGS, year=2026))
    assert not croissant(folder).metadata.ctx.issues.warnings


def test_croissant_has_the_checksums_of_single_files(made: Path) -> None:
    files = [one for one in json.loads((made / "croissant.json").read_text("utf-8"))["distribution"] if "sha256" in one]
    assert {"data/events.parquet", "splits.json", "TSV360_gt.tar"} <= {one["contentUrl"] for one in files}
    for one in files:
        assert one["sha256"] == sha256(made / one["contentUrl"])


def test_croissant_refuses_a_table_that_was_changed(folder: Path) -> None:
    set_events(folder, caption="another")
    with pytest.raises(Exception) as error:
        records(croissant(folder), "events")
    assert "Hash of downloaded file" in str(error.value.__cause__ or error.value)


def test_croissant_states_what_responsible_use_needs(made: Path) -> None:
    content = json.loads((made / "croissant.json").read_text("utf-8"))
    assert content["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    wanted = "dataCollection dataBiases dataUseCases dataLimitations personalSensitiveInformation"
    wanted += " dataAnnotationProtocol dataPreprocessingProtocol dataReleaseMaintenancePlan"
    assert all(content[f"rai:{name}"] for name in wanted.split())
    assert content["isLiveDataset"] is False and "datePublished" not in content
    assert content["license"] == ["LICENSE.md", "ours: CC BY 4.0", "theirs: research"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_captions_arrive_as_they_are_and_break_nothing(tmp_path: Path, text: str) -> None:
    folder = make_published(tmp_path, {"001_1": text})
    assert load(folder)["train"]["caption"][0] == text
    assert load(folder, "maps-fold0", split="train")[0]["caption"] == text
    assert records(croissant(folder), "events")[0]["caption"].decode() == text
    card = (folder / "README.md").read_text("utf-8")
    assert "<script" not in shown(card) and "\u202e" not in card
    row = next(line for line in card.splitlines() if line.startswith("| 001_1 |"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert "## Forged" not in card.splitlines() and header(folder)["license"] == "other"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_names_and_licences_break_nothing(folder: Path, text: str) -> None:
    set_videos(folder, source=text, licence=text)
    settings = replace(SETTINGS, title=text, authors=[f"{text}, Jane", text], contact=text, url=text, year=2026)
    card = write(folder, settings)
    title = header(folder)["pretty_name"]
    assert "\n" not in title and "\u202e" not in title and title.split()[0] == re.sub("\u202e", "", text).split()[0]
    assert header(folder)["license"] == "other" and load(folder)["train"].num_rows == 6
    licences = (folder / "LICENSE.md").read_text("utf-8")
    assert "## Forged" not in card.splitlines() + licences.splitlines()
    assert "<script" not in shown(card) + licences
    headings = [line for line in licences.splitlines() if line.startswith("#")]
    assert len(headings) == 4, "of the file, of the source with and without permission, of captions"
    citation = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert citation["title"] == title and "url" not in citation
    dataset = croissant(folder)
    assert dataset.metadata.name == title and not dataset.metadata.ctx.issues.errors
    for name in ("croissant.json", "datacite.json", "zenodo.json"):
        content = (folder / name).read_text("utf-8")
        assert "<" not in content and json.loads(content)
    bibtex = json.loads((folder / "croissant.json").read_text("utf-8"))["citeAs"]
    assert bibtex.count("{") == bibtex.count("}") and bibtex.endswith("\n}") and bibtex.count("\n}") == 1


def test_card_takes_over_what_the_build_says_from_its_reliability_on(folder: Path) -> None:
    card = write(folder)
    assert "## How reliable the events are\n\nF1 0.71, `data/events.parquet`" in card and "of the build" not in card
    with pytest.raises(InputError, match="How reliable"):
        write_metadata(folder, "small", SETTINGS, "# another text", {})


def test_card_says_what_is_not_stated(folder: Path) -> None:
    card = write(folder, PublishSettings())
    assert "Authors: not stated" in card and "Contact for questions and corrections: not stated" in card
    assert "Observers: not stated. Recorded by: not stated." in card
    citation = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert citation["authors"] == [{"name": "The authors of small"}] and citation["title"] == "small"


def test_biases_are_measured_in_the_gaze(folder: Path) -> None:
    early = [{"time_s": 1.0}, {"time_s": 1.9, "yaw_deg": 29.0}, {"time_s": 0.5, "yaw_deg": 31.0}]
    later = [{"time_s": 2.0, "duration_s": 3.0}, {"time_s": 9.0, "pitch_deg": 31.0, "duration_s": 2.0}]
    later += [{"time_s": 9.0, "pitch_deg": -80.0, "weight": 2.0}]
    set_gaze(folder, "001", early + later)
    (folder / "data/fixations/002.parquet").unlink()
    (folder / "data/fixations/003.parquet").unlink()
    card = write(folder)
    assert "60% of the gaze is within 30° of the equator, which is 50% of the sphere" in card
    assert "in the first 2 s of a video 67% of the gaze is within 30° of the panorama's centre, and 43% later" in card
    assert "that is 7% of the sphere" in card and "Of 2 videos the folder holds no gaze" in card
    biases = json.loads((folder / "croissant.json").read_text("utf-8"))["rai:dataBiases"]
    assert biases[0].startswith("Equator: 60%") and biases[1].startswith("Front: ")


def test_stand_ins_are_not_counted_as_observers(folder: Path) -> None:
    set_gaze(folder, "001", [{"observer": name} for name in ("p01", "p02", "p03")])
    set_gaze(folder, "002", [{"observer": name} for name in ("point-1", "point-2")])
    set_gaze(folder, "003", [{"observer": "map-01"}])
    card = write(folder)
    assert "Observers per video: 3." in card and "| observers of a video | 3 |" in card
    assert "Of 2 videos the source does not store who looked where" in card


def test_drawn_videos_are_said_to_be_simulated(folder: Path) -> None:
    set_videos(folder, source="demo", pictures=DRAWN)
    card = write(folder)
    assert "Nobody was recorded" in card and "3 of the videos are drawn by a program" in card
    assert "consent" not in card, "nobody was asked"
    assert "Gaze (simulated)" in (folder / "LICENSE.md").read_text("utf-8")


def test_known_sources_are_cited(folder: Path) -> None:
    set_videos(folder, source=["VR-EyeTracking", "AVTrack360", "own"], gaze=["eye", "head", "eye"])
    card = write(folder)
    assert "Observers: 48 people, 25 of them women. Recorded by: the authors of the data set, see Fremerey" in card
    assert "maps show where heads point" in card and header(folder)["source_datasets"] == ["extended", "original"]
    citation = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert [work["title"].split(":")[0] for work in citation["references"]] == [
        "AVTrack360",
        "Gaze Prediction in Dynamic 360° Immersive Videos",
        "TSalV360",
    ]
    assert all({"type", "title", "authors"} <= work.keys() for work in citation["references"])
    zenodo = json.loads((folder / "zenodo.json").read_text("utf-8"))
    assert any(text.startswith("Xu et al. (2018)") for text in zenodo["references"])


def test_judges_and_their_number_are_stated(folder: Path) -> None:
    verdicts = ["accept", "edit", "accept", None, None, None]
    origins = ["accepted", "edited", "accepted", "machine", "machine", "published"]
    set_events(folder, caption_origin=origins, verdict=verdicts, n_curators=[1, 2, 2, 0, 0, 0], model="facts")
    write_json(folder / "curation.json", DatasetOutcome(2, [("001_3", "")], [], [], [], [], []))
    card = write(folder)
    assert "3 of 6 events were judged by curators, 2 of them by more than one." in card
    assert "Curators: 2. They rejected 1 events" in card and "2 accepted, 1 edited" in card
    assert "**Captions: partly drafts.** 2 of 6 were written by machine and have not been curated." in card
    assert "1 events with their maps and captions were imported" in card
    made_by = ["expert-generated", "found", "machine-generated"]
    assert header(folder)["annotations_creators"] == made_by
    assert json.loads((folder / "croissant.json").read_text("utf-8"))["rai:machineAnnotationTools"] == ["facts"]


def test_licences_name_what_is_passed_on_and_what_not_and_why(made: Path) -> None:
    ours, theirs = (made / "LICENSE.md").read_text("utf-8").split("## ours")[1].split("## theirs")
    assert "Licence as stated: CC BY 4.0" in ours
    assert "Frames: in the folder; permission to pass them on: recorded by us, CC BY 4.0" in ours
    assert "Licence as stated: research" in theirs and "Saliency maps with their captions: in the folder" in theirs
    assert "Frames: not in the folder, as no permission to pass them on is stated" in theirs


def test_datacite_and_zenodo_have_what_they_require(folder: Path) -> None:
    settings = replace(SETTINGS, authors=["Doe, Jane", "Some Lab"], year=2026, url="https://doi.org/10.5281/zenodo.1")
    write(folder, settings)
    datacite = json.loads((folder / "datacite.json").read_text("utf-8"))
    required = {"creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"}
    assert required <= datacite.keys() and datacite["publicationYear"] == "2026"
    assert datacite["doi"] == "10.5281/zenodo.1"
    assert datacite["creators"][0] == {
        "name": "Doe, Jane",
        "nameType": "Personal",
        "familyName": "Doe",
        "givenName": "Jane",
    }
    assert datacite["creators"][1] == {"name": "Some Lab", "nameType": "Organizational"}
    zenodo = json.loads((folder / "zenodo.json").read_text("utf-8"))
    assert {"upload_type", "title", "creators", "description", "access_right", "license"} <= zenodo.keys()
    assert zenodo["license"] == "other-closed", "no licence is promised that a source does not give"
    citation = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["doi"] == "10.5281/zenodo.1"
    assert {"message", "title", "authors", "version"} <= citation.keys() and citation["type"] == "dataset"


def test_a_repository_is_the_page_of_the_dataset(folder: Path) -> None:
    card = write(folder, replace(SETTINGS, repository="jane/gaze"))
    assert "https://huggingface.co/datasets/jane/gaze" in card and 'load_dataset("jane/gaze")' in card
    content = json.loads((folder / "croissant.json").read_text("utf-8"))
    assert content["url"] == "https://huggingface.co/datasets/jane/gaze"
    assert content["license"][0] == "https://huggingface.co/datasets/jane/gaze/blob/main/LICENSE.md"


@pytest.mark.parametrize(
    ("n", "name"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (123_456, "100K<n<1M"),
        (32_000_000, "10M<n<100M"),
        (10**12, "n>1T"),
    ],
)
def test_size_category_is_one_of_the_hub(n: int, name: str) -> None:
    assert size_category(n) == name


def test_writing_needs_none_of_the_libraries_that_read(made: Path) -> None:
    code = "import sys, tsalv360.publish.metadata; print({'datasets', 'mlcroissant', 'torch'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"

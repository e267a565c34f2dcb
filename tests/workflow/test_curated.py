"""The curators' files beside the real workflow: one decision is one job, nothing is lost or changed."""

import subprocess
from dataclasses import replace

import pandas as pd
import pytest
from explorer.made_dataset import data_of
from running import ROOT, Workflow
from shards import maps_in

from tsalv360.curation.records import Annotation, Decision, EventRecord, read_records, write_records
from tsalv360.curation.tasks import track_text
from tsalv360.job.files import read_json, sha256

pytestmark = pytest.mark.slow

TO_THE_DATASET = {"assemble": 1, "dataset": 1, "explorer_page": 1, "explorer": 1}  # one verdict, one page


def reviewed(workflow: Workflow, event: str, decision: Decision) -> EventRecord:
    """The record of an event as it is in the results."""
    video = event.partition("_")[0]
    tracks = pd.read_parquet(workflow.results / "tracks" / f"{video}.parquet")
    fps = read_json(workflow.results / "videos" / f"{video}.json")["fps"]
    annotations = pd.read_parquet(workflow.results / "assembled" / video / "annotations.parquet")
    machine = annotations.set_index("event_id").caption[event]
    track = track_text(tracks[tracks.event_id == event], fps)
    history = [Annotation("1", "ann", "2026-01-01T10:00:00Z", 9.0, decision)]
    return EventRecord(event, "hash", decision, ["ann"], False, machine, track, history)


def sums(workflow: Workflow) -> dict[str, str]:
    """Checksums of the curators' files."""
    return {path.name: sha256(path) for path in (workflow.folder / "curation").rglob("*.json")}


@pytest.fixture
def curated(copy: Workflow) -> Workflow:
    """The tiny dataset with three decisions: 001_1 edited and cut, 001_2 rejected, 002_2 a duplicate of 002_1."""
    first = [
        reviewed(copy, "001_1", Decision("edit", "A ball rolls away.", ["bad_start"], start_s=2.0)),
        reviewed(copy, "001_2", Decision("reject", None)),
    ]
    folder = copy.folder / "curation" / "tiny"
    write_records(folder / "001.json", "001", first)
    repeats = reviewed(copy, "002_2", Decision("accept", "Something is above.", ["duplicate"], duplicate_of="002_1"))
    write_records(folder / "002.json", "002", [repeats])
    assert "Nothing to be done" in copy.run("-n").stdout  # a draft does not read the curators' files
    return copy.with_config(curation={"mode": "curated", "uncurated": "keep_as_draft"})


def test_decisions_enter_the_dataset_and_each_is_one_job(curated: Workflow) -> None:
    before = sums(curated)
    assert curated.planned() == TO_THE_DATASET | {"assemble": 2, "explorer_page": 2}
    printed = curated.build()
    assert "curation.mode is curated: curation/tiny has 3 decisions; events without one stay as" in printed
    assert (
        "curated: 2 of 4 events are in results/tiny/dataset; 0 have no decision yet and are drafts, 1 were" in printed
    )
    dataset = curated.results / "dataset"
    rows = pd.read_parquet(dataset / "annotations.parquet").set_index("event_id")
    assert rows.caption.to_dict() == {"001_1": "A ball rolls away.", "002_1": "Something is above."}
    assert rows.caption_origin.tolist() == ["edited", "edited"] and rows.n_curators.tolist() == [1, 1]
    assert rows.start_frame["001_1"] == 50 > rows.start_frame_before["001_1"]
    assert min(maps_in(dataset / "maps" / "001.parquet")["001_1"]) == 50
    points = pd.concat([pd.read_parquet(path) for path in (dataset / "points").iterdir()])
    assert set(points.event_id.dropna()) == set(rows.index)
    fixations = pd.read_parquet(dataset / "fixations.parquet")
    assert set(fixations.event_id.dropna()) == set(rows.index)
    assert fixations.frame[fixations.event_id == "001_1"].min() >= 48
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=dataset, check=False)
    assert done.returncode == 0
    card, index = (dataset / "README.md").read_text(), curated.results / "explorer" / "index.html"
    assert "Captions: curated. Events were reviewed by 1 curator." in card
    assert "- 1 events rejected: 001_2" in card and "duplicate: 002_2 (002_1)" in card
    assert ">ann<" in index.read_text()
    pages = [data_of(curated.results / "explorer" / "videos" / f"{video}.html")["events"] for video in ("001", "002")]
    assert [event["left_out"] for page in pages for event in page] == [
        "", "rejected", "", "part of 002_1, which it repeats"
    ]  # fmt: skip
    assert [event["verdict"] for event in pages[0]] == ["edit", "reject"]
    assert pages[0][0]["corrected_frames"][0] == 50

    file = curated.folder / "curation" / "tiny" / "001.json"
    file.write_bytes(file.read_bytes())
    assert "Nothing to be done" in curated.run("-n").stdout  # the same again
    records = read_records(file, "001")
    write_records(file, "001", [records[0], replace(records[1], decision=Decision("accept", "A second ball."))])
    assert curated.planned() == TO_THE_DATASET
    curated.build()
    captions = pd.read_parquet(dataset / "annotations.parquet").caption
    assert captions.tolist() == ["A ball rolls away.", "A second ball.", "Something is above."]
    assert sums(curated) == before | {"001.json": sha256(file)}

    file.unlink()
    assert curated.planned() == TO_THE_DATASET
    printed = curated.with_config(curation={"uncurated": "leave_out"}).build("--until", "dataset")
    assert "curated: 1 of 4 events are in results/tiny/dataset; 2 have no decision yet and are left out" in printed
    subprocess.run(["make", "-f", ROOT / "Makefile", "clean"], cwd=curated.folder, check=True)
    assert not curated.results.exists() and sums(curated) == {"002.json": before["002.json"]}


def test_events_detected_again_keep_the_decisions(curated: Workflow) -> None:
    """With another setting one event of each video is left, which had the second id when it was reviewed.

    The record of 001_2 matches 001_1 now. The record of 002_2 when it had half its length needs another review.
    """
    folder = curated.folder / "curation" / "tiny"
    first, second = (
        replace(reviewed(curated, "001_2", Decision("accept", "A.")), event_id="001_1"),
        replace(reviewed(curated, "001_1", Decision("edit", "A ball.")), event_id="001_2"),
    )
    write_records(folder / "001.json", "001", [first, second])
    whole = replace(reviewed(curated, "002_1", Decision("accept", "From long ago.")), event_id="002_2")
    points = whole.track.split(", ")
    write_records(folder / "002.json", "002", [replace(whole, track=", ".join(points[: len(points) // 2 + 1]))])
    before = sums(curated)

    anew = curated.with_config(events={"min_share": 0.4})
    assert anew.planned()["events"] == 2
    anew.build("--until", "dataset")
    rows = pd.read_parquet(anew.results / "dataset" / "annotations.parquet").set_index("event_id")
    assert rows.caption_origin.to_dict() == {"001_1": "edited", "002_1": "machine"}
    assert rows.caption["001_1"] == "A ball." and rows.start_frame["001_1"] < 30
    lists = read_json(anew.results / "dataset" / "curation.json")
    assert [event for event, _ in lists["orphaned"]] == ["001_1"]
    assert [event for event, _ in lists["review"]] == ["002_1"]
    card = (anew.results / "dataset" / "README.md").read_text()
    assert "near a reviewed event: 002_1 (" in card and "no longer exist (ids as they were then): 001_1 (" in card
    assert sums(anew) == before

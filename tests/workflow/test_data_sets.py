"""TSV360's data sets in the real workflow, with small files: Sports-360 as downloaded, and a published dataset."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from explorer.made_dataset import data_of
from running import Workflow

from tsalv360.contracts.grid import frame_numbers
from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps
from tsalv360.media.video import probe
from tsalv360.saliency import saliency_map, spotlight, to_8bit

pytestmark = pytest.mark.slow
AUTHORS_WAY = Path(__file__).parents[2] / "config" / "tsv360-authors-way.yaml"
SMALL = {"frames": {"height": 96}, "saliency": {"height": 64, "sigma_deg": 5}}


def workflow(folder: Path, **config: object) -> Workflow:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **config}))
    return Workflow(folder, (path,))


def write_frames(folder: Path, numbers: list[int], kind: str) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in numbers:
        cv2.imwrite(str(folder / f"{number:04d}.{kind}"), rng.integers(0, 255, (96, 192, 3), dtype=np.uint8))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Videos 006 with two stretches of one event, and 286, which is in no fold."""
    for video, fps in (("006", 29.97), ("286", 30)):
        numbers = frame_numbers(fps, 120, 20)
        write_frames(tmp_path / "frames" / video, numbers, "png")
        event = tmp_path / "TSV360_gt" / video / f"{video}_1"
        event.mkdir(parents=True)
        (event / "description.txt").write_text(f"Ein Bär läuft in {video}.\n", encoding="utf-8")
        for number in numbers[:20] + numbers[30:40]:
            cv2.imwrite(str(event / f"{number:04d}.png"), np.full((48, 96), number, dtype=np.uint8))
    return tmp_path


def source(folder: Path) -> dict[str, object]:
    return {
        "sources": [{"kind": "published", "path": str(folder / "TSV360_gt"), "frames": str(folder / "frames")}],
        "dataset": {"name": "published", "folds": "tsv360"},
        "frames": {"height": 96, "format": "png"},
    }


def test_a_published_dataset_is_imported_without_construction(published: Path) -> None:
    run = workflow(published, **source(published))
    jobs = run.planned()
    assert "events" not in jobs and jobs["import_video"] == 2
    run.build()
    dataset = published / "results" / "published" / "dataset"
    annotations, clips = (pd.read_parquet(dataset / f"{name}.parquet") for name in ("annotations", "clips"))
    assert annotations.caption.tolist() == ["Ein Bär läuft in 006.", "Ein Bär läuft in 286."]
    assert set(annotations.caption_origin) == {"published"}
    numbers = frame_numbers(29.97, 120, 20)
    kept = numbers[:20] + numbers[30:40]
    own = clips[clips.video == "006"]
    assert [frames.tolist() for frames in own.frames] == [kept[:8], kept[8:16]]  # the third would cross the gap
    for frame in clips.target_frame[clips.video == "006"]:
        assert (published / "results" / "published" / "frames" / "006" / f"{frame:04d}.png").exists()
    splits = read_json(dataset / "splits.json")
    assert splits["in_no_fold"] == ["286"]
    card = (dataset / "README.md").read_text("utf-8")
    assert "as published" in card and "286 is in the published list" in card


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda event: (event / "description.txt").write_text(" \n"), "an empty file"),
        (lambda event: cv2.imwrite(str(event / "0021.png"), np.zeros((48, 96), np.uint8)), "a saliency map of zeros"),
        (lambda event: (event / "0021.png").write_bytes(b"\x89PNG"), "no readable picture"),
        (lambda event: (event / "first.png").write_bytes(b""), "this name"),
    ],
)
def test_a_damaged_published_event_is_refused_by_name(published: Path, damage, message: str) -> None:
    damage(published / "TSV360_gt" / "006" / "006_1")
    done = workflow(published, **source(published)).run("--cores", "2", "results/published/assembled/006")
    assert done.returncode != 0
    assert message in done.stdout and "006_1" in done.stdout


def test_sports_360_runs_as_downloaded(tmp_path: Path) -> None:
    root = tmp_path / "360_Saliency_dataset_2018ECCV"
    numbers = list(range(1, 151))
    write_frames(root / "218", numbers, "jpg")
    rng = np.random.default_rng(1)
    points = {f"{n:04d}": [(0.25 + x, 0.5 + y) for x, y in rng.normal(0, 0.005, (20, 2))] for n in numbers}
    (root / "vinfo.pkl").write_bytes(pickle.dumps({"218": points}))
    run = workflow(
        tmp_path,
        sources=[{"kind": "sports360", "root": str(root)}],
        dataset={"name": "sports", "folds": 1},
    )
    run.build()
    results = tmp_path / "results" / "sports"
    assert read_json(results / "fixations" / "218.json")["n_observers"] is None
    page = data_of(results / "explorer" / "videos" / "218.html")
    assert page["n_observers"] is None and page["observers"] is None
    (event,) = pd.read_parquet(results / "events" / "218.parquet").itertuples()
    assert (event.yaw_deg, event.pitch_deg) == pytest.approx((-90, 0), abs=1)
    kept = sorted(path.name for path in (results / "frames" / "218").glob("*.jpg"))
    assert kept == [f"{n:04d}.jpg" for n in frame_numbers(30, 151, 20)]
    assert (results / "frames" / "218" / kept[0]).samefile(root / "218" / kept[0])


def test_tsv360_as_its_authors_would_have_made_it(tmp_path: Path) -> None:
    """The config that ships, with one small video of 30 fps: 20 look at the left, one 25° beside."""
    root = tmp_path / "360_Saliency_dataset_2018ECCV"
    numbers = list(range(1, 201))
    write_frames(root / "218", numbers, "jpg")
    rng = np.random.default_rng(1)
    beside = (0.25 + 25 / 360, 0.5)
    points = {n: [(0.25 + x, 0.5 + y) for x, y in rng.normal(0, 0.005, (20, 2))] + [beside] for n in numbers}
    named = {f"{n:04d}": own for n, own in points.items()}
    (root / "vinfo.pkl").write_bytes(pickle.dumps({"218": named}))
    config = yaml.safe_load(AUTHORS_WAY.read_text(encoding="utf-8"))
    config["sources"] = [{"kind": "sports360", "root": str(root)}]
    config["dataset"]["folds"] = 1
    config["captions"]["backends"] = ["facts"]
    config["frames"]["height"] = 96
    config["saliency"]["height"] = 64
    config["events"] |= {
        "method": "clusters",
        "false_discovery_rate": 1,
        "max_duration_s": 60,
    }  # how events are found is tested elsewhere
    workflow(tmp_path, **config).build()
    results = tmp_path / "results" / "tsv360-authors-way"
    frames = [f"{n:04d}.png" for n in range(21, 201)]
    assert sorted(path.name for path in (results / "frames" / "218").glob("*.*g")) == frames
    truth = results / "dataset" / "TSV360_gt" / "218"
    assert sorted(path.name for path in truth.iterdir()) == ["218_0"]
    assert sorted(path.name for path in (truth / "218_0").iterdir()) == [*frames, "description.txt"]
    tracks = pd.read_parquet(results / "tracks" / "218.parquet")
    (at,) = tracks[tracks.frame == 60].itertuples()
    x, y = np.transpose(points[60])
    everybody = saliency_map(360 * x - 180, 90 - 180 * y, size=(64, 128))
    found = cv2.imread(str(truth / "218_0" / "0060.png"), cv2.IMREAD_UNCHANGED).astype(int)
    assert np.abs(found - to_8bit(spotlight(everybody, at.yaw_deg, at.pitch_deg))).max() <= 2
    info = probe(results / "viewports" / "218" / "218_0.mp4", force_2to1=True)
    assert (info.fps, info.n_frames, info.width, info.height) == (30, 180, 420, 420)
    assert set(tracks.camera_hfov_deg) == {40}
    looks = pd.read_parquet(results / "dataset" / "points" / "218.parquet")
    assert (looks.event_id[looks.frame == 60] == "218_0").sum() == 21
    clips = pd.read_parquet(results / "dataset" / "clips.parquet")
    assert clips.frames.iloc[0].tolist() == list(range(21, 29))


def test_spotlights_fall_on_the_saliency_maps_of_a_source_without_gaze(tmp_path: Path) -> None:
    """Twelve of 13 follow something that moves by 3°/s, one looks 28° beside it."""
    numbers = list(range(200))
    write_frames(tmp_path / "frames", numbers, "jpg")
    (tmp_path / "maps").mkdir()
    for n in numbers:
        one = to_8bit(saliency_map([n / 10, n / 10 + 28], [0, 0], [12, 1], size=(96, 192)))
        cv2.imwrite(str(tmp_path / "maps" / f"{n:04d}.png"), one)
    video = {
        "path": str(tmp_path / "frames"),
        "fps": 30,
        "gaze": str(tmp_path / "maps"),
        "gaze_format": "saliency_maps",
    }
    run = workflow(
        tmp_path,
        sources=[],
        videos={"square": video},
        dataset={"name": "maps", "folds": 1},
        events={"false_discovery_rate": 1},
        saliency={"method": "spotlight", "height": 96},
    )
    run.build("results/maps/assembled/square")
    results = tmp_path / "results" / "maps"
    tracks = pd.read_parquet(results / "tracks" / "square.parquet")
    row = tracks.iloc[len(tracks) // 2]
    source = cv2.imread(str(tmp_path / "maps" / f"{row.frame:04d}.png"), cv2.IMREAD_UNCHANGED).astype(int)
    found = Maps(results / "saliency" / "square.parquet").read(row.event_id, row.frame).astype(int)
    assert np.abs(found - to_8bit(spotlight(source, row.yaw_deg, row.pitch_deg))).max() <= 1

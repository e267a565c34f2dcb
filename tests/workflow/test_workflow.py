"""The workflow from its user's point of view: plans, builds, reruns, errors."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from running import ROOT, TINY, Workflow
from shards import maps_in

from tsalv360.media.maps import Maps


def test_every_event_has_its_caption_and_maps_that_have_a_frame(built: Workflow) -> None:
    dataset = built.results / "dataset"
    annotations = pd.read_parquet(dataset / "annotations.parquet")
    assert set(annotations.video) == {"001", "002"}
    for row in annotations.itertuples():
        maps = Maps(dataset / "maps" / f"{row.video}.parquet")
        assert maps.caption(row.event_id) == row.caption
        numbers = set(maps.numbers(row.event_id))
        frames = {int(path.stem) for path in (built.results / "frames" / row.video).glob("*.jpg")}
        assert numbers and numbers <= frames
    clips = pd.read_parquet(dataset / "clips.parquet")
    assert len(clips) and all(
        len(clip.frames) == 8 and clip.frames[-1] == clip.target_frame for clip in clips.itertuples()
    )


def test_the_checksums_of_the_dataset_are_right(built: Workflow) -> None:
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=built.results / "dataset")
    assert done.returncode == 0
    named = {line[66:] for line in (built.results / "dataset" / "SHA256SUMS").read_text().splitlines()}
    present = {
        p.relative_to(built.results / "dataset").as_posix()
        for p in (built.results / "dataset").rglob("*")
        if p.is_file()
    }
    assert present - named == {"SHA256SUMS", ".snakemake_timestamp"}


def test_every_map_has_its_points_and_every_kept_frame_its_map_of_all_observers(built: Workflow) -> None:
    dataset = built.results / "dataset"
    for video in ("001", "002"):
        points = pd.read_parquet(dataset / "points" / f"{video}.parquet")
        kept = {int(path.stem) for path in (built.results / "frames" / video).glob("*.jpg")}
        maps = set(maps_in(dataset / "saliency_all" / f"{video}.parquet")[None])
        assert maps == set(points.frame[points.event_id.isna()]) <= kept
        assert len(maps) > 0.9 * len(kept)
        for event, numbers in maps_in(dataset / "maps" / f"{video}.parquet").items():
            assert set(numbers) == set(points.frame[points.event_id == event])


def test_every_data_set_measures_how_reliable_its_events_are(built: Workflow) -> None:
    trials = pd.read_parquet(built.results / "dataset" / "reliability.parquet")
    assert trials.video.tolist() == ["001"] * 4 + ["002"] * 4
    for video, own in trials.groupby("video"):
        assert own.gaze.tolist() == ["all", "half", "half", "surrogate"]
        events = pd.read_parquet(built.results / "events" / f"{video}.parquet")
        assert own.confidence.iloc[0].tolist() == events.confidence.tolist()
        assert own.n_observers.tolist() == [24, 12, 12, 24]
    card = (built.results / "dataset" / "README.md").read_text(encoding="utf-8")
    assert "events of two random halves of the observers agree, F1 | 0." in card or "F1 | 1." in card
    assert '<section id="reliability">' in (built.results / "explorer" / "index.html").read_text(encoding="utf-8")


def test_every_job_writes_a_log_and_a_benchmark(built: Workflow) -> None:
    for kind in ("logs", "benchmarks"):
        stages = {path.name for path in (built.results / kind).iterdir() if path.is_dir()}
        assert stages >= {
            "demo",
            "index",
            "frames",
            "fixations",
            "events",
            "reliability",
            "saliency",
            "viewports",
            "sheets",
            "captions",
            "tasks",
        }


def test_a_task_names_its_media_and_its_machine_caption(built: Workflow) -> None:
    tasks = json.loads((built.results / "curation_tasks" / "001.json").read_text())
    for task in tasks:
        data = task["data"]
        for key in ("viewport_url", "overlay_url", "poster_url"):
            prefix, path = data[key].split("?d=")
            assert prefix == "/data/local-files/" and (built.folder / "results" / path).is_file()
        assert task["predictions"][0]["result"][0]["value"]["text"] == [data["caption_machine"]]


@pytest.mark.slow
def test_adding_sound_for_curators_rebuilds_nothing_else(copy: Workflow) -> None:
    heard = copy.with_config(viewports={"sound": True})
    assert heard.planned() == {"sound": 2, "tasks": 2}
    heard.build()
    (data, *_) = [task["data"] for task in json.loads((copy.results / "curation_tasks" / "001.json").read_text())]
    for key in ("viewport_url", "overlay_url", "poster_url"):
        path = data[key].partition("?d=tiny/viewports_with_sound/001/")[2]
        assert (copy.results / "viewports_with_sound" / "001" / path).is_file() and path
    assert heard.planned() == {}


def test_a_second_run_does_nothing(built: Workflow) -> None:
    assert "Nothing to be done" in built.run("-n").stdout


def test_a_dry_run_prints_the_plan(fresh: Workflow) -> None:
    assert fresh.planned() == {
        "assemble": 2, "captions": 2, "dataset": 1, "demo": 2, "events": 2, "fixations": 2, "frames": 2,
        "explorer": 1, "explorer_page": 2, "explorer_video": 2, "index": 2,
        "reliability": 2, "saliency": 2, "sheets": 2, "tasks": 2, "viewports": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"saliency": {"sigma_rad": 0.1}}, "saliency.sigma_rad: unknown key; did you mean saliency.sigma_deg?"),
        ({"events": {"window_s": "400 ms"}}, "events.window_s: found '400 ms'; expected a number in s, from 0.1 to 5"),
        ({"dataset": {"folds": 3}}, "dataset.folds: found 3 folds for 2 videos"),
        ({"model": {"n_frames": 4}}, "model.n_frames: found 4; expected 8, since every clip of a dataset has 8 frames"),
        (
            {"videos": {"a/b": {"path": "x.mp4", "gaze": "x.csv"}}},
            "found the id 'a/b'; expected letters, digits and hyphens",
        ),
        (
            {"videos": {"harbour": {"path": "x.mp4", "gaze": "x.csv"}}},
            "videos.harbour.path: found 'x.mp4', which does not exist",
        ),
    ],
)
def test_a_wrong_config_stops_before_anything_runs(fresh: Workflow, change: dict, message: str) -> None:
    done = fresh.with_config(**change).run("--cores", "2")
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not (fresh.folder / "results").exists()


def test_null_on_the_command_line_is_nothing(fresh: Workflow) -> None:
    own = fresh.with_config(explorer={"camera_paths": "gone"})
    assert own.run("-n").returncode != 0
    done = own.run("-n", "--config", "explorer={camera_paths: null}", "captions={cache: ~}")
    assert done.returncode == 0, done.stdout


def test_results_that_cannot_be_written_are_refused_by_name(fresh: Workflow) -> None:
    (fresh.folder / "results").write_text("a file, not a folder")
    done = fresh.run("--cores", "2")
    assert done.returncode != 0
    assert f"{fresh.folder / 'results'}: found a file; expected a writable folder" in done.stdout


def test_local_settings_override_the_default_config_with_a_message(fresh: Workflow) -> None:
    (fresh.folder / "config").mkdir()
    shutil.copy(TINY, fresh.folder / "config" / "local.yaml")
    done = Workflow(fresh.folder, configs=()).run("-n")
    assert "config/local.yaml overrides the default config" in done.stdout
    assert re.search(r"^index +2$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("where", ["config/local.yaml", "other.yaml"])
def test_what_snakemake_passes_over_in_a_config_stops_the_plan(fresh: Workflow, where: str) -> None:
    (fresh.folder / "config").mkdir()
    (fresh.folder / where).write_text("frames:\n  height: 160\nsources: []\nframes:\n  format: png\n")
    done = Workflow(fresh.folder, () if "local" in where else (fresh.folder / where,)).run("-n")
    assert done.returncode != 0
    assert f"{where}, line 4, column 1: found the key frames again, after line 1" in done.stdout


@pytest.mark.slow
def test_one_broken_video_fails_alone_and_can_be_excluded(copy: Workflow) -> None:
    """One of three own videos is cut off: the others continue, the dataset waits, and the message names the way out."""
    demo = copy.folder / "data" / "tiny"
    whole = (demo / "videos" / "001.mp4").read_bytes()
    (copy.folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    video = {"gaze": str(demo / "Gaze_txt_files"), "gaze_format": "vr_eyetracking"}
    videos = {
        "one": {"path": str(demo / "videos" / "001.mp4"), "gaze_id": "001", **video},
        "two": {"path": str(demo / "videos" / "002.mp4"), "gaze_id": "002", **video},
        "cut": {"path": str(copy.folder / "cut.mp4"), "gaze_id": "001", **video},
    }
    own = copy.with_config(sources=[], videos=videos, dataset={"name": "own"})
    done = own.run("--cores", "2")
    assert done.returncode != 0
    assert "cut.mp4: found a truncated video" in done.stdout
    assert 'videos: {exclude: {"cut": "reason"}}' in done.stdout
    results = copy.folder / "results" / "own"
    assert {path.name for path in (results / "viewports").iterdir()} == {"one", "two"}
    assert not (results / "dataset").exists()

    excluded = own.with_config(videos={"exclude": {"cut": "the download was cut off"}})
    excluded.build()
    assert "cut, excluded by the config: the download was cut off" in (results / "dataset" / "README.md").read_text()
    assert "the download was cut off" in (results / "explorer" / "index.html").read_text()


@pytest.mark.slow
def test_snakemake_can_write_its_own_report(copy: Workflow) -> None:
    done = copy.run("--report", "snakemake-report.html")
    assert done.returncode == 0, done.stdout
    assert (copy.folder / "snakemake-report.html").stat().st_size > 100_000


def literal_commands() -> list[str]:
    """The snakemake commands that the README shows."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("snakemake")))


def test_the_readme_shows_commands() -> None:
    assert len(literal_commands()) == 8


@pytest.mark.slow
@pytest.mark.parametrize("command", literal_commands())
def test_the_literal_commands_of_the_readme_work(built: Workflow, tmp_path: Path, command: str) -> None:
    """Each runs unchanged in a clone whose config/local.yaml is the tiny dataset, which `--cores` builds."""
    clone = tmp_path / "clone"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split("\n")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)  # with its time: a newer script would run again
    shutil.copy(TINY, clone / "config" / "local.yaml")
    for folder in () if "--cores" in command else ("results", "data", ".snakemake"):
        shutil.copytree(built.folder / folder, clone / folder, copy_function=shutil.copy2)
    binaries = Path(sys.executable).parent
    done = subprocess.run(f"PATH={binaries}:$PATH {command}", shell=True, cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (clone / "results" / "tiny" / "dataset" / "SHA256SUMS").exists()


def test_the_config_files_that_ship_are_valid() -> None:
    from tsalv360.config import load_config

    for path in sorted((ROOT / "config").glob("*.yaml")):
        if path.name not in ("schema.yaml", "local.yaml"):
            load_config(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["own-recordings", "tsv360", "tsv360-authors-way", "tsv360-published"])
def test_other_data_than_the_demo_has_full_size(name: str) -> None:
    """Keys that a config leaves out must not have the demo's values: small frames, viewports and model, one fold."""
    from snakemake.utils import update_config

    from tsalv360.config import load_config

    merged = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    update_config(merged, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")))
    config, default = load_config(merged), load_config({"sources": [], "dataset": {"name": "default", "folds": 2}})
    assert config.frames.height == 960 and all(source.kind != "demo" for source in config.sources)
    assert replace(config.train, weights="") == default.train
    for part in ("viewports", "folds", "model", "compute"):
        if (name, part) != ("tsv360-authors-way", "viewports"):  # as published: 420×420
            assert getattr(config, part) == getattr(default, part), part


def test_a_video_that_is_gone_can_be_excluded(fresh: Workflow) -> None:
    gone = fresh.with_config(videos={"gone": {"path": "gone.mp4", "gaze": "gone.csv"}, "exclude": {"gone": "lost"}})
    assert gone.planned()["index"] == 2


def test_shell_and_snakemake_syntax_in_a_path_is_only_a_path(built: Workflow, tmp_path: Path) -> None:
    evil = tmp_path / "a b'; touch ran; $(touch ran) `touch ran` \""
    shutil.copytree(built.folder / "data" / "tiny", evil)
    results = tmp_path / "r'; touch ran; $(touch ran) é"
    video = {"path": str(evil / "videos" / "001.mp4"), "gaze": str(evil / "Gaze_txt_files"), "gaze_id": "001"}
    videos = {"one": video | {"gaze_format": "vr_eyetracking"}}
    own = Workflow(tmp_path).with_config(
        sources=[], videos=videos, results=str(results), dataset={"name": "own", "folds": 1}
    )
    made = results / "own" / "fixations" / "one.parquet"
    done = own.run("--cores", "1", str(made))
    assert done.returncode == 0, done.stdout
    assert made.exists() and not list(tmp_path.rglob("ran"))

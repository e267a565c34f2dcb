"""Only what changed is rebuilt: for every key the planner agrees with the column of docs/settings.md."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import ROOT
from workflow.hollow import Hollow

from tsalv360.config import known_keys
from tsalv360.job.files import write_json
from tsalv360.workflow.rebuilds import OTHERWISE, TRIGGERS, Rebuilds, rebuilds

DEMO = {"kind": "demo", "directory": "data/tiny", "n_videos": 3, "min_duration_s": 4, "max_duration_s": 4}
EVERYTHING = {
    "sources": [DEMO],
    "curation": {"mode": "curated"},
    "model": {"encoder": "clip", "text_width": 64, "vocabulary": 49408},
    "train": {"weights": "random", "cached_rolls": 1},
}
# Other values, where the schema does not determine a usable one.
OTHER = {
    "captions.backends": ["llava-next", "facts"],
    "captions.prompts": ["Who is it?"],
    "dataset.folds": 3,
    "dataset.validation_share": 0.0,
    "events.camera_spreads": 5.0,
    "frames.height": 480,
    "train.flip": "never",
    "train.clip_batch_norm": None,  # published: not with cached features
    "train.cached_rolls": 4,
    "train.warmup": 0.5,
    "model.n_frames": None,  # other values are refused
    "model.encoder": None,  # small: not with cached features
    "model.map_size": [64, 128],
    "model.tangents": [1, 4, 6, 4],
    "model.decoder": [16, 16, 16, 8],
    "model.width": 4,
    "model.text_width": 128,
    "model.heads": 8,
    "train.weights": None,  # another file
    "captions.endpoint.url": "http://127.0.0.1:9/v1",
    "saliency.all_observers": False,
    "events.camera_max_hfov_deg": 119.0,
    "publish.authors": ["Doe, Jane"],
    "publish.version": "1.0.1",
    "publish.year": 2026,
    "publish.repository": "user/name",
}
KEYS = {key: node for key, node in known_keys().items() if "properties" not in node and node.get("type") != "object"}
SECTIONS = [key for key in KEYS if not key.startswith(("sources", "videos")) and not key.endswith(".*")]


@pytest.fixture(scope="module")
def column() -> Rebuilds:
    return rebuilds(KEYS)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Hollow:
    return Hollow(tmp_path_factory.mktemp("everything"), EVERYTHING)


def other_value(key: str, current: Any) -> Any:
    """A possible value of a key that is not the current one."""
    node = KEYS[key]
    node = next((kind for kind in node.get("anyOf", []) if kind.get("type") != "null"), node)
    if key in OTHER:
        return OTHER[key]
    if "enum" in node:
        return next(value for value in node["enum"] if value != current)
    if node["type"] == "boolean":
        return not current
    if node["type"] == "string":
        return f"{current or ''}other"
    step = node.get("multipleOf", 1)
    low, high = node.get("minimum", node.get("exclusiveMinimum", 0)), node.get("maximum", node.get("exclusiveMaximum"))
    if node["type"] == "integer":
        return current + step if high is None or current + step <= high else current - step
    nearby = current * 1.1 if current else 0.1
    return nearby if high is None or nearby < high else (current + low) / 2


def nested(key: str, value: Any) -> dict:
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


def current_value(hollow: Hollow, key: str) -> Any:
    value: Any = hollow.config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def test_results_that_match_the_config_are_not_rebuilt(everything: Hollow) -> None:
    assert everything.planned() == set()
    pages = {"explorer_video", "explorer_page", "explorer"}
    assert everything.rules >= {"demo", "index", "features", "train_fold", "evaluate"} | pages


def rebuilt(column: Rebuilds, key: str) -> set[str]:
    """All rules that run again when a key changes."""
    return {*column.first[key], *(rule for first in column.first[key] for rule in column.after[first])}


@pytest.mark.parametrize("key", SECTIONS)
def test_changing_a_key_rebuilds_what_the_settings_page_says(everything: Hollow, column: Rebuilds, key: str) -> None:
    if key in OTHERWISE or OTHER.get(key, ...) is None:
        pytest.skip("has its own test")
    changed = nested(key, other_value(key, current_value(everything, key)))
    assert everything.planned(changed) == rebuilt(column, key) & everything.rules


@pytest.mark.slow
@pytest.mark.parametrize("key", ["model.encoder", "train.clip_batch_norm"])
def test_keys_that_exclude_cached_features(tmp_path: Path, column: Rebuilds, key: str) -> None:
    plain = Hollow(tmp_path, {"sources": [DEMO], "train": {"weights": "random"}})
    change = {"model.encoder": EVERYTHING["model"], "train.clip_batch_norm": "published"}[key]
    change = {"model": change} if isinstance(change, dict) else nested(key, change)
    assert plain.planned(change) == rebuilt(column, key) - {"features"}


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith("sources.demo.") and key not in OTHERWISE])
def test_changing_a_key_of_the_demo(everything: Hollow, column: Rebuilds, key: str) -> None:
    name = key.rpartition(".")[2]
    if name == "kind":
        pytest.skip("another kind is another source")
    values = {"min_duration_s": 3.5, "max_duration_s": 5, "height": 200, "n_observers": 9, "seed": 2}
    assert everything.planned({"sources": [DEMO | {name: values[name]}]}) == rebuilt(column, key) & everything.rules


@pytest.mark.slow
def test_drafts_do_not_depend_on_the_treatment_of_uncurated_events(tmp_path: Path) -> None:
    draft = Hollow(tmp_path, {"sources": [DEMO]})
    written = {"dataset", "explorer", "published_explorer", "publish"}
    assert draft.planned({"curation": {"uncurated": "keep_as_draft"}}) == written


# Keys that decide which jobs exist or where they write


def test_another_video_rebuilds_no_other_video(everything: Hollow) -> None:
    jobs = everything.plan({"sources": [DEMO | {"n_videos": 4}], "dataset": {"folds": 2}}).jobs
    assert {rule: jobs[rule] for rule in ("demo", "index", "frames", "events", "viewports")} == dict.fromkeys(
        ("demo", "index", "frames", "events", "viewports"), 1
    )
    assert jobs["dataset"] == 1


def test_a_new_fold_and_a_new_name_keep_existing_models(everything: Hollow) -> None:
    models = {"train_fold", "evaluate_fold", "evaluate"}
    both = everything.plan({"folds": [0, 1]})
    assert both.jobs == {"features": 1, "train_fold": 1, "evaluate_fold": 1, "evaluate": 1}
    named = everything.plan({"train": {"name": "again", "epochs": 7}})
    assert set(named.jobs) == models
    (job,) = [job for job in named.needed if job.rule.name == "train_fold"]
    assert job.output.best == "results/tiny/models/again/fold0/best.pt"


# Own recordings


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Hollow:
    """Two own videos, one with gaze of two observers in the format of VR-EyeTracking and one with a gaze table."""
    folder = tmp_path_factory.mktemp("own")
    for observer in ("p001", "p002"):
        path = folder / "gaze" / observer / "one._2017-1-1_ori_0.txt"
        path.parent.mkdir(parents=True)
        path.write_text(observer)
    for name in ("one.mp4", "two.mp4", "two.csv", "other.csv"):
        (folder / name).write_text(name)
    videos = {
        "one": {"path": str(folder / "one.mp4"), "gaze": str(folder / "gaze"), "gaze_format": "vr_eyetracking"},
        "two": {"path": str(folder / "two.mp4"), "gaze": str(folder / "two.csv")},
    }
    return Hollow(folder, {"sources": [], "videos": videos, "dataset": {"name": "own", "folds": 2}})


OWN_KEYS = {
    "videos.*.gaze_format": "salient360",
    "videos.*.gaze_id": "second",
    "videos.*.table.time_unit": "ms",
    "videos.*.table.pitch": "down",
    "videos.*.table.columns.*": {"observer": "who"},
    "videos.*.licence": "CC BY 4.0",
    "videos.*.skip_first": 5,
    "videos.*.fps": 25,
    "videos.*.view": "top",
}


@pytest.mark.parametrize("key", OWN_KEYS)
def test_changing_a_key_of_a_video(own: Hollow, column: Rebuilds, key: str) -> None:
    path = key.removeprefix("videos.*.").removesuffix(".*")
    plan = own.plan({"videos": {"two": nested(path, OWN_KEYS[key])}})
    assert set(plan.jobs) == rebuilt(column, key) & own.rules
    of_video = [job for job in plan.needed if "video" in job.wildcards_dict]
    assert {job.wildcards.video for job in of_video} <= {"two"}


def test_a_licence_changes_only_the_card_and_a_source_the_tables(own: Hollow) -> None:
    card = {"dataset", "explorer_page", "explorer", "publish"}
    assert own.planned({"videos": {"one": {"licence": "CC BY 4.0"}}}) == card
    named = {"source": "A laboratory"}
    assert own.planned({"videos": {"one": named, "two": named}}) == card | {"tasks", "evaluate"}


def test_settings_of_the_explorer_rebuild_only_the_explorer(own: Hollow, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("(960, 480) 0\n")
    assert own.planned({"explorer": {"camera_paths": str(tmp_path)}}) == {"explorer"}
    assert own.planned({"explorer": {"height": 480}}) == {"explorer_video", "explorer_page", "explorer"}


def test_sound_is_added_to_existing_viewports(everything: Hollow) -> None:
    assert everything.planned({"viewports": {"sound": True}}) == {"sound", "tasks"}


def test_another_observer_does_not_rebuild_what_depends_only_on_the_video(own: Hollow) -> None:
    path = own.folder / "gaze" / "p003" / "one._2017-1-1_ori_0.txt"
    path.parent.mkdir()
    path.write_text("p003")
    try:
        planned = own.planned()
    finally:
        shutil.rmtree(path.parent)
    assert {"fixations", "events", "saliency", "dataset"} <= planned
    assert planned.isdisjoint({"index", "frames"})


def test_gaze_replaced_by_an_older_file_is_read_again(own: Hollow) -> None:
    path = own.folder / "two.csv"
    before, content = path.stat(), path.read_text()
    path.write_text("older, and longer")
    os.utime(path, (1, 1))
    try:
        planned = own.planned()
    finally:
        path.write_text(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "fixations" in planned and planned.isdisjoint({"index", "frames"})
    assert own.planned() == set()


def test_moved_sources_rebuild_nothing(own: Hollow, tmp_path: Path) -> None:
    for name in ("one.mp4", "two.csv"):
        shutil.copy2(own.folder / name, tmp_path / name)
    moved = {"one": {"path": str(tmp_path / "one.mp4")}, "two": {"gaze": str(tmp_path / "two.csv")}}
    assert own.planned({"videos": moved}) == set()
    other = {"two": {"gaze": str(own.folder / "other.csv")}}
    assert "fixations" in own.planned({"videos": other})


# Upgrades, and results that move


def test_a_new_version_of_a_stage_runs_it_again_and_says_so(
    everything: Hollow, column: Rebuilds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_with(tmp_path, '"events": 3', '"events": 4')
    monkeypatch.setattr("tsalv360.workflow.rebuilds.SNAKEFILE", clone / "Snakefile")
    plan = everything.plan()
    assert set(plan.jobs) == {"events", *column.after["events"]} & everything.rules
    (job, *_) = [job for job in plan.needed if job.rule.name == "events"]
    assert "'events version 3' now: 'events version 4'" in str(plan.dag.reason(job))


def test_newer_scripts_rebuild_nothing(everything: Hollow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = clone_with(tmp_path)
    for script in (clone / "scripts").iterdir():
        os.utime(script)
    monkeypatch.setattr("tsalv360.workflow.rebuilds.SNAKEFILE", clone / "Snakefile")
    assert everything.planned() == set()


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_the_profiles_have_the_triggers_of_these_plans(profile: str) -> None:
    content = yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text(encoding="utf-8"))
    assert set(content["rerun-triggers"]) == {trigger.name.lower() for trigger in TRIGGERS}


def test_the_slurm_profile_groups_rules_that_exist(everything: Hollow) -> None:
    content = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))
    grouped = {group.partition("=")[0] for group in content["groups"]}
    assert grouped <= {rule.name for rule in everything.plan().workflow.rules}


def clone_with(folder: Path, old: str = "", new: str = "") -> Path:
    """A copy of the workflow without the package, with a change in rules/common.smk."""
    for name in ("rules", "scripts", "config", "envs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder / "Snakefile")
    (folder / "config" / "local.yaml").unlink(missing_ok=True)
    common = folder / "rules" / "common.smk"
    text = common.read_text(encoding="utf-8")
    assert old in text
    common.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("results", ["results", "elsewhere"])
def test_moved_results_rebuild_only_what_differs(own: Hollow, tmp_path: Path, results: str) -> None:
    """Copied into an empty folder, as on another machine, and renamed there."""
    moved = own.copied(tmp_path, results)
    assert moved.planned({"results": results}) == set()
    assert moved.planned({"results": results, "saliency": {"sigma_deg": 4}}) == own.planned(
        {"saliency": {"sigma_deg": 4}}
    )
    assert moved.planned({"results": results, "train": {"epochs": 9}}) == {"train_fold", "evaluate_fold", "evaluate"}


def test_an_output_without_a_record_is_rebuilt(own: Hollow, tmp_path: Path) -> None:
    moved = own.copied(tmp_path)
    shutil.rmtree(tmp_path / "results" / "own" / "records")
    assert moved.planned() == own.rules


def test_a_decision_rebuilds_one_job_of_assemble(everything: Hollow) -> None:
    file = everything.folder / "curation" / "tiny" / "002.json"
    write_json(file, [])
    try:
        jobs = everything.plan().jobs
    finally:
        file.unlink()
    assert jobs["assemble"] == jobs["explorer_page"] == jobs["explorer"] == 1 and set(jobs) <= {
        "assemble", "clips", "dataset", "explorer_page", "explorer", "features", "train_fold", "evaluate_fold",
        "evaluate", "pack_pictures", "published_explorer", "publish",
    }  # fmt: skip  # and no video is encoded again


@pytest.mark.slow
def test_weights_count_by_name_and_time_in_any_folder(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "RN50.pt").touch()
    shutil.copystat(tmp_path / "here" / "RN50.pt", tmp_path / "there" / "RN50.pt")
    hollow = Hollow(tmp_path, {"sources": [DEMO], "train": {"weights": "here/RN50.pt"}})
    assert hollow.planned({"train": {"weights": "there/RN50.pt"}}) == set()
    assert hollow.planned({"train": {"weights": "random"}}) == {"train_fold", "evaluate_fold", "evaluate"}
    (tmp_path / "here" / "RN50.pt").write_text("other weights")
    later = time.time() + 10
    os.utime(tmp_path / "here" / "RN50.pt", (later, later))
    assert hollow.planned() == {"train_fold", "evaluate_fold", "evaluate"}

"""The messages for mistyped configurations, and what is refused before anything runs."""

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tsalv360.captions.settings import CaptionSettings
from tsalv360.config import RENAMED, ConfigError, check_writable, known_keys, load_config, plan_recordings
from tsalv360.contracts.settings import tracked
from tsalv360.job.errors import InputError
from tsalv360.sources import Recording
from tsalv360.sources.demo import DemoSource
from tsalv360.training.settings import ComputeSettings, TrainSettings

ROOT = Path(__file__).parents[1]
DEMO = {"sources": [{"kind": "demo"}]}
KINDS = {"demo", "published", "sports360", "vr_eyetracking"}
OWN = {"path": str(ROOT / "README.md"), "gaze": str(ROOT / "LICENSE")}  # any two files that exist


def refusal(content: dict[Any, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(content)
    return str(caught.value)


def nested(key: str, value: Any) -> dict[str, Any]:
    """The demo's configuration with one key, in dotted form, set."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return DEMO | value


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("evnts", "events"),
        ("event", "events"),
        ("result", "results"),
        ("frames.hight", "frames.height"),
        ("frames.formats", "frames.format"),
        ("saliency.sigma_rad", "saliency.sigma_deg"),
        ("saliency.sigma", "saliency.sigma_deg"),
        ("events.window_ms", "events.window_s"),
        ("events.camera_hfov", "events.camera_hfov_deg"),
        ("events.min_observer", "events.min_observers"),
        ("fixations.min_duration_s", "fixations.min_duration_ms"),
        ("dataset.fold", "dataset.folds"),
        ("captions.frames", "captions.n_frames"),
        ("exclude", "videos.exclude"),
        ("sigma_deg", "saliency.sigma_deg"),
        ("frames.skip_first", "videos.*.skip_first"),
        *(
            (f"train.{name}", f"compute.{name}")
            for name in ("device", "processes", "cores", "workers", "accumulate", "keep_every_s", "deterministic")
        ),
    ],
)
def test_a_wrong_key_names_the_nearest_right_one(wrong: str, right: str) -> None:
    message = refusal(nested(wrong, {}))
    assert message.startswith(f"{wrong}: unknown key; did you mean {right}?")


def test_a_wrong_key_without_a_near_one_lists_the_known_keys() -> None:
    message = refusal(DEMO | {"saliency": {"zzzz": 1}})
    known = "method", "sigma_deg", "height", "window_s", "path_looks", "path_sigma_deg", "all_observers"
    assert message == f"saliency.zzzz: unknown key; known are {', '.join(f'saliency.{name}' for name in known)}"


def test_a_wrong_key_of_a_source_or_a_video_names_the_nearest_right_one() -> None:
    assert "sources.0.n_video: unknown key; did you mean sources.*.n_videos (demo)?" in refusal(
        {"sources": [{"kind": "demo", "n_video": 3}]}
    )
    assert "videos.ocean.gase: unknown key; did you mean videos.*.gaze?" in refusal(
        {"videos": {"ocean": OWN | {"gase": "x"}}, **DEMO}
    )


def test_a_renamed_key_is_refused_with_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED, "frames.rows", "frames.height")
    keys = known_keys()
    for old, new in RENAMED.items():
        assert f"{old}: renamed; write {new}" in refusal(nested(old, 1)).splitlines()
        assert new in keys and old not in keys
    assert refusal(nested("frames.rows", 1)) == "frames.rows: renamed; write frames.height"


def test_the_published_method_of_earlier_versions_is_refused_with_what_takes_its_place() -> None:
    assert refusal(DEMO | {"events": {"method": "regions"}}).startswith(
        "events.method: found 'regions'; expected 'clusters' or 'tsv360'"
    )


def test_all_wrong_keys_are_named_at_once() -> None:
    lines = refusal(DEMO | {"frames": {"hight": 1, "format": "gif"}, "saliency": {"sigma_deg": -1}}).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["frames.format", "frames.hight", "saliency.sigma_deg"]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("events.window_s", "500 ms", "a number in s, from 0.1 to 5"),
        ("events.window_s", 500, "a number in s, from 0.1 to 5"),
        ("fixations.min_duration_ms", 0.08j, "a number in ms"),
        ("saliency.sigma_deg", "5°", "a number in deg, above 0.2 to 30"),
        ("saliency.sigma_deg", 0.0873, "a number in deg, above 0.2 to 30"),
        ("events.min_share", 12, "a number, from 0.01 to 1"),
        ("events.min_share", float("nan"), "a number"),
        ("events.min_observers", 2.5, "a whole number, from 1 to 1000"),
        ("frames.height", 481, "a whole number in px, from 64 to 8192 a multiple of 2"),
        ("frames.height", -1, "a whole number in px"),
        ("frames.format", "gif", "'jpg' or 'png'"),
        ("frames.force_2to1", "maybe", "true or false"),
        ("viewports.width", 0, "a whole number in px"),
        ("dataset.folds", 0, "a whole number, from 1 to 100"),
        ("dataset.validation_share", 1, "a number, from 0 below 1"),
        ("dataset.name", "my_data", "text, matching"),
        ("dataset.name", "../elsewhere", "text, matching"),
        ("captions.max_failed", -1, "a whole number, from 0"),
        ("captions.llava.dtype", "int8", "'bfloat16' or 'float16' or 'float32'"),
        ("results", 3, "text"),
        ("results", "out/{video}", "text, matching"),
        ("captions.endpoint.url", "https://me:sk-very-secret@host/v1", "text, matching"),
        ("frames", None, "a mapping"),
        ("sources", None, "a list"),
        ("sources", {"kind": "demo"}, "a list"),
    ],
)
def test_an_impossible_value_is_refused_with_the_possible_ones(key: str, value: Any, expected: str) -> None:
    message = refusal(nested(key, value))
    assert message.startswith(f"{key}: found {value!r}; expected {expected}")
    assert known_keys()[key]["description"] in message


def test_missing_keys_are_named_with_their_meaning() -> None:
    assert refusal({}).startswith("sources: missing; expected a list")
    assert refusal(DEMO | {"videos": {"ocean": {"path": "a.mp4"}}}).startswith(
        "videos.ocean.gaze: missing; expected text"
    )
    assert "sources.0.gaze: missing" in refusal({"sources": [{"kind": "vr_eyetracking", "videos": "x"}]})


def test_an_unknown_kind_of_source_names_the_known_ones() -> None:
    message = refusal({"sources": [{"kind": "demos"}]})
    assert message.startswith("sources.0: found {'kind': 'demos'}; expected a mapping with the kind ")
    assert all(f"'{kind}'" in message for kind in KINDS)


def test_a_source_without_a_kind_is_refused() -> None:
    message = refusal({"sources": [{}]})
    assert message.startswith("sources.0: found no kind in {}; expected a mapping with the kind ")
    assert all(f"'{kind}'" in message for kind in KINDS)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"kind": "sports360", "root": "x", "fps": 0},
            "a number in frames/s, from 1 to 240, like 30.0 (rate of its frames",
        ),
        ({"kind": "published", "path": "x", "frames": "y", "fps": 0}, "(of TSV360_gt: rate of the videos"),
        ({"kind": "tsv360_published", "ground_truth": "x"}, "kind: renamed; write kind: published, with path in place"),
        ({"kind": "sports360", "root": "x", "subset": 3}, "'tsv360' or 'all', like tsv360"),
        ({"kind": "vr_eyetracking", "videos": "x", "gaze": "y", "subset": 3}, "'tsv360' or 'all', like all"),
    ],
)
def test_a_key_that_several_kinds_of_source_have_is_explained_as_that_of_its_own_kind(
    source: dict[str, Any], message: str
) -> None:
    assert message in refusal({"sources": [source]})


def test_a_key_of_another_kind_of_source_names_that_kind() -> None:
    message = refusal({"sources": [{"kind": "demo", "root": "x"}]})
    assert message == "sources.0.root: unknown key; did you mean sources.*.root (sports360)?"


def test_contradicting_settings_are_refused_with_both_values() -> None:
    message = refusal(DEMO | {"events": {"fill_gap_s": 3, "max_gap_s": 1}})
    assert message == "events: max_gap_s (1 s) must not be below fill_gap_s (3 s)"
    message = refusal({"sources": [{"kind": "demo", "min_duration_s": 20, "max_duration_s": 10}]})
    assert "min_duration_s (20.0) is above max_duration_s (10.0)" in message


@pytest.mark.parametrize("text", ["videos: {7: {path: a.mp4, gaze: b.csv}}", "videos: {exclude: {7: broken}}"])
def test_an_id_that_yaml_reads_as_a_number_needs_quotes(text: str) -> None:
    message = refusal(DEMO | yaml.safe_load(text))
    assert "found the key 7" in message
    assert '"7"' in message


@pytest.mark.parametrize(
    ("text", "found"),
    [("007", "7"), ("2024-01-01", "2024-01-01"), ("yes", "true"), ("1.50", "1.5")],
)
def test_a_value_that_yaml_does_not_read_as_text_needs_quotes(text: str, found: str) -> None:
    message = refusal(DEMO | {"videos": {"a": OWN | yaml.safe_load(f"gaze_id: {text}")}})
    assert message.startswith(f"videos.a.gaze_id: found {found}; expected text")
    assert message.endswith("; write it in quotes")


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ({"saliency.sigma_deg": 4}, "saliency: {sigma_deg: …}"),
        ({"captions.llava.dtype": "x"}, "captions: {llava: {dtype: …}}"),
        ({"captions": {"llava.dtype": "x"}}, "llava: {dtype: …}"),
    ],
)
def test_a_key_with_dots_is_to_be_nested(content: dict[str, Any], written: str) -> None:
    assert refusal(DEMO | content).endswith(f": found a key with dots; write {written}")


def test_a_number_in_exclude_is_named_by_its_full_key() -> None:
    assert refusal(DEMO | {"videos": {"exclude": {7: "broken"}}}).startswith("videos.exclude")


@pytest.mark.parametrize("videos", [["a"], "a", 3])
def test_videos_that_are_not_a_mapping_are_refused_by_name(videos: Any) -> None:
    assert refusal(DEMO | {"videos": videos}).startswith("videos: found")


@pytest.mark.parametrize(("exclude", "expected"), [({"001": 3}, "text"), (["001"], "a mapping")])
def test_a_wrong_exclude_is_explained_as_such(exclude: Any, expected: str) -> None:
    message = refusal(DEMO | {"videos": {"exclude": exclude}})
    assert f"expected {expected}" in message
    assert "One video of the config" not in message


def test_missing_settings_get_defaults() -> None:
    config = load_config(DEMO)
    assert config.folder() == Path("results", "demo")
    assert config.sources[0].kind == "demo"
    assert config.exclude == {}


def test_the_settings_of_the_data_contain_no_path_and_nothing_of_how_jobs_run() -> None:
    config = load_config(
        {"sources": [{"kind": "demo", "seed": 3}], "results": "out"}
        | {"videos": {"exclude": {"003": "too dark"}, "ocean-2": OWN | {"table": {"origin": "top left"}}}}
        | {"saliency": {"sigma_deg": 4}, "curation": {"port": 9191}, "captions": {"endpoint": {"concurrency": 2}}}
    )
    settings = config.data_settings()
    rest = {"method": "fixations", "path_looks": 25, "path_sigma_deg": 4.5, "all_observers": False}
    assert settings["saliency"] == {"sigma_deg": 4, "height": 480, "window_s": 0.5, **rest}
    assert settings["videos"]["exclude"] == {"003": "too dark"} and settings["sources"][0]["seed"] == 3
    own = settings["videos"]["ocean-2"]
    assert own["table"]["origin"] == "top left" and not {"path", "gaze"} & set(own)
    assert settings["curation"] == {"mode": "draft", "uncurated": "leave_out"}
    assert "directory" not in settings["sources"][0] and "concurrency" not in settings["captions"]["endpoint"]
    assert not {"results", "explorer", "folds", "model", "train", "compute", "evaluate"} & set(settings)
    assert yaml.safe_load(yaml.safe_dump(settings)) == settings


def test_runtime_settings_are_left_out_at_any_depth() -> None:
    whole, settings = asdict(CaptionSettings()), tracked(CaptionSettings())
    for section in ("llava", "endpoint"):
        assert settings[section].items() <= whole[section].items()
    assert set(whole) - set(settings) == {"max_failed", "cache"}
    assert set(whole["llava"]) - set(settings["llava"]) == {"device_map", "batch_size"}
    assert set(settings["endpoint"]) == {"model", "revision", "send", "logprobs"}
    assert tracked(ComputeSettings()) == {} and tracked(TrainSettings()) == asdict(TrainSettings())


@pytest.mark.parametrize(
    "change",
    [
        {"results": "elsewhere"},
        {"folds": [0]},
        {"compute": {"cores": 3}},
        {"train": {"epochs": 9}},
        {"evaluate": {"bootstrap": 200}},
        {"curation": {"port": 9191}},
        {"viewports": {"sound": True}},
        {"captions": {"endpoint": {"url": "http://127.0.0.1:9/v1", "timeout_s": 7}}},
        {"sources": [{"kind": "demo", "directory": "elsewhere"}]},
    ],
    ids=lambda change: ".".join(change),
)
def test_the_card_does_not_depend_on_how_or_where_jobs_run_or_what_models_learn(change: dict[str, Any]) -> None:
    assert load_config(DEMO | change) != load_config(DEMO)
    assert load_config(DEMO | change).data_settings() == load_config(DEMO).data_settings()


@pytest.mark.parametrize("path", ["config/config.yaml", "tests/data/tiny.yaml"])
def test_the_configurations_of_the_repository_can_be_planned(path: str) -> None:
    config = load_config(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))
    assert len(plan_recordings(config)) == config.sources[0].n_videos


def test_own_videos_become_complete_recordings() -> None:
    content = {"sources": [], "videos": {"ocean-2": OWN | {"skip_first": 7, "gaze_id": "o2", "licence": "CC BY"}}}
    (recording,) = plan_recordings(load_config(content | {"dataset": {"folds": 1}})).values()
    assert (recording.video_id, recording.skip_first, recording.gaze_id) == ("ocean-2", 7, "o2")
    assert (recording.video, recording.gaze) == (ROOT / "README.md", (ROOT / "LICENSE",))
    assert (recording.gaze_format, recording.licence, recording.source) == ("gaze_table", "CC BY", "own")
    assert recording.origin == ("own", "CC BY", "eye")


@pytest.mark.parametrize(("key", "value"), [("path", "gone.mp4"), ("gaze", "gone.csv")])
def test_an_own_video_whose_files_are_missing_is_refused_before_anything_runs(key: str, value: str) -> None:
    config = load_config({"sources": [], "videos": {"ocean": OWN | {key: value}}, "dataset": {"folds": 1}})
    with pytest.raises(InputError, match=rf"videos\.ocean\.{key}: found '{value}', which does not exist"):
        plan_recordings(config)


@pytest.mark.parametrize("name", ["a/b", "../a", "a.b", "my video", "my_video", "-a", "a-", "a--b", "", "é"])
def test_an_id_that_is_not_a_plain_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="letters, digits and hyphens, like ocean-2") as caught:
        plan_recordings(load_config({"sources": [], "videos": {name: OWN}, "dataset": {"folds": 1}}))
    assert f"the id '{name}'" in str(caught.value)


@pytest.mark.parametrize("path", ["<results>/a.mp4", "{wildcards.video}.mp4", "{x}"])
def test_a_path_with_characters_special_to_snakemake_is_refused(path: str) -> None:
    config = load_config({"sources": [], "videos": {"ocean": OWN | {"path": path}}, "dataset": {"folds": 1}})
    with pytest.raises(InputError, match=r"videos\.ocean\.path: found '.*'; expected a path without {}<>"):
        plan_recordings(config)


def test_a_source_file_with_an_impossible_id_is_named_and_can_be_excluded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["ocean", "my clip"]
    clips = [Recording(name, "own", Path("clips", f"{name}.mp4"), (), "gaze_table", "none") for name in names]
    monkeypatch.setattr(DemoSource, "recordings", lambda self: clips)
    content = DEMO | {"dataset": {"folds": 1}}
    with pytest.raises(
        InputError, match=r"clips/my clip\.mp4: found the id 'my clip'; .*Rename the video, or exclude it"
    ):
        plan_recordings(load_config(content))
    assert list(plan_recordings(load_config(content | {"videos": {"exclude": {"my clip": "its name"}}}))) == ["ocean"]


def test_two_videos_with_one_id_are_refused() -> None:
    with pytest.raises(ConfigError, match="two videos have the id 002; give one of them another id"):
        plan_recordings(load_config(DEMO | {"videos": {"002": OWN}}))
    with pytest.raises(ConfigError, match="two videos have the id 001"):
        plan_recordings(load_config({"sources": [{"kind": "demo"}, {"kind": "demo"}]}))


def test_excluded_videos_are_left_out() -> None:
    config = load_config(DEMO | {"videos": {"exclude": {"002": "too dark"}}})
    assert "002" not in plan_recordings(config)
    assert len(plan_recordings(config)) == 11


def test_excluding_an_unknown_video_is_refused_and_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"videos\.exclude: no video 999; known are 001, 002, .* and 2 more"):
        plan_recordings(load_config(DEMO | {"videos": {"exclude": {"999": "gone"}}}))


def test_more_folds_than_videos_are_refused() -> None:
    content = {"sources": [{"kind": "demo", "n_videos": 3}], "dataset": {"folds": 4}}
    with pytest.raises(ConfigError, match=r"found 4 folds for 3 videos; set dataset\.folds to at most 3$"):
        plan_recordings(load_config(content))
    alone = {"sources": [{"kind": "demo", "n_videos": 1}]}
    with pytest.raises(ConfigError, match=r"found 4 folds for 1 video; set dataset\.folds to at most 1$"):
        plan_recordings(load_config(alone))
    content["dataset"] = {"folds": 3}
    assert len(plan_recordings(load_config(content))) == 3


def test_a_configuration_without_any_video_is_refused() -> None:
    with pytest.raises(ConfigError, match="no videos; name a source, or your own videos under videos"):
        plan_recordings(load_config({"sources": []}))


def test_a_folder_that_can_be_written_to_or_made_is_accepted(tmp_path: Path) -> None:
    check_writable(tmp_path)
    check_writable(tmp_path / "results" / "demo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "demo", "demo/deeper"])
def test_a_file_in_place_of_the_results_folder_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "results").touch()
    with pytest.raises(InputError, match=r"results: found a file; expected a writable folder\. Set `results`"):
        check_writable(tmp_path / "results" / below)


def test_a_read_only_disk_is_refused(mount: Callable[[str], Path]) -> None:
    disk = mount("ro")
    with pytest.raises(InputError, match="a read-only folder") as caught:
        check_writable(disk / "results" / "demo")
    assert str(disk) in str(caught.value)


def test_the_keys_contain_every_kind_of_source() -> None:
    kinds = {key.split(".")[1] for key in known_keys() if re.fullmatch(r"sources\.\w+\.kind", key)}
    assert kinds >= KINDS


def test_every_setting_has_a_meaning() -> None:
    without = [
        key for key, node in known_keys().items() if not node.get("description") and "*" not in key.split(".")[-1]
    ]
    assert without == []


@pytest.mark.parametrize(("suffix", "unit"), [("_s", "s"), ("_ms", "ms"), ("_deg", "deg"), ("_deg_s", "deg/s")])
def test_settings_whose_names_end_in_a_unit_state_that_unit(suffix: str, unit: str) -> None:
    others = {"_s": "_deg_s"}.get(suffix, "")
    keys = {k: n for k, n in known_keys().items() if k.endswith(suffix) and not (others and k.endswith(others))}
    assert keys
    assert {key: node.get("unit") for key, node in keys.items()} == dict.fromkeys(keys, unit)


def test_a_wrong_list_item_is_refused_with_the_possible_ones() -> None:
    assert refusal({"sources": [], "captions": {"backends": ["facts", "gpt"]}}).startswith(
        "captions.backends.1: found 'gpt'; expected 'facts' or 'llava-next-video' or 'llava-next' or 'endpoint'"
    )
    twice = refusal({"sources": [], "captions": {"backends": ["facts", "facts"]}})
    assert twice == "captions.backends: found ['facts', 'facts']; expected at least one, each once"

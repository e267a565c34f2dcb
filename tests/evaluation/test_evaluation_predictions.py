"""Predictions for the explorer: the maps and scores of the evaluation, in a file for each test video."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from evaluation.scene import EVENTS, SETTINGS, SIGMA, TEST, knows_all, make_scene, target
from evaluation.test_evaluation_fold import SMALL as SMALL_MODEL
from numpy.typing import NDArray

from tsalv360.contracts.tables import FOLD_SCORES, read_table
from tsalv360.evaluation.fold import evaluate_fold
from tsalv360.evaluation.model_predictor import ModelPredictor
from tsalv360.evaluation.predictions import gather_predictions, write_predictions
from tsalv360.evaluation.score import score_fold
from tsalv360.evaluation.truth import Truth
from tsalv360.metrics import cc
from tsalv360.model import TSalV360, save_checkpoint
from tsalv360.prediction.small import SMALL, small_png
from tsalv360.saliency import resize_maps

START, END = "window.TSALV360_PREDICTIONS = ", ";\n"


def content(path: Path) -> dict[str, Any]:
    text = path.read_text("ascii")
    assert text.startswith(START) and text.endswith(END)
    return json.loads(text[len(START) : -len(END)])


def decoded(png: str, value: float) -> NDArray[np.float64]:
    gray = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_UNCHANGED)
    assert gray.shape == SMALL and gray.dtype == np.uint8
    return gray / 255 * value


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def fold(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of an evaluation with a random model."""
    folder = tmp_path_factory.mktemp("fold")
    torch.manual_seed(0)
    save_checkpoint(TSalV360(SMALL_MODEL), folder / "best.pt")
    outputs = folder / "scores.parquet", folder / "examples.jpg", folder / "predictions"
    evaluate_fold(truth.files, 0, folder / "best.pt", SETTINGS, SIGMA, *outputs, "first", "cpu")
    return folder


def test_each_test_video_has_its_clips_with_the_scores_of_the_table(fold: Path, truth: Truth) -> None:
    table = read_table(fold / "scores.parquet", FOLD_SCORES)
    of = {name: rows.set_index("clip_id").cc for name, rows in table.groupby("predictor")}
    assert sorted(path.name for path in (fold / "predictions").iterdir()) == [f"{video}.js" for video in TEST]
    found = []
    for video in TEST:
        file = content(fold / "predictions" / f"{video}.js")
        assert (file["model"], file["fold"]) == ("first", 0)
        found += file["clips"]
    clips = truth.clips.set_index("clip_id")
    assert [one["clip"] for one in found] == list(clips.index)
    for one in found:
        clip = clips.loc[one["clip"]]
        assert (one["event"], one["prompt"], one["picture"]) == (clip.event_id, clip.caption, clip.target_frame)
        assert one["cc"] == of["model"][one["clip"]]
        if clip.wrong:
            assert (one["wrong"], one["cc_wrong"]) == (clip.wrong[0], of["wrong_prompt"][one["clip"]])
        else:
            assert {one[name] for name in ("wrong", "cc_wrong", "value_wrong", "png_wrong")} == {None}
    assert {one["clip"] for one in found if one["wrong"]} == {"001_1_1", "001_2_0"}


def test_maps_are_those_of_the_model(fold: Path, truth: Truth) -> None:
    torch.manual_seed(0)
    predict = ModelPredictor(TSalV360(SMALL_MODEL).eval(), truth.files)
    clips = truth.clips.set_index("clip_id")
    for video in TEST:
        for one in content(fold / "predictions" / f"{video}.js")["clips"]:
            prompts = [one["prompt"], *([one["wrong"]] if one["wrong"] else [])]
            maps = predict(video, clips.frames[one["clip"]], prompts)
            shown = [(one["png"], one["value"]), (one["png_wrong"], one["value_wrong"])]
            for known, (png, value) in zip(maps, shown, strict=False):
                assert value == pytest.approx(float(known.max()), abs=1e-5)
                assert np.abs(decoded(png, value) - resize_maps(known[None], SMALL)[0]).max() < value / 255


def test_right_and_wrong_prompts_are_told_apart(truth: Truth, tmp_path: Path) -> None:
    scored = score_fold(truth, knows_all, SETTINGS, SIGMA, processes=2)
    write_predictions(tmp_path / "out", scored.predictions, dict.fromkeys(TEST, range(24)), "all", 0)
    (one,) = [one for one in content(tmp_path / "out" / "001.js")["clips"] if one["clip"] == "001_2_0"]
    assert (one["prompt"], one["wrong"]) == (EVENTS["001_2"][4], EVENTS["001_1"][4])
    assert one["cc"] == pytest.approx(1, abs=1e-6)
    assert one["cc_wrong"] == pytest.approx(float(cc(target("001_2"), target("001_1"))), abs=1e-6)
    for png, value, event in ((one["png"], one["value"], "001_2"), (one["png_wrong"], one["value_wrong"], "001_1")):
        assert np.abs(decoded(png, value) - resize_maps(target(event)[None], SMALL)[0]).max() < 1 / 255


def test_of_several_wrong_prompts_the_first_has_its_own_score(tmp_path: Path) -> None:
    truth = make_scene(tmp_path)
    wrong = truth.clips.wrong.map(lambda texts: (*texts, "a kite that is nowhere") if texts else texts)
    vars(truth)["clips"] = truth.clips.assign(wrong=wrong)
    scored = score_fold(truth, knows_all, SETTINGS, SIGMA)
    table = scored.table[scored.table.predictor == "wrong_prompt"].set_index("clip_id").cc
    (one,) = [one for one in scored.predictions if one.clip == "001_2_0"]
    assert one.cc_wrong == pytest.approx(float(cc(target("001_2"), target("001_1"))), abs=1e-6)
    assert table["001_2_0"] == pytest.approx((one.cc_wrong or 0) / 2, abs=1e-6), "the mean with a uniform map's 0"


def test_places_are_those_among_the_kept_frames(truth: Truth, tmp_path: Path) -> None:
    """Frames 3, 7, 15, … were kept."""
    clips = score_fold(truth, knows_all, SETTINGS, SIGMA).predictions
    write_predictions(tmp_path / "out", clips, dict.fromkeys(TEST, (3, 7, 15, 19, 23)), "all", 0)
    places = {one["clip"]: one["picture"] for one in content(tmp_path / "out" / "001.js")["clips"]}
    assert places == {"001_1_0": 1, "001_1_1": 2, "001_2_0": 3}


def test_folds_are_gathered_whole_or_not_at_all(fold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fold1").mkdir()
    (tmp_path / "fold1" / "003.js").write_text("old")
    folder = tmp_path / "predictions" / "first"
    gather_predictions([fold / "predictions", tmp_path / "fold1"], folder)
    names = ["001.js", "002.js", "003.js"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert content(folder / "001.js") == content(fold / "predictions" / "001.js")
    gather_predictions([tmp_path / "fold1"], folder.with_name("second"))
    models = 'window.TSALV360_MODELS = ["first", "second"];\n'
    assert folder.with_name("models.js").read_text() == models
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("tsalv360.evaluation.predictions.link_or_copy", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space"):
        gather_predictions([tmp_path / "fold1"], folder)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["first", "models.js", "second"]
    assert sorted(path.name for path in folder.iterdir()) == names
    monkeypatch.undo()
    gather_predictions([tmp_path / "fold1"], folder)
    assert [path.name for path in folder.iterdir()] == ["003.js"]
    assert folder.with_name("models.js").read_text() == models


def test_a_failed_fold_leaves_no_file(truth: Truth, tmp_path: Path) -> None:
    clips = score_fold(truth, knows_all, SETTINGS, SIGMA).predictions
    assert (clips[0].video, clips[-1].video) == ("001", "002")
    clips[-1] = replace(clips[-1], cc=float("nan"))  # found when 001.js is written
    with pytest.raises(ValueError, match="JSON"):
        write_predictions(tmp_path / "out", clips, dict.fromkeys(TEST, range(24)), "all", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("top", [0.0, 1e-9, 0.3, 1.0])
def test_small_maps_keep_their_value(top: float) -> None:
    values = np.random.default_rng(0).random((240, 480)).astype(np.float32)
    values *= np.float32(top) / values.max()
    value, png = small_png(values)
    assert value == pytest.approx(top)
    reduced = resize_maps(values[None], SMALL)[0]
    assert np.abs(decoded(png, value) - reduced).max() <= max(value, 1e-12) / 255
    smooth, png = small_png(np.tile(np.cos(np.linspace(-1, 1, 480)).astype(np.float32), (240, 1)))
    assert len(png) < 3000 and smooth == pytest.approx(1, abs=1e-4)

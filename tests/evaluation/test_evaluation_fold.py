"""A real model on real files, from frames to pages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from evaluation.scene import SETTINGS, SIGMA, make_scene

from tsalv360.contracts.tables import FOLD_SCORES, SCORES, SUMMARY, read_table
from tsalv360.evaluation.fold import evaluate_fold, pick_examples
from tsalv360.evaluation.model_predictor import ModelPredictor
from tsalv360.evaluation.page import write_evaluation
from tsalv360.evaluation.truth import Truth
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture
from tsalv360.model import ModelSettings, TSalV360, save_checkpoint
from tsalv360.saliency import resize_maps

PLAIN = {"patch_size": 64, "map_size": (20, 40), "width": 2, "heads": 1, "decoder": (8, 8, 8, 4)}
SMALL = ModelSettings(encoder="small", embedding=8, text_width=8, vocabulary=64, **PLAIN)
CLIP = ModelSettings(encoder="clip", embedding=64, text_width=64, **PLAIN)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_scene(tmp_path_factory.mktemp("scene"))


def test_the_predictor_returns_the_maps_of_the_model(truth: Truth) -> None:
    torch.manual_seed(0)
    model = TSalV360(SMALL).eval()
    prompts = ["a dog", "a cat", "a dog"]
    predict = ModelPredictor(model, truth.files)
    for place in (0, 2, 1, 3, 0):  # back and forth in time and between videos
        clip = truth.clips.iloc[place]
        frames = torch.from_numpy(np.stack([truth.files.picture(clip.video, number) for number in clip.frames]))[None]
        with torch.inference_mode():
            expected = [model(frames, [prompt])[0, 0].numpy() for prompt in prompts]
        found = predict(clip.video, clip.frames, prompts)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.ptp(found[0] - found[1]) > 0


def test_zero_shot_compares_the_last_frame_with_the_text(truth: Truth) -> None:
    torch.manual_seed(0)
    predict = ModelPredictor(TSalV360(CLIP).eval(), truth.files)
    clip = truth.clips.iloc[0]
    prompts = ["a dog", "a kite"]
    maps = predict.zero_shot(clip.video, clip.frames, prompts)
    assert maps.shape == (2, 40, 80) and 0 <= maps.min() < maps.max() <= 1
    assert np.ptp(maps[0] - maps[1]) > 0
    np.testing.assert_array_equal(predict.zero_shot(clip.video, [clip.frames[-1]] * 8, prompts), maps)
    assert np.ptp(predict.zero_shot(clip.video, [clip.frames[0]] * 8, prompts) - maps) > 0


def test_maps_that_are_not_finite_are_refused_with_the_frame(truth: Truth) -> None:
    model = TSalV360(SMALL).eval()
    torch.nn.init.constant_(next(model.decoders[-1].parameters()), float("nan"))
    clip = truth.clips.iloc[0]
    with pytest.raises(InputError, match=f"frame {clip.frames[-1]} of video {clip.video}"):
        ModelPredictor(model, truth.files)(clip.video, clip.frames, ["a dog"])


def test_a_fold_and_all_folds_are_written(truth: Truth, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_checkpoint(TSalV360(SMALL), tmp_path / "best.pt")
    scores, pictures = tmp_path / "out" / "fold0.parquet", tmp_path / "out" / "fold0.jpg"
    how = truth.files, 0, tmp_path / "best.pt", SETTINGS, SIGMA, scores, pictures, tmp_path / "predictions", "small"
    evaluate_fold(*how, device="cpu")
    table = read_table(scores, FOLD_SCORES)
    assert "source" not in table
    expected = {"model", "wrong_prompt", "neutral_prompt", "other_video", "mean_map", "equator", "centre", "uniform"}
    assert set(table.predictor) == expected | {"observers", "absent_prompt"}
    assert (table.predictor == "model").sum() == 5
    sheet = read_picture(pictures)
    annotations = truth.files.dataset / "annotations.parquet"
    sources = {video: f"source of {video}" for video in table.video.unique()}
    write_evaluation(tmp_path / "out", [scores], annotations, sources, SETTINGS)
    named = read_table(tmp_path / "out" / "scores.parquet", SCORES)
    assert dict(zip(named.video, named.source, strict=True)) == sources
    pd.testing.assert_frame_equal(named.drop(columns="source"), table)
    summary = read_table(tmp_path / "out" / "summary.parquet", SUMMARY)
    assert set(summary.group[summary.by == "source"]) == set(sources.values())
    assert set(summary.by) >= {"all", "source", "fold", "length"}
    page = (tmp_path / "out" / "tables.md").read_text("utf-8")
    assert "drafts" in page and "false alarms" in page
    assert read_picture(tmp_path / "out" / "presence.png").std() > 0
    assert sheet.shape[0] > 3 * 160 and read_picture(tmp_path / "out" / "intervals.png").std() > 0
    first = (tmp_path / "out" / "tables.md").read_bytes()
    write_evaluation(tmp_path / "out", [scores], annotations, sources, SETTINGS)
    assert (tmp_path / "out" / "tables.md").read_bytes() == first


def test_no_clip_is_an_example_twice() -> None:
    assert pick_examples(list("abcdefg"), 2) == {"best": ["a", "b"], "median": ["c", "d"], "worst": ["f", "g"]}
    assert pick_examples(list("abc"), 2) == {"best": ["a", "b"], "median": [], "worst": ["c"]}


@pytest.mark.parametrize("size", [(40, 80), (30, 60), (16, 32), (480, 960)])
def test_a_resized_map_has_no_edge_at_the_seam(size: tuple[int, int]) -> None:
    yaw = 2 * np.pi * (np.arange(48) + 0.5) / 48
    wave = np.broadcast_to(1 + np.cos(yaw), (24, 48)).astype(np.float32)
    found = resize_maps(np.stack([wave, np.roll(wave, 12, axis=1)]), size)
    assert found.shape == (2, *size)
    np.testing.assert_allclose(np.roll(found[0], size[1] // 4, axis=1), found[1], atol=1e-5)
    expected = 1 + np.cos(2 * np.pi * (np.arange(size[1]) + 0.5) / size[1])
    assert abs(found[0] - expected).max() < 0.02

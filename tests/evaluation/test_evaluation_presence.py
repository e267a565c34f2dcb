"""Whether the peaks of maps tell that something fits the prompt: the curve, its page, and what it is measured on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scene import EVENTS, SETTINGS, SIGMA, knows_all, make_scene
from scores import made_scores
from sklearn.metrics import roc_auc_score

from tsalv360.contracts.tables import PART_ANNOTATIONS, empty
from tsalv360.evaluation.page import markdown
from tsalv360.evaluation.presence import curve, found_at, peaks, write_curve
from tsalv360.evaluation.score import score_fold
from tsalv360.evaluation.summary import summarise
from tsalv360.media.pictures import read_picture


def test_the_absent_prompt_is_a_caption_of_another_video(tmp_path: Path) -> None:
    """It is never one of the clip's own video, whose things may be in the picture."""
    truth = make_scene(tmp_path)
    asked = []

    def faint(video: str, frames: list[int], prompts: list[str]) -> np.ndarray:
        asked.append((video, prompts))
        own = {values[4] for event, values in EVENTS.items() if event.startswith(video)}
        factor = np.array([0.9 if text in own else 0.2 for text in prompts], np.float32)
        return knows_all(video, frames, prompts) * factor[:, None, None]

    table = score_fold(truth, faint, SETTINGS, SIGMA).table
    captions = {values[4].casefold().strip("."): event[:3] for event, values in EVENTS.items()}
    for (_, clip), (video, prompts) in zip(
        truth.clips.iterrows(), [one for one in asked if len(one[1]) > 1], strict=True
    ):
        assert clip.absent in prompts and captions[clip.absent.casefold().strip(".")] != video == clip.video
    right, absent = peaks(table)
    assert len(right) == len(absent) == len(truth.clips)
    assert right == pytest.approx(0.9, abs=0.01) and absent == pytest.approx(0.2)
    assert found_at(0.05, right, absent) == 1 and curve(right, absent)[1].max() == 1
    assert (
        table.peak[~table.predictor.isin(["model", "absent_prompt", "wrong_prompt", "neutral_prompt", "other_video"])]
        .isna()
        .all()
    )


def test_the_curve_is_that_of_counting() -> None:
    rng = np.random.default_rng(0)
    right, absent = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    false_alarms, found = curve(right, absent)
    assert np.trapezoid(found, false_alarms) == pytest.approx(roc_auc_score([1] * 300 + [0] * 200, [*right, *absent]))
    for rate in (0.05, 0.1, 0.5):
        threshold = np.sort(absent)[::-1][int(rate * 200)]  # at most this share lies above
        assert found_at(rate, right, absent) == (right > threshold).mean()


def test_the_page_says_what_a_peak_tells(tmp_path: Path) -> None:
    scores = made_scores()
    model = scores.predictor == "model"
    scores.loc[model, "peak"] = np.linspace(0.5, 1, model.sum())
    absent = scores[model].assign(predictor="absent_prompt", peak=np.linspace(0, 0.5, model.sum(), endpoint=False))
    both = pd.concat([scores, absent], ignore_index=True)
    page = markdown(summarise(both, 100, 0), both, empty(PART_ANNOTATIONS))
    assert "peaks higher than that of another video's caption in 100% of pairs" in page
    assert "| 10%            | 100%                  |" in page
    without = markdown(summarise(scores, 100, 0), scores, empty(PART_ANNOTATIONS))
    assert "false alarms" not in without
    write_curve(tmp_path / "both.png", *peaks(both))
    write_curve(tmp_path / "none.png", *peaks(scores))
    assert not np.array_equal(read_picture(tmp_path / "both.png"), read_picture(tmp_path / "none.png"))

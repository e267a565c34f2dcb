import numpy as np
import pytest
from evaluation.scores import made_scores
from scipy.stats import bootstrap

from tsalv360.contracts.tables import SUMMARY, as_table
from tsalv360.evaluation.summary import gap_name, interval, summarise


def test_the_interval_equals_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(size=(12, 2))
    low, high = interval(values, 20000, 0)
    found = bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=1)
    assert low == pytest.approx(found.confidence_interval.low, abs=0.02)
    assert high == pytest.approx(found.confidence_interval.high, abs=0.02)


def test_missing_values_are_left_out() -> None:
    values = np.random.default_rng(1).normal(size=(12, 1))
    gappy = np.concatenate([values, np.full((3, 1), np.nan)])
    low, high = interval(gappy, 20000, 0)
    assert [low[0], high[0]] == pytest.approx(np.concatenate(interval(values, 20000, 0)), abs=0.05)
    assert np.isnan(interval(values[:1], 100, 0)).all()


def test_means_equal_those_of_pandas() -> None:
    scores = made_scores()
    scores.loc[scores.video == "3", "nss"] = np.nan
    summary = summarise(scores, 100, 0)
    as_table(summary, SUMMARY, "summary")
    model = scores[scores.predictor == "model"]
    for by, group, part in (
        ("all", "all", model),
        ("source", "b", model[model.source == "b"]),
        ("fold", "0", model[model.fold == 0]),
        ("length", "2 to 4 s", model[(model.event_s >= 2) & (model.event_s < 4)]),
        ("equator", "15 to 30 °", model[model.video == "2"]),
        ("equator", "60 ° and more", model[model.video == "5"]),
        ("others", "no other event", model[model.n_others == 0]),
        ("others", "others, captions the same", model[(model.n_others > 0) & (model.n_wrong == 0)]),
    ):
        for metric in ("cc", "nss", "kld_sphere"):
            found = summary[
                (summary.by == by)
                & (summary.group == group)
                & (summary.predictor == "model")
                & (summary.metric == metric)
            ]
            numbers = part[part[metric].notna()]
            row = found.iloc[0]
            assert len(found) == 1 and row.n_clips == len(numbers) and row.n_videos == numbers.video.nunique()
            assert row.mean_clips == pytest.approx(numbers[metric].mean())
            assert row.mean_videos == pytest.approx(numbers.groupby("video")[metric].mean().mean())
            assert row.n_videos == 1 or row.low <= row.mean_videos <= row.high


def test_gaps_are_paired() -> None:
    scores = made_scores()
    summary = summarise(scores, 100, 0)
    wide = scores.pivot(index=["video", "clip_id"], columns="predictor", values="cc").dropna()
    gap = wide.model - wide.wrong_prompt
    row = summary[
        (summary.by == "all") & (summary.predictor == gap_name("wrong_prompt")) & (summary.metric == "cc")
    ].iloc[0]
    assert row.n_clips == len(gap) < (scores.predictor == "model").sum()
    assert row.mean_clips == pytest.approx(gap.mean())
    assert row.mean_videos == pytest.approx(gap.groupby("video").mean().mean())
    assert not (summary.predictor == gap_name("other_video")).any()

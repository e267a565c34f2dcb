import re

import pandas as pd
import pytest
from evaluation.scores import made_scores

from tsalv360.contracts.tables import METRICS
from tsalv360.evaluation.page import TITLES, latex, markdown
from tsalv360.evaluation.summary import gap_name, summarise


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return made_scores()


@pytest.fixture(scope="module")
def summary(scores: pd.DataFrame) -> pd.DataFrame:
    return summarise(scores, 100, 0)


def annotations(origin: str = "machine") -> pd.DataFrame:
    return pd.DataFrame(
        {"event_id": [f"{video}_1" for video in range(6)], "caption_origin": [origin] * 2 + ["edited"] * 4}
    )


def test_the_page_says_how_much_the_text_matters(scores: pd.DataFrame, summary: pd.DataFrame) -> None:
    text = markdown(summary, scores, annotations())
    row = summary[(summary.predictor == gap_name("wrong_prompt")) & (summary.metric == "cc") & (summary.by == "all")]
    gap = row.iloc[0]
    assert f"CC(right) − CC(wrong) = {gap.mean_videos:.3f} [{gap.low:.3f}, {gap.high:.3f}]" in text
    assert "27 clips of 6 test videos" in text and "2 of the 6 captions are drafts" in text
    assert "6 clips show no other event, 6 only others with the same caption" in text
    assert "drafts" not in markdown(summary, scores, annotations("published"))


def test_the_page_says_what_published_targets_are(scores: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Videos 0 and 1, five clips, are published; the maxima of two of their targets are 255."""
    scores = scores.assign(target_peak=[255 if video == "0" else 200 for video in scores.video])
    text = markdown(summary, scores, annotations("published"))
    assert "**5 targets are published maps**" in text
    assert "the maximum of 3 of them is below 255 (median 200)" in text
    assert "used as they are" in text
    rescaled = markdown(summary, scores, annotations("published"), "rescaled")
    assert "Each target was rescaled to maximum 255" in rescaled and "used as they are" not in rescaled
    assert "published maps" not in markdown(summary, scores, annotations())


def test_the_cells_are_the_numbers_of_the_summary(scores: pd.DataFrame, summary: pd.DataFrame) -> None:
    text = markdown(summary, scores, annotations())
    lines = [re.split(r" *\| *", line.strip("| ")) for line in text.splitlines() if line.startswith("| model, right")]
    clips, videos, sphere = lines[:3]
    model = scores[scores.predictor == "model"]
    assert clips[1:] == [f"{model[metric].mean():.3f}" for metric in TITLES]
    assert [cell.split()[0] for cell in videos[1:]] == [
        f"{model.groupby('video')[metric].mean().mean():.3f}" for metric in TITLES
    ]
    assert sphere[1].split()[0] == f"{model.groupby('video').cc_sphere.mean().mean():.3f}" and len(sphere) == 8
    assert set(TITLES) == set(METRICS)


def test_what_is_missing_is_a_dash_and_never_a_number(scores: pd.DataFrame) -> None:
    blind = scores.assign(**dict.fromkeys([c for c in scores if c.startswith(("nss", "auc", "info"))], float("nan")))
    text = markdown(summarise(blind, 100, 0), blind, annotations())
    assert "**This dataset has no fixation points**" in text and "nan" not in text.lower()
    assert re.search(r"\| model, right prompt .*\| – ", text)
    alone = blind[blind.predictor == "model"]
    assert "cannot be measured" in markdown(summarise(alone, 100, 0), alone, annotations())


def test_the_tables_in_latex_hold_the_same_cells(scores: pd.DataFrame, summary: pd.DataFrame) -> None:
    text = latex(summary)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4
    assert not re.search("[−‖↑↓–]|(?<!\\\\)%", text)
    for line in markdown(summary, scores, annotations()).splitlines():
        if line.startswith("| model, wrong prompt"):
            assert all(cell.strip() in text for cell in line.strip("| ").split("|"))
            break

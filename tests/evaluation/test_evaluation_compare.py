from pathlib import Path

import pandas as pd
import pytest
from evaluation.scores import made_scores

from tsalv360.cli import main
from tsalv360.contracts.tables import SCORES, write_table
from tsalv360.evaluation.summary import compare_models
from tsalv360.job.errors import InputError


def written(folder: Path, scores: pd.DataFrame) -> Path:
    write_table(folder / "scores.parquet", scores, SCORES)
    return folder


def test_the_model_that_is_better_in_every_clip_is_named_better(tmp_path: Path) -> None:
    scores = made_scores()
    better = scores.assign(cc=scores.cc + 0.1, kld=scores.kld - 0.1, sim=scores.sim - 0.1, kld_reversed=scores.kld + 1)
    a, b = written(tmp_path / "a", scores), written(tmp_path / "b", better.sample(frac=1, random_state=0))
    found = compare_models(a, b / "scores.parquet").set_index("metric")
    assert found.difference["cc"] == pytest.approx(0.1) and found.low["cc"] == pytest.approx(0.1)
    assert found.better[["cc", "kld", "sim", "nss"]].to_list() == ["second", "second", "first", "neither"]
    model = scores[scores.predictor == "model"]
    assert found.n_clips["cc"] == len(model)
    assert found["first"]["cc"] == pytest.approx(model.groupby("video").cc.mean().mean())


def test_the_first_row_is_what_the_text_achieves(tmp_path: Path) -> None:
    """The second model is no better with the right prompt, and worse with a wrong one."""
    scores = made_scores()
    other = scores.assign(cc=scores.cc - 0.2 * (scores.predictor == "wrong_prompt"))
    found = compare_models(written(tmp_path / "a", scores), written(tmp_path / "b", other))
    gap, cc = found.iloc[0], found.set_index("metric").loc["cc"]
    assert (gap.metric, gap.better) == ("cc_right_wrong", "second") and gap.difference == pytest.approx(0.2)
    model, wrong = (scores[scores.predictor == name].set_index("clip_id") for name in ("model", "wrong_prompt"))
    own = (model.cc - wrong.cc).dropna()
    assert gap["first"] == pytest.approx(own.groupby(model.video[own.index]).mean().mean())
    assert gap.n_clips == len(own)
    assert cc.better == "neither" and cc.difference == 0


def test_without_wrong_prompts_right_ones_are_compared(tmp_path: Path) -> None:
    scores = made_scores()
    one = written(tmp_path / "a", scores[scores.predictor != "wrong_prompt"])
    assert compare_models(one, one).metric.iloc[0] == "cc"


def test_other_clips_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = made_scores()
    a, b = written(tmp_path / "a", scores), written(tmp_path / "b", scores[scores.clip_id != "3_1_2"])
    with pytest.raises(InputError, match=r"1 clips only in .*a: 3_1_2"):
        compare_models(a, b)
    assert main(["evaluate", "compare", str(a), str(b)]) == 1
    assert "3_1_2" in capsys.readouterr().err


def test_the_command_prints_the_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = written(tmp_path / "a", made_scores())
    assert main(["evaluate", "compare", str(a), str(a)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"first: a ({a})\nsecond: a ({a})\n")
    assert "auc_shuffled" in shown and "neither" in shown
    assert main(["evaluate", "compare", str(a), str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err

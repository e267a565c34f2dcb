"""The leaderboard of several evaluations."""

from pathlib import Path

import pandas as pd
import pytest
from evaluation.scores import made_scores

from tsalv360.cli import main
from tsalv360.contracts.tables import SCORES, write_table
from tsalv360.evaluation.leaderboard import leaderboard
from tsalv360.evaluation.summary import summarise
from tsalv360.job.errors import InputError


def written(folder: Path, scores: pd.DataFrame) -> Path:
    write_table(folder / "scores.parquet", scores, SCORES)
    return folder


def with_maps(scores: pd.DataFrame, name: str, **values: float) -> pd.DataFrame:
    """The scores with those of another model's maps, for all clips but one."""
    model = scores[scores.predictor == "model"]
    return pd.concat([scores, model[1:].assign(predictor=f"external:{name}", **values)], ignore_index=True)


@pytest.fixture
def evaluations(tmp_path: Path) -> list[Path]:
    """Two models, the second of them better in CC and in KL, and maps that were scored beside both."""
    first = made_scores()
    second = first.assign(cc=first.cc + 0.1, kld=first.kld - 0.1)
    maps = [with_maps(scores, "SalViT360", cc=0.99, kld=9.0) for scores in (first, second)]
    return [written(tmp_path / name / "default", scores) for name, scores in zip("ab", maps, strict=True)]


def test_models_and_maps_are_ordered_by_correlation(evaluations: list[Path]) -> None:
    table = leaderboard([evaluations[0], evaluations[1] / "scores.parquet"])
    first, second = (str(path) for path in (evaluations[0], evaluations[1] / "scores.parquet"))
    assert table.name.to_list() == ["SalViT360", f"default ({second})", f"default ({first})"]
    assert table.n_clips.to_list() == [26, 27, 27] and set(table.of_clips) == {27}
    scores = pd.read_parquet(evaluations[0] / "scores.parquet")
    summary = summarise(scores, 2000, 0)
    for predictor, columns in (("model", "cc"), ("model − wrong_prompt", "cc_right_wrong")):
        row = summary[(summary.by == "all") & (summary.metric == "cc") & (summary.predictor == predictor)].iloc[0]
        found = table.iloc[2][[columns, f"{columns}_low", f"{columns}_high"]].to_list()
        assert found == pytest.approx([row.mean_videos, row.low, row.high])
    assert table.cc_right_wrong.isna().to_list() == [True, False, False]


def test_the_best_is_bold_in_markdown_and_latex_and_csv_has_the_numbers(
    evaluations: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(path) for path in evaluations]
    for ending in ("md", "tex", "csv"):
        assert main(["evaluate", "table", *paths, "--output", str(tmp_path / f"table.{ending}")]) == 0
    shown = capsys.readouterr().out
    assert "SalViT360" in shown and "26 of 27" in shown and "**" not in shown
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (tmp_path / "table.md").read_text("utf-8").splitlines()
    ]
    titles, best, better, worse = lines[0], *lines[2:]
    cc, kld, gap = titles.index("CC ↑"), titles.index("KL(T‖P) ↓"), titles.index("CC(right) − CC(wrong) ↑")
    assert best[cc] == "**0.990** [0.990, 0.990]" and "**" not in better[cc] + worse[cc]
    assert better[kld].startswith("**") and "**" not in best[kld] + worse[kld]
    assert best[gap] == "–" and better[gap].startswith("**")
    latex = (tmp_path / "table.tex").read_text("utf-8")
    assert r"\textbf{0.990} [0.990, 0.990]" in latex and "−" not in latex and r"\begin{tabular}" in latex
    numbers = pd.read_csv(tmp_path / "table.csv")
    assert numbers.cc[0] == pytest.approx(0.99) and numbers.kld_low.notna().all()


def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "table", str(tmp_path / "gone"), "--output", "table.xlsx"]) == 1
    assert "table.xlsx: found the ending '.xlsx'; expected .md, .tex or .csv" in capsys.readouterr().err


def test_other_clips_are_refused_by_name(tmp_path: Path) -> None:
    scores = made_scores()
    paths = [written(tmp_path / "a", scores), written(tmp_path / "b", scores)]
    paths.append(written(tmp_path / "c", scores[scores.clip_id != "3_1_2"]))
    with pytest.raises(InputError, match=r"1 clips only in .*a: 3_1_2"):
        leaderboard(paths)


def test_clips_of_another_dataset_with_the_same_names_are_refused(tmp_path: Path) -> None:
    scores = made_scores()
    other = scores.assign(peak_pitch_deg=scores.peak_pitch_deg + (scores.clip_id == "3_1_2"))
    paths = [written(tmp_path / "a", scores), written(tmp_path / "b", other)]
    with pytest.raises(InputError, match=r"1 clips that are not the same in .*a and in .*b, such as 3_1_2"):
        leaderboard(paths)


def test_an_evaluation_that_is_named_twice_has_one_row(evaluations: list[Path]) -> None:
    table = leaderboard([evaluations[0], evaluations[0] / "scores.parquet"])
    assert table.name.to_list() == ["SalViT360", "default"]


def test_maps_of_one_name_that_differ_have_their_paths_behind_it(tmp_path: Path) -> None:
    scores = made_scores()
    paths = [written(tmp_path / name, with_maps(scores, "A", cc=cc)) for name, cc in (("x", 0.9), ("y", 0.8))]
    table = leaderboard(paths)
    assert set(table.name) == {f"A ({paths[0]})", f"A ({paths[1]})", "x", "y"}


def test_baselines_alone_are_refused(tmp_path: Path) -> None:
    scores = made_scores()
    path = written(tmp_path, scores[scores.predictor == "model"].assign(predictor="uniform"))
    with pytest.raises(InputError, match="baselines alone"):
        leaderboard([path])

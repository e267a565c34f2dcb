"""Maps that other models made, in real files: scored beside the model, or without one."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation.scene import SETTINGS, SIGMA, knows_all, make_scene, one, target
from numpy.typing import NDArray

from tsalv360.contracts.tables import FOLD_SCORES, SCORES, SUMMARY, as_table, read_table
from tsalv360.evaluation import EvaluateSettings
from tsalv360.evaluation.external import read_map, stamp
from tsalv360.evaluation.fold import evaluate_fold
from tsalv360.evaluation.page import write_evaluation
from tsalv360.evaluation.score import Scored, score_fold
from tsalv360.evaluation.summary import compare_models, gap_name, summarise
from tsalv360.evaluation.truth import Truth
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture
from tsalv360.saliency import saliency_map, to_8bit

OURS = "external:Other 2"


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_scene(tmp_path_factory.mktemp("scene"))


def save(path: Path, picture: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(path.suffix, picture)[1]
    path.write_bytes(encoded.tobytes())
    return path


def write_for_events(folder: Path, truth: Truth, shift: int = 0) -> Path:
    """Write the targets as another model's maps, each turned by `shift` pixels."""
    for clip in truth.clips.itertuples():
        saliency = to_8bit(np.roll(target(clip.event_id), shift, axis=1))
        save(folder / clip.video / clip.event_id / f"{clip.target_frame:04d}.png", saliency)
    return folder


def scored(truth: Truth, folder: Path, **how: object) -> Scored:
    settings = replace(SETTINGS, external={"Other 2": str(folder)})
    return score_fold(truth, None, settings, SIGMA, **how)


@pytest.mark.parametrize("top", ["", "TSV360_gt"])
def test_a_perfect_model_has_a_correlation_of_one_and_a_shifted_one_less(
    truth: Truth, tmp_path: Path, top: str
) -> None:
    write_for_events(tmp_path / "perfect" / top, truth)
    table = scored(truth, tmp_path / "perfect", processes=2).table
    as_table(table, FOLD_SCORES, "scores")
    perfect = table[table.predictor == OURS]
    assert set(perfect.clip_id) == set(truth.clips.clip_id)
    assert perfect[["cc", "cc_sphere"]].to_numpy() == pytest.approx(1, abs=1e-6)
    assert (perfect.nss > 5).all() and (perfect.kld < 0.1).all()
    assert not set(table.predictor) & {"model", "wrong_prompt", "neutral_prompt", "other_video"}
    assert {"mean_map", "uniform", "observers"} <= set(table.predictor)
    write_for_events(tmp_path / "shifted", truth, shift=5)
    shifted = scored(truth, tmp_path / "shifted").table
    assert (shifted[shifted.predictor == OURS].cc < 0.6).all()


def test_maps_of_a_video_are_scored_for_each_of_its_events(truth: Truth, tmp_path: Path) -> None:
    """As made by models that read no text: all events of a frame share one map."""
    for clip in truth.clips.itertuples():
        save(tmp_path / clip.video / f"{clip.target_frame:06d}.PNG", to_8bit(target(f"{clip.video}_1")))
    table = scored(truth, tmp_path).table
    assert one(table, OURS, "001_1_1").cc == pytest.approx(1, abs=1e-6)
    assert one(table, OURS, "001_2_0").cc < 0.1
    assert one(table, OURS, "002_1_0").cc == pytest.approx(1, abs=1e-6) and one(table, OURS, "002_2_0").cc < 0.6


@pytest.mark.parametrize("size", [(20, 40), (60, 120), (256, 512)])
def test_a_map_that_crosses_the_seam_is_resized_over_it(tmp_path: Path, size: tuple[int, int]) -> None:
    at_seam, in_front = (
        read_map(save(tmp_path / f"{yaw}.png", to_8bit(saliency_map(yaw, 0, sigma=15, size=size))), (40, 80))
        for yaw in (180, 0)
    )
    np.testing.assert_allclose(np.roll(at_seam, 40, axis=1), in_front, atol=0.005)
    assert np.corrcoef(in_front.ravel(), saliency_map(0, 0, sigma=15, size=(40, 80)).ravel())[0, 1] > 0.999


FORMATS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.generic]]] = {
    "8 bit.png": lambda gray: gray,
    "16 bit.png": lambda gray: gray.astype(np.uint16) * 257,
    "16 bit rgb.png": lambda gray: np.repeat(gray[..., None].astype(np.uint16) * 257, 3, axis=2),
    "rgb.png": lambda gray: np.repeat(gray[..., None], 3, axis=2),
    "opaque.png": lambda gray: np.dstack([gray, gray, gray, np.full_like(gray, 255)]),
    "gray.jpg": lambda gray: gray,
    "rgb.jpg": lambda gray: np.repeat(gray[..., None], 3, axis=2),
}


@pytest.mark.parametrize("name", FORMATS)
def test_gray_pictures_of_any_format_hold_the_same_map(tmp_path: Path, name: str) -> None:
    gray = to_8bit(target("001_1"))
    found = read_map(save(tmp_path / name, FORMATS[name](gray)), gray.shape)
    np.testing.assert_allclose(found, gray / 255, atol=0.02 if name.endswith("jpg") else 1e-6)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "zeros": (lambda path: save(path, np.zeros((40, 80), np.uint8)), "a map of zeros"),
    "damaged": (lambda path: path.write_bytes(path.read_bytes()[:50]), "no readable picture"),
    "empty": (lambda path: path.write_bytes(b""), "no readable picture"),
    "square": (lambda path: save(path, np.full((40, 40), 9, np.uint8)), "a picture of 40×40 pixels"),
    "colour": (lambda path: save(path, cv2.applyColorMap(to_8bit(target("001_1")), 2)), "a picture in colour"),
    "transparent": (lambda path: save(path, np.full((40, 80, 4), 99, np.uint8)), "transparent pixels"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_map_that_is_none_is_refused_by_name(truth: Truth, tmp_path: Path, what: str, processes: int) -> None:
    spoil, message = REFUSED[what]
    spoil(write_for_events(tmp_path, truth) / "002" / "002_1" / "0007.png")
    with pytest.raises(InputError, match=rf"002/002_1/0007\.png: found {message}") as caught:
        scored(truth, tmp_path, processes=processes)
    assert caught.value.where == tmp_path / "002" / "002_1" / "0007.png"


def test_clips_without_a_map_are_counted_and_have_no_row(
    truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_for_events(tmp_path, truth)
    (tmp_path / "001" / "001_1" / "0015.png").unlink()
    (tmp_path / "002" / "002_2" / "0007.png").rename(tmp_path / "002" / "002_2" / "map_0007.png")
    table = scored(truth, tmp_path).table
    assert set(table[table.predictor == OURS].clip_id) == {"001_1_0", "001_2_0", "002_1_0"}
    assert "Other 2: 3 of 5 clips have a map; none for 1 of video 001, 1 of video 002." in capsys.readouterr().out


def test_a_folder_without_any_map_of_the_clips_is_refused_with_the_names_that_were_expected(
    truth: Truth, tmp_path: Path
) -> None:
    """Named by seconds, not by frame."""
    save(tmp_path / "001" / "001_1" / "0001.png", to_8bit(target("001_1")))
    expected = r"001/0007\.png, or 001/001_1/0007\.png .* evaluate\.external\.Other 2"
    with pytest.raises(InputError, match=rf"no map of the last frame of any of 5 test clips; expected {expected}"):
        scored(truth, tmp_path)


def test_maps_of_events_and_of_the_whole_video_in_one_folder_are_refused(truth: Truth, tmp_path: Path) -> None:
    save(write_for_events(tmp_path, truth) / "002" / "0007.png", to_8bit(target("002_1")))
    with pytest.raises(InputError, match="002: found maps of events and of the whole video"):
        scored(truth, tmp_path)


def test_two_pictures_of_one_frame_are_refused(truth: Truth, tmp_path: Path) -> None:
    save(write_for_events(tmp_path, truth) / "001" / "001_1" / "7.jpg", to_8bit(target("001_1")))
    with pytest.raises(InputError, match=r"001_1: found 0007\.png and 7\.jpg"):
        scored(truth, tmp_path)


def test_the_difference_from_the_model_is_paired(truth: Truth, tmp_path: Path) -> None:
    write_for_events(tmp_path, truth, shift=5)
    (tmp_path / "001" / "001_1" / "0015.png").unlink()
    settings = replace(SETTINGS, external={"Other 2": str(tmp_path)})
    table = score_fold(truth, knows_all, settings, SIGMA).table.assign(source="own")
    summary = summarise(table, 100, 0)
    row = summary[(summary.by == "all") & (summary.predictor == gap_name(OURS)) & (summary.metric == "cc")].iloc[0]
    expected = 1 - table[table.predictor == OURS].groupby("video").cc.mean().mean()
    assert row.n_clips == 4 and row.mean_videos == pytest.approx(expected, abs=1e-6) and row.low > 0.3


def test_maps_alone_make_tables_a_figure_and_a_page_without_pytorch(truth: Truth, tmp_path: Path) -> None:
    """In a process in which PyTorch cannot be imported."""
    write_for_events(tmp_path / "maps", truth, shift=1)
    (tmp_path / "maps" / "001" / "001_1" / "0015.png").unlink()
    write_for_events(tmp_path / "more", truth, shift=3)
    code = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
from evaluation.scene import SETTINGS, SIGMA
from dataclasses import replace
from tsalv360.evaluation.fold import evaluate_fold
from tsalv360.training.clips import ClipFiles
files = ClipFiles(Path({str(truth.files.dataset)!r}), Path({str(truth.files.frames)!r}))
out = Path({str(tmp_path)!r})
names = {{"SalViT360": "maps", "B_1": "more", "C": "more"}}
settings = replace(SETTINGS, external={{name: str(out / folder) for name, folder in names.items()}})
evaluate_fold(files, 0, None, settings, SIGMA, out / "fold0.parquet", out / "fold0.jpg", None, "default")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    sources = dict.fromkeys(["001", "002"], "own")
    annotations = truth.files.dataset / "annotations.parquet"
    write_evaluation(tmp_path, [tmp_path / "fold0.parquet"], annotations, sources, SETTINGS)
    read_table(tmp_path / "summary.parquet", SUMMARY)
    page = (tmp_path / "tables.md").read_text("utf-8")
    assert "5 clips of 2 test videos" in page and "No model was evaluated" in page
    assert "**SalViT360**, maps of another model: 4 of 5 clips have a map; none for 1 of video 001." in page
    assert "right prompt" not in page and "text matters" not in page and "nan" not in page
    assert page.count("| SalViT360") >= 3 and r"B\_1" in (tmp_path / "tables.tex").read_text("utf-8")
    assert read_picture(tmp_path / "intervals.png").std() > 0
    # three examples, each of frame, target and two maps, and below them the third
    assert read_picture(tmp_path / "fold0.jpg").shape[0] > 6 * 160
    with pytest.raises(InputError, match="no scores of a model"):
        compare_models(tmp_path, tmp_path)


def test_baselines_are_scored_without_any_maps(truth: Truth, tmp_path: Path) -> None:
    evaluate_fold(
        truth.files, 0, None, SETTINGS, SIGMA, tmp_path / "fold0.parquet", tmp_path / "fold0.jpg", None, "default"
    )
    write_evaluation(
        tmp_path,
        [tmp_path / "fold0.parquet"],
        truth.files.dataset / "annotations.parquet",
        dict.fromkeys(["001", "002"], "own"),
        SETTINGS,
    )
    predictors = {"mean_map", "equator", "centre", "uniform", "observers"}
    assert set(read_table(tmp_path / "scores.parquet", SCORES).predictor) == predictors


def test_the_page_of_a_model_says_how_it_differs_from_other_models(truth: Truth, tmp_path: Path) -> None:
    write_for_events(tmp_path / "maps", truth, shift=5)
    settings = replace(SETTINGS, external={"Other 2": str(tmp_path / "maps")})
    table = score_fold(truth, knows_all, settings, SIGMA).table
    table.to_parquet(tmp_path / "fold0.parquet")
    annotations = truth.files.dataset / "annotations.parquet"
    write_evaluation(
        tmp_path, [tmp_path / "fold0.parquet"], annotations, dict.fromkeys(["001", "002"], "own"), settings
    )
    page = (tmp_path / "tables.md").read_text("utf-8")
    line = next(line for line in page.splitlines() if line.startswith("| right prompt − Other 2"))
    gap = 1 - table[table.predictor == OURS].groupby("video").cc.mean().mean()
    assert [cell.strip() for cell in line.split("|")][2:4] == ["5", "2"] and f"| {gap:.3f} [" in line
    assert "## How much the text matters" in page
    assert r"right prompt $-$ Other 2" in (tmp_path / "tables.tex").read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: save(folder / "001" / "001_1" / "0007.png", np.ones((2, 4), np.uint8)),
        lambda folder: (folder / "001" / "001_1" / "0007.png").unlink(),
        lambda folder: os.utime(folder / "001" / "001_1" / "0007.png", (1e9, 1e9)),
    ],
    ids=["other size", "missing", "older"],
)
def test_the_stamp_changes_with_the_maps_of_its_videos_alone(
    truth: Truth, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    write_for_events(tmp_path, truth)
    before = stamp(tmp_path, ["001"]), stamp(tmp_path, ["002"])
    (tmp_path / "001" / "001_1" / "description.txt").write_text("a dog")
    assert stamp(tmp_path, ["001"]) == before[0]
    change(tmp_path)
    assert stamp(tmp_path, ["001"]) != before[0] and stamp(tmp_path, ["002"]) == before[1]


@pytest.mark.parametrize("name", ["SalViT360", "ATSal", "a-b_c.d 2"])
def test_names_may_have_letters_digits_and_signs(tmp_path: Path, name: str) -> None:
    assert EvaluateSettings(external={name: str(tmp_path)}).external_folders() == {name: tmp_path}


@pytest.mark.parametrize(
    "name", ["a/b", "", " ", "a  b", "-a", "a|b", "a:b", "_a_", "é", "observers", "Centre", "CLIP, not trained"]
)
def test_other_names_and_those_of_baselines_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="found the name"):
        EvaluateSettings(external={name: str(tmp_path)})


def test_a_folder_that_is_missing_is_refused_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "maps").mkdir()
    (tmp_path / "file").touch()
    assert EvaluateSettings(external={"A": "~/maps"}).external_folders() == {"A": tmp_path / "maps"}
    with pytest.raises(InputError, match=r"evaluate\.external\.A: found '~/gone', which does not exist"):
        EvaluateSettings(external={"A": "~/gone"}).external_folders()
    with pytest.raises(InputError, match=r"evaluate\.external\.A: found '~/file', a file"):
        EvaluateSettings(external={"A": "~/file"}).external_folders()

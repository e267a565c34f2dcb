"""Values of each metric: its formula, published and public values, closed forms, the sphere, nothing to compare."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.maps import BASELINES, FIXATIONS, GOLDEN, OTHERS, PREDICTIONS, TARGETS

from tsalv360 import metrics
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import pixel_to_direction, solid_angle, to_angles

DATA = Path(__file__).parents[1] / "data"
ONE_TRUTH = {
    "cc": TARGETS,
    "sim": TARGETS,
    "kld": TARGETS,
    "kld_reversed": TARGETS,
    "nss": FIXATIONS,
    "auc_judd": FIXATIONS,
}
COMPARED_WITH: dict[str, tuple[np.ndarray, ...]] = {
    **{name: (truth,) for name, truth in ONE_TRUTH.items()},
    "auc_shuffled": (FIXATIONS, OTHERS),
    "information_gain": (FIXATIONS, BASELINES),
}
WEIGHTED = [name for name in COMPARED_WITH if name != "auc_shuffled"]
Metric = Callable[..., np.ndarray]


def metric(name: str) -> Metric:
    return getattr(metrics, name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", GOLDEN)
def test_published_values(name: str, dtype: type) -> None:
    expected = json.loads((DATA / "golden" / "metrics.json").read_text("utf-8"))[name][dtype.__name__]
    prediction, target = (one.astype(dtype) for one in GOLDEN[name])
    assert metrics.cc(prediction, target) == pytest.approx(expected["CC"], abs=1e-5)
    assert metrics.sim(prediction, target) == pytest.approx(expected["SIM"], abs=1e-5)
    assert metrics.kld(prediction, target) == pytest.approx(expected["KLD_gt_pred"], abs=1e-5)
    assert metrics.kld_reversed(prediction, target) == pytest.approx(expected["KLD_pred_gt"], abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name in COMPARED_WITH if name != "kld_reversed"])
def test_values_of_pysaliency(name: str, dtype: type) -> None:
    """Values of pysaliency 0.2.22 for each pair p, t, with fixations f, others o and densities b of the baseline.

    metrics.CC(p, t), metrics.SIM(p, t), metrics.MIT_KLDiv(p, t); of a SaliencyMapModel that gives p,
    .NSS(stimuli, f), .AUC_Judd(stimuli, f, jitter=False), .AUC(stimuli, f, nonfixations=o, average="image"); of a Model
    with the log density log(p / p.sum()), .information_gain(stimuli, f, one of b).
    """
    expected = json.loads((DATA / "pysaliency.json").read_text("utf-8"))[name]
    truth = (one.astype(dtype) if one.dtype == float else one for one in COMPARED_WITH[name])
    assert metric(name)(PREDICTIONS.astype(dtype), *truth) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", COMPARED_WITH)
def test_the_fast_path_equals_the_formula(name: str, data: st.DataObject) -> None:
    """On maps of several blocks, of random values, zeros in places, a constant or zeros alone, with any weights."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    size = (rng.integers(1, 40), rng.integers(1, 40))
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.uint8]))

    def saliency() -> np.ndarray:
        one = rng.gamma(0.5, size=size) + rng.integers(0, 2)
        one[: rng.integers(0, size[0] + 1)] *= rng.integers(0, 2)
        flat = data.draw(st.sampled_from([None, None, None, 0.0, 0.3, 7.0]))
        one = one if flat is None else np.full(size, flat)
        return np.minimum(255, one if dtype != np.uint8 else np.round(20 * one)).astype(dtype)

    fixations = rng.random(size) < data.draw(st.sampled_from([0.1, 0.1, 0.0, 1.0]))
    maps = {"target": saliency(), "baseline": saliency(), "fixations": fixations, "others": rng.integers(0, 3, size)}
    maps["others"] *= data.draw(st.booleans())
    arguments = list(inspect.signature(metric(name)).parameters)[1:]
    weights = data.draw(st.sampled_from([None, solid_angle(size[0]), rng.random(size) + 0.1]))
    given = {one: maps.get(one, weights) for one in arguments}
    prediction = saliency()
    exact = {key: one.astype(float) if one is not None and one.dtype != bool else one for key, one in given.items()}
    expected = metric(name).__wrapped__(prediction.astype(float), **exact)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsalv360.metrics.blocked._BLOCK", data.draw(st.sampled_from([1, 100, 1 << 16])))
        found = float(metric(name)(prediction, **given))
    assert found == pytest.approx(expected, abs=1e-9 if dtype == np.float64 else 1e-5, nan_ok=True)


@pytest.mark.parametrize("name", COMPARED_WITH)
def test_batch_equals_single_maps(name: str) -> None:
    truth = COMPARED_WITH[name]
    batch = metric(name)(np.stack([PREDICTIONS, PREDICTIONS[::-1]]), *(np.stack([one, one]) for one in truth))
    assert batch.shape == (2, 2)
    singles = [metric(name)(PREDICTIONS[i], *(one[j] for one in truth)) for i, j in [(0, 0), (1, 1), (1, 0), (0, 1)]]
    assert [np.ndim(single) for single in singles] == [0, 0, 0, 0]
    assert batch.ravel().tolist() == [float(single) for single in singles]
    assert metric(name)(PREDICTIONS[:0], *(one[:0] for one in truth)).shape == (0,)


@pytest.mark.parametrize("name", COMPARED_WITH)
def test_scale_and_large_maps(name: str) -> None:
    """Any scale; and maps of several blocks give what the same pixels give in one."""
    scores = metric(name)(PREDICTIONS, *COMPARED_WITH[name])
    for scale in (1e-30, 255, 1e30):
        scaled = (PREDICTIONS * scale).astype(np.float32)
        assert metric(name)(scaled, *COMPARED_WITH[name]) == pytest.approx(scores, abs=1e-5)
    if name in ("cc", "sim", "kld", "nss"):  # repeated pixels change neither means nor densities
        repeated = (np.tile(one, (1, 20, 1)) for one in (PREDICTIONS, *COMPARED_WITH[name]))
        assert metric(name)(*repeated) == pytest.approx(scores, abs=1e-6)  # ε of KL is per pixel


@pytest.mark.parametrize("weights", [None, solid_angle(48)])
@pytest.mark.parametrize("name", WEIGHTED)
def test_the_size_of_blocks_does_not_matter(
    name: str, weights: np.ndarray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where some or all of them are empty or below all thresholds."""
    lower = np.arange(48)[:, None] >= 24
    cases = [
        (PREDICTIONS + lower, *(one * lower for one in COMPARED_WITH[name])),
        (0 * PREDICTIONS, *COMPARED_WITH[name]),
    ]
    cases.append((PREDICTIONS, *(np.ones_like(one) if one is TARGETS else one for one in COMPARED_WITH[name])))
    whole = [metric(name)(*maps, weights=weights) for maps in cases]
    monkeypatch.setattr("tsalv360.metrics.blocked._BLOCK", 5 * 96)
    for maps, expected in zip(cases, whole, strict=True):
        assert metric(name)(*maps, weights=weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_large_map_by_comparison_with_every_pixel() -> None:
    rng = np.random.default_rng(0)
    prediction = rng.gamma(0.1, size=(300, 600)).astype(np.float32)
    weights = np.broadcast_to(solid_angle(300), prediction.shape)
    fixations = rng.random((300, 600)) < 0.0002
    thresholds = np.sort(prediction[fixations])[::-1]
    true = [0, *(np.mean(prediction[fixations] >= t) for t in thresholds), 1]
    for w, given_weights in [(np.ones_like(weights), None), (weights, weights)]:
        elsewhere = w * ~fixations
        false = [0, *(elsewhere[prediction >= t].sum() / elsewhere.sum() for t in thresholds), 1]
        expected = np.trapezoid(true, false)
        assert metrics.auc_judd(prediction, fixations, given_weights) == pytest.approx(expected, abs=1e-6)


def test_integers_and_booleans_are_numbers() -> None:
    eight_bit = np.round(255 * PREDICTIONS / PREDICTIONS.max()).astype(np.uint8)
    assert metrics.cc(eight_bit, TARGETS) == pytest.approx(metrics.cc(eight_bit.astype(float), TARGETS), abs=1e-6)
    assert metrics.nss(eight_bit, FIXATIONS) == pytest.approx(metrics.nss(eight_bit, FIXATIONS.astype(float)), abs=1e-6)
    assert metrics.sim(FIXATIONS, FIXATIONS) == pytest.approx(1)


def test_what_a_metric_does_not_depend_on() -> None:
    assert metrics.cc(3 * PREDICTIONS + 2, TARGETS) == pytest.approx(metrics.cc(PREDICTIONS, TARGETS))
    assert metrics.cc(TARGETS, PREDICTIONS) == pytest.approx(metrics.cc(PREDICTIONS, TARGETS))
    assert metrics.sim(TARGETS, PREDICTIONS) == pytest.approx(metrics.sim(PREDICTIONS, TARGETS))
    assert metrics.sim(PREDICTIONS + 2, TARGETS) == pytest.approx(metrics.sim(PREDICTIONS, TARGETS))
    assert metrics.kld_reversed(PREDICTIONS, TARGETS) == pytest.approx(metrics.kld(TARGETS, PREDICTIONS))
    assert (abs(metrics.kld(PREDICTIONS, TARGETS) - metrics.kld(TARGETS, PREDICTIONS)) > 0.1).all()
    assert metrics.auc_judd(PREDICTIONS**3, FIXATIONS) == pytest.approx(metrics.auc_judd(PREDICTIONS, FIXATIONS))
    assert metrics.nss(PREDICTIONS + 2, FIXATIONS) == pytest.approx(metrics.nss(PREDICTIONS, FIXATIONS))
    gain = metrics.information_gain(PREDICTIONS + 1, FIXATIONS, BASELINES)
    assert metrics.information_gain(BASELINES, FIXATIONS, PREDICTIONS + 1) == pytest.approx(-gain)


def test_best_and_worst() -> None:
    assert metrics.cc(PREDICTIONS, PREDICTIONS) == pytest.approx(1)
    assert metrics.cc(PREDICTIONS.max() - PREDICTIONS, PREDICTIONS) == pytest.approx(-1)
    assert metrics.sim(PREDICTIONS, PREDICTIONS) == pytest.approx(1)
    left, right = np.zeros((2, 4, 8))
    left[:, :4], right[:, 4:] = 1, 1
    assert metrics.sim(left, right) == 0
    assert metrics.kld(PREDICTIONS, PREDICTIONS).tolist() == [0, 0]
    assert 30 < metrics.kld(left, right) < 37
    assert metrics.auc_judd(right, right) == 1
    assert metrics.auc_judd(left, right) == 0.5  # from (0, 0) to the only threshold, (1, 1)
    assert metrics.auc_shuffled(right, right, left) == 1
    assert metrics.auc_shuffled(left, right, left) == 0
    assert -52 <= metrics.information_gain(left, right, right) < -45


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_of_pixels_does_not_matter_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, fixated, others = rng.integers(0, 4, (8, 16)), rng.random((8, 16)) < 0.2, rng.integers(0, 3, (8, 16))
    fixated[0, 0], fixated[0, 1] = True, False
    order = rng.permutation(8 * 16)
    again = (one.ravel()[order].reshape(8, 16) for one in (values, fixated, others))
    values_2, fixated_2, others_2 = again
    assert metrics.auc_judd(values, fixated) == pytest.approx(metrics.auc_judd(values_2, fixated_2), abs=1e-12)
    shuffled = metrics.auc_shuffled(values, fixated, others)
    assert shuffled == pytest.approx(metrics.auc_shuffled(values_2, fixated_2, others_2), abs=1e-12)
    pairs = [(a > b) + (a == b) / 2 for a in values[fixated] for b in np.repeat(values.ravel(), others.ravel())]
    assert shuffled == pytest.approx(np.mean(pairs))


def test_solid_angles_add_up_to_the_sphere() -> None:
    assert (solid_angle(48) * 96).sum() == pytest.approx(4 * np.pi)
    assert solid_angle(2)[:, 0] == pytest.approx([np.pi / 2, np.pi / 2])
    assert solid_angle(180)[0, 0] == pytest.approx(np.radians(1) * (1 - np.cos(np.radians(1))))


def test_closed_forms_on_the_sphere() -> None:
    """Maps 1 + z and 1 + x, z up and x to the front, with one fixation at the height z."""
    size = (240, 480)
    column, row = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    yaw, pitch = np.radians(pixel_to_direction(column, row, *size))
    z, x, even = np.sin(pitch), np.cos(pitch) * np.cos(yaw), np.ones(size)
    w = solid_angle(size[0])
    near = {"abs": 1e-3}
    assert metrics.cc(1 + z, 1 + x, w) == pytest.approx(0, **near)
    assert metrics.cc(2 + z + x, 1 + x, w) == pytest.approx(np.sqrt(0.5), **near)
    assert metrics.sim(1 + z, even, w) == pytest.approx(3 / 4, **near)
    assert metrics.kld(even, 1 + z, w) == pytest.approx(np.log(2) - 0.5, **near)
    assert metrics.kld(1 + z, even, w) == pytest.approx(1 - np.log(2), **near)
    assert metrics.kld_reversed(1 + z, even, w) == pytest.approx(np.log(2) - 0.5, **near)
    for at in (1, 60, 150):
        fixation = np.zeros(size, dtype=bool)
        fixation[at, 77] = True
        height = z[at, 77]
        assert metrics.nss(1 + z, fixation, w) == pytest.approx(height * np.sqrt(3), **near)
        assert metrics.information_gain(1 + z, fixation, even, w) == pytest.approx(np.log2(1 + height), **near)
        above = (1 - np.sin(pitch[at, 77] - np.pi / 480)) / 2  # the row of the fixation itself passes as well
        assert metrics.auc_judd(1 + z, fixation, w) == pytest.approx(1 - above / 2, **near)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_equal_an_equal_area_grid(name: str) -> None:
    """Compare with many points, spread evenly on the sphere, each with the value of the pixel that it falls into."""
    n = 400_000
    up = 1 - (2 * np.arange(n) + 1) / n
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    yaw, pitch = to_angles(
        np.stack([np.sqrt(1 - up**2) * np.cos(turn), np.sqrt(1 - up**2) * np.sin(turn), up], axis=-1)
    )
    row = np.clip(((0.5 - pitch / 180) * 48).astype(int), 0, 47)
    column = ((yaw / 360 + 0.5) * 96).astype(int) % 96

    def spread(one: np.ndarray) -> np.ndarray:
        if one.dtype != bool:
            return one[row, column][None]
        first = np.unique(row * 96 + column, return_index=True)  # of each pixel one point is fixated
        points = np.zeros(n, dtype=bool)
        points[first[1][np.isin(first[0], np.flatnonzero(one))]] = True
        return points[None]

    maps = [PREDICTIONS[0], *(one[0] for one in COMPARED_WITH[name])]
    tolerance = 0.02 if name == "kld_reversed" else 1e-3 if name != "auc_judd" else 5e-3  # ε; pixels fixated in part
    weighted = metric(name)(*maps, weights=solid_angle(48))
    assert weighted == pytest.approx(float(metric(name)(*map(spread, maps))), abs=tolerance)
    assert abs(weighted - metric(name)(*maps)) > 2 * tolerance
    assert weighted == pytest.approx(metric(name)(*maps, weights=np.broadcast_to(1e6 * solid_angle(48), (48, 96))))
    assert metric(name)(*maps, weights=7) == pytest.approx(metric(name)(*maps), abs=1e-9)


CONSTANT = {
    "cc": 0,
    "sim": None,
    "kld": None,
    "kld_reversed": None,
    "nss": 0,
    "auc_judd": 0.5,
    "auc_shuffled": 0.5,
    "information_gain": None,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("weights", [None, solid_angle(48)])
@pytest.mark.parametrize("level", [0.0, 0.1, 3e-30])
@pytest.mark.parametrize("name", COMPARED_WITH)
def test_constant_prediction_is_uniform(name: str, level: float, weights: np.ndarray | None) -> None:
    options = {} if name == "auc_shuffled" else {"weights": weights}
    truth = [one[0] for one in COMPARED_WITH[name]]
    for dtype in (np.float32, np.float64):
        score = metric(name)(np.full((48, 96), level, dtype=dtype), *truth, **options)
        if CONSTANT[name] is not None:
            assert score == CONSTANT[name]
        else:
            assert score == pytest.approx(metric(name)(np.ones((48, 96)), *truth, **options), abs=1e-5)
            assert np.isfinite(score)


@pytest.mark.filterwarnings("error")
def test_nothing_to_compare_is_nan() -> None:
    nothing, something = np.zeros((48, 96)), PREDICTIONS[0]
    for name in ("cc", "sim", "kld", "kld_reversed", "nss", "auc_judd"):
        assert np.isnan(metric(name)(something, nothing)), name
        assert np.isnan(metric(name)(nothing, nothing)), name
    assert np.isnan(metrics.cc(something, nothing + 0.3))
    assert metrics.sim(nothing, nothing + 0.3) == pytest.approx(1)
    assert np.isnan(metrics.auc_judd(something, nothing + 1))
    assert np.isnan(metrics.auc_shuffled(something, nothing, OTHERS[0]))
    assert np.isnan(metrics.auc_shuffled(something, FIXATIONS[0], nothing))
    assert np.isnan(metrics.information_gain(something, nothing, BASELINES[0]))
    even = metrics.information_gain(something, FIXATIONS[0], nothing + 1)
    assert metrics.information_gain(something, FIXATIONS[0], nothing) == pytest.approx(even)
    one_of_two = metrics.cc(PREDICTIONS, np.stack([nothing, TARGETS[1]]))
    assert np.isnan(one_of_two).tolist() == [True, False]


def changed(maps: np.ndarray, value: float) -> np.ndarray:
    maps = maps.astype(float)
    maps[1, 5, 7] = value
    return maps


@pytest.mark.parametrize("name", COMPARED_WITH)
def test_bad_input_says_what_was_found(name: str) -> None:
    score, truth = metric(name), COMPARED_WITH[name]
    for value, found in [(np.nan, "1 NaN"), (-0.5, "1 negative"), (np.inf, "1 infinite")]:
        with pytest.raises(InputError, match=rf"prediction\[1\]: found .*{found}.* of 4608"):
            score(changed(PREDICTIONS, value), *truth)
        for i, one in enumerate(truth):
            others = [*truth[:i], changed(one, value), *truth[i + 1 :]]
            with pytest.raises(
                InputError, match=found if one.dtype != bool else rf"fixations\[1\]: found the number {value}"
            ):
                score(PREDICTIONS, *others)
    with pytest.raises(InputError, match=r"found the shape \[48, 96\]; expected that of the prediction, \[2, 48, 96\]"):
        score(PREDICTIONS, *(one[0] for one in truth))
    with pytest.raises(InputError, match=r"prediction: found the shape \[96\]; expected \[..., H, W\]"):
        score(PREDICTIONS[0, 0], *(one[0, 0] for one in truth))
    with pytest.raises(InputError, match="prediction: found the type complex"):
        score(PREDICTIONS * 1j, *truth)


@pytest.mark.parametrize("name", WEIGHTED)
def test_bad_weights_say_what_was_found(name: str) -> None:
    with pytest.raises(
        InputError, match=r"weights: found the shape \[96, 1\]; expected one that broadcasts to \[48, 96\]"
    ):
        metric(name)(PREDICTIONS, *COMPARED_WITH[name], weights=solid_angle(96))
    for bad in (0, -1, np.nan, np.inf):
        weights = solid_angle(48)
        weights[3] = bad
        with pytest.raises(InputError, match=r"weights: found .* expected positive, finite numbers"):
            metric(name)(PREDICTIONS, *COMPARED_WITH[name], weights=weights)

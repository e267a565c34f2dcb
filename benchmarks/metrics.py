"""CC, SIM, KL, NSS and AUC-Judd of a batch of maps of 960×480: pysaliency, the formulas as written, ours.

A target has 31 fixations, of one event (around one direction) or of the whole scene. The prediction has half of them,
wider, with noise. The error is the largest difference to the formulas in double precision. pysaliency does not subtract
a map's minimum for SIM and computes the logarithm of KL differently, so its error excludes SIM. It is left out if it is
not installed (`pip install pysaliency 'setuptools<81'`).
"""

from collections.abc import Callable

import numpy as np
from timing import Job, compare, named

from tsalv360 import metrics
from tsalv360.saliency import points_map, saliency_map

try:
    from pysaliency import metrics as peer
    from pysaliency.roc import general_roc
except ImportError:
    peer = None

N_MAPS, N_FIXATIONS = 4, 31
OURS, WEIGHTED, PLAIN = "ours", "ours, by solid angle", "the formulas as written"

Maps = np.ndarray
Scores = list[Maps]  # of each metric [N_MAPS]


def batch(spread: float) -> tuple[Maps, Maps, Maps]:
    """Return predictions, targets, fixations [N_MAPS, H, W]; `spread` is that of yaw in degrees; pitch: at most 20."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(N_MAPS):
        centre = rng.uniform(-180, 180), rng.normal(0, 15)
        yaw, pitch = rng.normal(centre[0], spread, N_FIXATIONS), rng.normal(centre[1], min(spread, 20), N_FIXATIONS)
        guess = np.where(np.arange(N_FIXATIONS) % 2, yaw, rng.normal(centre[0], spread, N_FIXATIONS))
        noise = 0.01 * rng.random((480, 960), dtype=np.float32)
        found.append((saliency_map(guess, pitch, sigma=9) + noise, saliency_map(yaw, pitch), points_map(yaw, pitch)))
    return tuple(map(np.stack, zip(*found, strict=True)))


def ours(p: Maps, t: Maps, fixations: Maps, weights: Maps | None = None) -> Scores:
    maps = [metrics.cc(p, t, weights), metrics.sim(p, t, weights), metrics.kld(p, t, weights)]
    return [*maps, metrics.nss(p, fixations, weights), metrics.auc_judd(p, fixations, weights)]


def with_pysaliency(p: Maps, t: Maps, fixations: Maps) -> Scores:
    def scores(p: Maps, t: Maps, fixated: Maps) -> list[float]:
        y, x = np.nonzero(fixated)
        hit, missed = p[fixated].astype(float), p[~fixated].astype(float)
        auc = general_roc(hit, missed, judd=1)[0]
        return [peer.CC(p, t), peer.SIM(p, t), peer.MIT_KLDiv(p, t), peer.NSS(p, x, y).mean(), auc]

    return list(np.transpose([scores(*one) for one in zip(p, t, fixations, strict=True)]))


def plain(p: Maps, t: Maps, fixations: Maps) -> Scores:
    """Compute the scores in the type of the maps; the ROC curve sorts every pixel without a fixation."""

    def scores(p: Maps, t: Maps, fixated: Maps) -> list[float]:
        ranged = [(m - m.min()) / (m.max() - m.min()) for m in (p, t)]
        a, b = (m / m.sum() for m in ranged)
        q, r = p / p.sum(), t / t.sum()
        epsilon = np.finfo(float).eps
        hit, missed = np.sort(p[fixated])[::-1], np.sort(p[~fixated])
        false = 1 - np.searchsorted(missed, hit) / len(missed)
        auc = np.trapezoid([0, *np.arange(1, len(hit) + 1) / len(hit), 1], [0, *false, 1])
        kld = np.sum(r * np.log((r + epsilon) / (q + epsilon)))
        nss = ((p - p.mean()) / p.std())[fixated].mean()
        return [np.corrcoef(p.ravel(), t.ravel())[0, 1], np.minimum(a, b).sum(), kld, nss, auc]

    return list(np.transpose([scores(*one) for one in zip(p, t, fixations, strict=True)]))


def job(what: str, spread: float, repeats: int) -> Job:
    maps = batch(spread)
    p, t, fixations = maps
    weights = metrics.solid_angle(480)
    ways: dict[str, Callable[[], Scores]] = {PLAIN: lambda: plain(*maps)}
    if peer is not None:
        ways[named("pysaliency")] = lambda: with_pysaliency(*maps)
    ways |= {OURS: lambda: ours(*maps), WEIGHTED: lambda: ours(*maps, weights)}
    exact = plain(p.astype(float), t.astype(float), fixations)

    def error(way: str) -> float:
        scores = ways[way]()
        return max(abs(scores[i] - exact[i]).max() for i in range(5) if i != 1 or way in (PLAIN, OURS))

    return Job(
        title=f"E. CC, SIM, KL, NSS and AUC-Judd of a pair of 960×480, {what}; error: largest difference",
        unit="ms",
        times=compare(ways, repeats, divisors=dict.fromkeys(ways, N_MAPS)),
        bases=dict.fromkeys((way for way in ways if way != OURS), OURS),
        errors={way: f"{error(way):.1g}" for way in ways if way != WEIGHTED},
        at_least=dict.fromkeys((way for way in ways if "pysaliency" in way), 3),
        checks={OURS: {"error < 1e-5": error(OURS) < 1e-5}},
    )


def jobs(repeats: int) -> list[Job]:
    return [job("an event", 8, repeats), job("the whole scene", 90, repeats)]

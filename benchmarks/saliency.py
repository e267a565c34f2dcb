"""A saliency map of 960×480 from 31 fixations, σ 5°: healpy, planar Gaussian blur, the sum over all pixels, ours.

The errors of a single fixation's map are relative to the von Mises-Fisher sum in double precision without truncation,
weighted by pixel area: the Kullback-Leibler divergence KL(exact || found) in nats and the total variation.
"""

from collections.abc import Callable

import cv2
import healpy
import numpy as np
from scipy.ndimage import gaussian_filter
from timing import Job, compare, named

from tsalv360.saliency import saliency_map
from tsalv360.sphere.directions import direction_to_pixel, pixel_to_direction, to_angles, to_vectors

SIZE, SIGMA, N_FIXATIONS = (480, 960), 5.0, 31
SIGMA_PX = SIGMA * SIZE[0] / 180
OURS = "ours"
PLACES = {"equator": ([0.0], [0.0]), "seam": ([180.0], [20.0]), "60° up": ([40.0], [60.0]), "pole": ([0.0], [90.0])}
EXACT = "the sum at all pixels, float64"
HEALPY = named("healpy") + " smoothing"

Fixations = tuple[np.ndarray, np.ndarray]


def exact(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the sum of von Mises-Fisher densities at every pixel, from the definition."""
    column, row = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    pixels = to_vectors(*pixel_to_direction(column, row, *SIZE))
    return np.sum([np.exp((pixels @ one - 1) / np.radians(SIGMA) ** 2) for one in to_vectors(yaw, pitch)], axis=0)


def points(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return how many fixations are in each pixel of the ERP."""
    column, row = (np.rint(x).astype(int) for x in direction_to_pixel(yaw, pitch, *SIZE))
    counts = np.zeros(SIZE, dtype=np.float32)
    np.add.at(counts, (np.clip(row, 0, SIZE[0] - 1), column % SIZE[1]), 1)
    return counts


def planar(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the points in the ERP, blurred as in a plane that wraps at the seam."""
    return gaussian_filter(points(yaw, pitch), SIGMA_PX, mode=("nearest", "wrap"))


def planar_opencv(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the same from OpenCV, which cannot wrap at the seam only; the kernel ends at 4σ as in SciPy."""
    side = 2 * round(4 * SIGMA_PX) + 1
    return cv2.GaussianBlur(points(yaw, pitch), (side, side), SIGMA_PX)


def with_healpy(nside: int, **options: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function that blurs points in HEALPix pixels by spherical harmonics and samples them at ERP pixels."""
    column, row = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    lookup = healpy.ang2pix(nside, *pixel_to_direction(column, row, *SIZE), lonlat=True)

    def run(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
        pixels = healpy.ang2pix(nside, yaw, pitch, lonlat=True)
        hits = np.bincount(pixels, minlength=healpy.nside2npix(nside)).astype(float)
        return healpy.smoothing(hits, sigma=np.radians(SIGMA), **options)[lookup]

    return run


WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    EXACT: exact,
    "planar Gaussian blur (SciPy)": planar,
    "planar Gaussian blur (OpenCV)": planar_opencv,
    f"{HEALPY}, nside 64": with_healpy(64),
    f"{HEALPY}, nside 64, lmax 64, no iteration": with_healpy(64, lmax=64, iter=0),
    f"{HEALPY}, nside 128": with_healpy(128),
    f"{HEALPY}, nside 512, lmax 64, no iteration": with_healpy(512, lmax=64, iter=0),
    OURS: lambda yaw, pitch: saliency_map(yaw, pitch, sigma=SIGMA, size=SIZE),
}


def errors(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return KL(truth || found) and the total variation of two maps as densities on the sphere."""
    area = np.cos(np.radians(pixel_to_direction(0, np.arange(SIZE[0]), *SIZE)[1]))[:, None]
    p, q = (np.maximum(one, 0) * area / (np.maximum(one, 0) * area).sum() for one in (truth, found.astype(float)))
    floor = 1e-12  # a truncated tail does not make the error infinite
    return float(np.sum(p * np.log((p + floor) / (q + floor)))), float(np.abs(p - q).sum() / 2)


def jobs(repeats: int) -> list[Job]:
    fixations = to_angles(np.random.default_rng(0).normal(size=(N_FIXATIONS, 3)))  # anywhere on the sphere
    times = compare({way: lambda run=run: run(*fixations) for way, run in WAYS.items()}, repeats)
    places = {place: tuple(map(np.array, at)) for place, at in PLACES.items()} | {"anywhere": fixations}
    found = {way: {place: errors(run(*at), exact(*at)) for place, at in places.items()} for way, run in WAYS.items()}
    shown = [place for place in places if place != "anywhere"]
    return [
        Job(
            title=f"C. {N_FIXATIONS} fixations to a map of 960×480, σ 5°; error: KL at {', '.join(shown)}, largest TV",
            unit="ms",
            times=times,
            bases=dict.fromkeys((way for way in WAYS if way != OURS), OURS),
            errors={
                way: f"{', '.join(f'{at[place][0]:.2g}' for place in shown)}; {max(tv for _, tv in at.values()):.2g}"
                for way, at in found.items()
            },
            at_least=dict.fromkeys((way for way in WAYS if way not in (OURS, EXACT)), 4),
            checks={OURS: {"KL < 1e-5 anywhere": max(kl for kl, _ in found[OURS].values()) < 1e-5}},
        )
    ]

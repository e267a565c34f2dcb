"""Viewports of 640×480 from panoramas of 1920×960 with a camera that moves every frame: py360convert, equilib, ours.

All are bilinear, except the cubic one. `cv2.remap` alone samples at precomputed positions, a lower bound for all
implementations that use it. The panorama is a smooth pattern that is known in every direction, so errors are relative
to the pattern itself.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from equilib import equi2pers
from numpy.typing import NDArray
from py360convert import e2p
from timing import Job, compare, named

from tsalv360.sphere.directions import pixel_to_direction, to_vectors
from tsalv360.sphere.projection import Viewport, pad_poles, viewport_directions

HEIGHT, WIDTH, SIZE, HFOV = 960, 1920, (480, 640), 75.0
VFOV = float(2 * np.degrees(np.arctan(np.tan(np.radians(HFOV / 2)) * SIZE[0] / SIZE[1])))
WAVES = np.array([[14.0, 9.0, 5.0], [-6.0, 13.0, 10.0], [8.0, -11.0, 12.0]])  # per channel, radians per unit length
PLACES = {"equator": (-63.0, 4.0), "seam": (180.0, 0.0), "pole": (25.0, 88.0)}

PY360 = named("py360convert")
EQUILIB, EQUILIB_TORCH = (f"{named('pyequilib')}, {backend}" for backend in ("NumPy", "PyTorch"))
OURS, REMAP = "ours", "`cv2.remap` alone"
N_FRAMES = 40

Render = Callable[[float, float], NDArray[np.uint8]]  # of yaw and pitch


def pattern(yaw: NDArray, pitch: NDArray) -> NDArray[np.float64]:
    """Return a smooth function of the direction, [..., 3] from 27 to 227."""
    return 127 + 100 * np.sin(to_vectors(yaw, pitch) @ WAVES.T)


def ways(panorama: NDArray[np.uint8]) -> dict[str, Render]:
    """Return the function of each implementation that renders a viewport."""
    padded = pad_poles(panorama)
    lam, phi = viewport_directions(30, 10, HFOV, SIZE)
    columns, rows = ((lam + 180) * WIDTH / 360 - 0.5).astype(np.float32), ((90 - phi) * HEIGHT / 180 - 0.5)
    rows = rows.astype(np.float32)
    planes = np.ascontiguousarray(panorama.transpose(2, 0, 1))
    tensor = torch.from_numpy(planes).float()

    def equilib(yaw: float, pitch: float) -> NDArray[np.uint8]:
        turn = {"roll": 0.0, "pitch": -np.radians(pitch), "yaw": -np.radians(yaw)}
        return equi2pers(planes, turn, *SIZE, fov_x=HFOV, mode="bilinear").transpose(1, 2, 0)

    def equilib_torch(yaw: float, pitch: float) -> NDArray[np.uint8]:
        turn = {"roll": 0.0, "pitch": -np.radians(pitch), "yaw": -np.radians(yaw)}
        view = equi2pers(tensor, turn, *SIZE, fov_x=HFOV, mode="bilinear", backend="native")
        return view.round().clamp(0, 255).byte().numpy().transpose(1, 2, 0)

    return {
        PY360: lambda yaw, pitch: e2p(panorama, (HFOV, VFOV), yaw, pitch, SIZE, 0, "bilinear"),
        EQUILIB: equilib,
        EQUILIB_TORCH: equilib_torch,
        OURS: lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE).render(pad_poles(panorama)),
        "ours, another event in the same frame": lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE).render(padded),
        "ours, cubic": lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE, "cubic").render(padded),
        REMAP: lambda *_: cv2.remap(panorama, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP),
    }


def errors(found: dict[str, Render]) -> dict[str, dict[str, float]]:
    """Return the PSNR in dB of every implementation relative to the pattern, at several places."""
    results: dict[str, dict[str, float]] = {}
    for way, render in found.items():
        if way == REMAP:
            continue
        results[way] = {}
        for place, (yaw, pitch) in PLACES.items():
            exact = pattern(*viewport_directions(yaw, pitch, HFOV, SIZE))
            error = float(np.mean((render(yaw, pitch).astype(float) - exact) ** 2))
            results[way][place] = 10 * np.log10(255**2 / error)
    return results


def jobs(repeats: int) -> list[Job]:
    torch.set_num_threads(1)
    column, row = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    panorama = np.round(pattern(*pixel_to_direction(column, row, HEIGHT, WIDTH))).astype(np.uint8)
    found = ways(panorama)
    psnr = errors(found)

    def follow(render: Render) -> None:
        for i in range(N_FRAMES):
            render(-180 + 9.0 * i % 360, 40 * np.sin(i / 7))

    runs = {way: lambda render=render: follow(render) for way, render in found.items()}
    return [
        Job(
            title=f"B. a viewport of 640×480 from 1920×960; error: PSNR in dB at {', '.join(PLACES)}",
            unit="ms",
            times=compare(runs, repeats, divisors=dict.fromkeys(found, N_FRAMES)),
            bases=dict.fromkeys((way for way in found if way != OURS), OURS),
            errors={way: ", ".join(f"{at[place]:.1f}" for place in PLACES) for way, at in psnr.items()},
            at_least={PY360: 8, EQUILIB: 5, EQUILIB_TORCH: 5},
            checks={OURS: {"PSNR ≥ 57 dB": bool(min(psnr[OURS].values()) >= 57)}},
        )
    ]

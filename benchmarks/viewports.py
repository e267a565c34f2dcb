"""Viewports of 640×480 from panoramas of 1920×960 with a camera that moves every frame: py360convert, equilib, ours.

    pip install py360convert pyequilib      # in an environment of their own; pyequilib brings PyTorch
    python benchmarks/viewports.py [--frames 40] [--repeats 7] [--json FILE]

All run in one process with one thread each, bilinear, in turn; times are CPU times per viewport, medians over the
repeats with the smallest and largest. `cv2.remap alone` samples at positions that were made before: what no way that
uses it can undercut. The panorama is a smooth pattern that is known at every direction, so the error of each way is
against the pattern itself. Not a test: times depend on the machine.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.geometry import pixel_to_direction, to_vectors
from tsalv360.projection import Viewport, pad_poles, viewport_directions

HEIGHT, WIDTH, SIZE, HFOV = 960, 1920, (480, 640), 75.0
VFOV = float(2 * np.degrees(np.arctan(np.tan(np.radians(HFOV / 2)) * SIZE[0] / SIZE[1])))
WAVES = np.array([[14.0, 9.0, 5.0], [-6.0, 13.0, 10.0], [8.0, -11.0, 12.0]])  # per channel, radians per unit length
PLACES = {"equator": (-63.0, 4.0), "seam": (180.0, 0.0), "pole": (25.0, 88.0)}

Render = Callable[[float, float], NDArray[np.uint8]]  # of yaw and pitch


def pattern(yaw: NDArray, pitch: NDArray) -> NDArray[np.float64]:
    """A smooth function of the direction, [..., 3] from 27 to 227."""
    return 127 + 100 * np.sin(to_vectors(yaw, pitch) @ WAVES.T)


def ways(panorama: NDArray[np.uint8]) -> dict[str, Render]:
    """How each way renders a viewport; peers that are not installed are left out."""
    padded = pad_poles(panorama)
    lam, phi = viewport_directions(30, 10, HFOV, SIZE)
    columns, rows = ((lam + 180) * WIDTH / 360 - 0.5).astype(np.float32), ((90 - phi) * HEIGHT / 180 - 0.5)
    rows = rows.astype(np.float32)
    found: dict[str, Render] = {}
    try:
        from py360convert import e2p

        fov = HFOV, VFOV
        found["py360convert"] = lambda yaw, pitch: e2p(panorama, fov, yaw, pitch, SIZE, 0, "bilinear")
    except ImportError:
        print("py360convert is not installed")
    try:
        import torch
        from equilib import equi2pers

        torch.set_num_threads(1)
        planes = np.ascontiguousarray(panorama.transpose(2, 0, 1))

        def equilib(yaw: float, pitch: float) -> NDArray[np.uint8]:
            turn = {"roll": 0.0, "pitch": -np.radians(pitch), "yaw": -np.radians(yaw)}
            return equi2pers(planes, turn, *SIZE, fov_x=HFOV, mode="bilinear").transpose(1, 2, 0)

        found["equilib, NumPy"] = equilib
        tensor = torch.from_numpy(planes).float()

        def equilib_torch(yaw: float, pitch: float) -> NDArray[np.uint8]:
            turn = {"roll": 0.0, "pitch": -np.radians(pitch), "yaw": -np.radians(yaw)}
            view = equi2pers(tensor, turn, *SIZE, fov_x=HFOV, mode="bilinear", backend="native")
            return view.round().clamp(0, 255).byte().numpy().transpose(1, 2, 0)

        found["equilib, PyTorch"] = equilib_torch
    except ImportError:
        print("pyequilib is not installed")
    found["ours"] = lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE).of(pad_poles(panorama))
    found["ours, one more event of a frame"] = lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE).of(padded)
    found["ours, cubic"] = lambda yaw, pitch: Viewport(yaw, pitch, HFOV, SIZE, "cubic").of(padded)
    found["cv2.remap alone"] = lambda *_: cv2.remap(
        panorama, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return found


def measure(found: dict[str, Render], n_frames: int, repeats: int) -> dict[str, list[float]]:
    """CPU time in ms per viewport of every repeat of every way, along one camera path."""
    path = [(-180 + 9.0 * i % 360, 40 * np.sin(i / 7)) for i in range(n_frames)]
    times: dict[str, list[float]] = {way: [] for way in found}
    for render in found.values():
        render(*path[0])
    for _ in range(repeats):
        for way, render in found.items():
            begin = time.process_time()
            for view in path:
                render(*view)
            times[way].append((time.process_time() - begin) * 1000 / n_frames)
    return times


def errors(found: dict[str, Render]) -> dict[str, dict[str, float]]:
    """PSNR in dB of every way against the pattern, at several places."""
    results: dict[str, dict[str, float]] = {}
    for way, render in found.items():
        if way == "cv2.remap alone":
            continue
        results[way] = {}
        for place, (yaw, pitch) in PLACES.items():
            exact = pattern(*viewport_directions(yaw, pitch, HFOV, SIZE))
            error = float(np.mean((render(yaw, pitch).astype(float) - exact) ** 2))
            results[way][place] = 10 * np.log10(255**2 / error)
    return results


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "an unknown CPU")
    return f"{os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f} at the start"


def table(results: dict[str, Any]) -> str:
    times, psnr = results["cpu_ms"], results["psnr_db"]
    ours = statistics.median(times["ours"])
    lines = [
        f"| way | CPU, ms | least to most | ours is faster | {' | '.join(f'PSNR {place}, dB' for place in PLACES)} |",
        f"|---|---|---|---|{'---|' * len(PLACES)}",
    ]
    for way, runs in times.items():
        median = statistics.median(runs)
        quality = [f"{psnr[way][place]:.1f}" if way in psnr else "–" for place in PLACES]
        spread = f"{min(runs):.2f} to {max(runs):.2f}"
        lines.append(f"| {way} | {median:.2f} | {spread} | {median / ours:.1f}× | {' | '.join(quality)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    results: dict[str, Any] = {"machine": machine()}
    column, row = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    panorama = np.round(pattern(*pixel_to_direction(column, row, HEIGHT, WIDTH))).astype(np.uint8)
    found = ways(panorama)
    results["psnr_db"] = errors(found)
    results["cpu_ms"] = measure(found, arguments.frames, arguments.repeats)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(results["machine"])
    print(table(results))


if __name__ == "__main__":
    main()

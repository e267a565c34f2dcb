"""Draw the pictures of docs/gaze-tables.md: python docs/picture_gaze.py

The arrows and points are computed by the reader of gaze tables itself.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tsalv360.sources import GazeTableSettings, read_gaze_table
from tsalv360.sphere.directions import to_vectors

INK, GAZE, TURN, FAINT = "#333333", "#C8102E", "#1F6FB4", "#BBBBBB"
TITLE = {"fontsize": 9, "loc": "left", "color": INK}


def direction(row: dict[str, float], **settings: object) -> tuple[float, float]:
    """Return yaw and pitch of one row, as the pipeline reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gaze.csv")
        pd.DataFrame([{"observer": "a", "time_s": 0} | row]).to_csv(path, index=False)
        table = read_gaze_table(path, 30, settings=GazeTableSettings(**settings))  # type: ignore[arg-type]
    return float(table.yaw_deg[0]), float(table.pitch_deg[0])


def seen(points: np.ndarray) -> np.ndarray:
    """Return points [..., 3] (forward, right, up) as a viewer above, behind and to the right sees them, [..., 2]."""
    forward, right, up = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    return np.stack([0.92 * right - 0.38 * forward, 0.95 * up + 0.36 * forward + 0.12 * right], axis=-1)


def arrow(ax: Axes, tip: np.ndarray, colour: str, label: str, width: float = 1.4) -> None:
    """Draw an arrow from the centre to a point [3], with its name."""
    x, y = seen(tip)
    ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width})
    ax.annotate(label, (x, y), (1.16 * x, 1.16 * y), color=colour, fontsize=8, ha="center", va="center")


def sphere(ax: Axes, title: str, names: tuple[str, str, str]) -> None:
    """Draw the sphere with its horizon and the axes that point right, up and forward, with their names."""
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(1.0 * np.cos(turn), 1.0 * np.sin(turn), color=FAINT, lw=0.6)
    ax.plot(*seen(np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=-1)).T, color=FAINT, lw=0.8)
    for tip, name in zip(([0, 1, 0], [0, 0, 1], [1, 0, 0]), names, strict=True):
        arrow(ax, np.array(tip), INK, name)
    ax.set_title(title, **TITLE)
    ax.set(xlim=(-1.35, 1.35), ylim=(-1.25, 1.3), aspect="equal")
    ax.axis("off")


def arc(ax: Axes, start: np.ndarray, end: np.ndarray, label: str, size: float = 0.55) -> None:
    """Draw the turn from one direction to another with an arrow head."""
    steps = np.linspace(0, 1, 30)[:, None]
    path = (1 - steps) * start + steps * end
    path = size * path / np.linalg.norm(path, axis=1, keepdims=True)
    on = seen(path)
    ax.plot(*on[:-2].T, color=TURN, lw=1.4)
    ax.annotate("", on[-1], on[-4], arrowprops={"arrowstyle": "-|>", "color": TURN, "lw": 1.4})
    ax.annotate(label, on[len(on) // 2] + [0.03, -0.13], color=TURN, fontsize=8)


def panorama(ax: Axes, title: str, points: dict[str, tuple[float, float]]) -> None:
    """Draw a panorama with directions and their names."""
    ax.axhline(0, color=FAINT, lw=0.8)
    ax.axvline(0, color=FAINT, lw=0.8)
    for name, (yaw, pitch) in points.items():
        ax.plot(yaw, pitch, "o", color=GAZE, ms=4)
        ax.annotate(name, (yaw, pitch), (0, -11), textcoords="offset points", color=GAZE, fontsize=7, ha="center")
    ax.set(xlim=(-180, 180), ylim=(-90, 90), xticks=[-180, -90, 0, 90, 180], yticks=[-90, 0, 90], aspect="equal")
    ax.tick_params(labelsize=7, colors=INK)
    ax.set_title(title, **TITLE)


def main() -> None:
    """Write docs/gaze-tables.jpg."""
    figure, axes = plt.subplots(2, 3, figsize=(10.5, 6.2), constrained_layout=True)
    vector = {"gaze_x": 0.612, "gaze_y": 0.5, "gaze_z": 0.612}
    for ax, frame, names in (
        (axes[0, 0], "unity", ("x", "y", "z")),
        (axes[0, 1], "openxr", ("x", "y", "−z")),
    ):
        yaw, pitch = direction(vector, axes=frame)
        sphere(ax, f"axes: {frame}\n(0.612, 0.5, 0.612) → yaw {yaw:.0f}°, pitch {pitch:.0f}°", names)
        arrow(ax, to_vectors(yaw, pitch), GAZE, "gaze", 2.2)
    yaw, pitch = direction({"yaw_deg": 40, "pitch_deg": 30})
    sphere(axes[0, 2], f"yaw_deg 40, pitch_deg 30 → yaw {yaw:.0f}°, pitch {pitch:.0f}°", ("right", "up", "forward"))
    gaze = to_vectors(yaw, pitch)
    arc(axes[0, 2], np.array([1.0, 0, 0]), to_vectors(40, 0), "yaw")
    arc(axes[0, 2], to_vectors(40, 0), gaze, "pitch", 0.8)
    arrow(axes[0, 2], gaze, GAZE, "gaze", 2.2)
    head = {"head_yaw_deg": 60.0, "head_pitch_deg": 0.0}
    both = direction(head | {"yaw_deg": -20, "pitch_deg": 25})
    ahead = direction(head, head_only=True)
    title = f"head 60° right, eyes 20° left and 25° up\n→ yaw {both[0]:.0f}°, pitch {both[1]:.0f}°"
    sphere(axes[1, 0], title, ("right", "up", "forward"))
    arrow(axes[1, 0], to_vectors(*ahead), TURN, "head", 1.8)
    arrow(axes[1, 0], to_vectors(*both), GAZE, "gaze", 2.2)
    position = {"x": 0.75, "y": 0.25}
    origins = {origin: direction(position, origin=origin) for origin in ("top left", "bottom left")}
    panorama(axes[1, 1], "x 0.75, y 0.25", {f"origin: {origin}": where for origin, where in origins.items()})
    turned = {"yaw_deg": 120, "pitch_deg": 20}
    panorama(
        axes[1, 2],
        "yaw_deg 120 in a sphere turned by 90°",
        {"as it is": direction(turned), "sphere_yaw: 90": direction(turned, sphere_yaw=90.0)},
    )
    figure.savefig(Path(__file__).parent / "gaze-tables.jpg", dpi=110, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    main()

"""Viewports of a smooth panorama that is known at every direction, against the pattern itself."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.sphere.directions import angular_distance, pixel_to_direction, to_vectors
from tsalv360.sphere.projection import (
    Interpolation,
    direction_to_viewport,
    pad_poles,
    render_viewport,
    viewport_directions,
)

HEIGHT, WIDTH = 480, 960
WAVES = np.array([[14.0, 9.0, 5.0], [-6.0, 13.0, 10.0], [8.0, -11.0, 12.0]])  # per channel, radians per unit length
AXES = {
    "front": (0, 0),
    "equator": (-63, 4),
    "seam": (180, 0),
    "seam from the left": (-178, -20),
    "high": (40, 62),
    "north pole": (25, 90),
    "south pole": (-140, -90),
    "beside the south pole": (170, -84),
}


def pattern(yaw: NDArray, pitch: NDArray) -> NDArray:
    """A smooth function of the direction [..., 3], 27 to 227."""
    return 127 + 100 * np.sin(to_vectors(yaw, pitch) @ WAVES.T)


def drawn(height: int) -> NDArray[np.uint8]:
    column, row = np.meshgrid(np.arange(2 * height), np.arange(height))
    return np.round(pattern(*pixel_to_direction(column, row, height, 2 * height))).astype(np.uint8)


@pytest.fixture(scope="module")
def panorama() -> NDArray[np.uint8]:
    return drawn(HEIGHT)


@pytest.fixture(scope="module")
def large_panorama() -> NDArray[np.uint8]:
    return drawn(960)


def rays(yaw: float, pitch: float, hfov: float, size: tuple[int, int]) -> NDArray:
    """Unit vectors of the pixels of a pinhole camera, from forward, right and up vectors, without the package."""
    lam, phi = np.radians((yaw, pitch))
    forward = np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    right = np.array([-np.sin(lam), np.cos(lam), 0])
    up = np.cross(forward, right)
    height, width = size
    edge = np.tan(np.radians(hfov) / 2)
    x = (2 * (np.arange(width) + 0.5) / width - 1) * edge
    y = (1 - 2 * (np.arange(height) + 0.5) / height) * edge * height / width
    vectors = forward + x[None, :, None] * right + y[:, None, None] * up
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def psnr(a: NDArray, b: NDArray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize(("yaw", "pitch"), AXES.values(), ids=AXES.keys())
@pytest.mark.parametrize(("hfov", "size"), [(75, (480, 640)), (40, (240, 320)), (110, (300, 500))])
def test_viewport_shows_what_lies_in_its_directions(
    panorama: NDArray[np.uint8], yaw: float, pitch: float, hfov: float, size: tuple[int, int]
) -> None:
    exact = 127 + 100 * np.sin(rays(yaw, pitch, hfov, size) @ WAVES.T)
    view = render_viewport(panorama, yaw, pitch, hfov, size)
    assert view.shape == (*size, 3)
    assert view.dtype == np.uint8
    assert psnr(view, exact) >= 45
    worst = np.abs(view - exact).max(axis=2)
    assert worst.max() < 4, "no pixel may stand out, not even at the seam or the pole"


@pytest.mark.parametrize(("yaw", "pitch"), AXES.values(), ids=AXES.keys())
@pytest.mark.parametrize(("interpolation", "least"), [("linear", 57), ("area", 57), ("cubic", 56)])
@pytest.mark.parametrize(("hfov", "size"), [(75, (480, 640)), (75, (120, 160)), (100, (240, 320))])
def test_rounding_to_8_bits_is_nearly_all_of_the_error(
    large_panorama: NDArray[np.uint8],
    yaw: float,
    pitch: float,
    hfov: float,
    size: tuple[int, int],
    interpolation: Interpolation,
    least: float,
) -> None:
    exact = 127 + 100 * np.sin(rays(yaw, pitch, hfov, size) @ WAVES.T)
    view = render_viewport(large_panorama, yaw, pitch, hfov, size, interpolation)
    assert psnr(view, exact) >= least
    assert np.abs(view - exact).max() < 1.6, "no pixel may stand out, not even at the seam or the pole"


def checkerboard(height: int) -> NDArray[np.uint8]:
    """Alternating black and white pixels, as fine as a panorama can hold."""
    board = np.indices((height, 2 * height)).sum(axis=0) % 2
    return (255 * board).astype(np.uint8)


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 0), (40, 30)])
def test_area_turns_a_pattern_finer_than_the_pixels_into_gray(yaw: float, pitch: float) -> None:
    board = checkerboard(960)
    contrast = {
        kind: float(render_viewport(board, yaw, pitch, 75, (120, 160), kind).std())
        for kind in ("linear", "cubic", "area")
    }
    assert contrast["area"] < 20
    assert min(contrast["linear"], contrast["cubic"]) > 2.5 * contrast["area"]


def test_area_is_linear_where_the_pixels_are_no_coarser_than_the_panorama(panorama: NDArray[np.uint8]) -> None:
    linear, area = (render_viewport(panorama, 100, 30, 75, (480, 640), kind) for kind in ("linear", "area"))
    np.testing.assert_array_equal(area, linear)


def test_area_takes_the_mean_of_what_a_pixel_covers() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (960, 1920), dtype=np.uint8)
    mean = render_viewport(noise, 170, 40, 75, (960, 1280)).reshape(60, 16, 80, 16).mean(axis=(1, 3))
    assert psnr(render_viewport(noise, 170, 40, 75, (60, 80), "area"), mean) > 35
    assert psnr(render_viewport(noise, 170, 40, 75, (60, 80)), mean) < 20


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "area"])
@pytest.mark.parametrize("pitch", [90, -90])
def test_yaw_only_rotates_the_view_along_the_axis_of_a_pole(
    large_panorama: NDArray[np.uint8], pitch: float, interpolation: Interpolation
) -> None:
    view = render_viewport(large_panorama, 30, pitch, 60, (100, 100), interpolation).astype(int)
    turned = render_viewport(large_panorama, 120, pitch, 60, (100, 100), interpolation).astype(int)
    assert np.abs(turned - np.rot90(view, -1 if pitch > 0 else 1)).max() <= 1


@pytest.mark.parametrize("shift", [(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)])
def test_a_panorama_off_by_half_a_pixel_would_be_noticed(shift: tuple[float, float]) -> None:
    column, row = np.meshgrid(np.arange(WIDTH) + shift[0], np.arange(HEIGHT) + shift[1])
    shifted = np.round(pattern(*pixel_to_direction(column, row, HEIGHT, WIDTH))).astype(np.uint8)
    exact = 127 + 100 * np.sin(rays(180, 10, 75, (480, 640)) @ WAVES.T)
    assert psnr(render_viewport(shifted, 180, 10, 75), exact) < 45


def test_gray_panoramas_give_gray_viewports(panorama: NDArray[np.uint8]) -> None:
    gray = render_viewport(np.ascontiguousarray(panorama[..., 0]), 179, 40, 75)
    np.testing.assert_array_equal(gray, render_viewport(panorama, 179, 40, 75)[..., 0])


def test_yaw_counts_modulo_360(panorama: NDArray[np.uint8]) -> None:
    turned = render_viewport(panorama, 360 - 75, 0, 75).astype(int)
    assert np.abs(turned - render_viewport(panorama, -75, 0, 75)).max() <= 1


@pytest.mark.parametrize("yaw", [0, -90, 179, 719.5, 1260])
@pytest.mark.parametrize("pitch", [0, 89])
def test_the_largest_panoramas_are_seen_all_round_and_larger_ones_refused(yaw: float, pitch: float) -> None:
    """Positions beyond 32,767 columns would be those of OpenCV's last one."""
    column, row = np.meshgrid(np.arange(WIDTH), np.arange(8))
    small = np.round(127 + 100 * np.sin(np.radians(pixel_to_direction(column, row, 8, WIDTH)[0]))).astype(np.uint8)
    large = np.repeat(small, 22, axis=1)
    assert large.shape[1] > 21_000
    seen, expected = (render_viewport(picture, yaw, pitch, 100, (30, 40)) for picture in (large, small))
    assert np.abs(seen.astype(int) - expected).max() <= 2
    with pytest.raises(ValueError, match=r"found a panorama of 22000 columns; expected at most 21840"):
        render_viewport(np.zeros((8, 22_000), dtype=np.uint8), yaw, pitch, 100, (30, 40))


@pytest.mark.parametrize("hfov", [0, -75, 180, 200, np.nan])
def test_an_impossible_field_of_view_is_refused(panorama: NDArray[np.uint8], hfov: float) -> None:
    with pytest.raises(ValueError, match=r"found a field of view of .*; expected more than 0° and less than 180°"):
        render_viewport(panorama, 0, 0, hfov)


def test_rotating_panorama_and_camera_together_changes_nothing(panorama: NDArray[np.uint8]) -> None:
    turned = render_viewport(np.roll(panorama, WIDTH // 4, axis=1), 120, 70, 75)
    assert np.abs(turned.astype(int) - render_viewport(panorama, 30, 70, 75)).max() <= 1


@pytest.mark.parametrize(("yaw", "pitch"), AXES.values(), ids=AXES.keys())
def test_directions_of_the_pixels_are_those_of_a_pinhole_camera(yaw: float, pitch: float) -> None:
    lam, phi = viewport_directions(yaw, pitch, 90, (6, 8))
    np.testing.assert_allclose(to_vectors(lam, phi), rays(yaw, pitch, 90, (6, 8)), atol=1e-6)


def test_horizontal_field_of_view_spans_the_outer_edges_of_the_pixels() -> None:
    lam, phi = viewport_directions(10, 0, 90, (1, 401))
    assert lam[0, 200] == pytest.approx(10, abs=1e-4)
    half_pixel = np.degrees(np.arctan(1 - 1 / 401))
    assert angular_distance(lam[0, 200], phi[0, 200], lam[0, 400], phi[0, 400]) == pytest.approx(half_pixel, abs=1e-3)


def test_rows_past_a_pole_come_back_on_the_other_side() -> None:
    erp = np.arange(4 * 8, dtype=np.uint8).reshape(4, 8)
    padded = pad_poles(erp)
    np.testing.assert_array_equal(padded[2:-2], erp)
    assert padded[1].tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert padded[0].tolist() == [12, 13, 14, 15, 8, 9, 10, 11]
    assert padded[-2].tolist() == [28, 29, 30, 31, 24, 25, 26, 27]
    assert padded[-1].tolist() == [20, 21, 22, 23, 16, 17, 18, 19]


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
@pytest.mark.parametrize("hfov", [40, 75, 120])
def test_a_direction_is_found_at_the_pixel_that_looks_there(axis: tuple[float, float], hfov: float) -> None:
    size = (30, 41)
    column, row = direction_to_viewport(*viewport_directions(*axis, hfov, size), (*axis, hfov), size)
    assert column == pytest.approx(np.tile(np.arange(41), (30, 1)), abs=1e-3)
    assert row == pytest.approx(np.tile(np.arange(30)[:, None], 41), abs=1e-3)


def test_directions_behind_the_camera_have_no_pixel() -> None:
    assert np.isnan(direction_to_viewport([180, -100], [0, 20], (0, 0, 75), (30, 40))).all()

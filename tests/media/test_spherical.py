"""What a header says about the sphere is believed or refused by name, and conversions are exact on the sphere."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.frames import extract_frames
from tsalv360.job.errors import InputError
from tsalv360.media.panorama import doubts
from tsalv360.media.pictures import read_picture
from tsalv360.media.spherical import filtered
from tsalv360.media.video import pictures_at, probe

FACE = 64
# The faces of layout 0 in the RFC of Spherical Video V2: direction (right, up, forward) of the point u to the right and
# v down. The top of the up face is forward, that of the down face backward.
FACES: dict[str, Callable[..., tuple]] = {
    "right": lambda u, v: (1 + 0 * u, -v, -u),
    "left": lambda u, v: (-1 + 0 * u, -v, u),
    "up": lambda u, v: (-u, 1 + 0 * u, -v),
    "down": lambda u, v: (-u, -1 + 0 * u, v),
    "front": lambda u, v: (u, -v, 1 + 0 * u),
    "back": lambda u, v: (-u, -v, -1 + 0 * u),
}


def coded(directions: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Unit vectors [H, W, 3] as colours."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    return np.round((unit + 1) * 127.5).astype(np.uint8)


def panorama(height: int) -> NDArray[np.uint8]:
    """The colours of all directions, equirectangular."""
    yaw = np.radians(((np.arange(2 * height) + 0.5) / height - 1) * 180)
    pitch = np.radians((0.5 - (np.arange(height) + 0.5) / height) * 180)
    y, p = np.meshgrid(yaw, pitch)
    return coded(np.stack([np.cos(p) * np.sin(y), np.sin(p), np.cos(p) * np.cos(y)], axis=-1))


def cubemap() -> NDArray[np.uint8]:
    at = (np.arange(FACE) + 0.5) / FACE * 2 - 1
    u, v = np.meshgrid(at, at)
    faces = {name: coded(np.stack(directions(u, v), axis=-1)) for name, directions in FACES.items()}
    rows = ("right", "left", "up"), ("down", "front", "back")
    return np.vstack([np.hstack([faces[name] for name in row]) for row in rows])


def video(path: Path, picture: NDArray[np.uint8], n: int = 3) -> Path:
    """A lossless MP4 of one BGR picture."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264rgb", rate=30, options={"qp": "0", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "rgb24"
        for _ in range(n):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def with_sphere(path: Path, projection: bytes, pose: tuple[float, float, float] = (0, 0, 0)) -> Path:
    """The MP4 with the header of Spherical Video V2."""
    full = bytes(4)
    angles = b"".join(struct.pack(">i", round(angle * 65536)) for angle in pose)
    header = box(b"svhd", full, b"test\0")
    sphere = box(b"sv3d", header, box(b"proj", box(b"prhd", full, angles), projection))
    return with_box(path, sphere, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")


def with_v1(path: Path, **values: float) -> Path:
    """The MP4 with the header of Spherical Video V1."""
    tags = {"Spherical": "true", "Stitched": "true", "ProjectionType": "equirectangular", **values}
    xml = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in tags.items())
    kind = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    return with_box(
        path, box(b"uuid", kind, f"<rdf:SphericalVideo>{xml}</rdf:SphericalVideo>".encode()), b"moov", b"trak"
    )


def with_box(path: Path, added: bytes, *place: bytes) -> Path:
    """The MP4 with a box at the end of a nested one; its index comes last, so that no offset changes."""
    content, within = bytearray(path.read_bytes()), []
    start, end = 0, len(content)
    for kind in place:
        while content[start + 4 : start + 8] != kind:
            start += struct.unpack(">I", content[start : start + 4])[0]
            assert start < end
        within.append(start)
        end = start + struct.unpack(">I", content[start : start + 4])[0]
        start += 16 if kind == b"stsd" else 8
    content[end:end] = added
    for at in within:
        content[at : at + 4] = struct.pack(">I", struct.unpack(">I", content[at : at + 4])[0] + len(added))
    target = path.with_name("spherical.mp4")
    target.write_bytes(content)
    return target


def equi(left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> bytes:
    return box(b"equi", bytes(4), *(struct.pack(">I", round(share * 2**32)) for share in (top, bottom, left, right)))


def cbmp(padding: int = 0) -> bytes:
    return box(b"cbmp", bytes(4), struct.pack(">II", 0, padding))


def test_a_cubemap_in_the_header_is_converted_exactly_and_noted(tmp_path: Path) -> None:
    path = with_sphere(video(tmp_path / "a.mp4", cubemap()), cbmp())
    info = probe(path)
    assert (info.width, info.height, info.display_aspect) == (4 * FACE, 2 * FACE, 2)
    assert any(note.startswith("cubemap, as its header says: converted") for note in info.notes)
    (_, picture), *_ = pictures_at(path, [1], 3, conversion=info.conversion)
    np.testing.assert_allclose(picture.astype(int), panorama(2 * FACE), atol=3)
    assert extract_frames(path, tmp_path / "frames", size=(128, 256), format="png", skip_first=0) == [0, 2]
    kept = read_picture(tmp_path / "frames" / "0002.png")[..., ::-1]
    np.testing.assert_allclose(kept.astype(int), panorama(128), atol=3)


@pytest.mark.parametrize("projection", ["c3x2", "c6x1", "eac"])
def test_a_projection_that_the_config_states_is_converted_exactly(tmp_path: Path, projection: str) -> None:
    size = "w=384:h=64" if projection == "c6x1" else "w=192:h=128"
    stored = filtered(f"v360=e:{projection}:{size}", "")
    path = video(tmp_path / "a.mp4", stored(panorama(512)))
    info = probe(path, projection=projection)
    (_, picture), *_ = pictures_at(path, [0], 3, conversion=info.conversion)
    np.testing.assert_allclose(picture.astype(int), panorama(info.height), atol=5)
    assert any(note.startswith(f"{projection}: converted") for note in info.notes)


@pytest.mark.parametrize(
    "bounds", [(0.25, 0, 0.25, 0), (0.125, 0.25, 0.375, 0.125)], ids=["front half", "any part of the sphere"]
)
def test_a_part_of_the_sphere_is_placed_where_its_bounds_say(tmp_path: Path, bounds: tuple[float, ...]) -> None:
    whole, (left, top, right, bottom) = panorama(128), bounds
    rows, columns = slice(int(128 * top), int(128 * (1 - bottom))), slice(int(256 * left), int(256 * (1 - right)))
    path = with_sphere(video(tmp_path / "a.mp4", whole[rows, columns]), equi(*bounds))
    info = probe(path)
    assert (info.width, info.height, info.display_aspect) == (256, 128, 2)
    (_, picture), *_ = pictures_at(path, [0], 3, conversion=info.conversion)
    expected = np.zeros_like(whole)
    expected[rows, columns] = whole[rows, columns]
    np.testing.assert_array_equal(picture, expected)


def test_an_equirectangular_header_changes_nothing(tmp_path: Path) -> None:
    assert probe(with_sphere(video(tmp_path / "a.mp4", panorama(64)), equi())).notes == []


def test_a_cubemap_whose_faces_are_no_whole_pixels_is_refused_with_the_command(tmp_path: Path) -> None:
    path = with_sphere(video(tmp_path / "a.mp4", panorama(64)), cbmp())
    with pytest.raises(InputError, match=r"128×64 pictures as c3x2.*ffmpeg -i spherical\.mp4 -vf v360=c3x2:e"):
        probe(path)
    assert probe(path, projection="equirect").notes == ["projection equirect, as the config states"]


def test_a_mesh_in_the_header_is_refused_by_name(tmp_path: Path) -> None:
    path = with_sphere(video(tmp_path / "a.mp4", panorama(64)), box(b"mshp", bytes(12)))
    with pytest.raises(InputError, match=r"a projection by a mesh .* projection: eac"):
        probe(path)


@pytest.mark.parametrize("pose", [(90, 0, 0), (0, -12.5, 0), (0, 0, 180)])
def test_a_pose_is_refused_with_its_angles_unless_it_is_ignored(tmp_path: Path, pose: tuple[float, ...]) -> None:
    path = with_sphere(video(tmp_path / "a.mp4", panorama(64)), equi(), pose)
    words = "pose yaw {:g}°, pitch {:g}°, roll {:g}°".format(*pose)
    with pytest.raises(InputError, match=rf"{words}; .*pose: ignore"):
        probe(path)
    assert probe(path, pose="ignore").notes == [
        f"its header turns the sphere: {words}; ignored, so that yaw 0 is the centre of the pictures"
    ]


def test_where_a_player_first_looks_is_no_pose(tmp_path: Path) -> None:
    path = with_v1(video(tmp_path / "a.mp4", panorama(64)), InitialViewHeadingDegrees=90, InitialViewPitchDegrees=-10)
    assert probe(path).notes == ["its header says that a player first looks at yaw 90°, pitch -10°"]


def test_a_part_of_the_sphere_is_placed_where_v1_says(tmp_path: Path) -> None:
    crop = {
        "FullPanoWidthPixels": 256,
        "FullPanoHeightPixels": 128,
        "CroppedAreaLeftPixels": 64,
        "CroppedAreaTopPixels": 0,
    }
    crop |= {"CroppedAreaImageWidthPixels": 128, "CroppedAreaImageHeightPixels": 128}
    info = probe(with_v1(video(tmp_path / "a.mp4", panorama(128)[:, 64:192]), **crop))
    assert (info.width, info.height, info.conversion) == (256, 128, "pad=256:128:64:0")


@pytest.mark.parametrize("size", [(96, 144), (108, 192), (32, 192)], ids=["3:2", "16:9", "6:1"])
def test_pictures_of_the_shape_of_a_cube_are_not_advised_to_be_stretched(tmp_path: Path, size: tuple[int, int]) -> None:
    path = video(tmp_path / "a.mp4", np.zeros((*size, 3), np.uint8))
    with pytest.raises(InputError, match=r"cubemap .*set the video's projection") as caught:
        probe(path)
    assert "force_2to1" not in str(caught.value)


def scene(height: int) -> NDArray[np.uint8]:
    """A panorama with things in all directions, poles among them."""
    waves = panorama(height).astype(float) / 127.5 - 1
    return np.round(np.abs(np.sin(5 * waves)) * 200 + 40).astype(np.uint8)


@pytest.mark.parametrize("projection", ["dfisheye:h_fov=190:v_fov=190", "c3x2", "eac"])
def test_pictures_of_2_to_1_that_are_no_panorama_are_noted(tmp_path: Path, projection: str) -> None:
    picture = filtered(f"v360=e:{projection}:w=384:h=192", "")(scene(256))
    (note,) = probe(video(tmp_path / "a.mp4", picture)).notes
    assert note.startswith("no panorama? The top row") and "fisheye" in note


def test_two_fisheye_circles_on_black_are_noted(tmp_path: Path) -> None:
    picture = filtered("v360=e:dfisheye:h_fov=190:v_fov=190:w=512:h=256", "")(scene(256))
    rows, columns = np.mgrid[:256, :512]
    picture[np.hypot(rows - 127.5, columns % 256 - 127.5) > 124] = 0
    (note,) = probe(video(tmp_path / "a.mp4", picture)).notes
    assert "two fisheye circles, with black corners" in note


def test_panoramas_dark_or_bright_raise_no_doubt() -> None:
    black, night = np.zeros((128, 256, 3), np.uint8), (scene(128) // 12).astype(np.uint8)
    caps = scene(128)
    caps[:40] = caps[-40:] = 0
    for pictures in ([scene(128)], [black, scene(128)], [black, black], [night], [caps], [black, night, scene(128)]):
        assert doubts(pictures) == []

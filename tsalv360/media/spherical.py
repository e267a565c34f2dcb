"""What a video's header says about the sphere, and FFmpeg's filters that make a panorama of other projections.

The header is that of Google's Spherical Video V1 and V2, of Matroska, or of Apple, as far as FFmpeg reads it.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from tsalv360.job.errors import InputError
from tsalv360.media.container import readable, side_data
from tsalv360.media.panorama import Pose, Projection

_GRIDS = {"c3x2": (3, 2), "c6x1": (6, 1), "eac": (3, 2)}  # columns and rows of cube faces
# In V2's cubemap, up and down face are turned by 180° against FFmpeg's order of c3x2.
_V2_CUBEMAP = "in_forder=rludfb:in_frot=002200"
_NAMES = {4: "rectilinear", 5: "fisheye", 6: "parametric immersive"}  # of AVSphericalProjection, beyond those below
_EQUIRECTANGULAR, _CUBEMAP, _TILE, _HALF = 0, 1, 2, 3
_HALF_BOUNDS = (0.25, 0.0, 0.25, 0.0)
_MATROSKA_MESH = b"\x76\x71\x81\x03"  # the element ProjectionType, of one byte, with the value 3
_HEADER_BYTES = 4_000_000  # of Matroska, whose header comes first
_CROPS = ("FullPanoWidthPixels", "CroppedAreaImageWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageHeightPixels")


class Sphere(NamedTuple):
    """Projection of AVSphericalProjection (−1: a mesh), bounds and pose that a header states."""

    projection: int = _EQUIRECTANGULAR
    pose_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)  # yaw, pitch, roll
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # shares cut off: left, top, right, bottom
    padding: int = 0  # pixels around each face of a cubemap
    start_view: tuple[float, float, float] = (0.0, 0.0, 0.0)  # where a player looks first


def read_sphere(path: Path, first: av.VideoFrame) -> Sphere:
    """Return what the header of a video says about the sphere; `first` is its first frame."""
    header = _header_bytes(path)
    if (b"sv3d" in header and b"mshp" in header) or (header[:4] == b"\x1a\x45\xdf\xa3" and _MATROSKA_MESH in header):
        return Sphere(-1)
    data = side_data(first, "SPHERICAL")
    sphere = Sphere()
    if len(data) >= 9:
        bounds = data[4:8].view(np.uint32) / 2**32
        pose = tuple((data[1:4] / 65536).tolist())
        sphere = Sphere(int(data[0]), pose, tuple(bounds.tolist()), int(data[8]))
    if b"sv3d" not in header and b"GSpherical:" in header:  # V1 has a first view, and no pose
        left_out = [_v1(header, name) for name in _CROPS]
        width, cut_width, height, cut_height = (value or 0.0 for value in left_out)
        if width > cut_width > 0 or height > cut_height > 0:
            x, y = (_v1(header, f"CroppedArea{side}Pixels") or 0.0 for side in ("Left", "Top"))
            bounds_of = (x / width, y / height, 1 - (x + cut_width) / width, 1 - (y + cut_height) / height)
            sphere = sphere._replace(projection=_TILE, bounds=bounds_of)
        yaw, pitch, roll = (_v1(header, f"InitialView{axis}Degrees") or 0.0 for axis in ("Heading", "Pitch", "Roll"))
        sphere = sphere._replace(start_view=(yaw, pitch, roll), pose_deg=(0.0, 0.0, 0.0))
    return sphere


def check_pose(path: Path, sphere: Sphere, pose: Pose) -> list[str]:
    """Return notes on the pose that a header states; InputError if it turns the sphere and is to be refused."""
    if any(sphere.start_view):
        return ["its header says that a player first looks at yaw {:g}°, pitch {:g}°".format(*sphere.start_view)]
    if not any(sphere.pose_deg):
        return []
    found = "its header turns the sphere: pose yaw {:g}°, pitch {:g}°, roll {:g}°".format(*sphere.pose_deg)
    if pose == "ignore":
        return [f"{found}; ignored, so that yaw 0 is the centre of the pictures"]
    raise InputError(
        path,
        found,
        "no pose, or pose: ignore",
        "Set the video's pose: ignore if its gaze counts from the centre of the pictures, as they are stored. If it "
        "counts from where a player that applies the pose has the front, turn the pictures or the gaze first.",
    )


def panorama_filter(
    path: Path, sphere: Sphere, stated: Projection | None, size: tuple[int, int]
) -> tuple[str, list[str]]:
    """Return the FFmpeg filter that makes a panorama of pictures ("" if they are one), and a note on it.

    Parameters: `stated` is the projection that the config states instead of the header; `size` the width and height of
    the part of the pictures that is converted. Raises InputError, with a command that converts where there is one, for
    projections that cannot be converted.
    """
    if stated:
        text = _filter(path, stated, size, _HALF_BOUNDS, "")
        return text, [f"projection {stated}, as the config states"] if stated == "equirect" else [_note(stated, text)]
    said = "as its header says"
    if sphere.projection == _CUBEMAP:
        text = _filter(path, "c3x2", size, (0, 0, 0, 0), _V2_CUBEMAP, sphere.padding)
        return text, [_note(f"cubemap, {said}", text)]
    if sphere.projection == _HALF or (sphere.projection == _TILE and any(sphere.bounds)):
        text = _filter(path, "hequirect", size, sphere.bounds if any(sphere.bounds) else _HALF_BOUNDS, "")
        return text, [_note(f"a part of the sphere, {said}", text)]
    if sphere.projection == -1:
        raise InputError(
            path,
            "a projection by a mesh in its header, which FFmpeg does not read",
            "equirectangular pictures",
            "YouTube's meshes are mostly EAC: then set the video's projection: eac. If they are equirectangular, set "
            "projection: equirect. Otherwise convert them with the program that made them.",
        )
    if sphere.projection not in (_EQUIRECTANGULAR, _TILE):
        name = _NAMES.get(sphere.projection, f"of number {sphere.projection}")
        advice = "Convert them with the camera's program; if the header is wrong, set projection: equirect."
        raise InputError(path, f"the projection {name} in its header", "equirectangular pictures", advice)
    return "", []


def filtered(text: str, path: str | Path) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return the function that applies an FFmpeg filter "name=arguments" to pictures, uint8 BGR [H, W, 3]."""
    name, _, arguments = text.partition("=")
    if name not in ("v360", "pad"):  # of an index entry from elsewhere; other filters read files
        raise InputError(path, f"the conversion {text!r}", "v360 or pad", "Index the video again.")
    graph: Graph | None = None

    def apply(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        nonlocal graph
        with readable(path):
            if graph is None:
                graph = Graph()
                height, width = picture.shape[:2]
                bgr, unit = av.VideoFormat("bgr24"), Fraction(1)
                source = graph.add_buffer(width=width, height=height, format=bgr, time_base=unit)
                chain = [source, graph.add(name, arguments), graph.add("format", "bgr24"), graph.add("buffersink")]
                graph.link_nodes(*chain).configure()
            graph.vpush(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24"))
            return graph.vpull().to_ndarray(format="bgr24").astype(np.uint8, copy=False)

    return apply


def _filter(
    path: Path,
    projection: Projection,
    size: tuple[int, int],
    bounds: tuple[float, float, float, float],
    options: str,
    padding: int = 0,
) -> str:
    """Return the filter for a projection, whose panorama has as many pixels per degree as its front."""
    width, height = size
    if projection == "equirect":
        return ""
    if projection == "hequirect":
        left, top, right, bottom = bounds
        if left + right >= 1 or top + bottom >= 1:
            raise InputError(path, f"the bounds {bounds} in its header", "a part of the sphere", "Correct the header.")
        full_width, full_height = round(width / (1 - left - right)), round(height / (1 - top - bottom))
        return f"pad={full_width}:{full_height}:{round(left * full_width)}:{round(top * full_height)}"
    columns, rows = _GRIDS[projection]
    face = width // columns
    command = f"v360={projection}:e:" + (f"{options}:" if options else "")
    if padding:
        command += f"in_pad={padding / (height / rows):.8f}:"
    command += f"w={4 * face}:h={2 * face}"
    if width % columns or height % rows:
        raise InputError(
            path,
            f"{width}×{height} pictures as {projection}, {columns}×{rows} faces of a cube",
            "a width and height that the faces divide",
            f"Convert them: ffmpeg -i {path.name} -vf {command} panorama.mp4. If they are a panorama in spite of the "
            "header, set the video's projection: equirect.",
        )
    return command


def _note(what: str, text: str) -> str:
    return f"{what}: converted to a panorama by FFmpeg's filter {text}"


def _header_bytes(path: Path) -> bytes:
    """Return the box moov of an MP4 or MOV file, the beginning of other files."""
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[4:8] not in (b"ftyp", b"moov", b"mdat", b"free", b"wide"):
            return file.read(_HEADER_BYTES)
        while len(head := file.read(8)) == 8:
            length, kind, size_of_head = int.from_bytes(head[:4]), head[4:], 8
            if length == 1:
                length, size_of_head = int.from_bytes(file.read(8)), 16
            if kind == b"moov":
                return file.read(length - size_of_head if length else -1)
            if length < size_of_head:
                break
            file.seek(length - size_of_head, 1)
    return b""


def _v1(header: bytes, name: str) -> float | None:
    """Return a number of the XML of Spherical Video V1."""
    match = re.search(rf"<GSpherical:{name}>\s*([-\d.]+)\s*<".encode(), header)
    return float(match[1]) if match else None

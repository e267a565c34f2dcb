"""Frames of 1920×960 at 16 fps from a 4K video: one seek per frame, FFmpeg's command line, decoding alone, ours.

The video is a drawn clip of 3840×1920 at 30 fps; drawing a second of it takes 11 s. Each implementation decodes with
one thread; times are per kept frame.
"""

import logging
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from timing import Job, compare

from tsalv360.contracts.grid import FPS
from tsalv360.frames import extract_frames
from tsalv360.media.video import decode, probe

SIZE = (960, 1920)  # of the frames, height and width
FFMPEG_SECONDS = 2  # of the video for FFmpeg's command line, whose PNG takes almost a second per frame
SECONDS, N_SEEKS = 8, 16  # length of the clip; frames that are sought one by one
SEEK, DECODE, PNG, JPEG = "a seek per frame, PNG (OpenCV)", "decoding alone", "ours, PNG", "ours, JPEG 95"


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a picture of clouds at all scales, uint8 RGB [H, W, 3]."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width)
    frequency[0, 0] = np.inf
    channels = []
    for _ in range(3):
        noise = rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)
        plane = np.fft.irfft2(noise / frequency**1.6, (height, width))
        channels.append(plane / plane.std())
    mix = np.array([[1, 1, 1], [0.25, 0, -0.2], [0.1, -0.1, 0.2]])  # mostly gray, like natural pictures
    return np.clip(128 + 45 * np.stack(channels, axis=-1) @ mix, 0, 255).astype(np.uint8)


def draw_clip(path: Path, seconds: float) -> None:
    """Write a pan over a textured panorama with moving discs and film grain: H.264, B-frames, a key frame every 2 s."""
    rng = np.random.default_rng(0)
    height, width = 2 * SIZE[0], 2 * SIZE[1]
    panorama, grain = texture(rng, height, width), rng.normal(0, 0.7, (height + 64, width + 64, 1)).astype(np.float32)
    discs = []
    for _ in range(12):
        side = int(rng.integers(120, 400))
        rows, columns = np.mgrid[:side, :side] - side / 2
        x, y, speed = rng.uniform(0, width), rng.uniform(300, height - 700), rng.uniform(-12, 12)
        discs.append((texture(rng, side, side), np.hypot(rows, columns) < side / 2, x, y, speed))
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "faster", "crf": "23"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.gop_size = 60
        for i in range(round(30 * seconds)):
            shift = np.array([[1, 0, 3.3 * i], [0, 1, 20 * np.sin(i / 30)]])
            picture = cv2.warpAffine(panorama, shift, (width, height), borderMode=cv2.BORDER_WRAP)
            for disc, mask, x, y, speed in discs:
                left, top = int((x + speed * i) % (width - len(disc))), int(y + 90 * np.sin(i / 20))
                picture[top : top + len(disc), left : left + len(disc)][mask] = disc[mask]
            down, right = rng.integers(0, 64, 2)
            noisy = np.clip(picture + grain[down : down + height, right : right + width], 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(stream.encode(None))


def seek_each(video: Path, folder: Path, numbers: list[int]) -> None:
    """Extract frames as published: seek each time, read, resize, write."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    for number, i in zip(numbers, steps(numbers, fps), strict=True):
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * i / FPS)
        _, picture = capture.read()
        picture = cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)


def steps(numbers: list[int], fps: float) -> list[int]:
    """Return the steps of the 16 fps grid to which frame numbers belong."""
    places = {round(i / FPS * fps): i for i in reversed(range(2 * FPS * numbers[-1] + 1))}
    return [places[number] for number in numbers]


def run_ffmpeg(program: str, video: Path, folder: Path, output: list[str]) -> None:
    """Run FFmpeg's command line at the same rate and size on the first seconds; its files are numbered from 1."""
    filters = f"fps={FPS},scale={SIZE[1]}:{SIZE[0]}:flags=area"
    command = [program, "-v", "error", "-threads", "1", "-filter_threads", "1", "-i", str(video.absolute())]
    limits = ["-t", str(FFMPEG_SECONDS), "-threads", "1"]
    subprocess.run([*command, "-vf", filters, *limits, *output], cwd=folder, check=True)


def errors(video: Path, folder: Path) -> dict[str, tuple[int, int, float]]:
    """Compare the written frames with those of a plain sequential decode, resized with the area kernel.

    Returns for each implementation how many are identical, of how many, and the lowest PSNR of the luma in dB.
    """
    found: dict[str, list[tuple[bool, float]]] = {SEEK: [], PNG: [], JPEG: []}
    with av.open(video) as container:
        for number, frame in enumerate(container.decode(video=0)):
            exact = cv2.resize(frame.to_ndarray(format="bgr24"), SIZE[::-1], interpolation=cv2.INTER_AREA)
            for way, results in found.items():
                for path in (folder / way).glob(f"{number:04d}.*"):
                    picture = cv2.imread(str(path))
                    error = float(np.mean((luma(picture) - luma(exact)) ** 2))
                    results.append((np.array_equal(picture, exact), 10 * np.log10(255**2 / error) if error else np.inf))
    return {
        way: (sum(same for same, _ in results), len(results), min(psnr for _, psnr in results))
        for way, results in found.items()
    }


def luma(picture: np.ndarray) -> np.ndarray:
    return picture.astype(float) @ (0.114, 0.587, 0.299)


def jobs(repeats: int) -> list[Job]:
    from imageio_ffmpeg import (  # memory.py, which uses the functions above, does not need it
        get_ffmpeg_exe,
        get_ffmpeg_version,
    )

    logging.disable()
    ffmpeg_png, ffmpeg_jpeg = (f"FFmpeg {get_ffmpeg_version().split('-')[0]}, {kind}" for kind in ("PNG", "JPEG q2"))
    with tempfile.TemporaryDirectory() as temporary:
        video, folder = Path(temporary, "clip.mp4"), Path(temporary)
        draw_clip(video, SECONDS)
        index = probe(video, force_2to1=True)
        numbers = index.frames_to_keep(skip_first=0)
        sought = [numbers[k] for k in np.linspace(0, len(numbers) - 1, N_SEEKS).astype(int)]
        ffmpeg = partial(run_ffmpeg, get_ffmpeg_exe(), video)
        ours = partial(extract_frames, video, skip_first=0, index=index)
        ways = {
            SEEK: lambda: seek_each(video, folder / SEEK, sought),
            ffmpeg_png: lambda: ffmpeg(folder / ffmpeg_png, ["%04d.png"]),
            ffmpeg_jpeg: lambda: ffmpeg(folder / ffmpeg_jpeg, ["-q:v", "2", "%04d.jpg"]),
            DECODE: lambda: [None for _ in decode(video)],
            PNG: lambda: ours(folder / PNG, format="png"),
            JPEG: lambda: ours(folder / JPEG, format="jpg"),
        }

        def empty(way: str) -> None:
            shutil.rmtree(folder / way, ignore_errors=True)
            (folder / way).mkdir()

        divisors = dict.fromkeys((DECODE, PNG, JPEG), len(numbers)) | {SEEK: len(sought)}
        divisors |= dict.fromkeys((ffmpeg_png, ffmpeg_jpeg), FFMPEG_SECONDS * FPS)
        times = compare(ways, repeats, 0, divisors, empty)
        found = errors(video, folder)
    same = {way: f"{same} of {count} the same" for way, (same, count, _) in found.items() if way != JPEG}
    return [
        Job(
            title="A. a frame of 1920×960 at 16 fps from 4K H.264; error: to a sequential decode",
            unit="ms",
            times=times,
            bases={SEEK: PNG, ffmpeg_png: PNG, ffmpeg_jpeg: JPEG, PNG: DECODE, JPEG: DECODE},
            errors=same | {JPEG: f"PSNR ≥ {found[JPEG][2]:.1f} dB"},
            at_least={SEEK: 8},
            at_most={JPEG: 1.35},
            checks={PNG: {"all pixels the same": found[PNG][0] == found[PNG][1]}},
        )
    ]

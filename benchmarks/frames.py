"""From a 4K video to frames of 1920×960 at 16 fps: one seek per frame, FFmpeg's command line, decoding alone, ours.

    python benchmarks/frames.py [--video FILE] [--seconds 8] [--repeats 5] [--seeks 16] [--json FILE]

Without --video it draws a clip of 3840×1920 at 30 fps first (11 s per second of it). All run in one process, one after
the other, each with one decoder thread; times are medians over the repeats, per kept frame. FFmpeg's command line takes
part when `ffmpeg` is on the PATH or imageio-ffmpeg is installed. Not a test: times depend on the machine.
"""

import argparse
import json
import logging
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from tsalv360.frames import FPS, extract_frames, kept_frames
from tsalv360.video import decode, probe

SIZE = (960, 1920)  # of the frames, height and width
FFMPEG_SECONDS = 2  # of the video for FFmpeg's command line, whose PNG takes most of a second per frame
WAYS = ("a seek per frame, PNG", "FFmpeg, PNG", "FFmpeg, JPEG q2", "decoding alone", "ours, PNG", "ours, JPEG 95")


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A picture of softly clouded structure at all scales, uint8 RGB [H, W, 3]."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width)
    frequency[0, 0] = np.inf
    channels = []
    for _ in range(3):
        noise = rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)
        plane = np.fft.irfft2(noise / frequency**1.6, (height, width))
        channels.append(plane / plane.std())
    mix = np.array([[1, 1, 1], [0.25, 0, -0.2], [0.1, -0.1, 0.2]])  # mostly gray, as natural pictures are
    return np.clip(128 + 45 * np.stack(channels, axis=-1) @ mix, 0, 255).astype(np.uint8)


def draw_clip(path: Path, seconds: float) -> None:
    """A pan over a textured panorama with moving discs and film grain, H.264 with B-frames, a key frame every 2 s."""
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
    """The published way: jump to every wanted time, read, resize, write."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    for number, i in zip(numbers, steps(numbers, fps), strict=True):
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * i / FPS)
        _, picture = capture.read()
        picture = cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)


def steps(numbers: list[int], fps: float) -> list[int]:
    """The steps of the 16 fps grid that frame numbers belong to."""
    places = {round(i / FPS * fps): i for i in reversed(range(2 * FPS * numbers[-1] + 1))}
    return [places[number] for number in numbers]


def ffmpeg_program() -> str | None:
    if found := shutil.which("ffmpeg"):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        return None
    return str(get_ffmpeg_exe())


def run_ffmpeg(program: str, video: Path, folder: Path, output: list[str]) -> None:
    """FFmpeg's command line at the same rate and size for the first seconds; its files are numbered from 1."""
    filters = f"fps={FPS},scale={SIZE[1]}:{SIZE[0]}:flags=area"
    command = [program, "-v", "error", "-threads", "1", "-filter_threads", "1", "-i", str(video.absolute())]
    limits = ["-t", str(FFMPEG_SECONDS), "-threads", "1"]
    subprocess.run([*command, "-vf", filters, *limits, *output], cwd=folder, check=True)


def cpu_s() -> float:
    """CPU time of this process and of those it waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def measure(video: Path, folder: Path, repeats: int, n_seeks: int) -> dict[str, dict[str, float]]:
    """Median CPU and wall time of every way in ms per kept frame; the last files of each stay in `folder`."""
    index = asdict(probe(video, force_2to1=True))
    numbers = kept_frames(index, skip_first=0)
    sought = [numbers[k] for k in np.linspace(0, len(numbers) - 1, min(n_seeks, len(numbers))).astype(int)]
    program = ffmpeg_program()

    def ours(target: Path, format: str) -> None:
        extract_frames(video, target, format=format, skip_first=0, index=index)

    ways: dict[str, tuple[int, Callable[[Path], object]]] = {
        WAYS[0]: (len(sought), lambda target: seek_each(video, target, sought)),
        WAYS[3]: (len(numbers), lambda _: [None for _ in decode(video)]),
        WAYS[4]: (len(numbers), lambda target: ours(target, "png")),
        WAYS[5]: (len(numbers), lambda target: ours(target, "jpg")),
    }
    if program:
        png, jpeg = ["%04d.png"], ["-q:v", "2", "%04d.jpg"]
        count = min(len(numbers), FFMPEG_SECONDS * FPS)
        ways[WAYS[1]] = (count, lambda target: run_ffmpeg(program, video, target, png))
        ways[WAYS[2]] = (count, lambda target: run_ffmpeg(program, video, target, jpeg))
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS if way in ways}
    for _ in range(repeats):
        for way in times:
            count, run = ways[way]
            target = folder / way
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            cpu, wall = cpu_s(), time.perf_counter()
            run(target)
            times[way].append(((cpu_s() - cpu) * 1000 / count, (time.perf_counter() - wall) * 1000 / count))
    medians = {way: [statistics.median(column) for column in zip(*runs, strict=True)] for way, runs in times.items()}
    return {way: {"cpu_ms": cpu, "wall_ms": wall} for way, (cpu, wall) in medians.items()}


def compare(video: Path, folder: Path) -> dict[str, Any]:
    """How the written frames differ from those of a plain sequential decode, resized with the area kernel."""
    numbers = {int(path.stem) for path in (folder / WAYS[4]).iterdir()}
    same: dict[str, list[bool]] = {WAYS[0]: [], WAYS[4]: []}
    psnr = []
    with av.open(video) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number not in numbers:
                continue
            exact = cv2.resize(frame.to_ndarray(format="bgr24"), SIZE[::-1], interpolation=cv2.INTER_AREA)
            for way, results in same.items():
                path = folder / way / f"{number:04d}.png"
                if path.exists():
                    results.append(np.array_equal(cv2.imread(str(path)), exact))
            jpeg = cv2.imread(str(folder / WAYS[5] / f"{number:04d}.jpg"))
            error = luma(jpeg) - luma(exact)
            psnr.append(10 * np.log10(255**2 / np.mean(error**2)))
    return {
        "identical": {way: f"{sum(results)} of {len(results)}" for way, results in same.items()},
        "jpeg_luma_psnr_db": {"least": float(min(psnr)), "mean": float(np.mean(psnr))},
    }


def luma(picture: np.ndarray) -> np.ndarray:
    return picture.astype(float) @ (0.114, 0.587, 0.299)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "an unknown CPU")
    return f"{os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f} at the start"


def table(results: dict[str, Any]) -> str:
    times = results["ms_per_kept_frame"]
    decoding, seeking = times[WAYS[3]]["cpu_ms"], times[WAYS[0]]["cpu_ms"]
    lines = ["| way | CPU, ms | wall, ms | to decoding alone | faster than a seek per frame |", "|---|---|---|---|---|"]
    for way, t in times.items():
        cpu = t["cpu_ms"]
        lines.append(f"| {way} | {cpu:.1f} | {t['wall_ms']:.1f} | {cpu / decoding:.2f}× | {seeking / cpu:.1f}× |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="a 360° video of one's own instead of the drawn clip")
    parser.add_argument("--seconds", type=float, default=8, help="length of the drawn clip")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seeks", type=int, default=16, help="frames that are sought one by one")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    arguments = parser.parse_args()
    logging.disable()
    cv2.setNumThreads(1)
    results: dict[str, Any] = {"machine": machine(), "ffmpeg": ffmpeg_program() is not None}
    with tempfile.TemporaryDirectory() as temporary:
        video = arguments.video or Path(temporary, "clip.mp4")
        if arguments.video is None:
            draw_clip(video, arguments.seconds)
        folder = Path(temporary, "frames")
        folder.mkdir()
        results["ms_per_kept_frame"] = measure(video, folder, arguments.repeats, arguments.seeks)
        results |= compare(video, folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(results["machine"])
    print(table(results))
    if not results["ffmpeg"]:
        print("FFmpeg's command line is missing: pip install imageio-ffmpeg")
    for way, share in results["identical"].items():
        print(f"{way}: {share} frames have the pixels of a sequential decode resized with the area kernel")
    psnr = results["jpeg_luma_psnr_db"]
    print(f"{WAYS[5]}: luma PSNR at least {psnr['least']:.1f} dB, on average {psnr['mean']:.1f} dB")


if __name__ == "__main__":
    main()

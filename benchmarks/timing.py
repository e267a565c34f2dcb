"""Times of several ways to do one job: rounds in which all take their turn on one thread, medians and spread."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from threadpoolctl import threadpool_limits

Times = dict[str, dict[str, float]]


def compare(ways: Mapping[str, Callable[[], object]], repeats: int, unmeasured: int = 1) -> Times:
    """CPU seconds of each way: median, least and most of `repeats` rounds, after those that do not count."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    with threadpool_limits(1):
        for _ in range(unmeasured + repeats):
            for way, run in ways.items():
                start = time.process_time()
                run()
                taken[way].append(time.process_time() - start)
    return {way: summary(seconds[unmeasured:]) for way, seconds in taken.items()}


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}


def markdown(times: Times, ours: str, unit: str) -> str:
    """A Markdown table of times in `unit`, ms or s, and the ratio of each median to that of `ours`."""
    factor = {"ms": 1000, "s": 1}[unit]
    lines = [f"| way | CPU, {unit} (least to most) | in times of: {ours} |", "|---|---|---|"]
    for way, t in times.items():
        median, least, most = (factor * t[key] for key in ("median", "least", "most"))
        lines.append(f"| {way} | {median:.3g} ({least:.3g}–{most:.3g}) | {t['median'] / times[ours]['median']:.3g}× |")
    return "\n".join(lines)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "an unknown CPU")
    return f"{os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f} at the start"

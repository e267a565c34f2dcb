"""What the benchmarks share: turns on one thread, the CPU time of each way to do a job, and the rows of a table."""

import os
import resource
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

Times = dict[str, dict[str, float]]  # of each way: median, least and most, in seconds


@dataclass(frozen=True)
class Job:
    """Ways to do one job. A ratio is the median time of a way in times of that of another, its base."""

    title: str
    unit: str  # "ms" or "s"
    times: Times
    bases: dict[str, str]
    errors: dict[str, str]
    at_least: dict[str, float] = field(default_factory=dict)  # ratios to reach
    at_most: dict[str, float] = field(default_factory=dict)
    checks: dict[str, dict[str, bool]] = field(default_factory=dict)  # what else a way is to reach, and whether it does

    def goals(self, way: str) -> dict[str, bool]:
        """What a way is to reach, and whether it does."""
        found = {}
        if way in self.at_least:
            found[f"≥ {self.at_least[way]:g}×"] = self.ratio(way) >= self.at_least[way]
        if way in self.at_most:
            found[f"≤ {self.at_most[way]:g}×"] = self.ratio(way) <= self.at_most[way]
        return found | self.checks.get(way, {})

    def ratio(self, way: str) -> float:
        return self.times[way]["median"] / self.times[self.bases[way]]["median"]

    def rows(self) -> str:
        """Rows of a Markdown table with the columns of `HEADER`."""
        factor = {"ms": 1000, "s": 1}[self.unit]
        lines = [f"| **{self.title}** | {self.unit} | | | | |"]
        for way, t in self.times.items():
            median, least, most = (number(factor * t[key]) for key in ("median", "least", "most"))
            ratio = f"{number(self.ratio(way))}× {self.bases[way]}" if way in self.bases else "–"
            goals = self.goals(way)
            reached = ", ".join("yes" if reached else "**no**" for reached in goals.values())
            cells = [way, f"{median} ({least}–{most})", ratio, self.errors.get(way, "–"), ", ".join(goals), reached]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


HEADER = "| way | CPU time (least–most) | in times of | error | to reach | reached |\n|---|---|---|---|---|---|"


def compare(
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
    unmeasured: int = 1,
    divisors: Mapping[str, int] | None = None,
    before: Callable[[str], object] = lambda way: None,
) -> Times:
    """CPU seconds of each way: median, least and most of `repeats` rounds, after those that do not count.

    In a round each way has its turn. What `before` does to a way is not counted. Times are divided by the number of
    pictures, maps, … that a way makes in a turn.
    """
    taken: dict[str, list[float]] = {way: [] for way in ways}
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        for _ in range(unmeasured + repeats):
            for way, run in ways.items():
                before(way)
                start = cpu_s()
                run()
                taken[way].append((cpu_s() - start) / (divisors or {}).get(way, 1))
    return {way: summary(seconds[unmeasured:]) for way, seconds in taken.items()}


def cpu_s() -> float:
    """CPU time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}


def number(value: float) -> str:
    """Three digits, never with an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def named(package: str) -> str:
    return f"{package} {version(package)}"


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "an unknown CPU")
    # NumPy's arctan2 and others take several times as long without
    wide = "with" if any("avx512f" in line for line in lines) else "without"
    return f"{os.cpu_count()} cores of {model} {wide} AVX-512, load {os.getloadavg()[0]:.1f} at the start"

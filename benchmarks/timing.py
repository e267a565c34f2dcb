"""Shared by the benchmarks: alternating runs on one thread, the CPU time of each implementation, and table rows."""

import os
import resource
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

Times = dict[str, dict[str, float]]  # of each implementation: median, least and most, in seconds


@dataclass(frozen=True)
class Job:
    """Implementations ("ways") of one job. A ratio is the median time of one divided by that of another, its base."""

    title: str
    unit: str  # "ms" or "s"
    times: Times
    bases: dict[str, str]
    errors: dict[str, str]
    at_least: dict[str, float] = field(default_factory=dict)  # target ratios
    at_most: dict[str, float] = field(default_factory=dict)
    checks: dict[str, dict[str, bool]] = field(default_factory=dict)  # other targets, and whether they are met

    def goals(self, way: str) -> dict[str, bool]:
        """Return the targets of an implementation, and whether they are met."""
        found = {}
        if way in self.at_least:
            found[f"≥ {self.at_least[way]:g}×"] = self.ratio(way) >= self.at_least[way]
        if way in self.at_most:
            found[f"≤ {self.at_most[way]:g}×"] = self.ratio(way) <= self.at_most[way]
        return found | self.checks.get(way, {})

    def ratio(self, way: str) -> float:
        return self.times[way]["median"] / self.times[self.bases[way]]["median"]

    def rows(self) -> str:
        """Return rows of a Markdown table with the columns of `HEADER`."""
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


HEADER = "| implementation | CPU time (least–most) | ratio | error | target | met |\n|---|---|---|---|---|---|"


def compare(
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
    unmeasured: int = 1,
    divisors: Mapping[str, int] | None = None,
    before: Callable[[str], object] = lambda way: None,
) -> Times:
    """Return the CPU seconds of each implementation: median, least and most of `repeats` rounds, after warm-up rounds.

    Each round runs every implementation once. `before` runs before each and is not counted. Times are divided by the
    number of pictures, maps, … that an implementation makes per run.
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
    """Return the CPU time of this process and of the processes that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}


def number(value: float) -> str:
    """Return a number with three digits, never with an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def named(package: str) -> str:
    return f"{package} {version(package)}"


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "an unknown CPU")
    # NumPy's arctan2 and other functions take several times as long without it
    wide = "with" if any("avx512f" in line for line in lines) else "without"
    return f"{os.cpu_count()} cores of {model} {wide} AVX-512, load {os.getloadavg()[0]:.1f} at the start"

"""The result of the data check as text for a terminal."""

from collections.abc import Iterable
from datetime import timedelta
from textwrap import fill, indent

from tabulate import tabulate

from tsalv360.check import DataCheck, DataSetCheck, Estimate
from tsalv360.check.videos import VideoCheck

_HEADERS = ["video", "data set", "picture", "fps", "length", "kept", "observers", "gaze", "remarks"]
_REMARKS_WIDTH = 44


def as_text(check: DataCheck) -> str:
    """Return a table of the videos, then what is missing, what is wrong, what a build needs, and the result."""
    problems = [
        problem if f"video {video.video}" in problem else f"video {video.video}: {problem}"
        for video in check.videos
        for problem in video.problems
    ]
    parts = [
        tabulate(
            [_row(video) for video in check.videos],
            _HEADERS,
            colalign=["left", "left", "right", "right", "right", "right", "right", "right", "left"],
            disable_numparse=True,
            maxcolwidths=[None] * 8 + [_REMARKS_WIDTH],
        ),
        _listed("TSV360 has 161 known videos, 160 of them in folds", map(_data_set, check.tsv360)),
        _listed("Remarks", check.remarks),
        _listed("Excluded by the config", [f"{video}: {reason}" for video, reason in check.excluded.items()]),
        _listed("Problems", check.problems + problems),
        _estimate(check.needs),
        _result(check),
    ]
    return "\n\n".join(part for part in parts if part)


def _row(video: VideoCheck) -> list[str]:
    def shown(form: str, *values: float | str | None) -> str:
        return "–" if None in values else form.format(*values)

    return [
        video.video,
        video.source,
        shown("{}×{}", video.width, video.height),
        shown("{:.5g}", video.fps),
        shown("{:.1f} s", video.duration_s),
        shown("{}", video.kept_frames),
        shown("{}", video.n_observers),
        shown("{} {}", video.n_gaze, video.gaze_unit),
        "; ".join((["PROBLEM, see below"] if video.problems else []) + video.remarks),
    ]


def _data_set(data_set: DataSetCheck) -> str:
    lines = [f"{data_set.data_set}: {data_set.present} found, {len(data_set.missing)} missing"]
    for lack in sorted(set(data_set.missing.values())):
        ids = [video for video, own in data_set.missing.items() if own == lack]
        lines.append(fill(f"{lack} ({len(ids)}): {', '.join(ids)}", 110, initial_indent="  ", subsequent_indent="    "))
    if data_set.missing:
        lines.append(f"  download them from {data_set.page}")
    return "\n".join(lines)


def _listed(heading: str, items: Iterable[str]) -> str:
    lines = "\n".join(indent(item, "  ") for item in items)
    return f"{heading}\n{lines}" if lines else ""


def _estimate(needs: Estimate) -> str:
    parts = [("frames", needs.frames_bytes), ("maps", needs.maps_bytes), ("viewports", needs.viewports_bytes)]
    return (
        f"Disk: about {_gb(needs.total_bytes)} ({', '.join(f'{name} {_gb(size)}' for name, size in parts)}); "
        f"{_gb(needs.there_bytes)} exist already and {_gb(needs.free_bytes)} are free in {needs.folder}\n"
        f"Time: about {timedelta(seconds=round(needs.seconds))} on {needs.cores} cores like those in docs/speed.md"
    )


def _result(check: DataCheck) -> str:
    n, broken = len(check.videos), [video.video for video in check.videos if video.problems]
    if check.can_build:
        return f"The build can run, with {n} of {n} videos."
    result = f"The build cannot run: {n - len(broken)} of {n} videos are usable."
    excluded = ", ".join(f'"{video}": "reason"' for video in broken)
    way_out = f" To build without the others, add to the config:\n  videos: {{exclude: {{{excluded}}}}}"
    return result + (way_out if broken else "")


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"

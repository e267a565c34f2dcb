"""The data check as text for a terminal."""

from collections.abc import Iterable
from datetime import timedelta
from textwrap import fill, indent

from tabulate import tabulate

from tsalv360.check import DataCheck, DataSetCheck
from tsalv360.check.needs import Needs
from tsalv360.check.videos import VideoCheck

_HEADERS = ["video", "data set", "picture", "fps", "length", "kept", "observers", "gaze", "to know"]
_TO_KNOW_WIDTH = 44


def as_text(check: DataCheck) -> str:
    """A table of the videos; then what is missing, what is wrong and what a build needs; the verdict last."""
    wrong = [
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
            maxcolwidths=[None] * 8 + [_TO_KNOW_WIDTH],
        ),
        _listed("TSV360 is 161 known videos, of which 160 are in folds", map(_data_set, check.tsv360)),
        _listed("To know", check.remarks),
        _listed("Excluded by the config", [f"{video}: {reason}" for video, reason in check.excluded.items()]),
        _listed("Problems", check.problems + wrong),
        _needs(check.needs),
        _verdict(check),
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
    lines = [f"{data_set.data_set}: {data_set.present} here, {len(data_set.missing)} missing"]
    for lack in sorted(set(data_set.missing.values())):
        ids = [video for video, own in data_set.missing.items() if own == lack]
        lines.append(fill(f"{lack} ({len(ids)}): {', '.join(ids)}", 110, initial_indent="  ", subsequent_indent="    "))
    if data_set.missing:
        lines.append(f"  get them from {data_set.page}")
    return "\n".join(lines)


def _listed(heading: str, items: Iterable[str]) -> str:
    lines = "\n".join(indent(item, "  ") for item in items)
    return f"{heading}\n{lines}" if lines else ""


def _needs(needs: Needs) -> str:
    parts = [("frames", needs.frames_bytes), ("maps", needs.maps_bytes), ("viewports", needs.viewports_bytes)]
    return "\n".join(
        [
            f"Disk: about {_gb(needs.total_bytes)} ({', '.join(f'{name} {_gb(size)}' for name, size in parts)}); "
            f"there already {_gb(needs.there_bytes)}, free {_gb(needs.free_bytes)} in {needs.folder}",
            f"Time: about {timedelta(seconds=round(needs.seconds))} on {needs.cores} cores like those of docs/speed.md",
        ]
    )


def _verdict(check: DataCheck) -> str:
    broken = [video.video for video in check.videos if video.problems]
    usable = len(check.videos) - len(broken)
    if check.can_build:
        return f"The build can run, with {usable} of {len(check.videos)} videos."
    verdict = f"The build cannot run: {usable} of {len(check.videos)} videos are usable."
    if not broken:
        return verdict
    left_out = ", ".join(f'"{video}": "reason"' for video in broken)
    return f"{verdict} To go on without the others, add to the config:\n  videos: {{exclude: {{{left_out}}}}}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"

"""The page as a whole: reads what the stages wrote, fills the template, writes the file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.contracts.entries import LISTS
from tsalv360.curation.records import read_records
from tsalv360.dataset.card import libraries
from tsalv360.job.files import whole_file
from tsalv360.metrics.events import MAX_ERROR_DEG, MIN_IOU
from tsalv360.report.accuracy import accuracy_of, overall
from tsalv360.report.camera_paths import N_TURNS, NEAR_DEG
from tsalv360.report.content import banner, by_source, counts, dropped_by_rule, published, reasons, section
from tsalv360.report.curation import work_of
from tsalv360.report.figures import length_chart, observer_chart
from tsalv360.report.inputs import Paths, Video, read_captions, read_curation, read_dataset, read_videos
from tsalv360.sources.recording import Origin

OPEN_UP_TO = 24  # videos; with more of them the cards are folded away, so that the page opens fast


def write_report(
    path: str | Path,
    dataset: Path,
    *,
    indexes: Paths,
    notes: Paths,
    events: Paths,
    tracks: Paths,
    dropped: Paths,
    viewports: Paths,
    sheets: Paths,
    truth: Paths,
    camera_paths: Paths,
    captions: Paths,
    records: Paths,
    origins: Mapping[str, Origin],
    config: dict[str, Any],
) -> None:
    """Write the report as one HTML file that needs nothing else; the same input gives the same bytes.

    Parameters
    ----------
    dataset : the dataset folder, for captions, clips and fixations.
    indexes, notes, events, tracks, dropped : files of these stages, one per video, in the same order.
    viewports, sheets : folders of the viewports stage and contact sheets, in that order too.
    truth : files that tell the known events of some of the videos, each naming its video; may be empty.
    camera_paths : files of published camera paths, named `<video>.txt`, of some of the videos; may be empty.
    captions : files of the caption stage.
    records : people's files, named `<video>.json`, of those of the videos that have one.
    origins : source and licence of each video.
    config : the settings that the data depend on, as `Config.data_settings` gives them.

    Raises InputError for a file that is missing or not what its stage writes.
    """
    videos = read_videos(indexes, notes, events, tracks, dropped, viewports, sheets, truth, camera_paths, origins)
    page = _environment().get_template("report.html").render(_content(videos, dataset, captions, records, config))
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _content(
    videos: list[Video], dataset: Path, captions: Paths, records: Paths, config: dict[str, Any]
) -> dict[str, Any]:
    """What the template shows, by name."""
    curation = read_curation(dataset)
    left_out = reasons(curation)
    work = work_of([record for path in records for record in read_records(path, Path(path).stem)])
    tables = read_dataset(dataset)
    accuracy = {video.id: accuracy_of(video) for video in videos if video.truth is not None}
    return {
        "name": config["dataset"]["name"],
        "version": __version__,
        "libraries": libraries().split(", "),
        "banner": banner(tables["annotations"], curation["n_curators"] if curation else None),
        "counts": counts(videos, tables, config["videos"]["exclude"]),
        "sources": by_source(videos, tables),
        "charts": [length_chart(videos), observer_chart(videos)] if any(len(video.events) for video in videos) else [],
        "accuracy": list(accuracy.values()),
        "overall": overall(list(accuracy.values())) if accuracy else None,
        "min_iou": MIN_IOU,
        "max_error_deg": MAX_ERROR_DEG,
        "published": [published(video) for video in videos if video.camera_paths],
        "near_deg": NEAR_DEG,
        "n_turns": N_TURNS,
        "captions": read_captions(captions),
        "curation": curation,
        "lists": LISTS,
        "work": work,
        "rules": dropped_by_rule(videos, config),
        "candidates": [row for video in videos for row in video.dropped.to_dict("records")],
        "excluded": config["videos"]["exclude"],
        "videos": [section(video, tables["annotations"], accuracy.get(video.id), left_out) for video in videos],
        "open_cards": len(videos) <= OPEN_UP_TO,
        "settings": yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tsalv360.report", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "signed": signed}
    return environment


def number(value: float, digits: int = 1, unit: str = "") -> str:
    """A number in words: fixed digits, thousands set apart, the unit behind; a dash where there is no value."""
    if math.isnan(value):
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f") + unit


def signed(value: float, digits: int = 1, unit: str = "") -> str:
    """A difference, with its sign."""
    text = number(abs(value), digits, unit)
    return text if math.isnan(value) or text == number(0.0, digits, unit) else ("+" if value > 0 else "−") + text


def percent(value: float) -> str:
    """A share of 0 to 1 in percent."""
    return number(100 * value, 0, "\u202f%")

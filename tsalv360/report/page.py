"""The page as a whole: it fills the template with what the stages wrote."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.captions.checks import statistics
from tsalv360.contracts.entries import LISTS
from tsalv360.curation.records import read_records
from tsalv360.dataset.build import libraries
from tsalv360.job.files import whole_file
from tsalv360.metrics.events import MAX_ERROR_DEG, MIN_IOU
from tsalv360.report import content
from tsalv360.report.accuracy import accuracy_of, overall
from tsalv360.report.camera_paths import N_ROLLS, NEAR_DEG
from tsalv360.report.curation import work_of
from tsalv360.report.figures import length_chart, observer_chart
from tsalv360.report.inputs import Paths, Video, read_captions, read_curation, read_dataset

OPEN_UP_TO = 24  # videos; with more of them the cards are closed, so that the page opens fast


def write_report(
    path: str | Path,
    videos: Sequence[Video],
    dataset: Path,
    captions: Paths,
    records: Paths,
    config: Mapping[str, Any],
) -> None:
    """Write the report as one HTML file that needs no other; the same input gives the same bytes.

    Parameters
    ----------
    videos : as `read_videos` returns them.
    dataset : the dataset folder, for captions, clips and fixations.
    captions : files of the caption stage.
    records : the curators' files, named `<video>.json`, of the videos that have one.
    config : the settings that the data depend on, as `Config.data_settings` returns them.

    Raises InputError for a file that is missing or not what its stage writes.
    """
    tables, curation, entries = read_dataset(dataset), read_curation(dataset), read_captions(captions)
    accuracy = {video.index.id: accuracy_of(video) for video in videos if video.truth is not None}
    excluded, left_out = config["videos"]["exclude"], content.reasons(curation)
    environment = Environment(
        loader=PackageLoader("tsalv360.report", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": content.number, "percent": content.percent, "signed": content.signed}
    environment.filters["median"] = median
    page = environment.get_template("report.html").render(
        name=config["dataset"]["name"],
        version=__version__,
        libraries=libraries().split(", "),
        banner=content.banner(tables["annotations"], curation.n_curators if curation else None),
        counts=content.counts(videos, tables, excluded),
        sources=content.by_source(videos, tables),
        charts=[length_chart(videos), observer_chart(videos)] if any(len(video.events) for video in videos) else [],
        accuracy=list(accuracy.values()),
        overall=overall(accuracy.values()) if accuracy else None,
        min_iou=MIN_IOU,
        max_error_deg=MAX_ERROR_DEG,
        published=[content.camera_path_figure(video) for video in videos if video.camera_paths],
        near_deg=NEAR_DEG,
        n_rolls=N_ROLLS,
        captions=entries,
        caption_rows=statistics(list(entries.values())),
        curation=curation,
        lists=LISTS,
        work=work_of([record for file in records for record in read_records(file, Path(file).stem)]),
        rules=content.dropped_by_rule(videos, config["events"]),
        candidates=[row for video in videos for row in video.dropped.to_dict("records")],
        excluded=excluded,
        sections=[
            content.section(video, tables["annotations"], accuracy.get(video.index.id), left_out) for video in videos
        ],
        open_cards=len(videos) <= OPEN_UP_TO,
        settings=yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")

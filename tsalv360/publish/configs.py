"""What of a published folder the library datasets loads under which name: the header of the card."""

from typing import Any

from tsalv360.contracts.entries import PARTS
from tsalv360.contracts.layout import FIXATION_POINTS, MAPS, SALIENCY_ALL
from tsalv360.publish.citation import TAGS
from tsalv360.publish.facts import Facts
from tsalv360.publish.licences import LICENCE_FILE
from tsalv360.publish.works import work_of

_ANNOTATIONS = {
    "machine": "machine-generated",
    "accepted": "expert-generated",
    "edited": "expert-generated",
    "published": "found",
}
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
# Videos come last and never by default: datasets needs a further library for them.
_FOLDERS = ("fixations", FIXATION_POINTS, SALIENCY_ALL, "frames", "viewports")


def header(facts: Facts) -> dict[str, Any]:
    """Return the header of the card, by the Hub's specification of dataset cards."""
    return {
        "pretty_name": facts.title,
        "language": ["en"],
        "license": "other",
        "license_name": "per-source",
        "license_link": LICENCE_FILE,
        "task_categories": ["other"],
        "tags": TAGS,
        "size_categories": [size_category(facts.n_maps)],
        "annotations_creators": sorted({_ANNOTATIONS.get(origin, "other") for origin in facts.origins})
        or ["no-annotation"],
        "source_datasets": sorted({"extended" if work_of(use.source) else "original" for use in facts.sources}),
        "configs": configs(facts),
    }


def configs(facts: Facts) -> list[dict[str, Any]]:
    """Return the configurations that can be loaded, the events by default; none without files or rows."""
    # `datasets` keeps what it has read from a folder until the header changes, whatever becomes of the files.
    content = f"data with the checksum {facts.content}"
    tables: list[dict[str, Any]] = [
        {"config_name": "events", "default": True, "data_files": "data/events.parquet", "description": content},
        {"config_name": "clips", "data_files": "data/clips.parquet"},
        {"config_name": "videos", "data_files": "data/videos.parquet"},
    ]
    shards = [{"config_name": one, "data_files": f"data/{one}/*.parquet"} for one in _FOLDERS if facts.rows[one]]
    return [*tables, *_maps(facts), *shards]


def _maps(facts: Facts) -> list[dict[str, Any]]:
    found = []
    for k, fold in enumerate(facts.folds):
        files = {
            part: [f"data/{MAPS}/{video}.parquet" for video in fold[part] if video in facts.rows[MAPS]]
            for part in PARTS
        }
        splits = [{"split": part, "path": paths} for part, paths in files.items() if paths]
        if splits:
            found.append({"config_name": f"maps-fold{k}", "data_files": splits})
    return found


def size_category(n: int) -> str:
    """Return the Hub's name for a number of rows, such as 10K<n<100K."""
    reached = [size for k, size in enumerate(_SIZES) if n >= 1000 * 10**k]
    if not reached:
        return f"n<{_SIZES[0]}"
    return f"{reached[-1]}<n<{_SIZES[len(reached)]}" if len(reached) < len(_SIZES) else f"n>{_SIZES[-1]}"

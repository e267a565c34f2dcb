"""Which rules run again when a key of the config changes, read off the parameters of the rules.

A parameter that is named after a section of the config holds the settings of that section that the rule depends on;
`recording` holds what the config says of a video, `video` and `gaze` stand for its files.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tsalv360.workflow.planning import plan

# All rules but import_video stand in the graph of the demo, curated, with cached features.
_EVERYTHING = {
    "curation": {"mode": "curated"},
    "viewports": {"sound": True},
    "model": {"encoder": "clip", "text_width": 64, "vocabulary": 49408},
    "train": {"weights": "random", "cached_rolls": 1},
}
# What keys of sources and videos become in a recording; other keys have the name that they have there.
_FIELDS = {
    "videos.*.path": ["video"],
    "videos.*.table": ["gaze_settings"],
    "videos.*.maps": ["gaze_settings"],
    "sources.vr_eyetracking.videos": ["video"],
    "sources.vr_eyetracking.maps": ["gaze_settings"],
    "sources.sports360.root": ["video", "gaze"],
    "sources.tsv360_published.frames": ["video"],
}
ON_REQUEST = ("features", "train_fold", "evaluate_fold", "evaluate")  # rules behind the targets train and evaluate
_SPLITS = ("dataset.folds", "dataset.validation_share", "dataset.seed")
# Keys that say which jobs there are, or where they write, instead of what a job makes.
OTHERWISE = {
    "results": "all, in the new folder",
    "dataset.name": "all, in the new folder",
    "train.name": "`train_fold` and what follows, in the new folder",
    "folds": "`train_fold` and what follows, for new folds",
    "sources.demo.n_videos": "the videos that come, `dataset` and what follows",
    "sources.vr_eyetracking.subset": "the videos that come, `dataset` and what follows",
    "sources.sports360.subset": "the videos that come, `dataset` and what follows",
    "videos.exclude.*": "`captions` of shards that had the video, `dataset` and what follows",
    "sources.tsv360_published.ground_truth": "`import_video` and what follows",
    "sources.demo.directory": "all, as the demo is drawn there",
    "viewports.sound": "`sound`, `tasks`",
    "videos.*.source": "`tasks`, `dataset`, [`evaluate`]; `clips` where it puts videos into another group",
    "curation.folder": "`assemble` and what follows, where curated",
    "report.camera_paths": "`report`",
}


@dataclass(frozen=True)
class Rebuilds:
    """`first`: for each key, the rules that have it among their parameters, less those that follow one of them anyway.

    `after`: for each rule, the rules that run again after it.
    """

    first: dict[str, list[str]]
    after: dict[str, list[str]]

    def of(self, key: str) -> set[str]:
        """All rules that run again when a key changes."""
        first = self.first[key]
        return {*first, *(rule for one in first for rule in self.after[one])}


def rebuilds(keys: Iterable[str]) -> Rebuilds:
    """What a change of each of the `keys`, in the dotted form of `known_keys`, runs again."""
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder, "everything.yaml")
        everything.write_text(yaml.safe_dump(_EVERYTHING))
        planned = plan(Path(folder), [everything], ["all", "train", "evaluate"])
        jobs = [job for job in planned.dag.jobs if not job.rule.norun]
        asked: dict[str, set[str]] = {}
        follows: dict[str, set[str]] = {}
        for job in jobs:
            rule = job.rule.name
            for key in _keys(job.params.items()):
                asked.setdefault(key, set()).add(rule)
            for before in planned.dag.dependencies[job]:
                follows.setdefault(before.rule.name, set()).add(rule)
        used = {job.rule.name for job in jobs}
        order = [rule.name for rule in planned.workflow.rules if rule.name in used]
    after = {rule: [other for other in order if other in _closure(rule, follows)] for rule in order}
    first = {}
    for key in keys:
        rules = set().union(*(asked.get(name, set()) for name in _asked_as(key)))
        later = {other for rule in rules for other in after[rule]}
        first[key] = [rule for rule in order if rule in rules - later]
    return Rebuilds(first, after)


def _keys(params: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The keys, or fields of a recording, that parameters hold."""
    for name, value in params:
        if name == "splits":  # which videos a fold has
            yield from _SPLITS
        elif name == "folder":
            yield "dataset.name"
        elif name == "origins":
            yield from ("recording.source", "recording.licence")
        elif name == "sources":
            yield "recording.source"
        elif name == "recording":
            yield from (f"recording.{field}" for field in value)
        elif name in ("video", "gaze"):
            yield f"recording.{name}"
        elif name == "demo":
            yield from (f"sources.demo.{key}" for key in value)
        elif name == "of_data":
            yield from _flat({key: part for key, part in value.items() if key not in ("sources", "videos")})
        elif isinstance(value, Mapping):
            yield from _flat({name: value})


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def _asked_as(key: str) -> list[str]:
    """The names by which rules ask for a key."""
    own = key.removesuffix(".*")
    if not key.startswith(("sources.", "videos.*.")) or key.startswith("sources.demo."):
        return [own]
    place = next((place for place in _FIELDS if own == place or own.startswith(f"{place}.")), None)
    return [f"recording.{field}" for field in (_FIELDS[place] if place else [own.rsplit(".", 1)[-1]])]


def _closure(rule: str, follows: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [rule]
    while ahead:
        new = follows.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found

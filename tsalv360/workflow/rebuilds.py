"""Plans of the workflow, made in this process, and which rules run again when a key of the config changes.

The rules are found by their parameters. A parameter named after a section of the config contains the settings of that
section that the rule depends on; `recording` contains what the config says about a video, `video` and `gaze` describe
its files.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.enums import Quietness, RerunTrigger
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings

from tsalv360.job.installed import FILES

SNAKEFILE = FILES / "Snakefile"
# As in profiles/, which the API does not read.
TRIGGERS = frozenset({RerunTrigger.MTIME, RerunTrigger.PARAMS, RerunTrigger.INPUT})
# With these settings the demo has a job of every rule except import_video.
_EVERYTHING = {
    "curation": {"mode": "curated"},
    "viewports": {"sound": True},
    "model": {"encoder": "clip", "text_width": 64, "vocabulary": 49408},
    "train": {"weights": "random", "cached_rolls": 1},
}
# Parameters whose name is no section, and the keys that their value depends on.
_PARAMETERS = {
    "splits": ["dataset.folds", "dataset.validation_share", "dataset.seed"],
    "folder": ["dataset.name"],
    "origins": ["recording.source", "recording.licence"],
    "sources": ["recording.source"],
    "video": ["recording.video"],
    "gaze": ["recording.gaze"],
    "permissions": ["publish.pictures", "recording.source"],
    "passed_on": ["publish.pictures", "recording.source"],
    "files": ["recording.video"],
    "external": ["evaluate.external"],
    "extraction": [
        *(f"frames.{name}" for name in ("height", "format", "jpeg_quality", "jpeg_chroma", "ready")),
        "recording.view",
    ],
}
# Keys of sources and videos, and their fields in a recording; other keys have the name of their field.
_FIELDS = {
    "videos.*.path": ["video"],
    "videos.*.table": ["gaze_settings"],
    "videos.*.maps": ["gaze_settings"],
    "sources.vr_eyetracking.videos": ["video"],
    "sources.vr_eyetracking.maps": ["gaze_settings"],
    "sources.sports360.root": ["video", "gaze"],
    "sources.published.frames": ["video"],
}
# Rules of the targets train, evaluate and publish.
ON_REQUEST = ("features", "train_fold", "evaluate_fold", "evaluate", "pack_pictures", "published_explorer", "publish")
# Keys that decide which jobs exist or where they write, and what runs when they change.
OTHERWISE = {
    "results": "all, in the new folder",
    "dataset.name": "all, in the new folder",
    "train.name": "`train_fold` and what follows, in the new folder",
    "folds": "`train_fold` and what follows, for new folds",
    "sources.demo.n_videos": "new videos, `dataset` and what follows",
    "sources.vr_eyetracking.subset": "new videos, `dataset` and what follows",
    "sources.sports360.subset": "new videos, `dataset` and what follows",
    "videos.exclude.*": "`captions` of shards that had the video, `dataset` and what follows",
    "sources.published.path": "`import_video` and what follows",
    "sources.demo.directory": "all, as the demo is drawn there",
    "viewports.sound": "`sound`, `tasks`",
    "videos.*.source": "`tasks`, `dataset`, [`evaluate`]; `clips` where it moves videos into another group",
    "curation.folder": "`assemble` and what follows, where curated",
    "explorer.camera_paths": "`explorer`",
    "evaluate.model": "[`evaluate_fold`] and what follows, in another folder",
}


@dataclass(frozen=True)
class Plan:
    """What Snakemake would do: its workflow, its graph of all jobs, and the jobs that would run."""

    workflow: Any
    dag: Any
    needed: list[Any]

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule would run, without targets such as `all`, which do nothing."""
        return dict(Counter(job.rule.name for job in self.needed if not job.rule.norun))


def plan(folder: Path, configfiles: Sequence[Path] = (), targets: Sequence[str] = (), touch: bool = False) -> Plan:
    """Return the plan for `targets` (none: the default one) in a working folder, with configs over the default one.

    With `touch` all outputs, which must exist, are recorded as made with the current settings, as `snakemake --touch
    --forceall` does. Raises Snakemake's WorkflowError where the config or the graph cannot be used.
    """
    files = [SNAKEFILE.parent / "config" / "config.yaml", *(file.absolute() for file in configfiles)]
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=files),
            snakefile=SNAKEFILE,
            workdir=folder,
        )
        dag_api = workflow_api.dag(DAGSettings(targets=set(targets), rerun_triggers=TRIGGERS, forceall=touch))
        dag_api.execute_workflow(executor="touch" if touch else "dryrun")
        workflow = workflow_api._workflow
        return Plan(workflow, workflow.dag, list(workflow.dag.needrun_jobs(exclude_finished=False)))


@dataclass(frozen=True)
class Rebuilds:
    """The rules that run again after a change, in the order of the workflow.

    `first`: for each key, the rules that depend on it directly, without those that follow another of them anyway.
    `after`: for each rule, the rules that run again after it.
    """

    first: dict[str, list[str]]
    after: dict[str, list[str]]


def rebuilds(keys: Iterable[str]) -> Rebuilds:
    """Return what runs again when one of `keys`, in the form of `known_keys`, changes."""
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder, "everything.yaml")
        everything.write_text(yaml.safe_dump(_EVERYTHING))
        planned = plan(Path(folder), [everything], ["all", "train", "evaluate", "publish"])
        jobs = [job for job in planned.dag.jobs if not job.rule.norun]
        users: dict[str, set[str]] = {}  # of a key
        next_rules: dict[str, set[str]] = {job.rule.name: set() for job in jobs}
        for job in jobs:
            for key in _keys(job.params.items()):
                users.setdefault(key, set()).add(job.rule.name)
            for earlier in planned.dag.dependencies[job]:
                next_rules[earlier.rule.name].add(job.rule.name)
        order = [rule.name for rule in planned.workflow.rules if rule.name in next_rules]
    after: dict[str, set[str]] = {}
    for rule in reversed(order):  # the rules are written in the order in which data flows
        after[rule] = next_rules[rule].union(*(after[following] for following in next_rules[rule]))
    first = {}
    for key in keys:
        rules = set().union(*(users.get(name, set()) for name in _names(key)))
        first[key] = rules.difference(*(after[rule] for rule in rules))
    return Rebuilds(
        {key: [rule for rule in order if rule in rules] for key, rules in first.items()},
        {rule: [other for other in order if other in after[rule]] for rule in order},
    )


def _keys(parameters: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield the keys, and as `recording.…` the fields of a recording, on which parameters depend."""
    for name, value in parameters:
        if name in _PARAMETERS:
            yield from _PARAMETERS[name]
        elif name == "recording":
            yield from (f"recording.{field}" for field in value)
        elif name == "data_settings":
            yield from _flat({section: part for section, part in value.items() if section not in ("sources", "videos")})
        elif isinstance(value, Mapping):
            yield from _flat({"sources.demo" if name == "demo" else name: value})


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _names(key: str) -> list[str]:
    """Return the names, as `_keys` yields them, of what a key of the config changes."""
    key = key.removesuffix(".*")
    if not key.startswith(("sources.", "videos.*.")) or key.startswith("sources.demo."):
        return [key]
    fields = next((fields for place, fields in _FIELDS.items() if f"{key}.".startswith(f"{place}.")), None)
    return [f"recording.{field}" for field in fields or [key.rpartition(".")[2]]]

"""The whole configuration: every key with its type, unit, default and meaning, checked before anything runs."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tsalv360.captions.settings import CaptionSettings
from tsalv360.contracts.entries import PARTS, Fold
from tsalv360.contracts.settings import NO_BRACES, STRICT, setting, tracked
from tsalv360.curation.records import CurationSettings
from tsalv360.dataset.splits import DatasetSettings, make_splits
from tsalv360.evaluation import EvaluateSettings
from tsalv360.events.settings import EventSettings
from tsalv360.explorer.settings import ExplorerSettings
from tsalv360.fixations import FixationSettings
from tsalv360.frames import FrameSettings
from tsalv360.job.errors import InputError
from tsalv360.model.settings import ModelSettings
from tsalv360.publish.settings import PublishSettings
from tsalv360.reliability import ReliabilitySettings
from tsalv360.saliency import SaliencySettings
from tsalv360.sources import OwnVideo, Recording, Source, tsv360
from tsalv360.sources.published import PublishedSource
from tsalv360.sources.recording import check_id
from tsalv360.training.settings import ComputeSettings, TrainSettings
from tsalv360.viewports import ViewportSettings

_TYPES = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# Keys of earlier versions, in the form of `known_keys`, with the key to write instead.
RENAMED: dict[str, str] = {
    "train.cached_turns": "train.cached_rolls",
    "events.regions": "events.tsv360",
    "report": "explorer",
}
RENAMED_KINDS = {"tsv360_published": "kind: published, with path in place of ground_truth"}


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names every wrong key."""


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything that a run depends on."""

    sources: list[Source] = setting(..., "data sets that provide videos and gaze")
    results: str = setting("results", "folder of all results", pattern=NO_BRACES)
    videos: dict[str, OwnVideo] = setting(dict, "your own videos by id: letters, digits and hyphens")
    exclude: dict[str, Annotated[str, Field(description="reason for leaving out the video with this id")]] = setting(
        dict, "videos to leave out, each with the reason"
    )
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    frames: FrameSettings = field(default_factory=FrameSettings)
    fixations: FixationSettings = field(default_factory=FixationSettings)
    events: EventSettings = field(default_factory=EventSettings)
    reliability: ReliabilitySettings = field(default_factory=ReliabilitySettings)
    saliency: SaliencySettings = field(default_factory=SaliencySettings)
    viewports: ViewportSettings = field(default_factory=ViewportSettings)
    captions: CaptionSettings = field(default_factory=CaptionSettings)
    curation: CurationSettings = field(default_factory=CurationSettings)
    explorer: ExplorerSettings = field(default_factory=ExplorerSettings)
    folds: list[Annotated[int, Field(ge=0, description="number of a fold, from 0")]] = setting(
        list, "which of the dataset's folds are trained and evaluated; an empty list: all"
    )
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    compute: ComputeSettings = field(default_factory=ComputeSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)

    def folder(self) -> Path:
        """The folder of this dataset's results."""
        return Path(self.results, self.dataset.name)

    def chosen_folds(self) -> list[int]:
        """The numbers of the folds to train and evaluate. ConfigError for a fold that does not exist."""
        n = self._n_folds()
        if unknown := [fold for fold in self.folds if fold >= n]:
            raise ConfigError(f"folds: found {unknown}; expected 0 to {n - 1} (dataset.folds)")
        return self.folds or list(range(n))

    def _n_folds(self) -> int:
        match self.dataset.folds:
            case "published":
                return len(published_folds(self))
            case "tsv360":
                return len(tsv360.folds())
            case n:
                return n

    def data_settings(self) -> dict[str, Any]:
        """The settings that the data depend on, by section, for the dataset card and the explorer.

        Paths, how jobs run and what models learn are not among them.
        """
        sections = ("dataset", "frames", "fixations", "events", "reliability", "saliency", "viewports", "captions")
        content = {name: tracked(getattr(self, name)) for name in sections}
        del content["viewports"]["sound"]  # curators hear it; no file of the dataset depends on it
        return {
            "sources": [tracked(source) for source in self.sources],
            "videos": {"exclude": self.exclude, **{video: tracked(own) for video, own in self.videos.items()}},
            **content,
            "curation": {"mode": self.curation.mode, "uncurated": self.curation.uncurated},
        }


def load_config(content: Mapping[str, Any]) -> Config:
    """Return the configuration that a file contains; ConfigError names each wrong key and the nearest known one."""
    if "exclude" in content:
        raise ConfigError("exclude: unknown key; did you mean videos.exclude?")
    videos = content.get("videos") or {}
    if not isinstance(videos, Mapping):
        raise ConfigError(f"videos: found {videos!r}; expected a mapping of ids to videos")
    own = {name: video for name, video in videos.items() if name != "exclude"}
    try:
        return TypeAdapter(Config).validate_python({**content, "exclude": videos.get("exclude", {}), "videos": own})
    except ValidationError as error:
        keys = known_keys()
        lines = dict.fromkeys(_explain(dict(e), keys) for e in error.errors())  # a union's alternatives repeat a line
        raise ConfigError("\n".join(lines)) from None


def with_nulls(content: Any) -> Any:
    """Return settings of Snakemake's `--config`, which reads them as texts, with nothing where YAML has null."""
    if isinstance(content, Mapping):
        return {key: with_nulls(value) for key, value in content.items()}
    if isinstance(content, list):
        return [with_nulls(value) for value in content]
    return None if content in ("null", "~") else content


def plan_recordings(config: Config) -> dict[str, Recording]:
    """Return the recordings of all sources and videos that are not excluded, by id.

    ConfigError where they disagree; InputError, which names the video's path, for an impossible id.
    """
    recordings: dict[str, Recording] = {}
    for recording in [
        *(recording for source in config.sources for recording in source.recordings()),
        *(video.recording(name) for name, video in config.videos.items() if name not in config.exclude),
    ]:
        if recording.video_id in recordings:
            raise ConfigError(f"videos: two videos have the id {recording.video_id}; give one of them another id")
        recordings[recording.video_id] = recording
    if unknown := sorted(set(config.exclude) - set(recordings) - set(config.videos)):
        raise ConfigError(f"videos.exclude: no video {', '.join(unknown)}; known are {_few(list(recordings))}")
    recordings = {video: recording for video, recording in recordings.items() if video not in config.exclude}
    for video, recording in recordings.items():
        check_id(video, recording.video)
    if not recordings:
        raise ConfigError("sources: no videos; name a source, or your own videos under videos")
    folds, n = config.dataset.folds, len(recordings)
    if folds == "published":
        published_folds(config)
    elif folds == "tsv360":
        if not recordings.keys() & set().union(*tsv360.folds()):
            raise ConfigError("dataset.folds: found tsv360, but no video of TSV360; expected a number of folds")
    elif folds > n:
        found = f"found {folds} folds for {n} video{'s' if n > 1 else ''}"
        raise ConfigError(f"dataset.folds: {found}; set dataset.folds to at most {n}")
    return recordings


def make_folds(config: Config, recordings: Mapping[str, Recording]) -> list[Fold]:
    """Return the folds of the recordings, by `dataset.folds`."""
    settings = config.dataset
    if settings.folds == "published":
        folds = published_folds(config)
        parts = [[[video for video in fold[part] if video in recordings] for part in PARTS] for fold in folds]
        return [Fold(train=train, validation=validation, test=test) for train, validation, test in parts]
    sources = {video: recording.source for video, recording in recordings.items()}
    return make_splits(sources, settings.folds, settings.validation_share, settings.seed)


def published_folds(config: Config) -> list[Fold]:
    """Return the folds of the published dataset among the sources; ConfigError unless there is exactly one."""
    published = [source for source in config.sources if isinstance(source, PublishedSource)]
    if len(published) != 1:
        found = f"found published, but {len(published) or 'no'} published dataset{'s' if published else ''} in sources"
        raise ConfigError(f"dataset.folds: {found}; expected one, or set a number of folds")
    return published[0].folds()


def check_writable(folder: Path) -> None:
    """InputError unless `folder`, or the nearest existing folder above it, is writable."""
    existing = next(path for path in [folder.absolute(), *folder.absolute().parents] if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        found = "a read-only folder" if existing.is_dir() else "a file"
        advice = "Set `results` to another folder, or change its permissions."
        raise InputError(existing, found, "a writable folder", advice)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    content = TypeAdapter(Config).json_schema()
    content["title"] = "tsalv360 configuration"
    content["properties"]["videos"]["properties"] = {"exclude": content["properties"].pop("exclude")}
    return content


def known_keys() -> dict[str, dict[str, Any]]:
    """Return the schema of every key by its dotted name; `*` stands for an id or a position in a list.

    Each kind of source has its own keys, which name the kind in place of `*`: `sources.demo.height`.
    """
    content = schema()
    keys: dict[str, dict[str, Any]] = {}

    def walk(node: dict[str, Any], path: str) -> None:
        if "$ref" in node:
            node = content["$defs"][node["$ref"].rpartition("/")[2]] | node
        if path:
            keys.setdefault(path, node)
        for name, child in node.get("properties", {}).items():
            default = {"default": node["default"][name]} if name in node.get("default", {}) else {}
            walk(child | default, f"{path}.{name}".lstrip("."))
        for child in (node.get("additionalProperties"), node.get("items")):
            if isinstance(child, dict):
                walk(child, f"{path}.*")
        for kind, reference in node.get("discriminator", {}).get("mapping", {}).items():
            walk({"$ref": reference}, path.removesuffix("*") + kind)

    walk(content, "")
    return keys


def as_written(key: str) -> str:
    """Return a known key as it is written in a file, followed by its kind of source: `sources.*.height (demo)`."""
    return re.sub(r"^sources\.(\w+)\.(.+)", r"sources.*.\2 (\1)", key)


def expected(node: dict[str, Any]) -> str:
    """Return what a key accepts, in words: type, unit and limits."""
    if "discriminator" in node:
        return "a mapping with the kind " + " or ".join(f"'{kind}'" for kind in node["discriminator"]["mapping"])
    if "const" in node:
        return f"'{node['const']}'"
    if "enum" in node:
        return " or ".join(f"'{value}'" for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(expected(child) for child in node["anyOf"])
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    limits |= {"multipleOf": "a multiple of", "pattern": "matching"}
    limited = " ".join(f"{word} {node[key]}" for key, word in limits.items() if key in node)
    unit = f" in {node['unit']}" if "unit" in node else ""
    return _TYPES.get(node.get("type", "object"), "a mapping") + unit + (f", {limited}" if limited else "")


def _explain(error: dict[str, Any], keys: dict[str, dict[str, Any]]) -> str:
    """Return the line that explains one of pydantic's errors."""
    place = [str(part) for part in error["loc"]]
    kind = place.pop(2) if place[0] == "sources" and len(place) > 2 else "*"  # not part of the key in the file
    if place[0] == "exclude":
        place.insert(0, "videos")
    named = error["type"] not in ("unexpected_keyword_argument", "extra_forbidden") and place[-1] != "[key]"
    while named and len(place) > 1 and _known(place, kind, keys) not in keys:
        place.pop()  # the alternative that did not match
    key, known = ".".join(place), _known(place, kind, keys)
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        if "." in place[-1]:
            *sections, last = place[-1].split(".")
            written = "".join(f"{section}: {{" for section in sections) + f"{last}: …" + "}" * len(sections)
            return f"{key}: found a key with dots; write {written}"
        if known in RENAMED:
            return f"{key}: renamed; write {as_written(RENAMED[known])}"
        if nearest := _nearest(known, keys):
            return f"{key}: unknown key; did you mean {as_written(nearest)}?"
        return f"{key}: unknown key; known are {_few([as_written(sibling) for sibling in _siblings(known, keys)])}"
    if place[-1] == "[key]":
        return f'{key.removesuffix(".[key]")}: found the key {error["input"]!r}; expected text: "{error["input"]}"'
    if error["type"] == "union_tag_invalid" and error["ctx"]["tag"] in RENAMED_KINDS:
        return f"{key}.kind: renamed; write {RENAMED_KINDS[error['ctx']['tag']]}"
    node = keys.get(known, {})
    meaning = node.get("description", "see docs/settings.md")
    if error["type"] == "union_tag_not_found":
        return f"{key}: found no kind in {error['input']!r}; expected {expected(node)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{key}: missing; expected {expected(node)} ({meaning})"
    if error["type"] == "value_error":
        return f"{key}: {error['ctx']['error']}"
    default = f", like {node['default']}" if node.get("default") is not None else ""
    quotes = "; write it in quotes" if error["type"] == "string_type" and not _is_nested(error["input"]) else ""
    return f"{key}: found {_shown(error['input'])}; expected {expected(node)}{default} ({meaning}){quotes}"


def _is_nested(value: object) -> bool:
    return value is None or isinstance(value, Mapping | list)


def _shown(value: object) -> str:
    """Return a value as YAML has it, as far as its meaning tells."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, date) else repr(value)


def _known(place: list[str], kind: str, keys: Mapping[str, Any]) -> str:
    """Return the place of an error in the form of `known_keys`, with `*` for ids and positions."""
    place = list(place)
    if place[0] == "sources":
        place[1:2] = [kind] * len(place[1:2])
    if place[0] == "videos":
        n = 2 if place[1:2] == ["exclude"] else 1
        place[n : n + 1] = ["*"] * len(place[n : n + 1])
    known = ".".join(place)
    return known if known in keys else re.sub(r"\.\d+$", ".*", known)


def _nearest(key: str, keys: Mapping[str, Any]) -> str | None:
    """Return the known key most like `key`: first among its siblings, then anywhere."""
    for candidates, cutoff in ((_siblings(key, keys), 0.6), (keys, 0.75)):
        by_name = {known.rpartition(".")[2]: known for known in candidates}
        if close := difflib.get_close_matches(key.rpartition(".")[2], by_name, 1, cutoff):
            return by_name[close[0]]
    return None


def _siblings(key: str, keys: Mapping[str, Any]) -> list[str]:
    return [known for known in keys if known.rpartition(".")[0] == key.rpartition(".")[0]]


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

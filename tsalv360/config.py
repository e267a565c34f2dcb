"""The whole configuration: every key with type, unit, default and meaning, checked before anything runs."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tsalv360.captions.settings import CaptionSettings
from tsalv360.contracts.settings import NO_BRACES, STRICT, setting, tracked
from tsalv360.curation.settings import CurationSettings
from tsalv360.dataset.splits import DatasetSettings
from tsalv360.evaluation.settings import EvaluateSettings
from tsalv360.events.settings import EventSettings
from tsalv360.fixations import FixationSettings
from tsalv360.frames import FrameSettings
from tsalv360.job.errors import InputError
from tsalv360.model.settings import ModelSettings
from tsalv360.report.settings import ReportSettings
from tsalv360.saliency import SaliencySettings
from tsalv360.sources import OwnVideo, Recording, Source, tsv360
from tsalv360.sources.recording import check_id
from tsalv360.training.settings import ComputeSettings, TrainSettings
from tsalv360.viewports import ViewportSettings


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names every wrong key."""


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything that a run depends on."""

    sources: list[Source] = setting(..., "data sets that videos and gaze are taken from; a list")
    results: str = setting("results", "folder of all results", pattern=NO_BRACES)
    videos: dict[str, OwnVideo] = setting(dict, "own videos by id: letters, digits and hyphens")
    exclude: dict[str, str] = setting(dict, "videos that are left out, each with the reason")
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    frames: FrameSettings = field(default_factory=FrameSettings)
    fixations: FixationSettings = field(default_factory=FixationSettings)
    events: EventSettings = field(default_factory=EventSettings)
    saliency: SaliencySettings = field(default_factory=SaliencySettings)
    viewports: ViewportSettings = field(default_factory=ViewportSettings)
    captions: CaptionSettings = field(default_factory=CaptionSettings)
    curation: CurationSettings = field(default_factory=CurationSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    folds: list[Annotated[int, Field(ge=0)]] = setting(list, "folds that are trained and evaluated; none: all")
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    compute: ComputeSettings = field(default_factory=ComputeSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)

    def folder(self) -> Path:
        """The folder of this dataset's results."""
        return Path(self.results, self.dataset.name)

    def chosen_folds(self) -> list[int]:
        """The folds that are trained and evaluated, by number. ConfigError for one that is not."""
        n = len(tsv360.folds()) if self.dataset.folds == "tsv360" else self.dataset.folds
        if unknown := [fold for fold in self.folds if fold >= n]:
            raise ConfigError(f"folds: found {unknown}; expected 0 to {n - 1} (dataset.folds)")
        return self.folds or list(range(n))

    def of_data(self) -> dict[str, Any]:
        """The settings that the data depend on, by section, as the card and the report show them.

        Where files lie, how jobs run, and what models learn is not among them.
        """
        sections = ("dataset", "frames", "fixations", "events", "saliency", "viewports", "captions")
        content = {name: tracked(getattr(self, name)) for name in sections}
        del content["viewports"]["sound"]  # heard by curators, in no datum
        return {
            "sources": [tracked(source) for source in self.sources],
            "videos": {"exclude": self.exclude, **{video: tracked(own) for video, own in self.videos.items()}},
            **content,
            "curation": {"mode": self.curation.mode, "uncurated": self.curation.uncurated},
        }


def load_config(content: Mapping[str, Any]) -> Config:
    """Check a configuration as it is written in a file; ConfigError names each wrong key and the nearest right one."""
    content = dict(content)
    if "exclude" in content:
        raise ConfigError("exclude: unknown key; did you mean videos.exclude?")
    videos = content.get("videos") or {}
    if not isinstance(videos, Mapping):
        raise ConfigError(f"videos: found {videos!r}; expected a mapping of ids to videos")
    videos = dict(videos)
    content |= {"exclude": videos.pop("exclude", {}), "videos": videos}
    try:
        return TypeAdapter(Config).validate_python(content)
    except ValidationError as error:
        keys = known_keys()
        lines = dict.fromkeys(_explain(dict(e), keys) for e in error.errors())  # alternatives of one key say the same
        raise ConfigError("\n".join(lines)) from None


def plan_recordings(config: Config) -> dict[str, Recording]:
    """All recordings of the sources and videos but the excluded ones, by id.

    ConfigError where they disagree; InputError, which names the video's path, for an id that cannot be one.
    """
    recordings: dict[str, Recording] = {}
    for recording in [
        *(r for source in config.sources for r in source.recordings()),
        *(video.recording(name) for name, video in config.videos.items() if name not in config.exclude),
    ]:
        if recording.video_id in recordings:
            raise ConfigError(f"videos: the id {recording.video_id} stands for two videos; give one another id")
        recordings[recording.video_id] = recording
    if unknown := sorted(set(config.exclude) - set(recordings) - set(config.videos)):
        raise ConfigError(f"videos.exclude: no video {', '.join(unknown)}; there are {_few(list(recordings))}")
    for video in config.exclude:
        recordings.pop(video, None)
    for video, recording in recordings.items():
        check_id(video, recording.video)
    if not recordings:
        raise ConfigError("sources: no videos; name a source, or your own videos under videos")
    if config.dataset.folds == "tsv360":
        if not any(video in fold for fold in tsv360.folds() for video in recordings):
            raise ConfigError("dataset.folds: found tsv360, but no video of TSV360; expected a number of folds")
    elif config.dataset.folds > len(recordings):
        videos = "1 video" if len(recordings) == 1 else f"{len(recordings)} videos"
        raise ConfigError(
            f"dataset.folds: found {config.dataset.folds} folds for {videos}; "
            f"set dataset.folds to at most {len(recordings)}"
        )
    return recordings


def check_writable(folder: Path) -> None:
    """InputError unless `folder`, or the nearest folder above it that exists, can be written to."""
    existing = next(path for path in [folder.absolute(), *folder.absolute().parents] if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        found = "a folder that cannot be written to" if existing.is_dir() else "a file"
        raise InputError(existing, found, "a writable folder", "Set `results` to another folder, or change its rights.")


def schema() -> dict[str, Any]:
    """JSON Schema of a configuration file."""
    content = TypeAdapter(Config).json_schema()
    content["title"] = "tsalv360 configuration"
    content["properties"]["videos"]["properties"] = {"exclude": content["properties"].pop("exclude")}
    return content


def known_keys() -> dict[str, dict[str, Any]]:
    """All keys in dotted form with their schema; `*` stands for an id or a place in a list.

    Each kind of source has keys of its own, in which the kind stands in place of `*`: `sources.demo.height`.
    """
    content = schema()
    keys: dict[str, dict[str, Any]] = {}

    def walk(node: dict[str, Any], path: str) -> None:
        if "$ref" in node:
            walk(
                {**content["$defs"][node["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in node.items() if k != "$ref"}},
                path,
            )
            return
        if path and path not in keys:
            keys[path] = node
        for name, child in node.get("properties", {}).items():
            default = {"default": node["default"][name]} if name in node.get("default", {}) else {}
            walk({**child, **default}, f"{path}.{name}".lstrip("."))
        for child in [node.get("additionalProperties"), node.get("items")]:
            if isinstance(child, dict):
                walk(child, f"{path}.*")
        for kind, reference in node.get("discriminator", {}).get("mapping", {}).items():
            walk({"$ref": reference}, path.removesuffix("*") + kind)

    walk(content, "")
    return keys


def as_written(key: str) -> str:
    """A known key as it stands in a file, the kind of source that has it in brackets: `sources.*.height (demo)`."""
    return re.sub(r"^sources\.(\w+)\.(.+)", r"sources.*.\2 (\1)", key)


def expected(node: dict[str, Any]) -> str:
    """What a key takes, in words: type, unit and limits."""
    if "discriminator" in node:
        return "a mapping with the kind " + " or ".join(f"'{kind}'" for kind in node["discriminator"]["mapping"])
    if "const" in node:
        return f"'{node['const']}'"
    if "enum" in node:
        return " or ".join(f"'{value}'" for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(expected(child) for child in node["anyOf"])
    words = {"number": "a number", "integer": "a whole number", "string": "text", "boolean": "true or false"}
    words |= {"array": "a list", "object": "a mapping", "null": "nothing"}
    text = words.get(node.get("type", ""), "a mapping")
    if "unit" in node:
        text += f" in {node['unit']}"
    limits = [
        ("minimum", "from {}"),
        ("exclusiveMinimum", "above {}"),
        ("maximum", "to {}"),
        ("exclusiveMaximum", "below {}"),
    ]
    limits += [("multipleOf", "a multiple of {}"), ("pattern", "matching {}")]
    return ", ".join([text, " ".join(form.format(f"{node[key]}") for key, form in limits if key in node)]).rstrip(", ")


def _explain(error: dict[str, Any], keys: dict[str, dict[str, Any]]) -> str:
    """One line for one of pydantic's errors."""
    parts = [str(part) for part in error["loc"]]
    kind = parts.pop(2) if parts[0] == "sources" and len(parts) > 2 else "*"  # in the file it stands as a value
    if parts[:2] == ["dataset", "folds"]:
        del parts[2:]  # the alternative that did not fit
    key = "videos.exclude" + "".join(f".{p}" for p in parts[1:]) if parts[:1] == ["exclude"] else ".".join(parts)
    general = re.sub(r"^videos\.(?!exclude)[^.]+|(?<=^videos\.exclude)\.[^.]+", _with_star, key)
    general = re.sub(r"^sources\.[^.]+", f"sources.{kind}", general)
    general = general if general in keys else re.sub(r"\.\d+$", ".*", general)  # a place in a list
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        nearest = _nearest(general, keys)
        return f"{key}: unknown key" + (
            f"; did you mean {as_written(nearest)}?"
            if nearest
            else f"; known are {_few([as_written(sibling) for sibling in _siblings(general, keys)])}"
        )
    if parts[-1] == "[key]":
        return f'{key.removesuffix(".[key]")}: found the key {error["input"]!r}; expected text: "{error["input"]}"'
    node = keys.get(general, {})
    if error["type"] == "union_tag_not_found":
        return f"{key}: found no kind in {error['input']!r}; expected {expected(node)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{key}: missing; expected {expected(node)} ({node.get('description', 'see docs/settings.md')})"
    if error["type"] == "value_error":
        return f"{key}: {error['ctx']['error']}"
    default = f", like {node['default']}" if "default" in node else ""
    meaning = node.get("description", "see docs/settings.md")
    return f"{key}: found {error['input']!r}; expected {expected(node)}{default} ({meaning})"


def _with_star(match: re.Match[str]) -> str:
    """A key without its id or place in a list: `videos.harbour` as `videos.*`."""
    return f"{match[0].rpartition('.')[0]}.*"


def _nearest(key: str, keys: Mapping[str, Any]) -> str | None:
    """The known key most like `key`, first among its siblings, then anywhere."""
    name = key.rsplit(".", 1)[-1]
    siblings = {sibling.rsplit(".", 1)[-1]: sibling for sibling in _siblings(key, keys)}
    if close := difflib.get_close_matches(name, siblings, 1, 0.6):
        return siblings[close[0]]
    anywhere = {known.rsplit(".", 1)[-1]: known for known in keys}
    close = difflib.get_close_matches(name, anywhere, 1, 0.75)
    return anywhere[close[0]] if close else None


def _siblings(key: str, keys: Mapping[str, Any]) -> list[str]:
    folder = key.rpartition(".")[0]
    return [known for known in keys if known.rpartition(".")[0] == folder]


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

"""The models that open_clip knows by name, read from its folder of configurations: importing it takes seconds."""

import difflib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

PREFIX = "open_clip:"
_NEAREST = 4  # names in an error


class Architecture(NamedTuple):
    """A model of open_clip and, if they are named, its published weights, such as ViT-B-32 and laion2b_s34b_b79k."""

    name: str
    tag: str


def architecture_of(encoder: str) -> Architecture | None:
    """Return what the setting `model.encoder` names of open_clip, or None for another encoder."""
    if not encoder.startswith(PREFIX):
        return None
    name, _, tag = encoder.removeprefix(PREFIX).partition("/")
    return Architecture(name, tag)


def configuration(name: str) -> dict[str, Any]:
    """Return open_clip's configuration of a model. Raises KeyError for a name that it does not know."""
    content: dict[str, Any] = json.loads(_files()[name].read_text("utf-8"))
    return content


def check_name(name: str) -> None:
    """Raise ValueError, with the nearest names, for a model that open_clip does not know or that does not fit.

    Without open_clip, which the extra `train` installs, every name passes: a plan may be made where nothing is trained.
    """
    files = _files()
    if not files:
        return
    if name not in files:
        lower = {known.lower(): known for known in files}
        near = [lower[one] for one in difflib.get_close_matches(name.lower(), lower, _NEAREST, cutoff=0.5)]
        advice = f"the nearest are {', '.join(near)}" if near else "open_clip.list_models() lists them"
        raise ValueError(f"open_clip has no model {name!r}; {advice}")
    config = configuration(name)
    if "multimodal_cfg" in config:
        raise ValueError(f"{name} is a captioning model (CoCa); take one with an image and a text encoder alone")
    if "hf_model_name" in config["text_cfg"]:
        raise ValueError(f"the text encoder of {name} is one of the Transformers library; take one that has its own")


def _files() -> dict[str, Path]:
    """Return open_clip's files of configurations by name; none if it is not installed."""
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        return {}
    return {path.stem: path for path in Path(package.origin).with_name("model_configs").glob("*.json")}

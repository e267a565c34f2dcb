"""The dataset card: what the dataset holds, what was left out, how it was made, and whose data it is."""

import html
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.curation.apply import LISTS
from tsalv360.dataset.splits import Fold, in_no_fold
from tsalv360.job.files import whole_file
from tsalv360.job.text import plain
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Origin

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "av", "snakemake")


def write_card(
    path: Path,
    indexes: list[dict[str, Any]],
    origins: dict[str, Origin],
    tables: dict[str, pd.DataFrame],
    dropped: pd.DataFrame,
    left_out: dict[str, int],
    curation: dict[str, Any] | None,
    folds: list[Fold],
    config: dict[str, Any],
) -> None:
    """Write the card as Markdown.

    Parameters: as `build_dataset`; `left_out` counts frames of events and events, `curation` lists what people's
    judgement did, None for drafts.
    """
    environment = Environment(
        loader=PackageLoader("tsalv360.dataset", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown, in which `as_markdown` mends what comes from data
        keep_trailing_newline=True,
    )
    environment.filters["text"] = as_markdown
    by_source = pd.DataFrame(origins.values()).groupby(["source", "licence"]).size().reset_index(name="videos")
    settings = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    text = environment.get_template("card.md").render(
        name=config["dataset"]["name"],
        version=__version__,
        libraries=libraries(),
        origins=tables["annotations"].caption_origin.value_counts(sort=False).to_dict(),
        curation=curation,
        lists=LISTS,
        models=", ".join(sorted(set(tables["annotations"].model) - {""})) or "none",
        indexes=indexes,
        minutes=sum(index["duration_s"] for index in indexes) / 60,
        assigned=100 * tables["fixations"].event_id.notna().mean(),
        dropped=dropped,
        left_out=left_out,
        rules=dropped.rule.value_counts().to_dict(),
        n_folds=len(folds),
        in_no_fold=in_no_fold([index["id"] for index in indexes], folds),
        remarks=tsv360.remarks([index["id"] for index in indexes if origins[index["id"]].source in tsv360.PAGES]),
        config=config,
        excluded=config["videos"]["exclude"],
        sources=by_source.to_dict("records"),
        settings=settings,
        fence="`" * (1 + max(map(len, re.findall("``+", settings)), default=2)),  # no text in them closes it
        **{name: tables[name] for name in ("annotations", "clips", "fixations")},
    )
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def as_markdown(text: str) -> str:
    """Text from data or config on one line of Markdown, in which no HTML, table or link of its own begins."""
    return re.sub(r"([\\`\[\]|])", r"\\\1", html.escape(plain(text), quote=False))


def libraries() -> str:
    """Names and versions of the libraries that the result depends on."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)

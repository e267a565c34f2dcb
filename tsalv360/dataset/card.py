"""The dataset card: what the dataset holds, what was left out, how it was made, and the sources of the data."""

import html
import re
from collections import Counter
from importlib.metadata import version
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.contracts.entries import LISTS, DatasetOutcome, IndexEntry, LeftOut
from tsalv360.dataset.splits import Fold, in_no_fold
from tsalv360.job.errors import plain
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Origin

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "av", "snakemake")


def card(
    indexes: list[IndexEntry],
    origins: dict[str, Origin],
    tables: dict[str, pd.DataFrame],
    dropped: pd.DataFrame,
    left_out: LeftOut,
    curation: DatasetOutcome | None,
    folds: list[Fold],
    config: dict[str, Any],
) -> str:
    """Return the card in Markdown; parameters as `build_dataset`, `curation` None for drafts."""
    environment = Environment(
        loader=PackageLoader("tsalv360.dataset", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  it is Markdown, for which `as_markdown` escapes what comes from data
        keep_trailing_newline=True,
    )
    environment.filters["text"] = as_markdown
    settings = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    videos = [index.id for index in indexes]
    return environment.get_template("card.md").render(
        **tables,
        version=__version__,
        libraries=libraries(),
        indexes=indexes,
        dropped=dropped,
        left_out=vars(left_out),
        rules=dropped.rule.value_counts().to_dict(),
        curation=curation,
        lists=LISTS,
        origins=tables["annotations"].caption_origin.value_counts(sort=False).to_dict(),
        models=", ".join(sorted(set(tables["annotations"].model) - {""})) or "none",
        folds=folds,
        in_no_fold=in_no_fold(videos, folds),
        remarks=tsv360.remarks([video for video in videos if origins[video].source in tsv360.PAGES]),
        sources=sorted(Counter(origins.values()).items()),
        config=config,
        settings=settings,
        fence="`" * (1 + max(map(len, re.findall("``+", settings)), default=2)),  # longer than any in the settings
    )


def as_markdown(text: str) -> str:
    """Return text from data or config as one line of Markdown without HTML, tables or links of its own."""
    return re.sub(r"([\\`\[\]|])", r"\\\1", html.escape(plain(text), quote=False))


def libraries() -> str:
    """Return names and versions of the libraries that the result depends on."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)

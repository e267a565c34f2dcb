"""The dataset card: what the dataset holds, what was left out, how it was made, and whose data it is."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.curation.apply import LISTS
from tsalv360.dataset.splits import Fold, in_no_fold
from tsalv360.files import whole_file
from tsalv360.sources import tsv360

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "av", "snakemake")


def write_card(
    path: Path,
    indexes: list[dict[str, Any]],
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
    template = Environment(
        loader=PackageLoader("tsalv360.dataset", "."),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    ).get_template("card.md")
    by_source = pd.DataFrame(indexes).groupby(["source", "licence"]).size().reset_index(name="videos")
    text = template.render(
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
        remarks=tsv360.remarks([index["id"] for index in indexes if index["source"] in tsv360.PAGES]),
        config=config,
        excluded=config["videos"]["exclude"],
        sources=by_source.to_dict("records"),
        settings=yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        **{name: tables[name] for name in ("annotations", "clips", "fixations")},
    )
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def libraries() -> str:
    """Names and versions of the libraries that the result depends on."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)

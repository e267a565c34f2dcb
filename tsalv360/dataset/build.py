"""The dataset folder, the parts of all videos together, with its card; and the folder of what models read of it."""

import html
import os
import re
from collections import Counter
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360 import __version__
from tsalv360.contracts import tables
from tsalv360.contracts.entries import LISTS, DatasetOutcome, Fold, IndexEntry, LeftOut, Outcome, read_entry
from tsalv360.contracts.layout import CHECKSUMS, CURATION, FIXATION_POINTS, LEFT_OUT, MAPS
from tsalv360.dataset.assemble import checksum_lines
from tsalv360.dataset.loose import write_loose
from tsalv360.dataset.splits import in_no_fold
from tsalv360.job.errors import InputError, plain
from tsalv360.job.files import link_or_copy, sha256, whole_folder, write_json
from tsalv360.model.clip_tokens import count
from tsalv360.reliability import summarise
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Origin

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "av", "snakemake")
_LINKED = (MAPS, FIXATION_POINTS)
_PART_TABLES = {"annotations": tables.PART_ANNOTATIONS, "clips": tables.CLIPS, "fixations": tables.DATASET_FIXATIONS}
TABLES = _PART_TABLES | {"annotations": tables.ANNOTATIONS}


def collect_clips(directory: str | Path, parts: list[Path], folds: list[Fold]) -> None:
    """Write the folder that training and evaluation read: clips, captions, splits, and links to maps and points.

    It has the layout of the dataset without what no model reads, so that a new card, licence or name of a source does
    not start training again. Links are relative, so that the results can be moved as a whole. Parameters: the folders
    that `assemble_video` wrote as `parts`, the folds of `make_splits`.
    """
    directory = Path(directory)
    with whole_folder(directory) as partial:
        for name in ("annotations", "clips"):
            tables.write_table(partial / f"{name}.parquet", _joined(parts, name), _PART_TABLES[name])
        write_json(partial / "splits.json", {"folds": folds})
        lines = checksum_lines(sorted(partial.iterdir()), partial)
        for part in parts:
            linked = tuple(f"{folder}/" for folder in _LINKED)
            lines += [line for line in _checksums(part) if line.split("  ", 1)[1].startswith(linked)]
            for folder in _LINKED:
                (partial / folder).mkdir(exist_ok=True)
                for source in (part / folder).glob("*"):
                    (partial / folder / source.name).symlink_to(os.path.relpath(source, directory / folder))
        (partial / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def build_dataset(
    directory: str | Path,
    parts: list[Path],
    indexes: list[IndexEntry],
    origins: dict[str, Origin],
    dropped: pd.DataFrame,
    trials: pd.DataFrame,
    folds: list[Fold],
    config: dict[str, Any],
) -> None:
    """Write the dataset folder.

    Parameters: the folders that `assemble_video` wrote as `parts`, in the order of `indexes`; source and licence of
    each video; the `dropped` candidates and, as `trials`, the tables `reliability` of all videos; the folds of
    `make_splits`; and as `config` the settings that the data depend on.
    """
    with whole_folder(directory) as partial:
        lines = [line for part in parts for line in _link_part(part, partial)]
        if config["dataset"]["loose_maps"]:
            lines += checksum_lines(write_loose(partial, sorted((partial / MAPS).iterdir())), partial)
        sources = {video: origin.source for video, origin in origins.items()}
        joined = {name: _joined(parts, name) for name in TABLES}
        videos = joined["annotations"].video
        joined["annotations"]["source"] = videos.map(sources)
        joined["annotations"]["gaze"] = videos.map({video: origin.gaze for video, origin in origins.items()})
        _count_tokens(joined["annotations"])
        for name, table in TABLES.items():
            tables.write_table(partial / f"{name}.parquet", joined[name], table)
        tables.write_table(partial / "reliability.parquet", trials, tables.RELIABILITY)
        write_json(partial / "splits.json", {"folds": folds, "in_no_fold": in_no_fold(list(sources), folds)})
        left_out = sum((read_entry(part / LEFT_OUT, LeftOut) for part in parts), LeftOut())
        outcomes = [read_entry(part / CURATION, Outcome) for part in parts if (part / CURATION).exists()]
        curation = _outcome(outcomes) if outcomes else None
        if curation:
            write_json(partial / CURATION, curation)
        text = card(indexes, origins, joined, dropped, trials, left_out, curation, folds, config)
        (partial / "README.md").write_text(text, encoding="utf-8")
        files = sorted(path for path in partial.iterdir() if path.is_file())
        (partial / CHECKSUMS).write_text("".join([*checksum_lines(files, partial), *lines]), encoding="utf-8")


def card(
    indexes: list[IndexEntry],
    origins: dict[str, Origin],
    tables: dict[str, pd.DataFrame],
    dropped: pd.DataFrame,
    trials: pd.DataFrame,
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
        reliability=summarise(trials),
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


def _joined(parts: list[Path], name: str) -> pd.DataFrame:
    rows = [tables.read_table(part / f"{name}.parquet", _PART_TABLES[name]) for part in parts]
    return pd.concat(rows, ignore_index=True)


def _count_tokens(annotations: pd.DataFrame) -> None:
    """Fill in the numbers of CLIP tokens that published captions lack."""
    rows = annotations.index[annotations.n_tokens.isna()]
    annotations["n_tokens"] = annotations.n_tokens.astype("Int64")
    annotations.loc[rows, "n_tokens"] = annotations.caption[rows].map(count).astype("Int64")


def _outcome(outcomes: list[Outcome]) -> DatasetOutcome:
    curators = {curator for one in outcomes for curator in one.curators}
    names = [one.name for one in fields(DatasetOutcome)[1:]]
    lists = {name: [remark for one in outcomes for remark in getattr(one, name)] for name in names}
    return DatasetOutcome(len(curators), **lists)


def _checksums(part: Path) -> list[str]:
    return (part / CHECKSUMS).read_text("utf-8").splitlines(keepends=True)


def _link_part(part: Path, target: Path) -> list[str]:
    """Link the maps and points of a part; return their checksum lines, InputError if a file differs."""
    lines = _checksums(part)
    for line in lines:
        digest, name = line.rstrip("\n").split("  ", 1)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if not (part / name).is_file() or sha256(part / name) != digest:
            raise InputError(part / name, "another content", f"that of {CHECKSUMS} beside it", "Make it again.")
        link_or_copy(part / name, target / name)
    return lines

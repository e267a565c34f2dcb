"""Build the dataset folder from the parts of all videos, and the folder `clips` that models read.

`clips` has the layout of the dataset without what no model reads, so that a new card, licence or source name does not
train a model again.
"""

import os
from pathlib import Path
from typing import Any

import pandas as pd

from tsalv360.captions.checks import count_tokens
from tsalv360.contracts.entries import IndexEntry
from tsalv360.contracts.layout import CHECKSUMS, CURATION, FIXATION_POINTS, GROUND_TRUTH, LEFT_OUT
from tsalv360.contracts.tables import (
    ANNOTATIONS,
    CLIPS,
    DATASET_FIXATIONS,
    PART_ANNOTATIONS,
    Table,
    read_table,
    write_table,
)
from tsalv360.dataset.assemble import checksum_lines
from tsalv360.dataset.card import write_card
from tsalv360.dataset.splits import DatasetSettings, Fold, in_no_fold, make_splits
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, read_json, sha256, whole_folder, write_json
from tsalv360.sources.recording import Origin

_TABLES = {"annotations": PART_ANNOTATIONS, "clips": CLIPS}
_LINKED = (GROUND_TRUTH, FIXATION_POINTS)


def collect_clips(directory: str | Path, parts: list[Path], folds: list[Fold]) -> None:
    """Write the folder that training and evaluation read: tables and splits, and links to maps and points.

    Links are relative, so that the results can move as a whole. Parameters: `parts` the folders that
    `assemble_video` wrote, `folds` as `make_splits` gives them.
    """
    directory = Path(directory)
    with whole_folder(directory) as partial:
        for name, table in _TABLES.items():
            rows = [read_table(part / f"{name}.parquet", table) for part in parts]
            write_table(partial / f"{name}.parquet", pd.concat(rows, ignore_index=True), table)
        write_json(partial / "splits.json", {"folds": folds})
        lines = checksum_lines(sorted(path for path in partial.iterdir()), partial)
        for part in parts:
            told = (part / CHECKSUMS).read_text("utf-8").splitlines(keepends=True)
            lines += [line for line in told if line.split("  ", 1)[1].startswith(tuple(f"{name}/" for name in _LINKED))]
            for folder in _LINKED:
                (partial / folder).mkdir(exist_ok=True)
                for source in (part / folder).glob("*"):
                    target = os.path.relpath(source, directory / folder)
                    (partial / folder / source.name).symlink_to(target, source.is_dir())
        (partial / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


TABLES: dict[str, Table] = {"annotations": ANNOTATIONS, "clips": CLIPS, "fixations": DATASET_FIXATIONS}


def build_dataset(
    directory: str | Path,
    parts: list[Path],
    indexes: list[IndexEntry],
    origins: dict[str, Origin],
    dropped: pd.DataFrame,
    settings: DatasetSettings,
    config: dict[str, Any],
) -> None:
    """Write the dataset folder.

    Parameters: `parts` the folders that `assemble_video` wrote, in the order of `indexes`; `origins` the source and
    licence of each video; `dropped` the candidates left out of all videos; `config` the settings that the data depend
    on, for the card.
    """
    with whole_folder(directory) as partial:
        maps: list[str] = []
        for part in parts:
            maps += _link_part(part, partial)
        sources = {video: origin.source for video, origin in origins.items()}
        tables = {}
        for name, table in TABLES.items():
            of_part = PART_ANNOTATIONS if name == "annotations" else table
            read = [read_table(part / f"{name}.parquet", of_part) for part in parts]
            tables[name] = pd.concat(read, ignore_index=True)
            if name == "annotations":
                tables[name]["source"] = tables[name].video.map(sources)
                _count_tokens(tables[name])
            write_table(partial / f"{name}.parquet", tables[name], table)
        folds = make_splits(sources, settings.folds, settings.validation_share, settings.seed)
        write_json(partial / "splits.json", {"folds": folds, "in_no_fold": in_no_fold(list(sources), folds)})
        counts = [read_json(part / LEFT_OUT) for part in parts]
        left_out = {key: sum(count[key] for count in counts) for key in counts[0]}
        curation = _curation([part / CURATION for part in parts])
        if curation:
            write_json(partial / CURATION, curation)
        write_card(partial / "README.md", indexes, origins, tables, dropped, left_out, curation, folds, config)
        others = sorted(path for path in partial.iterdir() if path.is_file())
        (partial / CHECKSUMS).write_text("".join([*checksum_lines(others, partial), *maps]), encoding="utf-8")


def _count_tokens(annotations: pd.DataFrame) -> None:
    """Count the CLIP tokens of captions without a count, where the tokenizer is installed."""
    rows = annotations.index[annotations.n_tokens.isna()]
    counts = count_tokens(annotations.caption[rows].tolist())
    annotations["n_tokens"] = annotations.n_tokens.astype("Int64")
    annotations.loc[rows, "n_tokens"] = pd.array(counts, dtype="Int64")


def _curation(paths: list[Path]) -> dict[str, Any] | None:
    """The outcome of the curation of all videos, with the number of curators for their names; None for drafts."""
    outcomes = [read_json(path) for path in paths if path.exists()]
    if not outcomes:
        return None
    lists = {name: [remark for outcome in outcomes for remark in outcome[name]] for name in outcomes[0]}
    return {"n_curators": len(set(lists.pop("curators"))), **lists}


def _link_part(part: Path, target: Path) -> list[str]:
    """Link a part's captions, maps and points and return their checksum lines; InputError where one does not match."""
    lines = (part / CHECKSUMS).read_text("utf-8").splitlines(keepends=True)
    for line in lines:
        digest, name = line.rstrip("\n").split("  ", 1)
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not (part / name).is_file() or sha256(part / name) != digest:
            raise InputError(part / name, "another content", f"that of {CHECKSUMS} beside it", "Make it again.")
        link_or_copy(part / name, place)
    return lines

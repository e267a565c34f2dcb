"""What models read of a dataset: its clips, captions and splits, with links to the maps and points of its parts.

It has the layout of the dataset itself, without what no model reads: so a new card, licence or name of a source is no
reason to train again.
"""

import os
from pathlib import Path

import pandas as pd

from tsalv360.dataset.assemble import CHECKSUMS, FIXATION_POINTS, GROUND_TRUTH, checksum_lines
from tsalv360.dataset.splits import Fold
from tsalv360.files import whole_folder, write_json
from tsalv360.tables import CLIPS, PART_ANNOTATIONS, read_table, write_table

_TABLES = {"annotations": PART_ANNOTATIONS, "clips": CLIPS}
_LINKED = (GROUND_TRUTH, FIXATION_POINTS)


def collect_clips(directory: str | Path, parts: list[Path], folds: list[Fold]) -> None:
    """Write the folder that training and evaluation read.

    Links are relative: they hold where the results move as a whole. Parameters: `parts` the folders that
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

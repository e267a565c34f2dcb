"""Build the dataset from the parts of all videos: tables, splits, checksums and card."""

from pathlib import Path

import pandas as pd

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import DROPPED, RELIABILITY, empty, read_table
from tsalv360.dataset.build import build_dataset
from tsalv360.job.log import logged
from tsalv360.sources.recording import Origin

with logged(snakemake.log[0]):
    build_dataset(
        snakemake.output[0],
        [Path(part) for part in snakemake.input.parts],
        [read_entry(index, IndexEntry) for index in snakemake.input.indexes],
        {video: Origin(*origin) for video, origin in snakemake.params.origins.items()},
        *(
            pd.concat([empty(table), *(read_table(path, table) for path in snakemake.input[name])], ignore_index=True)
            for name, table in (("dropped", DROPPED), ("reliability", RELIABILITY))
        ),
        snakemake.params.splits,
        snakemake.params.data_settings,
    )

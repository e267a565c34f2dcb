"""Write the index of the explorer, and beside it the scripts and styles of all its pages."""

from pathlib import Path

import pandas as pd

from tsalv360.contracts.tables import RELIABILITY, read_table
from tsalv360.curation.records import read_records
from tsalv360.explorer import copy_bundle
from tsalv360.explorer.index_page import Content, write_index
from tsalv360.explorer.inputs import read_camera_paths, read_captions, read_dataset, read_videos
from tsalv360.job.log import logged
from tsalv360.sources.recording import Origin

given, wanted = snakemake.input, snakemake.params
with logged(snakemake.log[0]):
    videos = read_videos(
        indexes=given.indexes,
        notes=given.notes,
        events=given.events,
        tracks=given.tracks,
        dropped=given.dropped,
        truth=given.truth,
        origins={video: Origin(*origin) for video, origin in wanted.origins.items()},
    )
    tables, curation = read_dataset(Path(given.dataset))
    content = Content(
        videos,
        pd.concat([read_table(path, RELIABILITY) for path in given.reliability], ignore_index=True),
        read_camera_paths(given.camera_paths, videos),
        tables,
        curation,
        read_captions(given.captions),
        [record for path in given.records for record in read_records(path, Path(path).stem)],
        wanted.splits,
        wanted.data_settings,
    )
    write_index(snakemake.output.index, content)
    copy_bundle(Path(snakemake.output.index).parent)

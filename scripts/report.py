"""Write the report: one self-contained HTML page that shows all results."""

from pathlib import Path

from tsalv360.job.log import logged
from tsalv360.report.inputs import read_videos
from tsalv360.report.page import write_report
from tsalv360.sources.recording import Origin

with logged(snakemake.log[0]):
    videos = read_videos(
        indexes=snakemake.input.indexes,
        notes=snakemake.input.notes,
        events=snakemake.input.events,
        tracks=snakemake.input.tracks,
        dropped=snakemake.input.dropped,
        reliability=snakemake.input.reliability,
        viewports=snakemake.input.viewports,
        sheets=snakemake.input.sheets,
        truth=snakemake.input.truth,
        camera_paths=snakemake.input.camera_paths,
        origins={video: Origin(*origin) for video, origin in snakemake.params.origins.items()},
    )
    dataset, captions, records = Path(snakemake.input.dataset), snakemake.input.captions, snakemake.input.records
    write_report(snakemake.output[0], videos, dataset, captions, records, snakemake.params.data_settings)

"""Write the report: one self-contained HTML page that shows all results."""

from pathlib import Path

from tsalv360.job.log import logged
from tsalv360.report.page import write_report
from tsalv360.sources.recording import Origin

with logged(snakemake.log[0]):
    write_report(
        snakemake.output[0],
        Path(snakemake.input.dataset),
        indexes=snakemake.input.indexes,
        notes=snakemake.input.notes,
        events=snakemake.input.events,
        tracks=snakemake.input.tracks,
        dropped=snakemake.input.dropped,
        viewports=snakemake.input.viewports,
        sheets=snakemake.input.sheets,
        truth=snakemake.input.truth,
        camera_paths=snakemake.input.camera_paths,
        captions=snakemake.input.captions,
        records=snakemake.input.records,
        origins={video: Origin(*origin) for video, origin in snakemake.params.origins.items()},
        config=snakemake.params.data_settings,
    )

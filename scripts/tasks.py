"""Write the Label Studio tasks of a video's events."""

from pathlib import Path

from tsalv360.contracts.entries import Captions, IndexEntry, ViewportLengths, read_entry
from tsalv360.contracts.tables import EVENTS, TRACKS, read_table
from tsalv360.curation.tasks import make_tasks
from tsalv360.job.files import write_json
from tsalv360.job.log import logged

with logged(snakemake.log[0], snakemake.wildcards.video):
    tasks = make_tasks(
        read_entry(snakemake.input.index, IndexEntry),
        read_table(snakemake.input.events, EVENTS),
        read_table(snakemake.input.tracks, TRACKS),
        read_entry(snakemake.input.captions, Captions)[snakemake.wildcards.video],
        read_entry(f"{snakemake.input.viewports}/viewports.json", ViewportLengths).events,
        str(Path(snakemake.params.folder, *Path(snakemake.input.media).parts[-2:])),
        **snakemake.params.recording,
    )
    write_json(snakemake.output[0], tasks)

"""Write the folder to publish: tables, shards, an archive for published readers, pages, card and metadata."""

from pathlib import Path

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.job.log import logged
from tsalv360.publish.build import Video, publish
from tsalv360.sources.recording import Origin

given, wanted = snakemake.input, snakemake.params
with logged(snakemake.log[0]):
    videos = [
        Video(
            index := read_entry(entry, IndexEntry),
            Path(part),
            Path(pictures),
            Origin(*wanted.origins[index.id]),
            wanted.permissions[index.id],
            wanted.files[index.id],
            wanted.extraction[index.id],
        )
        for entry, part, pictures in zip(given.indexes, given.parts, given.pictures, strict=True)
    ]
    explorer = {Path(file).name: Path(file) for file in given.explorer}
    explorer |= {f"videos/{Path(file).name}": Path(file) for file in [*given.pages, *given.media]}
    publish(snakemake.output[0], given.dataset, videos, explorer, wanted.folder, wanted.settings)

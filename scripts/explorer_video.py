"""Write the stacked video of a page: the panorama above the saliency maps of all events."""

from pathlib import Path

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import FIXATIONS, TRACKS, read_table
from tsalv360.explorer import stacked
from tsalv360.job.log import logged
from tsalv360.media.maps import Maps

given, wanted, video = snakemake.input, snakemake.params, Path(snakemake.output[0])
with logged(snakemake.log[0], snakemake.wildcards.video):
    index, tracks = read_entry(given.index, IndexEntry), read_table(given.tracks, TRACKS)
    layout = stacked.layout_of(tracks, wanted.frames["height"], wanted.explorer["height"])
    fixations = read_table(given.fixations, FIXATIONS)
    of_all = stacked.maps_of_all(fixations, index.kept_times, **wanted.saliency)
    kept, sources = index.kept_frames, (Path(given.frames), Maps(given.saliency))
    pictures = stacked.stacked_pictures(layout, *sources, tracks, kept, of_all)
    stacked.write_stacked(video, pictures, layout, len(kept), stacked.rate_of(index))
    script = video.with_name(f"{video.name}.js")
    if wanted.explorer["from_disk"]:
        stacked.write_as_script(video, script)
    else:
        script.unlink(missing_ok=True)

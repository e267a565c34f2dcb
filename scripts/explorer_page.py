"""Write the page of a video, and its contact sheet beside it."""

import shutil
from pathlib import Path

from tsalv360.contracts.entries import Captions, read_entry
from tsalv360.contracts.tables import FIXATIONS, RELIABILITY, read_table
from tsalv360.explorer.inputs import read_part, read_video
from tsalv360.explorer.stacked import layout_of
from tsalv360.explorer.video_page import Media, data_of_video, write_video_page
from tsalv360.job.files import whole_file
from tsalv360.job.log import logged
from tsalv360.media.pictures import read_picture
from tsalv360.sources.recording import Origin

name, given, wanted = snakemake.wildcards.video, snakemake.input, snakemake.params
with logged(snakemake.log[0], name):
    origin, truth = Origin(*wanted.origins[name]), next(iter(given.truth), None)
    video = read_video(given.index, given.notes, given.events, given.tracks, given.dropped, truth, origin)
    layout = layout_of(video.tracks, wanted.frames["height"], wanted.explorer["height"])
    media = Media(layout, Path(given.media).stat().st_size, wanted.explorer["from_disk"])
    data = data_of_video(
        wanted.folder,
        video,
        media,
        read_table(given.fixations, FIXATIONS),
        *read_part(Path(given.part)),
        read_entry(given.captions, Captions)[name],
        wanted.splits,
        read_table(given.reliability, RELIABILITY),
    )
    read_picture(Path(given.sheet))  # refuses a damaged one
    with whole_file(snakemake.output.sheet) as partial:
        shutil.copyfile(given.sheet, partial)
    write_video_page(snakemake.output.page, data)

"""Make the saliency maps of a video's events from the fixations assigned to them."""

from tsalv360.logs import logged
from tsalv360.saliency import SaliencySettings, write_saliency_maps
from tsalv360.tables import ASSIGNMENTS, FIXATIONS, TRACKS, read_table

with logged(snakemake.log[0], snakemake.wildcards.video):
    write_saliency_maps(
        snakemake.output[0],
        read_table(snakemake.input.fixations, FIXATIONS),
        read_table(snakemake.input.assignments, ASSIGNMENTS),
        read_table(snakemake.input.tracks, TRACKS),
        SaliencySettings(**snakemake.params.settings),
    )

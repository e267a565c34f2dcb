"""Draw one demo video and simulate its observers: video, gaze files and ground truth."""

from tsalv360.job.log import logged
from tsalv360.sources.demo import DemoSource, write_demo

with logged(snakemake.log[0]):
    source = DemoSource(directory=str(snakemake.params.directory), **snakemake.params.demo)
    write_demo(source, snakemake.wildcards.video)

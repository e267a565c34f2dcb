"""Draw one video of the demo and simulate its observers: video, gaze files and truth."""

from tsalv360.job.log import logged
from tsalv360.sources.demo import DemoSource, write_demo

with logged(snakemake.log[0]):
    source = DemoSource(directory=str(snakemake.params.directory), **snakemake.params.demo)
    write_demo(source, snakemake.wildcards.video)

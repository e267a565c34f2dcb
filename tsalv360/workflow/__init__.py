"""What the Snakefile, the reference pages and the tests share: plans, what runs again, records kept with results."""

from tsalv360.job.installed import FILES

SNAKEFILE = str(FILES / "Snakefile")  # for projects, whose Snakefile includes it

"""What the workflow asks of Snakemake beyond its rules: records that move with the results, and what a plan says.

The stages know nothing of Snakemake; this room is what the Snakefile, the pages of reference and the tests share.
"""

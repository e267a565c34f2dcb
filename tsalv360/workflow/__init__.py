"""What the Snakefile, the reference pages and the tests share: plans, what runs again, records kept with results."""

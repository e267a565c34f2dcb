"""A table that compares the speed of this package and others: frames, viewports, saliency maps, clustering, metrics.

    make benchmarks [ARGS="frames viewports --repeats 1 --into docs/speed.md"]
    python benchmarks ...                   the same, if the extra `benchmarks` is installed

Each job runs on one thread, and the implementations alternate; only ratios within one run are meaningful. If
TSALV360_REAL_DATA names the folder of real data, windows of real gaze are clustered too. Takes about 20 minutes. Not a
test: times depend on the machine.
"""

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from timing import HEADER, Job, machine

JOBS = {"frames": 5, "viewports": 7, "saliency": 15, "clustering": 3, "metrics": 15}  # rounds
BEGIN, END = "<!-- benchmarks: what `make benchmarks` prints -->\n", "<!-- end of benchmarks -->\n"


def put(table: str, file: Path) -> None:
    """Replace the text between the two marks of a file."""
    head, rest = file.read_text(encoding="utf-8").split(BEGIN)
    file.write_text(f"{head}{BEGIN}{table}{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"{', '.join(JOBS)}; default: all")
    parser.add_argument("--repeats", type=int, help="number of rounds of every job")
    parser.add_argument("--into", type=Path, help="also write the table to this file, between its two marks")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    asked = parser.parse_args()
    if unknown := set(asked.jobs) - set(JOBS):
        parser.error(f"no job {', '.join(sorted(unknown))}; there are {', '.join(JOBS)}")
    warnings.simplefilter("ignore")
    where, found = machine(), list[Job]()
    for name in asked.jobs or JOBS:
        print(f"{name} ...", file=sys.stderr)
        found += import_module(name).jobs(asked.repeats or JOBS[name])
    table = "\n".join([f"On {where}.\n", HEADER, *(job.rows() for job in found)]) + "\n"
    print(table, end="")
    if asked.into:
        put(table, asked.into)
    if asked.json:
        results = [asdict(job) | {"goals": {way: job.goals(way) for way in job.times}} for job in found]
        text = json.dumps({"machine": where, "jobs": results}, indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

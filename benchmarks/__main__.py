"""One table of this package and others at the same jobs: frames, viewports, saliency maps, clustering, metrics.

    make benchmarks [ARGS="frames viewports --repeats 1 --into docs/speed.md"]
    python benchmarks ...                   the same where the extra `benchmarks` is installed

Each job runs on one thread, the ways to do it in turn; what counts is the ratios within a run. The folder
TSALV360_REAL_DATA, where it is set, adds windows of real gaze to the clustering. Takes about 20 minutes. Not a
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
    """Replace what stands between the two marks of a file."""
    head, rest = file.read_text(encoding="utf-8").split(BEGIN)
    file.write_text(f"{head}{BEGIN}{table}{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}; all when left out")
    parser.add_argument("--repeats", type=int, help="rounds of every job")
    parser.add_argument("--into", type=Path, help="put the table into this file as well, between its two marks")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
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

"""The command `tsalv360`: what people do beside the workflow."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from tsalv360.check import check_data
from tsalv360.check.table import as_text
from tsalv360.config import ConfigError, load_config
from tsalv360.files import write_json

DEFAULT = Path(__file__).parents[1] / "config" / "config.yaml"
LOCAL = Path("config", "local.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="tsalv360", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data = commands.add_parser("data", help="videos and gaze").add_subparsers(required=True, metavar="COMMAND")
    _add_check(data.add_parser("check", help="look into the folders of the config before anything runs"))
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ConfigError, WorkflowError, OSError) as error:
        print(f"The configuration cannot be used.\n{error}", file=sys.stderr)
        return 1


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Look into all videos and gaze of the config. Exit status 0 when the build can run, else 1."
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[], help="as snakemake's; default: config/local.yaml, if there"
    )
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there too")
    parser.set_defaults(run=_check)


def read_config(files: Sequence[Path]) -> dict[str, Any]:
    """The content of config files laid over the default one, as the Snakefile does: `files`, else config/local.yaml."""
    content: dict[str, Any] = load_configfile(DEFAULT)
    if not files and LOCAL.exists():
        print(f"{LOCAL} lies over the default config.", file=sys.stderr)
        files = [LOCAL]
    for file in files:
        update_config(content, load_configfile(file))
    return content


def _check(options: argparse.Namespace) -> int:
    check = check_data(load_config(read_config(options.configfile)), options.cores)
    print(as_text(check))
    if options.json:
        write_json(options.json, asdict(check))
    return 0 if check.can_build else 1


if __name__ == "__main__":
    sys.exit(main())

"""The log of one job: what it printed, its warnings, and its error with the way out."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tsalv360.errors import InputError


@contextmanager
def logged(path: str | Path, video: str | None = None) -> Iterator[None]:
    """Send all output of a block to the log file at `path`.

    Bad input ends the process with status 1 and its message; any other error also leaves its traceback. Where the
    job works on one `video`, the message says how to go on without it.
    """
    with open(path, "w", encoding="utf-8", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        logging.basicConfig(stream=file, format="%(levelname)s: %(message)s", level=logging.INFO, force=True)
        try:
            yield
        except Exception as error:
            if not isinstance(error, InputError | OSError):
                traceback.print_exc()
            print(f"error: {error}")
            if video:
                print(f'To go on without this video, add to the config:  videos: {{exclude: {{"{video}": "reason"}}}}')
            sys.exit(1)

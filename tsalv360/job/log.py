"""The log of one job: what it printed, its warnings, and its error with the way out.

Progress of long work: rate and remaining time, on the terminal or in a log file.
"""

import atexit
import errno
import faulthandler
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsalv360.job.errors import InputError
from tsalv360.job.parent import RUN, ended_with_its_run

if TYPE_CHECKING:
    from tqdm import tqdm


_NO_MEMORY = (os.strerror(errno.ENOMEM), os.strerror(errno.EAGAIN), "can't start new thread")


@contextmanager
def logged(path: str | Path, video: str | None = None) -> Iterator[None]:
    """Send all output of a block to the log file at `path`, that of C libraries and of commands it starts included.

    The process ends with the run that started it, and by bad input with status 1 and its message; any other error also
    leaves its traceback. Where a stage made the input, the message says how to have it made again, and where the job
    works on one `video`, how to go on without it.
    """
    with (
        _left_at_once(),
        ended_with_its_run(),
        open(path, "w", encoding="utf-8", buffering=1) as file,
        redirect_stdout(file),
        redirect_stderr(file),
        _descriptors_sent_to(file.fileno()),
    ):
        faulthandler.enable(2)  # tells of a crash or an abort in a library where it was called
        logging.basicConfig(stream=file, format="%(levelname)s: %(message)s", level=logging.INFO, force=True)
        try:
            yield
        except Exception as error:
            if _lacks_memory(error):
                print(f"error: not enough memory ({error}). Run fewer jobs at once: snakemake --cores 1")
                sys.exit(1)
            if not isinstance(error, InputError | OSError):
                traceback.print_exc()
            print(f"error: {error}")
            made = _made_by_a_stage(error.where, Path(path)) if isinstance(error, InputError) else None
            if made:
                print(f"To have it made again, run snakemake after:  rm -r {shlex.quote(str(made))}")
            if video:
                print(f'To go on without this video, add to the config:  videos: {{exclude: {{"{video}": "reason"}}}}')
            sys.exit(1)


@contextmanager
def _left_at_once() -> Iterator[None]:
    """Have a job that was started by a run leave as soon as it is done.

    What its block started is ended as ever; but that Python then takes pandas and SciPy down, object by object, is a
    quarter of the time of a short job.
    """
    done = False

    def leave() -> None:
        if done:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    if RUN in os.environ:
        atexit.register(leave)  # at the beginning: it comes after what is registered later
    yield
    done = True


@contextmanager
def _descriptors_sent_to(file: int) -> Iterator[None]:
    """Send what is written to standard output and error by their numbers, as C does, to another open file."""
    with ExitStack() as given_back:
        for number in (1, 2):
            kept = os.dup(number)
            given_back.callback(os.close, kept)
            given_back.callback(os.dup2, kept, number)
            os.dup2(file, number)
        yield


def _lacks_memory(error: Exception) -> bool:
    """Whether memory was refused, or a thread or process for want of it, which libraries tell in words alone."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def _made_by_a_stage(where: object, log: Path) -> Path | None:
    """The output of a job, a file or a folder with Snakemake's mark, that `where` is or lies in."""
    results = next((folder.parent for folder in log.parents if folder.name == "logs"), None)
    if results is None or not isinstance(where, str | Path) or not Path(where).is_relative_to(results):
        return None
    within = [Path(where), *Path(where).parents]
    below = within[: within.index(results)][::-1]
    return next((path for path in below if path.is_file() or (path / ".snakemake_timestamp").exists()), None)


def progress(total: int, what: str) -> "tqdm[Any]":
    """A progress bar over `total` items; in a log file it writes a line every ten seconds instead of redrawing."""
    from tqdm import tqdm  # for jobs that show progress alone

    return tqdm(total=total, unit=f" {what}", mininterval=0.2 if sys.stderr.isatty() else 10, file=sys.stderr)

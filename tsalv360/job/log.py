"""What surrounds a job: its log, progress, an error with the way out, and its end with the workflow that started it."""

import atexit
import errno
import faulthandler
import logging
import os
import re
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsalv360.job.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

RUN = "TSALV360_RUN"  # environment variable of jobs: process id of the workflow
_INTERVAL_S = 0.5
_SHOW_S = 10.0
_TAIL_BYTES = 4096
_BAR = re.compile(r"(\d+)%\|[^|\r\n]*\| ([\d.]+\w?)/([\d.]+\w?) \[[^<\]]*<([^,\]]*), ([^\]]*)\]")  # of tqdm
# how libraries word errors that mean too little memory: none left, or none for another thread or process
_NO_MEMORY = (os.strerror(errno.ENOMEM), os.strerror(errno.EAGAIN), "can't start new thread")


@contextmanager
def logged(path: str | Path, video: str | None = None, shown_as: str = "") -> Iterator[None]:
    """Send all output of a block, also that of C libraries and of commands it starts, to the log file at `path`.

    With `shown_as`, the name of a long job, the place of the log and its progress also appear in the terminal.

    The process ends with its workflow. An error ends it with status 1 and a message; an error that is not bad input
    also leaves its traceback. If a stage made the input, the message says how to make it again; if the job works on
    one `video`, it says how to exclude it.
    """
    end_with_workflow()
    with (
        _fast_exit(),
        open(path, "w", encoding="utf-8", buffering=1) as file,
        _shown(shown_as, Path(path)),
        redirect_stdout(file),
        redirect_stderr(file),
        _descriptors_redirected(file.fileno()),
    ):
        faulthandler.enable(2)  # where Python was when a library crashed or aborted
        logging.basicConfig(stream=file, format="%(levelname)s: %(message)s", level=logging.INFO, force=True)
        try:
            yield
        except Exception as error:
            if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
                print(f"error: not enough memory ({error}). Run fewer jobs at once: snakemake --cores 1")
                sys.exit(1)
            if not isinstance(error, InputError | OSError):
                traceback.print_exc()
            print(f"error: {error}")
            if isinstance(error, InputError) and (output := _output_of_a_stage(error.where, Path(path))):
                print(f"To make it again, run snakemake after:  rm -r {shlex.quote(str(output))}")
            if video:
                print(f'To go on without this video, add to the config:  videos: {{exclude: {{"{video}": "reason"}}}}')
            sys.exit(1)


@contextmanager
def _shown(name: str, log: Path) -> Iterator[None]:
    """Print the progress that a job writes to its log, every few seconds, where the job itself would print."""
    if not name:
        yield
        return
    done = threading.Event()

    def show() -> None:
        last = ""
        while not done.wait(_SHOW_S):
            if (now := last_progress(log)) and now != last:
                print(f"{name}: {now}", file=terminal)
                last = now

    with open(os.dup(2), "w", encoding="utf-8", buffering=1) as terminal:  # 2 will be the log
        print(f"{name}: its log is {log}", file=terminal)
        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def last_progress(log: Path) -> str:
    """Return the last state of a progress bar in a log, such as "34 %, 41 of 120, 1.3 clips/s, 01:02 left"."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        found = _BAR.findall(file.read().decode("utf-8", "replace"))
    if not found:
        return ""
    percent, n, total, left, rate = found[-1]
    return f"{percent} %, {n} of {total}, {rate}, {left} left"


@contextmanager
def _fast_exit() -> Iterator[None]:
    """Let a job of a workflow exit without tearing down its libraries, which takes a quarter of a short job's time.

    Exit handlers that are registered in the block still run.
    """
    done = False

    def leave() -> None:
        if done:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    if RUN in os.environ:
        atexit.register(leave)  # before the block: handlers run in reverse order
    yield
    done = True


@contextmanager
def _descriptors_redirected(file: int) -> Iterator[None]:
    """Redirect file descriptors 1 and 2, which C libraries and commands write to, to an open file."""
    with ExitStack() as restored:
        for number in (1, 2):
            kept = os.dup(number)
            restored.callback(os.close, kept)
            restored.callback(os.dup2, kept, number)
            os.dup2(file, number)
        yield


def _output_of_a_stage(where: object, log: Path) -> Path | None:
    """Return the output of a job, a file or a folder with Snakemake's mark, that `where` is or lies in."""
    results = next((folder.parent for folder in log.parents if folder.name == "logs"), None)
    if results is None or not isinstance(where, str | Path) or not Path(where).is_relative_to(results):
        return None
    within = [Path(where), *Path(where).parents]
    below = within[: within.index(results)][::-1]
    return next((path for path in below if path.is_file() or (path / ".snakemake_timestamp").exists()), None)


def progress(total: int, what: str) -> "tqdm[Any]":
    """Return a progress bar over `total` items; in a log file it adds a line every ten seconds."""
    return _bar(total, unit=f" {what}")


def byte_progress(total: int, doing: str) -> "tqdm[Any]":
    """Return a progress bar as `progress` over bytes, which are shown as kB, MB …; `doing` stands in front of it."""
    return _bar(total, unit="B", unit_scale=True, desc=doing)


def _bar(total: int, **options: Any) -> "tqdm[Any]":
    from tqdm import tqdm  # only for jobs that show progress

    return tqdm(total=total, mininterval=0.2 if sys.stderr.isatty() else 10, file=sys.stderr, **options)


def end_with_workflow() -> None:
    """End this process as soon as the workflow that `RUN` names is gone; outside a workflow do nothing.

    A job that outlived its workflow could overwrite the output of the next run.
    """
    if RUN in os.environ:
        end_with(int(os.environ[RUN]))


def end_with(process: int) -> None:
    """End this process as soon as the one with the id `process` is gone."""

    def watch() -> None:
        while True:
            time.sleep(_INTERVAL_S)
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

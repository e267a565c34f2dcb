"""Jobs end with the run that started them: nobody would record what an orphan writes, and a new run writes it too."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RUN = "TSALV360_RUN"  # in the environment of jobs: the process that started them
_LOOK_S = 0.5


@contextmanager
def ended_with_its_run() -> Iterator[None]:
    """End this process at once when the process that `RUN` names is gone while the block runs."""
    done = end_with(int(os.environ.get(RUN, 0)))
    try:
        yield
    finally:
        done.set()


def end_with(process: int) -> threading.Event:
    """End this process at once when another one is gone, until the event is set; 0 is no process."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if not _alive(process):
                os._exit(1)

    if process:
        threading.Thread(target=watch, daemon=True).start()
    return done


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

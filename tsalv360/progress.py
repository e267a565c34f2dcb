"""Progress of long work: rate and remaining time, on the terminal or in a log file."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


def progress(total: int, what: str) -> "tqdm[Any]":
    """A progress bar over `total` items; in a log file it writes a line every ten seconds instead of redrawing."""
    from tqdm import tqdm  # for jobs that show progress alone

    return tqdm(total=total, unit=f" {what}", mininterval=0.2 if sys.stderr.isatty() else 10, file=sys.stderr)

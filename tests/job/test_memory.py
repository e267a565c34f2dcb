"""A job that runs out of memory ends and says so; the kernel limits its address space."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tsalv360.contracts.tables import POINTS, empty, write_table

_JOB = """
import resource, sys
from pathlib import Path
from tsalv360.media.pictures import read_picture
from tsalv360.job.log import logged
from tsalv360.contracts.tables import POINTS, read_table

with logged("job.log", "127"):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    {work}
"""


def run_job(folder: Path, work: str, headroom: int) -> int:
    """Exit status of a job that may take `headroom` bytes more; `subprocess.TimeoutExpired` when it hangs."""
    script = _JOB.format(work=work)
    return subprocess.run([sys.executable, "-c", script, str(headroom)], cwd=folder, timeout=60).returncode


def test_a_picture_for_which_memory_is_short_is_not_called_too_large(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((2000, 4000, 3), np.uint8))
    assert run_job(tmp_path, 'read_picture(Path("a.png"))', 4_000_000) == 1
    log = (tmp_path / "job.log").read_text()
    assert "error: not enough memory (Failed to allocate" in log
    assert "snakemake --cores 1" in log
    assert "exclude" not in log


@pytest.mark.parametrize("headroom", [0, 3_000_000])
def test_reading_a_table_does_not_wait_for_memory(tmp_path: Path, headroom: int) -> None:
    """With 3 MB Arrow can begin, and has none for a thread; where C++ ends the process, its words are in the log."""
    write_table(tmp_path / "a.parquet", empty(POINTS), POINTS)
    assert run_job(tmp_path, 'read_table("a.parquet", POINTS)', headroom) != 0
    log = (tmp_path / "job.log").read_text()
    messages = ("error: not enough memory (", "bad_alloc", "cannot allocate memory")
    assert any(words in log for words in messages), log


def test_a_table_is_read_if_there_is_enough_memory(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", empty(POINTS), POINTS)
    assert run_job(tmp_path, 'read_table("a.parquet", POINTS)', 200_000_000) == 0
    assert (tmp_path / "job.log").read_text() == ""

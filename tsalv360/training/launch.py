"""Training of a fold in its own processes."""

import os
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from tsalv360.job.files import whole_file
from tsalv360.job.log import RUN
from tsalv360.training.settings import TrainJob


def launch(job: TrainJob, cores: int) -> int:
    """Train a fold by `compute.processes` processes that share the CPU cores; return their exit status.

    The job is written to `running/job.json`, for `torchrun … -m tsalv360.training job.json` on several nodes. The
    processes print where this one does.
    """
    path = job.running / "job.json"
    with whole_file(path) as partial:
        partial.write_bytes(TypeAdapter(TrainJob).dump_json(job, indent=1))
    n = job.compute.processes
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"] if n > 1 else []
    threads = str(max(1, (cores - n * job.compute.workers) // n))
    # Snakemake sets all of these to the cores of the job, and PyTorch prefers MKL's: processes would compete for them.
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    return subprocess.run(
        [sys.executable, *torchrun, "-m", "tsalv360.training", str(path)],
        env={**os.environ, **limits, RUN: f"{os.getpid()}"},
    ).returncode


def read_job(path: str | Path) -> TrainJob:
    """Return the job that `launch` wrote."""
    return TypeAdapter(TrainJob).validate_json(Path(path).read_bytes())

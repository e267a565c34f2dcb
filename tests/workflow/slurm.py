"""A real SLURM of one node, on loopback, that leaves nothing behind.

It runs in its own namespaces. There /etc/slurm, where a job step looks for its configuration, is a folder of ours, and
when the process that owns the namespaces ends, the kernel ends everything in them. That process waits for the end of
its input, so this also works when the test run is killed.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare", "nsenter")
NAMESPACES = ["--mount", "--pid"]

# No control groups, no accounting database. Time limits are exact to the second; finished jobs stay listed 5 minutes.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0
MpiDefault=none
KillWait=2
MinJobAge=300
DefMemPerCPU=200
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:fake:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

# /dev/zero stands for a GPU: SLURM wants a device but does not open it.
GPU = "NodeName={host} Name=gpu Type=fake Count=1 File=/dev/zero\n"

START = """
set -e
cd "$1"
mount --bind "$1/etc" /etc/slurm
unset "${!SLURM_@}"
munged --force --key-file="$1/munge.key" --socket="$1/munge.socket" --pid-file="$1/munged.pid" \
       --log-file="$1/munged.log" --seed-file="$1/munge.seed" --num-threads=2
slurmctld -c
slurmd
echo started
read || true
"""


def why_not() -> str:
    """Return what is missing to start a SLURM, or an empty text."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"needs SLURM (apt-get install slurm-wlm munge): no {', '.join(missing)}"
    if os.getuid() or subprocess.run(["unshare", *NAMESPACES, "--fork", "true"], capture_output=True).returncode:
        return "needs root, and the right to create namespaces, to start a SLURM"
    return ""


@dataclass
class Cluster:
    """A running SLURM."""

    process: int
    node: str

    def inside(self, folder: Path = Path("/")) -> tuple[str, ...]:
        """Return the words before a command that make it run in `folder` and see this SLURM."""
        return ("nsenter", "--target", str(self.process), *NAMESPACES, "env", f"--chdir={folder}")

    def run(self, *command: str) -> str:
        """Return the output of a command such as `squeue`."""
        return subprocess.run([*self.inside(), *command], check=True, stdout=subprocess.PIPE, text=True).stdout

    def jobs(self, state: str = "all") -> list[str]:
        """Return the numbers of the jobs in a state such as `running`."""
        return self.run("squeue", "--noheader", "--states", state, "--format=%i").split()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a SLURM with one partition `main`, one node and one simulated GPU; its state and logs are in `folder`."""
    for name in ("etc", "state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    configuration = CONFIGURATION.format(
        host=host, folder=folder, ports=two_free_ports(), cpus=os.cpu_count(), memory=memory_mb()
    )
    (folder / "etc" / "slurm.conf").write_text(configuration)
    (folder / "etc" / "gres.conf").write_text(GPU.format(host=host))
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)

    start = ["bash", "-c", START, "slurm", str(folder)]
    command = ["unshare", *NAMESPACES, "--mount-proc", "--fork", "--kill-child", *start]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout and process.stdout.readline(), f"SLURM did not start: {folder}/*.log"
            (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            running = Cluster(int(first), host)
            until(lambda: running.run("sinfo", "--noheader", "--format=%T").strip() == "idle")
            yield running
        finally:
            process.communicate()


def until(condition: Callable[[], object], timeout_s: float = 120) -> None:
    """Wait for a condition."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def two_free_ports() -> list[int]:
    """Return two free ports of loopback."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], two.getsockname()[1]]


def memory_mb() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20

"""A real SLURM of one node, on loopback, that leaves nothing behind.

It runs in namespaces of its own: there /etc/slurm, where the step of a job looks for its configuration, is a folder of
ours, and when the process that holds the namespaces ends, the kernel ends whatever runs in them. That process waits for
the end of its input, so this holds for a killed test run too.
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

# No control groups, no accounting database. A limit of time holds to the second, a finished job is known for 5 minutes.
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

# /dev/zero stands for a GPU: a device is wanted, and none is opened.
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
    """What is missing for a SLURM of one's own, or nothing."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"needs SLURM (apt-get install slurm-wlm munge): no {', '.join(missing)}"
    if os.getuid() or subprocess.run(["unshare", *NAMESPACES, "--fork", "true"], capture_output=True).returncode:
        return "needs root, and the right to make namespaces, for a SLURM of its own"
    return ""


@dataclass
class Cluster:
    """A running SLURM."""

    process: int
    node: str

    def inside(self, folder: Path = Path("/")) -> tuple[str, ...]:
        """What goes before a command that is to see the SLURM and to run in `folder`."""
        return ("nsenter", "--target", str(self.process), *NAMESPACES, "env", f"--chdir={folder}")

    def run(self, *command: str) -> str:
        """The output of a command such as `squeue`."""
        return subprocess.run([*self.inside(), *command], check=True, stdout=subprocess.PIPE, text=True).stdout

    def jobs(self, state: str = "all") -> list[str]:
        """Numbers of the jobs that are in a state such as `running`."""
        return self.run("squeue", "--noheader", "--states", state, "--format=%i").split()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A SLURM with one partition `main`, one node and one pretended GPU, whose state and logs lie in `folder`."""
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
    """Ports of loopback that nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], two.getsockname()[1]]


def memory_mb() -> int:
    """Memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20

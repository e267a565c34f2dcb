"""The environment of its own that Label Studio is installed in: its libraries and ours do not fit together."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tsalv360.errors import InputError
from tsalv360.files import whole_file

ENVIRONMENT = Path(__file__).parents[2] / ".venv-label-studio"
REQUIREMENTS = Path(__file__).parents[2] / "envs" / "label-studio.yaml"


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """The program label-studio in an environment of its own; made once, and anew for other versions."""
    made = folder / "made.txt"
    packages = yaml.safe_load(REQUIREMENTS.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two starts at once, one makes it and the other waits
        if not made.exists() or made.read_text(encoding="utf-8").split() != packages:
            _install(packages, folder)
            with whole_file(made) as partial:
                partial.write_text("\n".join(packages), encoding="utf-8")
    return folder / "bin" / "label-studio"


def _install(packages: list[str], folder: Path) -> None:
    print(f"Making the environment of Label Studio in {folder} (once; about 1 GB) ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run([*pip, *packages], stderr=subprocess.PIPE, text=True, check=False)
    if installed.returncode:
        raise InputError(folder, installed.stderr.strip()[-500:], "an installation", "Mend it and start again.")


if __name__ == "__main__":
    make_environment()

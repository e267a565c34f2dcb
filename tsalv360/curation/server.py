"""An own Label Studio server on this machine: its environment, its start on loopback, and its clean stop.

Label Studio is installed in an environment of its own because its libraries conflict with those of the pipeline.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import yaml

from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, whole_file, write_json

ENVIRONMENT = Path(__file__).parents[2] / ".venv-label-studio"
REQUIREMENTS = Path(__file__).parents[2] / "envs" / "label-studio.yaml"
HOST = "127.0.0.1"
_START_S = 300  # the first start makes the database: half a minute on two cores
_STOP_S = 20


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """Return the program label-studio, installed in an environment of its own; made once for each set of versions."""
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


@dataclass(frozen=True)
class Login:
    """Who administers the server; the key is the token of the API."""

    user: str
    password: str
    key: str


@dataclass(frozen=True)
class Running:
    """A server that runs: its address and its process."""

    url: str
    pid: int


def own_login(folder: Path) -> Login:
    """Return the login of the server in `folder`; the first call makes it, readable by the owner only.

    LABEL_STUDIO_USERNAME and LABEL_STUDIO_PASSWORD in the environment are taken for a new one.
    """
    path = folder / "login.json"
    if path.exists():
        return Login(**read_json(path))
    login = Login(
        os.environ.get("LABEL_STUDIO_USERNAME") or "curator@example.org",
        os.environ.get("LABEL_STUDIO_PASSWORD") or secrets.token_urlsafe(12),
        secrets.token_hex(20),
    )
    with whole_file(path) as partial:
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(login)), encoding="utf-8")
    return login


def running(folder: Path) -> Running | None:
    """Return the server of `folder` if it runs and accepts our key, else None."""
    path = folder / "running.json"
    if not path.exists():
        return None
    server = Running(**read_json(path))
    return server if _answers(server.url, own_login(folder)) else None


@contextmanager
def serve(folder: Path, media: Path, port: int) -> Iterator[tuple[Running, Login]]:
    """Run Label Studio on loopback while the block lasts; its database stays in `folder`.

    Sign-up is closed, nothing is sent out, and local files come from `media` only. Raises InputError where a
    server runs already or this one does not start.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # the database holds the key and the annotations
    if other := running(folder):
        raise InputError(
            folder, f"a server that runs already, {other.url}", "none", f"Use it, or stop it: kill {other.pid}"
        )
    program = make_environment()
    login = own_login(folder)
    port = _free_port(port)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [program, "start", "--no-browser", "--internal-host", HOST, "--port", str(port)],
            env={**_without_secrets(), **_environment(folder / "data", media.absolute(), login)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours: it stops the server after the last request
        )
    server = Running(f"http://{HOST}:{port}", process.pid)
    try:
        _wait(process, server.url, login, log)
        write_json(folder / "running.json", asdict(server))
        yield server, login
    finally:
        _stop(process)
        (folder / "running.json").unlink(missing_ok=True)


def _environment(data: Path, media: Path, login: Login) -> dict[str, str]:
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_USERNAME": login.user,
        "LABEL_STUDIO_PASSWORD": login.password,
        "LABEL_STUDIO_USER_TOKEN": login.key,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(media),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def _without_secrets() -> dict[str, str]:
    """The environment without what belongs to this program and to other services."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME") and not name.startswith(("LABEL_STUDIO_", "TSALV360_"))
    }


def _free_port(wanted: int) -> int:
    """The wanted port, or a free one: Label Studio itself takes the next without a word."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise InputError(HOST, "no free port", "one", "Close other programs.")


def _wait(process: "subprocess.Popen[bytes]", url: str, login: Login, log: Path) -> None:
    """Wait until the server answers as ours: with our key and our user."""
    print(f"Starting Label Studio at {url} ...", flush=True)
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        if _answers(url, login):
            return
        time.sleep(0.5)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise InputError(log, f"no server that answers as ours:\n{tail}\n", "one that starts", "See the log.")


def _answers(url: str, login: Login) -> bool:
    """Whether the server at an address knows our key and our user: another one on that port does not."""
    try:
        answer = httpx.get(f"{url}/api/current-user/whoami", headers={"Authorization": f"Token {login.key}"}, timeout=5)
        return answer.status_code == 200 and answer.json()["email"] == login.user
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    make_environment()

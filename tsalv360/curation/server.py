"""Your own Label Studio server on this machine, in an environment of its own: its libraries conflict with ours."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, whole_file, write_json

ENVIRONMENT = Path(__file__).parents[2] / ".venv-label-studio"
REQUIREMENTS = Path(__file__).parents[2] / "envs" / "label-studio.yaml"
HOST = "127.0.0.1"
_START_S = 300  # the first start creates the database: half a minute on two cores
_STOP_S = 20


@dataclass(frozen=True)
class Login:
    """The administrator of the server; `key` is the API token."""

    user: str
    password: str
    key: str


@dataclass(frozen=True)
class OwnServer:
    """A running server: its URL, process id and login."""

    url: str
    pid: int
    login: Login


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """Return the program label-studio; install its environment if it is missing or has other versions."""
    marker = folder / "made.txt"
    packages = yaml.safe_load(REQUIREMENTS.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two starts, one installs and the other waits
        if not marker.exists() or marker.read_text(encoding="utf-8").split() != packages:
            print(f"Installing Label Studio in {folder} (once; about 1 GB) ...", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run([*pip, *packages], stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise InputError(folder, done.stderr.strip()[-500:], "an installation", "Correct it and start again.")
            with whole_file(marker) as partial:
                partial.write_text("\n".join(packages), encoding="utf-8")
    return folder / "bin" / "label-studio"


def running(folder: Path) -> OwnServer | None:
    """Return the server of `folder` if it runs and accepts our login."""
    path = folder / "running.json"
    if not path.exists():
        return None
    server = OwnServer(**read_json(path), login=_login(folder))
    return server if _answers(server) else None


def _login(folder: Path) -> Login:
    """Return the login of the server in `folder`; a new one is written to a file that only its owner can read."""
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


@contextmanager
def serve(folder: Path, media: Path, port: int) -> Iterator[OwnServer]:
    """Run Label Studio on the loopback interface during the block, with its database in `folder`.

    Sign-up is closed, telemetry is off, and only files in `media` are served. LABEL_STUDIO_USERNAME and
    LABEL_STUDIO_PASSWORD in the environment are used for a new login. Raises InputError if a server of this folder runs
    already, or if it does not start.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # the database contains the key and the curators' work
    if other := running(folder):
        advice = f"Use it, or stop it: kill {other.pid}"
        raise InputError(folder, f"a server that runs already, {other.url}", "none", advice)
    program, login, port = make_environment(), _login(folder), _free_port(port)
    (folder / "data").mkdir(exist_ok=True)
    log = folder / "server.log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [program, "start", "--no-browser", "--internal-host", HOST, "--port", str(port)],
            env=_environment(folder / "data", media.absolute(), login),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this program, which stops the server after the last request
        )
    server = OwnServer(f"http://{HOST}:{port}", process.pid, login)
    try:
        print(f"Starting Label Studio at {server.url} ...", flush=True)
        end = time.monotonic() + _START_S
        while not _answers(server):
            if time.monotonic() > end or process.poll() is not None:
                tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
                raise InputError(log, f"no server that accepts our login:\n{tail}\n", "one that starts", "See the log.")
            time.sleep(0.5)
        write_json(folder / "running.json", {"url": server.url, "pid": server.pid})
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        process.kill()
        process.wait()
        (folder / "running.json").unlink(missing_ok=True)


def _environment(data: Path, media: Path, login: Login) -> dict[str, str]:
    """Return the environment of the server, without the variables of this program and the secrets of other servers."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME") and not name.startswith(("LABEL_STUDIO_", "TSALV360_"))
    }
    return kept | {
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


def _free_port(wanted: int) -> int:
    """Return the wanted port, or a free one; Label Studio itself would silently take the next."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise InputError(HOST, "no free port", "one", "Close other programs.")


def _answers(server: OwnServer) -> bool:
    """Return whether the server accepts our key for our user; another program on its port does not."""
    import httpx  # of the extra curation; making the environment does without it

    headers = {"Authorization": f"Token {server.login.key}"}
    try:
        answer = httpx.get(f"{server.url}/api/current-user/whoami", headers=headers, timeout=5)
        return answer.status_code == 200 and answer.json()["email"] == server.login.user
    except (httpx.HTTPError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    make_environment()

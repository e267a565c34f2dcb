"""Your own Label Studio server on this machine, in an environment of its own: its libraries conflict with ours."""

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from tsalv360.job.errors import InputError, shorten
from tsalv360.job.files import read_json, whole_file, write_json
from tsalv360.job.installed import FILES, IN_CLONE

ENVIRONMENT = (FILES if IN_CLONE else Path.cwd()) / ".venv-label-studio"
REQUIREMENTS = FILES / "envs" / "label-studio.yaml"
SETTINGS = REQUIREMENTS.with_name("label_studio_settings.py")
HOST = "127.0.0.1"
_PORT_TAKEN = "That port is already in use"
_LISTENS = re.compile(r"^Starting development server at (http://\S+?)/?$", re.MULTILINE)
_SAY_S = 10  # between two lines on what takes long
_ANSWER_S = 120  # a busy server answers late; one that is not there is noticed at once
_TRIED_PORTS = 20
_STOP_S = 20


@dataclass(frozen=True)
class Login:
    """The administrator of the server; `key` is the API token."""

    user: str
    password: str
    key: str


@dataclass(frozen=True)
class OwnServer:
    """A running server: its URL, process id and login, and the URLs of the explorers beside it, by dataset."""

    url: str
    pid: int
    login: Login
    explorers: dict[str, str] = field(default_factory=dict)


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """Return the program label-studio; install its environment if it is missing or has other versions."""
    marker = folder / "made.txt"
    packages = yaml.safe_load(REQUIREMENTS.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two starts, one installs and the other waits
        if not marker.exists() or marker.read_text(encoding="utf-8").split() != packages:
            _install(folder, packages)
            with whole_file(marker) as partial:
                partial.write_text("\n".join(packages), encoding="utf-8")
    return folder / "bin" / "label-studio"


def _install(folder: Path, packages: list[str]) -> None:
    """Install packages in a new environment, by uv if it is on the path, else by pip."""
    uv, python = shutil.which("uv"), str(folder / "bin" / "python")
    make = [uv, "venv", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    # Compiling all files takes longer than installing them; Python compiles those that it runs.
    pip = [python, "-m", "pip", "install", "--no-compile", "--progress-bar", "off", "--disable-pip-version-check"]
    install = [uv, "pip", "install", "--python", python] if uv else pip
    print(f"Installing Label Studio in {folder} with {'uv' if uv else 'pip'} (once; about 1 GB) ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    log = folder.with_name(f"{folder.name}.log")
    for command in ([*make, str(folder)], [*install, *packages]):
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        try:
            _wait(process, lambda: False, lambda: shorten(_tail(log, 1)))
        finally:
            process.kill()
        if process.wait():
            raise InputError(log, f"a failed installation:\n{_tail(log, 10)}\n", "success", "Start again.")


def _wait(process: "subprocess.Popen[bytes]", ready: Callable[[], bool], doing: Callable[[], str]) -> None:
    """Wait until something is `ready` or the process has ended; say every ten seconds how long it is `doing` what."""
    begun = said = time.monotonic()
    while process.poll() is None and not ready():
        if time.monotonic() - said >= _SAY_S:
            said = time.monotonic()
            minutes, seconds = divmod(round(said - begun), 60)
            print(f"  {minutes}:{seconds:02d} {doing()}", flush=True)
        time.sleep(0.3)


def _tail(log: Path, n: int) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-n:])


def running(folder: Path) -> OwnServer | None:
    """Return the server of `folder` if it runs and accepts our login."""
    path = folder / "running.json"
    if not path.exists():
        return None
    server = OwnServer(**read_json(path), login=_login(folder))
    return server if _accepts(server) else None


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
def serve(folder: Path, media: Path, port: int, explorers: dict[str, str] | None = None) -> Iterator[OwnServer]:
    """Run Label Studio on the loopback interface during the block, with its database in `folder`.

    Sign-up is closed, telemetry is off, and only files in `media` are served. LABEL_STUDIO_USERNAME and
    LABEL_STUDIO_PASSWORD in the environment are used for a new login. `explorers` are the URLs of the explorers that
    run beside it, by dataset. Raises InputError if a server of this folder runs already, or if it does not start.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # the database contains the key and the curators' work
    if other := running(folder):
        advice = f"Use it, or stop it: kill {other.pid}"
        raise InputError(folder, f"a server that runs already, {other.url}", "none", advice)
    program, login, log = make_environment(), _login(folder), folder / "server.log"
    (folder / "data").mkdir(exist_ok=True)
    print("Starting Label Studio ...", flush=True)
    process = _listening(program, _environment(folder / "data", media.absolute(), login), port, log)
    try:
        server = OwnServer(_url(log), process.pid, login, explorers or {})
        _wait(process, lambda: _accepts(server) is not None, lambda: "waiting for its first answer")
        if not _accepts(server):
            raise InputError(log, f"no server that accepts our login:\n{_tail(log, 15)}\n", "one", "See the log.")
        print(f"Label Studio is at {server.url}", flush=True)
        write_json(folder / "running.json", {"url": server.url, "pid": server.pid, "explorers": server.explorers})
        yield server
    finally:
        _stop(process)
        (folder / "running.json").unlink(missing_ok=True)


def _listening(program: Path, environment: dict[str, str], port: int, log: Path) -> "subprocess.Popen[bytes]":
    """Return the process of a server that listens, or that has ended.

    It makes or changes its database before it listens, which takes minutes on a busy machine. If another program takes
    its port meanwhile, it is started again on the next one.
    """
    while True:
        port = _free_port(port)
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [program, "start", "--no-browser", "--internal-host", HOST, "--port", str(port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches this program, which stops the server after the last request
            )
        try:
            _wait(process, lambda: bool(_url(log)), lambda: _stage(log))
        except BaseException:
            _stop(process)
            raise
        if process.poll() is None or _PORT_TAKEN not in _tail(log, 15):
            return process
        print(f"Another program has taken port {port} meanwhile; trying the next one.", flush=True)
        port += 1


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server, by force if it does not end by itself."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    process.kill()
    process.wait()


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
        "DJANGO_SETTINGS_MODULE": SETTINGS.stem,
        "PYTHONPATH": str(SETTINGS.parent),
        "PYTHONUNBUFFERED": "1",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def _free_port(wanted: int) -> int:
    """Return the wanted port or the next free one, and say so: users who tunnel have to know."""
    for port in range(wanted, min(wanted + _TRIED_PORTS, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            if port != wanted:
                by = _listener(wanted)
                print(
                    f"Port {wanted} is in use by {by}; taking {port} (curation.port chooses another one).", flush=True
                )
            return port
    advice = "Set curation.port to a free one."
    raise InputError("curation.port", f"no free port from {wanted} to {port}", "one", advice)


def _listener(port: int) -> str:
    """Return which program listens on a port, as far as this user may know."""
    import psutil  # only if a port is in use

    with suppress(psutil.Error):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
                return f"{shorten(' '.join(psutil.Process(one.pid).cmdline()))} (process {one.pid})"
    return "another program"


def _url(log: Path) -> str:
    """Return where the server of a log listens, nothing if it does not yet."""
    found = _LISTENS.search(log.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""


def _stage(log: Path) -> str:
    """Return what a server that does not listen yet is doing."""
    migrating = "Initializing database" in log.read_text(encoding="utf-8", errors="replace")
    return "making or updating its database" if migrating else "loading its libraries"


def _accepts(server: OwnServer) -> bool | None:
    """Return whether the server accepts our key for our user, as another program does not; None: no answer."""
    import httpx  # of the extra curation; making the environment does without it

    headers = {"Authorization": f"Token {server.login.key}"}
    try:
        answer = httpx.get(f"{server.url}/api/current-user/whoami", headers=headers, timeout=_ANSWER_S)
        if answer.is_server_error:
            return None
        return answer.is_success and answer.json()["email"] == server.login.user
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    except (ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    make_environment()

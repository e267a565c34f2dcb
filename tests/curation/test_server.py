"""Installing and starting your own server: what is said meanwhile, and what stops it. A real one runs elsewhere."""

import os
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tsalv360.curation import server
from tsalv360.job.errors import InputError

# A program that starts as Label Studio does: it is busy first, then listens, on another port if it likes.
PROGRAM = """#!{python}
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
print("Initializing database..")
time.sleep(1)
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.end_headers()
        self.wfile.write(json.dumps({{"email": os.environ["LABEL_STUDIO_USERNAME"]}}).encode())
    def log_message(self, *_):
        pass
{dies}
httpd = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(f"Starting development server at http://127.0.0.1:{{httpd.server_port}}/")
httpd.serve_forever()
"""


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, status: int = 200, dies: str = "") -> None:
    program = folder / "program.py"
    program.write_text(PROGRAM.format(python=sys.executable, status=status, dies=dies))
    program.chmod(0o755)
    monkeypatch.setattr(server, "make_environment", lambda: program)
    monkeypatch.setattr(server, "_SAY_S", 0)


def test_a_server_is_waited_for_and_its_port_is_the_one_that_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, tmp_path)
    with server.serve(tmp_path / "ls", tmp_path, 18090) as running:
        assert running.url != "http://127.0.0.1:18090"
        other = server.running(tmp_path / "ls")
        assert other and other.url == running.url
    printed = capsys.readouterr().out
    assert "making or updating its database" in printed and f"Label Studio is at {running.url}" in printed
    assert server.running(tmp_path / "ls") is None


@pytest.mark.parametrize(
    ("status", "dies", "message"),
    [(401, "", "accepts our login"), (200, "sys.exit('no space on disk')", "no space on disk")],
)
def test_a_server_that_refuses_the_login_or_ends_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, dies: str, message: str
) -> None:
    pretend(monkeypatch, tmp_path, status, dies)
    with pytest.raises(InputError, match=message), server.serve(tmp_path / "ls", tmp_path, 18090):
        pass


def test_a_port_that_is_taken_while_the_database_is_made_is_left_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As two first starts at the same moment do: both find the port free, a minute before they listen."""
    pretend(monkeypatch, tmp_path, dies="if sys.argv[-1] == '18090': sys.exit('Error: That port is already in use.')")
    with server.serve(tmp_path / "ls", tmp_path, 18090) as running:
        assert server.running(tmp_path / "ls") == running
    assert "taken port 18090 meanwhile" in capsys.readouterr().out


def test_a_port_in_use_is_named_with_the_program_that_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((server.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = server._free_port(port)
    assert other > port
    printed = capsys.readouterr().out
    assert f"Port {port} is in use by " in printed and f"(process {os.getpid()}); taking {other}" in printed


def wheel(folder: Path) -> str:
    """A package that can be installed without a network."""
    path = folder / "nothing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("nothing.py", "")
        file.writestr("nothing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n")
        file.writestr("nothing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("nothing-1.0.dist-info/RECORD", "nothing.py,,\n")
    return str(path)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_packages_are_installed_by_uv_if_it_is_there_else_by_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str
) -> None:
    uv = shutil.which("uv")
    if tool == "uv" and not uv:
        pytest.skip("needs uv (pip install uv)")
    monkeypatch.setenv("PATH", os.path.dirname(uv) if tool == "uv" and uv else str(tmp_path))  # noqa: PTH120
    monkeypatch.setattr(server, "_SAY_S", 0)
    server._install(tmp_path / "environment", [wheel(tmp_path)])
    subprocess.run([tmp_path / "environment" / "bin" / "python", "-c", "import nothing"], check=True)
    printed = capsys.readouterr().out
    assert f"with {tool} (once" in printed and "0:0" in printed
    with pytest.raises(InputError, match=r"environment\.log: found a failed installation"):
        server._install(tmp_path / "environment", [str(tmp_path / "missing-1.0-py3-none-any.whl")])

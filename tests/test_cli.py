"""The command `tsalv360` as its user meets it; what its commands do has tests of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from running import ROOT, TINY

from tsalv360.cli import main

COMMANDS = {
    "": "--version init data captions curation predict explore publish evaluate",
    "init": "FOLDER --template",
    "data": "check import",
    "data check": "--configfile --cores --json",
    "data import": "TABLE --video --picture",
    "captions": "compare",
    "captions compare": "--configfile --backends --clip-weights --output",
    "curation": "start push status pull import",
    **dict.fromkeys(("curation start", "curation status", "curation pull"), "--configfile"),
    "curation push": "--configfile --send-back",
    "curation import": "--configfile FILE",
    "predict": "VIDEO --text --checkpoint --output --stride --maps --table --format --compare --device --precision"
    " --height --fps --view --force-2to1",
    "explore": "VIDEO --configfile --checkpoint --port --no-browser --device --precision --height --fps --view"
    " --force-2to1",
    "publish": "--configfile --to --repo --public --space --path --yes",
    "evaluate": "compare table",
    "evaluate compare": "FIRST SECOND",
    "evaluate table": "EVALUATION --output",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    assert set(COMMANDS[command].split()) <= set(shown.split())
    assert shown.startswith(f"usage: tsalv360 {command}".rstrip())


def test_without_a_command_all_are_listed_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    for command in [name for name in COMMANDS if name not in ("", "data", "captions", "curation", "evaluate")]:
        assert re.search(rf"^  {command}  +[A-Z].+", shown, re.MULTILINE), command
    assert main(["curation"]) == 0
    shown = capsys.readouterr().out
    assert "  curation pull  " in shown and "predict" not in shown
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["curate"])


def test_only_what_is_wrong_with_the_configuration_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "--configfile", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("The configuration cannot be used.\n[Errno 21] Is a directory: ")
    monkeypatch.setattr("tsalv360.cli.check_data", Mock(side_effect=OSError(28, "No space left on device")))
    assert main(["data", "check"]) == 1
    assert capsys.readouterr().err == "[Errno 28] No space left on device\n"


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    """As `tsalv360 data check | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tsalv360.cli", "data", "check", "--configfile", str(TINY)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE
    assert "pipe" not in done.stderr.lower() and "configuration" not in done.stderr

"""The command `tsalv360` as its user meets it; what its commands do has tests of its own."""

import pytest

from tsalv360.cli import main

COMMANDS = {
    "": "data captions curation predict evaluate",
    "data": "check",
    "data check": "--configfile --cores --json",
    "captions": "compare",
    "captions compare": "--configfile --backends --clip-weights --output",
    "curation": "start push status pull import",
    **dict.fromkeys(("curation start", "curation status", "curation pull"), "--configfile"),
    "curation push": "--configfile --send-back",
    "curation import": "--configfile FILE",
    "predict": "VIDEO --text --checkpoint --output --stride --maps --table --format --compare --device --precision"
    " --height --fps --view --force-2to1",
    "evaluate": "compare",
    "evaluate compare": "FIRST SECOND",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    assert set(COMMANDS[command].split()) <= set(shown.split())
    assert shown.startswith(f"usage: tsalv360 {command}".rstrip())

"""What each backend needs: libraries, a model on this machine, a GPU; and that others are never imported."""

import subprocess
import sys
from typing import Any

import pytest

from tsalv360.captions import settings as caption_settings
from tsalv360.captions.run import load_captioner
from tsalv360.captions.settings import CaptionSettings, check_installed
from tsalv360.job import libraries
from tsalv360.job.errors import InputError

ENDPOINT = {"backends": ["endpoint"], "endpoint": {"model": "m"}}


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({"backends": ["facts"]}, (False, False, False)),
        (ENDPOINT, (True, False, False)),
        ({"backends": ["facts", "llava-next"]}, (True, True, True)),
        ({"backends": ["llava-next-video"], "llava": {"device_map": "cpu"}}, (True, True, False)),
    ],
)
def test_a_gpu_is_requested_only_if_a_backend_needs_it(settings: dict[str, Any], needs: tuple[bool, ...]) -> None:
    captions = CaptionSettings(**settings)
    assert (captions.needs_extra, captions.loads_model, captions.needs_gpu) == needs


@pytest.mark.parametrize(
    ("settings", "missing", "message"),
    [
        (
            {"backends": ["llava-next"]},
            ["torchvision"],
            "llava-next: found no torchvision; expected the extra captions",
        ),
        (ENDPOINT, ["openai"], r"pip install --constraint constraints.txt --editable '.\[captions\]'"),
        ({"backends": ["llava-next"], "llava": {"four_bit": True}}, ["bitsandbytes"], "pip install bitsandbytes"),
        ({"backends": ["endpoint"]}, [], "captions.endpoint.model: found no name"),
    ],
)
def test_a_missing_library_or_name_is_an_error_with_the_remedy(
    settings: dict[str, Any], missing: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (caption_settings, libraries):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in missing else name)
    with pytest.raises(InputError, match=message):
        check_installed(CaptionSettings(**settings))
    with pytest.raises(InputError, match=message):
        load_captioner(CaptionSettings(**settings).backends[0], CaptionSettings(**settings))


def test_facts_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (caption_settings, libraries):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert load_captioner("facts", CaptionSettings()).model == "facts"


@pytest.mark.parametrize(("settings", "loaded"), [({}, []), (ENDPOINT, ["openai"])])
def test_a_backend_imports_its_own_libraries_only(settings: dict[str, Any], loaded: list[str]) -> None:
    code = f"""
import sys
import tsalv360.config, tsalv360.captions.run, tsalv360.captions.compare, tsalv360.cli
from tsalv360.captions.settings import CaptionSettings
settings = CaptionSettings(**{settings!r})
tsalv360.captions.run.load_captioner(settings.backends[0], settings)
print([name for name in ("torch", "transformers", "openai", "open_clip", "huggingface_hub") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)

"""Pictures of the documentation: each is shown by a page, and a script or the page says how it was made."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURES = sorted(path for path in (ROOT / "docs").rglob("*") if path.suffix in (".jpg", ".png", ".svg"))
SCRIPTS = "".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("picture*.py")))
# What the page says about a picture that no script draws.
STATED = {
    "label-studio.jpg": "A screenshot of the page",
    "ocean.jpg": "The script that drew this picture was not kept.",
    "presence.png": "Drawn by `snakemake train evaluate` for the demo.",
    "sheet.jpg": "as the stage `sheets` wrote it",
}


@pytest.mark.parametrize("name", [path.name for path in PICTURES])
def test_picture_is_shown_and_says_how_it_was_made(name: str) -> None:
    pages = [path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]]
    shown = [page for page in pages if f"{name})" in page]
    assert shown, "no page shows it"
    assert name in SCRIPTS or any(name in STATED and STATED[name] in page for page in shown), "how was it made?"

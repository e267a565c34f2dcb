"""Curators read the same words in the interface, in its guide and on their page."""

import re
from pathlib import Path
from xml.etree.ElementTree import parse

from tsalv360.curation.labelstudio import GUIDE, INTERFACE
from tsalv360.curation.records import FLAGS

PAGE = Path(__file__).parents[2] / "docs" / "curating.md"


def test_interface_guide_and_page_have_the_same_flags_and_keys() -> None:
    choices = [(one.get("value"), one.get("hotkey")) for one in parse(INTERFACE).iter("Choice")]
    keys = {str(value): key for value, key in choices if key}
    assert keys.keys() == {"accept", "edit", "reject", *FLAGS}
    assert dict(re.findall(r"<b>(\w+)</b> \((\w)\)", GUIDE.read_text("utf-8"))) == keys
    page = PAGE.read_text("utf-8")
    rows = [re.findall(r"`(\w+)`", "|".join(row.split("|")[1:3])) for row in page.splitlines() if row.startswith("| `")]
    on_page = dict(re.findall(r"choose \*(\w+)\* \| `(\w)`", page))
    for names in rows:
        half = len(names) // 2
        on_page |= zip(names[:half], names[half:], strict=True)
    assert on_page == keys


def test_what_is_seen_has_one_word_on_both() -> None:
    for text in (GUIDE.read_text("utf-8"), PAGE.read_text("utf-8")):
        assert "observers" in text and re.search("black[ -]and[ -]white", text)
        assert not re.search(r"viewers|gr[ae]y|right second", text, re.IGNORECASE)

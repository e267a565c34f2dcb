"""The metadata of a published folder: card, licences, and what search engines, archives and citations read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsalv360.job.files import whole_file
from tsalv360.publish.card import card
from tsalv360.publish.citation import citation_cff, datacite, zenodo
from tsalv360.publish.croissant import croissant
from tsalv360.publish.facts import read_facts
from tsalv360.publish.licences import LICENCE_FILE, licences
from tsalv360.publish.settings import PublishSettings


def write_metadata(
    folder: Path, name: str, settings: PublishSettings, build_card: str, sums: Mapping[str, str]
) -> None:
    """Write the metadata into a folder that has its tables, shards, splits, archive and pages.

    Parameters: the name of the dataset, the text of the build's README.md, the checksums of all other files by name.
    """
    of_all = hashlib.sha256(repr(sorted(sums.items())).encode()).hexdigest()
    facts = read_facts(folder, name, settings, of_all)
    contents = {
        "README.md": card(facts, build_card),
        LICENCE_FILE: licences(facts),
        "CITATION.cff": citation_cff(facts),
        "croissant.json": _as_json(croissant(folder, facts, sums)),
        "datacite.json": _as_json(datacite(facts)),
        "zenodo.json": _as_json(zenodo(facts)),
    }
    for file, content in contents.items():
        with whole_file(folder / file) as partial:
            partial.write_text(content, encoding="utf-8")


def _as_json(content: Any) -> str:
    """Return readable JSON that can stand in a page: sites embed JSON-LD in a script, which `</script>` would end."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"

"""The reference pages and the schema in the repository are up to date."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from tsalv360.config import as_written, known_keys
from tsalv360.contracts.tables import TABLES
from tsalv360.workflow.reference import PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("place", PAGES)
def test_the_generated_page_is_up_to_date(place: str) -> None:
    written = (ROOT / place).read_text(encoding="utf-8")
    assert written == PAGES[place](), "run `python -m tsalv360.workflow.reference`"


def test_the_settings_page_contains_every_key() -> None:
    page = PAGES["docs/settings.md"]()
    for key, node in known_keys().items():
        if node.get("type") in ("number", "integer", "string", "boolean"):
            (line,) = [line for line in page.splitlines() if line.startswith(f"| `{as_written(key)}` |")]
            assert line.count(" | ") >= 3
            assert node.get("description", "") in line


@pytest.mark.parametrize(
    "row",
    [
        "| `sources.*.subset (vr_eyetracking)` | 'tsv360' or 'all' | `all` |",
        "| `sources.*.subset (sports360)` | 'tsv360' or 'all' | `tsv360` |",
        "| `sources.*.fps (published)` | a number in frames/s, above 0 to 1000 | `30.0` | of TSV360_gt: rate",
        "| `sources.*.maps.sigma_deg (vr_eyetracking)` | a number in deg, from 2 to 15 | `9.35` |",
    ],
)
def test_each_kind_of_source_has_its_own_rows(row: str) -> None:
    assert row in PAGES["docs/settings.md"]()


def test_the_tables_page_contains_every_column_of_every_table() -> None:
    chapters = PAGES["docs/tables.md"]().split("\n## ")[1:]
    assert [chapter.splitlines()[0] for chapter in chapters] == list(TABLES)
    for chapter, table in zip(chapters, TABLES.values(), strict=True):
        rows = [line for line in chapter.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == list(table)


@pytest.mark.parametrize("path", ["config/config.yaml", "tests/data/tiny.yaml"])
def test_the_configurations_of_the_repository_fit_the_schema(path: str) -> None:
    schema = yaml.safe_load(PAGES["config/schema.yaml"]())
    jsonschema.validate(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"sources": [{"kind": "demos"}]},
        {"sources": [], "evnts": {}},
        {"sources": [], "exclude": {}},
        {"sources": [], "frames": {"height": 481}},
        {"sources": [], "videos": {"a": {"path": "a.mp4"}}},
    ],
)
def test_the_schema_refuses_what_the_configuration_refuses(wrong: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, yaml.safe_load(PAGES["config/schema.yaml"]()))

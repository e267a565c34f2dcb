"""The contract of tables: what is written comes back, and what breaks the contract is named by column and row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.tables import (
    ANNOTATIONS,
    CLIPS,
    DATASET_FIXATIONS,
    FIXATIONS,
    INTEGER,
    TABLES,
    Column,
    as_table,
    empty,
    read_table,
    write_rows,
    write_table,
)
from tsalv360.job.errors import InputError


def fixations() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "observer": ["p001", "p002"],
            "fixation_id": [0, -1],
            "time_s": [0.0, 0.04],
            "duration_s": [0.04, 0.04],
            "frame": [0, 1],
            "yaw_deg": [-180.0, 12.5],
            "pitch_deg": [90.0, -3.0],
            "weight": [1.0, 1.0],
        }
    )


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", fixations(), FIXATIONS)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet", FIXATIONS), fixations())


def test_columns_beyond_the_contract_and_another_order_do_not_matter(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", fixations().assign(extra=1)[["extra", *reversed(FIXATIONS)]], FIXATIONS)
    assert list(read_table(tmp_path / "a.parquet", FIXATIONS)) == list(FIXATIONS)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_empty_and_keeps_its_columns_and_types(tmp_path: Path, name: str) -> None:
    table = TABLES[name]
    write_rows(tmp_path / "a.parquet", [], table)
    back = read_table(tmp_path / "a.parquet", table)
    assert list(back) == list(table)
    assert len(back) == 0
    assert as_table(back, table, name).schema.types == [column.type for column in table.values()]


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_every_table_says_what_it_means(name: str) -> None:
    assert all(column.meaning for column in TABLES[name].values())
    assert list(empty(TABLES[name])) == list(TABLES[name])


BREAKS: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "missing column": (lambda t: t.drop(columns="weight"), r"also \['weight'\]"),
    "out of range": (lambda t: t.assign(yaw_deg=[0, 190.0]), r"190\.0 in column yaw_deg, row 1; expected -180"),
    "below zero": (lambda t: t.assign(time_s=[0, -0.1]), r"-0\.1 in column time_s, row 1"),
    "letters": (lambda t: t.assign(time_s=["x", "y"]), r"time_s"),
    "broken whole number": (lambda t: t.assign(frame=[0.5, 1]), r"expected the types"),
}


@pytest.mark.parametrize(("change", "message"), BREAKS.values(), ids=BREAKS.keys())
def test_a_table_that_breaks_the_contract_is_refused_with_the_place_and_not_written(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        write_table(tmp_path / "fixations.parquet", change(fixations()), FIXATIONS)
    assert "fixations.parquet" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("column", "values"), [("observer", ["a", None]), ("pitch_deg", [0, np.nan])])
def test_an_empty_cell_is_refused_with_its_column_and_row(tmp_path: Path, column: str, values: list[Any]) -> None:
    with pytest.raises(InputError, match=rf"fixations\.parquet: found nothing in column {column}, row 1"):
        write_table(tmp_path / "fixations.parquet", fixations().assign(**{column: values}), FIXATIONS)


def test_an_infinite_weight_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_table(tmp_path / "a.parquet", fixations().assign(weight=[1, np.inf]), FIXATIONS)


@pytest.mark.parametrize("content", [None, b"", b"observer,time_s\n"], ids=["missing", "empty", "csv"])
def test_a_file_that_is_not_parquet_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "events.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"events\.parquet: found no readable Parquet file"):
        read_table(path, FIXATIONS)


def test_a_number_out_of_range_is_named_by_its_row_among_empty_cells() -> None:
    table = {"n": Column(INTEGER, "a number", 0, 9, nullable=True)}
    with pytest.raises(InputError, match=r"10\.0 in column n, row 2; expected 0 to 9"):
        as_table(pd.DataFrame({"n": [None, 9, 10]}), table, "made")


def test_reading_checks_the_contract_too(tmp_path: Path) -> None:
    fixations().assign(pitch_deg=[0, 91.0]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"91\.0 in column pitch_deg, row 1"):
        read_table(tmp_path / "a.parquet", FIXATIONS)


def test_lists_and_empty_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    clip = clip_row("a_1", "a", 0, list(range(8)))
    write_rows(tmp_path / "clips.parquet", [clip], CLIPS)
    assert read_table(tmp_path / "clips.parquet", CLIPS).frames[0].tolist() == list(range(8))
    frame = fixations().assign(video="a", event_id=["a_1", None])
    write_table(tmp_path / "fixations.parquet", frame, DATASET_FIXATIONS)
    assert read_table(tmp_path / "fixations.parquet", DATASET_FIXATIONS).event_id.notna().tolist() == [True, False]


def test_only_columns_that_may_be_empty_may_be_empty() -> None:
    assert [name for name, column in ANNOTATIONS.items() if column.nullable] == ["n_tokens", "verdict"]

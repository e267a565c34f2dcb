"""Mistakes in YAML files are named by line and column, as an editor counts them, with what to do about them."""

from pathlib import Path

import pytest
import yaml

from tsalv360.job.errors import InputError
from tsalv360.job.yaml_file import read_mapping


def refusal(folder: Path, content: str | bytes, name: str = "local.yaml") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_mapping(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path)).removeprefix(", ")


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ("a: 1\nb:\n\tc: 5\n", "line 3, column 1", "a tab; expected spaces"),
        ("b:\n  c: 5\n\td: 6\n", "line 3, column 1", "a tab"),
        ("b:\r\n  c: 5\r\n\td: 6\r\n", "line 3, column 1", "a tab"),
        ("b:\n  c:\t5\n", "line 2, column 5", "a tab"),
        ("a: 1\nb: {c: 5\nd:\n  e: 3\n", "line 2, column 4", "{ that is not closed"),
        ("a: 1\nb: {c: 5\n", "line 2, column 4", "{ that is not closed"),
        ("a: [{b: c}\nd: 3\n", "line 1, column 4", "[ that is not closed"),
        ("b: {c: 5 d: 6}\n", "line 1, column 11", "a comma"),
        ("b: {c: 5}}\n", "line 1, column 10", "} that closes nothing"),
        ("a:\n  b 5\n  c: 6\n", "line 3, column 4", "the colon that the line above lacks"),
        ("a:\n  b: 3\nc\n", "line 3, column 1", "a line without `: `"),
        ("a: b: c\n", "line 1, column 5", "in quotes"),
        ("a:\n    b: 5\n  c: 6\n", "line 3, column 3", "indentation"),
        ("a:\n  - b\n - c\n", "line 3, column 2", "indentation"),
        ("a: 'b\nc: d\n", "line 1, column 4", "a quote that is not closed"),
        ('a: "C:\\data"\n', "line 1, column 8", "a backslash"),
        ("a: *b\n", "line 1, column 4", "in quotes"),
        ("a:\n  - *.mp4\n", "line 2, column 6", "in quotes"),
        ("a: @b\n", "line 1, column 4", "in quotes"),
        ("a: !b c\n", "line 1, column 4", "a tag"),
        ("a: &b 1\nc: &b 2\n", "line 2, column 4", "marked twice"),
        ("a: b\n---\nc: d\n", "line 2, column 1", "a second document"),
        ("a: b\n\nc: x\x07y\n", "line 3, column 5", "U+0007"),
        ("a: b\nc: d\n\na: e\n", "line 4, column 1", "the key a again, after line 1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4, column 3", "the key b again, after line 2"),
        ("a: 2024-13-45\n", "line 1, column 4", '"2024-13-45"'),
        ("{{a}}: b\n", "line 1, column 1", "in quotes"),
        ("- a\n- b\n", "line 1, column 1", "a list"),
        ("\nhello\n", "line 2, column 1", "a text without keys"),
        ("", "", "an empty file"),
        ("# a: b\n", "", "only comments"),
        ("a: b\nc: café\n".encode("latin-1"), "line 2, column 7", "0xE9, which is not UTF-8"),
        ("a: b\n".encode("utf-16"), "", "not UTF-8"),
        ("a: " + 3000 * "[", "", "brackets"),
    ],
)
def test_a_mistake_is_named_by_its_place_and_shown(
    tmp_path: Path, content: str | bytes, where: str, words: str
) -> None:
    message = refusal(tmp_path, content)
    assert message.startswith(f"{where}: found" if where else ": found")
    assert words in message
    if where and isinstance(content, str):
        line = int(where.removeprefix("line ").partition(",")[0])
        shown = content.replace("\r", "").split("\n")[line - 1].replace("\t", "→").replace("\x07", " ")
        assert message.endswith(f"\n  | {shown}")


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("001", "the number 1"),
        ("007", "the number 7"),
        ("0x1F", "the number 31"),
        ("12:30", "the number 750"),
        ("1_0", "the number 10"),
        ("1.5", "the number 1.5"),
        ("yes", "true"),
        ("off", "false"),
        ("2024-01-01", "the date 2024-01-01"),
        ("2024-13-45", "an impossible date"),
        ("~", "nothing"),
    ],
)
@pytest.mark.parametrize("above", ["videos:\n  ", "videos:\n  exclude:\n    "])
def test_a_key_that_yaml_does_not_read_as_text_needs_quotes(tmp_path: Path, key: str, kind: str, above: str) -> None:
    message = refusal(tmp_path, f"{above}{key}: a\n")
    line, column = above.count("\n") + 1, len(above.rpartition("\n")[2]) + 1
    assert message.startswith(f"line {line}, column {column}: found the key {key}, which YAML reads as {kind};")
    assert f'Write it in quotes: "{key}".' in message
    (tmp_path / "right.yaml").write_text(f'{above}"{key}": a\n')
    assert key in str(read_mapping(tmp_path / "right.yaml"))


@pytest.mark.parametrize(
    "content",
    [
        "a: {b: [1, 2.5, true, null, 2024-01-01, 'x']}\n1e3: c\n",
        "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\nd: *x\n",
        "a: b # no line end",
        '{\n\t"a": [1, "b"]\n}',
    ],
)
def test_whatever_yaml_allows_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    assert read_mapping(tmp_path / "a.yaml") == yaml.safe_load(content.replace("\t", " "))


def test_a_mark_at_the_start_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: b\n")
    assert read_mapping(tmp_path / "a.yaml") == {"a": "b"}
    assert refusal(tmp_path, b"\xef\xbb\xbfa: b: c\n").startswith("line 1, column 5")


def test_damaged_json_is_explained_as_json(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{\n\t"a" 3\n}', "a.json").startswith("line 2, column 6: found no JSON")


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.yaml: found no such file"):
        read_mapping(tmp_path / "missing.yaml")


def test_a_file_that_contains_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &x\n  b: *x\n")
    content = read_mapping(tmp_path / "a.yaml")
    assert content["a"]["b"] is content["a"]

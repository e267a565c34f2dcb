"""YAML files that people write, read strictly: each mistake is named by its line and column, as an editor counts them.

PyYAML keeps the last of two equal keys without a word, and turns keys such as `001` into numbers; both lose settings.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from tsalv360.job.errors import InputError, shorten

_FORM = "a configuration as YAML: `key: value`, indented with spaces"
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
# Parts of PyYAML's messages, with what was found, what was expected and what to do, for a reader who does not parse.
_WORDS = {
    "'\\t'": ("a tab", "spaces before a key", "Indent with spaces; most editors can replace all tabs."),
    "mapping values are not allowed": (
        "a key inside a value",
        "one `key: value` in a line, and keys of one mapping below each other",
        "Add the colon that the line above lacks, indent both lines alike, or put a value that has `: ` in quotes.",
    ),
    "could not find expected ':'": (
        "a line without `: `",
        "`key: value`",
        "Add the colon, with a space after it, or join the line to the value above.",
    ),
    "expected <block end>": (
        "an indentation that differs from the lines above",
        "keys of one mapping, or entries of one list, exactly below each other",
        "Indent the line like its neighbours.",
    ),
    "unindent": (
        "an indentation between two levels",
        "that of one of the lines above",
        "Indent it like its neighbours.",
    ),
    "unknown escape character": (
        "a backslash in double quotes",
        "a path with / or in single quotes",
        "Write / in place of \\, or single quotes in place of double ones.",
    ),
    "scanning an a": ("a * or & without a name", "a value", "Write a text that begins with * or & in quotes."),
    "quoted scalar": ("a quote that is not closed", "its end", "Close it, or double a quote that belongs to the text."),
    "undefined alias": (
        "an alias (`*name`) of something that no `&name` marks",
        "a name that is marked above",
        "Correct the name, or write a text that begins with * in quotes.",
    ),
    "found duplicate anchor": ("a name marked twice with &", "each mark once", "Rename one of them."),
    "but found another document": ("a second document after `---`", "one document", "Remove the line `---`."),
    "cannot start any token": (
        "a character that begins no value",
        "a key, a value or a quote",
        "Write a text that begins with @, ` or % in quotes.",
    ),
    "could not determine a constructor": (
        "a tag (a word that begins with !)",
        "a plain value",
        "Remove it, or write a text that begins with ! in quotes.",
    ),
}

_BEGIN = ("could not find expected ':'", "quoted scalar")  # mistakes that an author looks for where it begins


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML or JSON file in UTF-8.

    Raises InputError, which names file, line and column and shows the line, for anything that YAML does not allow, for
    a key that stands twice, and for a key that YAML does not read as text.
    """
    text = _decoded(path)
    try:
        top = yaml.compose(text, yaml.SafeLoader)
        _check(path, text, top)
        content: dict[str, Any] = yaml.load(text, yaml.SafeLoader)
    except ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character)
        expected = "characters that can be shown"
        raise _error(path, text, error.position, f"the character U+{code:04X}", expected, "Remove it.") from None
    except MarkedYAMLError as error:
        if (as_json := _json(path, text)) is not None:  # JSON may be indented with tabs
            return as_json
        raise _explained(path, text, error) from None
    except RecursionError:
        raise InputError(path, "brackets in brackets without end", _FORM, "Correct the file.") from None
    return content


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, "no such file", "a configuration", "Correct the path.") from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        where = path if data[:2] in (b"\xff\xfe", b"\xfe\xff") else f"{path}, line {line}, column {column}"
        found = f"the byte 0x{data[error.start]:02X}, which is not UTF-8"
        raise InputError(where, found, "a file in UTF-8", "Save it as UTF-8 in your editor.") from None


def _json(path: Path, text: str) -> dict[str, Any] | None:
    """Return the content of a JSON object, None for text that is none; InputError for damage in a file named .json."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        if path.suffix == ".json":
            raise _error(path, text, error.pos, f"no JSON ({error.msg})", "JSON", "Correct the line.") from None
        return None
    return content if isinstance(content, dict) else None


def _explained(path: Path, text: str, error: MarkedYAMLError) -> InputError:
    """Return PyYAML's error in plain words, at the place that an author would look at."""
    mark, problem, context = error.problem_mark or error.context_mark, error.problem or "", error.context or ""
    index = mark.index if mark else 0
    if context.startswith("while parsing a flow") and error.context_mark:
        begun = error.context_mark.index
        end = "}" if text[begun] == "{" else "]"
        if mark and mark.line > error.context_mark.line:
            found = f"{text[begun]} that is not closed before line {mark.line + 1}"
            return _error(
                path, text, begun, found, f"{end} after its last entry", f"Add the {end}, or a missing comma."
            )
        expected = f"a comma, or {end} for the {text[begun]} in column {error.context_mark.column + 1}"
        advice = "Put a comma between entries, or write a text that contains any of {}[], in quotes."
        return _error(path, text, index, _sign(text, index), expected, advice)
    if "expected <block end>" in problem and (sign := text[index : index + 1]) in ("}", "]"):
        begin = "{" if sign == "}" else "["
        return _error(path, text, index, f"{sign} that closes nothing", f"{begin} before it", "Remove it, or open it.")
    for part, (found, expected, advice) in _WORDS.items():
        if part in problem or part in context:
            if part in _BEGIN and error.context_mark:
                index = error.context_mark.index
            return _error(path, text, index, found, expected, advice)
    return _error(path, text, index, f"{_sign(text, index)} ({problem or error})", _FORM, "Correct the line.")


def _check(path: Path, text: str, top: yaml.Node | None) -> None:
    """Raise InputError unless the file is a mapping, keys are texts and stand once, and all values exist."""
    if top is None:
        found = "only comments" if text.strip() else "an empty file"
        raise InputError(path, found, _FORM, "Write the settings that differ from the default, or remove the file.")
    if not isinstance(top, yaml.MappingNode):
        found = "a list" if isinstance(top, yaml.SequenceNode) else "a text without keys"
        advice = "Begin with a key such as `sources:`."
        raise _error(path, text, top.start_mark.index, found, f"{_FORM}", advice)
    for node in _nodes(top):
        if isinstance(node, yaml.MappingNode):
            _check_keys(path, text, node)
        elif isinstance(node, yaml.ScalarNode) and _kind(node) is None:
            found = f"{node.value}, which YAML takes for a date or number that does not exist"
            advice = f'Write it in quotes: "{node.value}".'
            raise _error(path, text, node.start_mark.index, found, "a value", advice)


def _check_keys(path: Path, text: str, mapping: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in mapping.value:
        index = key.start_mark.index
        if key.tag == _MERGE:
            continue
        if not isinstance(key, yaml.ScalarNode):
            advice = "Write a text that begins with { or [ in quotes."
            raise _error(path, text, index, f"a key that begins with {text[index]}", "text", advice)
        if key.tag != _TEXT:
            found = f"the key {key.value or '(none)'}, which YAML reads as {_kind(key) or 'an impossible date'}"
            raise _error(path, text, index, found, "text", f'Write it in quotes: "{key.value}".')
        if key.value in lines:
            found = f"the key {shorten(key.value)} again, after line {lines[key.value]}"
            raise _error(path, text, index, found, "each key once", "Join the two, or remove one.")
        lines[key.value] = key.start_mark.line + 1


def _nodes(top: yaml.Node) -> Iterator[yaml.Node]:
    """Return a document's values and lists and mappings of them in their order, each once, however often aliased."""
    seen: set[int] = set()
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _kind(node: yaml.ScalarNode) -> str | None:
    """Return what YAML makes of a text without quotes, in words; None if that cannot exist."""
    kind = node.tag.rpartition(":")[2]
    if kind not in ("bool", "int", "float", "timestamp"):
        return {"null": "nothing", "binary": "bytes"}.get(kind, "something else")
    try:
        value = yaml.load(node.value, yaml.SafeLoader)
    except ValueError:
        return None
    return str(value).lower() if kind == "bool" else f"the {'date' if kind == 'timestamp' else 'number'} {value}"


def _error(path: Path, text: str, index: int, found: str, expected: str, advice: str) -> InputError:
    """Return the error at a character of the file, with its line."""
    line = text[:index].count("\n")
    shown = text.split("\n")[line].replace("\t", "→")
    indented = " " * min(len(shown) - len(shown.lstrip(" ")), 20) + shorten(shown, 100)
    return InputError(f"{path}, {_place(text, index)}", found, expected, f"{advice}\n  | {indented}")


def _place(text: str, index: int) -> str:
    before = text[:index]
    return f"line {before.count(chr(10)) + 1}, column {len(before.rpartition(chr(10))[2]) + 1}"


def _sign(text: str, index: int) -> str:
    sign = text[index : index + 1]
    return "the end of the file" if not sign else "the end of the line" if sign == "\n" else f"`{sign}`"

"""What a file is that holds no checkpoint: told from its bytes, without running anything in it."""

import pickle
import pickletools
import re
import zipfile
from pathlib import Path

RETRY = "Download or copy it again."
_FIRST_BYTES = 4096
_MOST_BYTES = 64 << 20  # of a pickle; that of a checkpoint has under 1 MB, its tensors lie beside it
_PLAIN = re.compile(r"torch\.(?!nn\.)|collections\.OrderedDict$")  # what a state dict imports
_SHOWN = 60  # characters of a text


def describe(path: str | Path) -> tuple[str, str]:
    """Return what a file is that PyTorch cannot load as tensors and plain values, and what to do about it."""
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    if not start.strip(b"\0"):
        return "an empty file" if not start else "zeros", RETRY
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS in place of the file", "Fetch the file itself: `git lfs pull`."
    text = _as_text(start)
    if text and re.match(r"<(!doctype|html|\?xml)", text, re.IGNORECASE):
        advice = "Download the file itself; the page may ask to log in or to confirm."
        return f"a web page ({_shown(re.sub('<[^>]*>', ' ', text))})", advice
    if text:
        return f"a text ({_shown(text)})", RETRY
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "the beginning of a checkpoint, the end is missing", RETRY
    is_pickle, is_archive = start.startswith(pickle.PROTO), zipfile.is_zipfile(path)
    if (is_pickle or is_archive) and (objects := _objects(path)):
        advice = "Where it was made, save its weights alone: torch.save({'model': model.state_dict()}, FILE)."
        return f"objects of {', '.join(objects)}, which run code when they are loaded", advice
    if is_archive:
        return "a ZIP archive of something else, or a damaged checkpoint", "Name another file."
    if is_pickle:
        return "a pickle without tensors, or a damaged one", RETRY
    return f"another kind of file (its first bytes are {start[:8].hex(' ')})", "Name another file."


def _as_text(start: bytes) -> str | None:
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a letter at the end is cut
            return None
        text = start[: error.start].decode("utf-8-sig")
    return text.strip() if all(letter.isprintable() or letter.isspace() for letter in text) else None


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def _objects(path: Path) -> list[str]:
    """Return the names of all that the pickle in a file would import, besides tensors and plain values."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
                with archive.open(name) as file:
                    content = file.read(_MOST_BYTES)
        else:
            with path.open("rb") as whole:
                content = whole.read(_MOST_BYTES)
        names = _imports(content)
    except (StopIteration, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return []
    return sorted({name for name in names if not _PLAIN.match(name)})


def _imports(content: bytes) -> list[str]:
    """Return what the pickles in a file, one after another, import by name, as far as they can be read."""
    names: list[str] = []
    place = 0
    while place < len(content):
        strings: list[str] = []
        end = place
        try:
            for code, argument, at in pickletools.genops(content[place:]):
                end = place + (at or 0) + 1
                if code.name == "GLOBAL":
                    names.append(str(argument).replace(" ", "."))
                elif code.name == "STACK_GLOBAL":
                    names.append(".".join(strings[-2:]))
                elif isinstance(argument, str):
                    strings.append(argument)
        except ValueError:
            break
        place = end
    return names

"""LICENSE.md of a published folder: the licence of every source, and what of it the folder holds."""

from collections.abc import Iterable

from tsalv360.contracts.layout import MAPS
from tsalv360.dataset.build import as_markdown
from tsalv360.publish.facts import Facts, SourceUse
from tsalv360.sources import tsv360

LICENCE_FILE = "LICENSE.md"


def licences(facts: Facts) -> str:
    """Return the content of LICENSE.md, in Markdown."""
    parts = [
        f"# Licences of {as_markdown(facts.title)}",
        "No single licence covers this dataset. What comes from a source stays under the licence of that source, as it "
        "is stated there; where none is stated, none is given by this folder either. The MIT licence of the program "
        "tsalv360, which made the dataset, does not apply to these data.",
        *(_of_source(facts, use) for use in facts.sources),
        "## Events, captions and curation",
        f"{_captions(facts)} The authors of this dataset state no licence of their own for what they have added.",
    ]
    return "\n\n".join(parts) + "\n"


def _of_source(facts: Facts, use: SourceUse) -> str:
    page = tsv360.PAGES.get(use.source)
    lines = [
        f"Licence as stated: {as_markdown(use.licence) or 'not stated'}",
        *([f"Page: {page}"] if page else []),
        f"Videos: {len(use.videos)}, named in data/videos.parquet",
        f"Gaze ({_recorded(use)}): {_present(facts, 'fixations', use)}",
        f"Saliency maps with their captions: {_present(facts, MAPS, use)}",
        f"Frames: {_pictures(facts, 'frames', use)}",
        f"Viewports: {_pictures(facts, 'viewports', use)}",
    ]
    return f"## {as_markdown(use.source)}\n\n" + "\n".join(f"- {line}" for line in lines)


def _recorded(use: SourceUse) -> str:
    return "simulated" if use.is_drawn else f"{as_markdown(use.gaze)}s"


def _present(facts: Facts, folder: str, use: SourceUse) -> str:
    return _of(set(use.videos) & facts.rows[folder].keys(), use.videos)


def _pictures(facts: Facts, folder: str, use: SourceUse) -> str:
    if not use.pictures:
        return "not in the folder, as no permission to pass them on is stated"
    return f"{_present(facts, folder, use)}; permission to pass them on: {as_markdown(use.pictures)}"


def _of(present: Iterable[str], videos: list[str]) -> str:
    n = len(set(present))
    some = f"in the folder for {n} of {len(videos)} videos"
    return {0: "not in the folder", len(videos): "in the folder"}.get(n, some)


def _captions(facts: Facts) -> str:
    origins = facts.origins
    edited = origins.get("edited", 0) + origins.get("accepted", 0)
    models = as_markdown(", ".join(facts.captioners)) or "not stated"
    sentences = [
        (origins.get("machine"), f"captions were written by machine (model: {models})."),
        (edited, f"captions were written by machine (model: {models}) and accepted or edited by curators."),
        (origins.get("published"), "captions are those of the source."),
    ]
    return " ".join(f"{n} {sentence}" for n, sentence in sentences if n) or "There are no captions."

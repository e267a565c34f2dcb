"""README.md of a published folder: a header that makes it load, and a datasheet."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from tsalv360.contracts.layout import FIXATION_POINTS, MAPS, SALIENCY_ALL
from tsalv360.dataset.build import as_markdown
from tsalv360.job.errors import InputError
from tsalv360.publish import datasheet
from tsalv360.publish.citation import PROGRAM, as_yaml, bibtex
from tsalv360.publish.configs import header
from tsalv360.publish.facts import Facts
from tsalv360.publish.works import cited

_FIRST_TAKEN_OVER = "## How reliable the events are"
_N_EXAMPLES = 3


def card(facts: Facts, build_card: str) -> str:
    """Return the card. `build_card` is that of the build, of which the sections from the reliability on are kept."""
    environment = Environment(
        loader=PackageLoader("tsalv360.publish", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  it is Markdown, for which `as_markdown` escapes what comes from data
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = as_markdown
    first = next(iter(facts.rows[MAPS]), None)
    return environment.get_template("card.md").render(
        header=as_yaml(header(facts)),
        facts=facts,
        sheet=datasheet,
        program=PROGRAM,
        minutes=facts.videos.duration_s.sum() / 60,
        examples=facts.events.drop_duplicates("video").head(_N_EXAMPLES).to_dict("records"),
        first_map=f"data/{MAPS}/{first}.parquet" if first else "",
        fold=next((k for k, fold in enumerate(facts.folds) if set(fold["test"]) & facts.rows[MAPS].keys()), None),
        maps=MAPS,
        points=FIXATION_POINTS,
        all_observers=SALIENCY_ALL,
        bibtex=bibtex(facts),
        works=[work.text for work in cited(facts)],
        taken_over=_taken_over(build_card),
    )


def _taken_over(build_card: str) -> str:
    """Return the sections of the build's card that the published one has, too, with the names of its files."""
    match = re.search(rf"^{_FIRST_TAKEN_OVER}$", build_card, re.MULTILINE)
    if not match:
        found = f"no section '{_FIRST_TAKEN_OVER}'"
        raise InputError("the card of the build", found, "the README.md of the dataset", "Build it again.")
    taken, settings, rest = build_card[match.start() :].partition("\n## Settings\n")
    return taken.replace("`annotations.parquet`", "`data/events.parquet`") + settings + rest

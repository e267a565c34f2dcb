"""How a published dataset is cited and registered: CITATION.cff, BibTeX, and the metadata of DataCite and Zenodo."""

import html
import re
from typing import Any

import yaml

from tsalv360 import __version__
from tsalv360.publish.facts import Facts
from tsalv360.publish.works import Work, cited

TAGS = ["saliency", "eye-tracking", "gaze", "360-video", "equirectangular", "text-driven-saliency"]
PROGRAM = f"tsalv360 {__version__}"
NOTE = "The licence differs by source, see LICENSE.md."


def citation_cff(facts: Facts) -> str:
    """Return the content of CITATION.cff, YAML in version 1.2.0 of its format."""
    content = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it, and the data sets that its videos and gaze come from.",
        "type": "dataset",
        "title": facts.title,
        "version": facts.version,
        "authors": _cff_authors(facts.creators),
        "abstract": facts.abstract,
        "keywords": TAGS,
        **({"doi": facts.doi} if facts.doi else {}),
        **({"url": facts.page} if is_url(facts.page) else {}),
        "references": [_cff_reference(work) for work in cited(facts)],
    }
    return as_yaml(content)


def as_yaml(content: Any) -> str:
    """Return YAML in the order of `content`, quoted by the library where a text needs it."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)


def bibtex(facts: Facts) -> str:
    """Return the dataset's entry for BibTeX. Braces and backslashes, which could end it, are left out of its texts."""
    fields = {
        "title": f"{{{_bib(facts.title)}}}",
        "author": " and ".join(f"{{{_bib(one)}}}" if "," not in one else _bib(one) for one in facts.creators),
        **({"year": str(facts.year)} if facts.year else {}),
        "version": facts.version,
        **({"doi": _bib(facts.doi)} if facts.doi else {}),
        **({"url": _bib(facts.page)} if is_url(facts.page) else {}),
        "note": f"Dataset, made with {PROGRAM}",
    }
    key = re.sub(r"[^a-z0-9]+", "-", facts.name.lower()).strip("-") or "dataset"
    return f"@misc{{{key},\n" + "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items()) + "}"


def datacite(facts: Facts) -> dict[str, Any]:
    """Return the metadata by DataCite's schema 4.5. Without a year of publication it cannot be registered yet."""
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Text-driven saliency dataset"},
        **({"doi": facts.doi} if facts.doi else {}),
        "creators": [_datacite_creator(author) for author in facts.creators],
        "titles": [{"title": facts.title}],
        "publisher": {"name": ":tba"},  # DataCite's word for: to be announced
        **({"publicationYear": str(facts.year)} if facts.year else {}),
        "version": facts.version,
        "language": "en",
        "subjects": [{"subject": tag} for tag in TAGS],
        "descriptions": [{"description": facts.abstract, "descriptionType": "Abstract"}],
        "rightsList": [{"rights": NOTE}, *({"rights": line} for line in rights(facts))],
        **({"contributors": [_contact(facts)]} if facts.contact else {}),
        "relatedItems": [_datacite_work(work) for work in cited(facts)],
    }


def zenodo(facts: Facts) -> dict[str, Any]:
    """Return the metadata of a deposition on Zenodo.

    Zenodo takes CC BY for a dataset whose licence is left out. So it is given as its "other (not open)", the one that
    promises nothing that a source does not.
    """
    related = [{"identifier": work.doi, "relation": "isDerivedFrom"} for work in cited(facts) if work.doi]
    paragraphs = [facts.abstract, NOTE, *rights(facts)]
    return {
        "upload_type": "dataset",
        "title": facts.title,
        "creators": [{"name": author} for author in facts.creators],
        "description": "".join(f"<p>{html.escape(one)}</p>" for one in paragraphs),
        "version": facts.version,
        "language": "eng",
        "keywords": TAGS,
        "access_right": "open",
        "license": "other-closed",
        "notes": f"{NOTE} Made with {PROGRAM}.",
        "references": [work.text for work in cited(facts)],
        **({"related_identifiers": related} if related else {}),
    }


def rights(facts: Facts) -> list[str]:
    """Return a line on each licence of each source."""
    return [f"{source}: {licence}" for source, licence in dict.fromkeys((use[0], use[1]) for use in facts.sources)]


def is_url(text: str) -> bool:
    """Return whether a text is the address of a page."""
    return re.fullmatch(r"https?://[^\s\"<>\\^`{|}]+", text) is not None


def _names(author: str) -> tuple[str, str] | None:
    """Return family and given name, None if the author is no person or the form is another one."""
    family, comma, given = (part.strip() for part in author.partition(","))
    return (family, given) if comma and family and given else None


def _cff_authors(authors: list[str] | tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {"family-names": names[0], "given-names": names[1]} if (names := _names(author)) else {"name": author}
        for author in authors
    ]


def _cff_reference(work: Work) -> dict[str, Any]:
    venue = "journal" if work.kind == "article" else "collection-title"
    return {
        "type": work.kind,
        "title": work.title,
        "authors": _cff_authors(work.authors),
        "year": work.year,
        venue: work.venue,
        **({"doi": work.doi} if work.doi else {}),
        **({"url": work.page} if work.page else {}),
    }


def _datacite_creator(author: str) -> dict[str, str]:
    if not (names := _names(author)):
        return {"name": author, "nameType": "Organizational"}
    return {"name": author, "nameType": "Personal", "familyName": names[0], "givenName": names[1]}


def _contact(facts: Facts) -> dict[str, str]:
    return {"contributorType": "ContactPerson", "name": facts.contact}


def _datacite_work(work: Work) -> dict[str, Any]:
    kind = "JournalArticle" if work.kind == "article" else "ConferencePaper"
    return {
        "relatedItemType": kind,
        "relationType": "IsDerivedFrom",
        "titles": [{"title": work.title}],
        "creators": [_datacite_creator(author) for author in work.authors],
        "publicationYear": str(work.year),
        **(
            {"relatedItemIdentifier": {"relatedItemIdentifier": work.doi, "relatedItemIdentifierType": "DOI"}}
            if work.doi
            else {}
        ),
    }


def _bib(text: str) -> str:
    return re.sub(r"[{}\\]", "", text)

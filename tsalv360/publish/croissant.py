"""croissant.json: files and columns of a published folder for programs, by Croissant 1.1 with RAI 1.0.

The fields of responsible AI hold the sentences of the card. Columns and their meanings are those of the contracts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tsalv360.contracts import tables
from tsalv360.contracts.layout import CURATION, FIXATION_POINTS, GROUND_TRUTH, MAPS, SALIENCY_ALL
from tsalv360.contracts.tables import CONTENT, INTEGER, NUMBER, TEXT, Column, Table
from tsalv360.publish import datasheet
from tsalv360.publish.citation import TAGS, bibtex, is_url, rights
from tsalv360.publish.facts import Facts
from tsalv360.publish.licences import LICENCE_FILE

_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_OWN_TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty"),
    *("fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _OWN_TERMS},
}
_PARQUET = "application/x-parquet"  # mlcroissant loads nothing declared by the registered name
_TABLES = {
    "events": (tables.ANNOTATIONS, "One row per event, with its caption"),
    "clips": (tables.CLIPS, "One row per clip of 8 frames"),
    "videos": (tables.VIDEOS, "One row per video, with source and licence"),
    "reliability": (tables.RELIABILITY, "One row per detection that measures how sure the events are"),
    "checksums": (tables.CHECKSUMS, "The checksum of every extracted frame"),
}
_SHARDS = {
    "fixations": (tables.DATASET_FIXATIONS, "All fixations or gaze samples"),
    FIXATION_POINTS: (tables.PUBLISHED_POINTS, "The fixation points of each map"),
    MAPS: (tables.MAPS, "The saliency maps of events, with their captions"),
    SALIENCY_ALL: (tables.MAPS, "The saliency maps of all observers"),
    "frames": (tables.FRAMES, "Frames of the videos that may be passed on"),
    "viewports": (tables.VIEWPORTS, "Events as a camera that follows them sees them"),
}
_OTHERS = {
    "splits.json": ("application/json", "Videos of the folds' parts"),
    CURATION: ("application/json", "What curation changed"),
    f"{GROUND_TRUTH}.tar": ("application/x-tar", "Maps and captions as files, as TSV360 is published"),
}
_KEYS = {"events": "event_id", "clips": "clip_id", "videos": "video"}
_TYPES = {TEXT: "sc:Text", INTEGER: "cr:Int64", NUMBER: "cr:Float64", pa.bool_(): "sc:Boolean"}


def croissant(folder: Path, facts: Facts, sums: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of croissant.json of a folder that has its tables and shards.

    Parameters: the checksums of its files by name.
    """
    files = {name: about for name, about in _TABLES.items() if (folder / f"data/{name}.parquet").is_file()}
    shards = {name: about for name, about in _SHARDS.items() if facts.rows[name]}
    others = {name: about for name, about in _OTHERS.items() if (folder / name).is_file()}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": facts.title,
        "description": facts.abstract,
        "version": facts.version,
        "isLiveDataset": False,
        "inLanguage": "en",
        "keywords": TAGS,
        "license": [_licence_page(facts), *rights(facts)],
        "citeAs": bibtex(facts),
        "creator": [
            {"@type": "sc:Person" if "," in name else "sc:Organization", "name": name} for name in facts.creators
        ],
        **({"url": facts.page} if is_url(facts.page) else {}),
        **({"datePublished": str(facts.year)} if facts.year else {}),
        **_responsible_ai(facts),
        "distribution": [
            *(_file(folder, f"data/{name}.parquet", _PARQUET, about, sums) for name, (_, about) in files.items()),
            *(_file(folder, name, *about, sums) for name, about in others.items()),
            *(_file_set(name, about) for name, (_, about) in shards.items()),
        ],
        "recordSet": [
            *(_records(name, {"fileObject": {"@id": f"data/{name}.parquet"}}, *about) for name, about in files.items()),
            *(_records(name, {"fileSet": {"@id": f"{name}-files"}}, *about) for name, about in shards.items()),
        ],
    }


def _licence_page(facts: Facts) -> str:
    where = f"https://huggingface.co/datasets/{facts.repository}/blob/main/" if facts.repository else ""
    return where + LICENCE_FILE


def _responsible_ai(facts: Facts) -> dict[str, Any]:
    said = {
        "dataCollection": " ".join(datasheet.collection(facts)),
        "dataCollectionMissingData": " ".join(datasheet.limitations(facts)),
        "dataPreprocessingProtocol": datasheet.processing(facts),
        "dataAnnotationProtocol": datasheet.judgement(facts),
        "machineAnnotationTools": facts.captioners,
        "dataBiases": datasheet.biases(facts),
        "dataUseCases": [*datasheet.uses(facts), *(f"Not for: {use}" for use in datasheet.NOT_FOR)],
        "dataLimitations": datasheet.limitations(facts),
        "personalSensitiveInformation": datasheet.personal(facts),
        "dataReleaseMaintenancePlan": ". ".join(datasheet.maintenance(facts)),
    }
    return {f"rai:{name}": text for name, text in said.items() if text}


def _file(folder: Path, name: str, kind: str, about: str, sums: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": about,
        "contentUrl": name,
        "contentSize": f"{(folder / name).stat().st_size} B",
        "encodingFormat": kind,
        "sha256": sums[name],
    }


def _file_set(name: str, about: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-files",
        "name": f"{name}-files",
        "description": f"{about}, one file per video",
        "encodingFormat": _PARQUET,
        "includes": f"data/{name}/*.parquet",
    }


def _records(name: str, where: dict[str, Any], table: Table, about: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        **({"key": {"@id": f"{name}/{_KEYS[name]}"}} if name in _KEYS else {}),
        "field": [_field(name, column, contract, where) for column, contract in table.items()],
    }


def _field(records: str, name: str, column: Column, where: dict[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = {**where, "extract": {"column": name}}
    shape: dict[str, Any] = {}
    kind = column.type
    if kind == CONTENT:
        source["transform"] = {"jsonPath": "bytes"}
        data_type = "sc:VideoObject" if name == "viewport" else "sc:ImageObject"
    elif pa.types.is_list(kind):
        data_type, shape = _TYPES[kind.value_type], {"isArray": True, "arrayShape": "-1"}
    else:
        data_type = _TYPES[kind]
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{name}",
        "name": name,
        "description": column.meaning,
        "dataType": data_type,
        **shape,
        "source": source,
    }

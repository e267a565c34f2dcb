"""The rooms of the package have one order; a room imports only rooms below it, and no modules import each other."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tsalv360"
STAGES = "index frames fixations events reliability saliency viewports captions curation dataset"
# From the bottom; the stages are on one level. The roof, which knows the whole configuration, begins with config.
BELOW, ABOVE = "job sphere contracts media metrics model sources", "prediction training evaluation explorer publish"
LEVELS = [*BELOW.split(), STAGES, *ABOVE.split(), "config", "check", "workflow", "cli"]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms.split()}
# What a stage may import from another one, who does, and why.
DOORS = {
    "events": ("reliability", "detection in parts of the gaze and in surrogates"),
    "reliability": ("dataset", "what all videos' trials add up to, for the card"),
    "captions.text": ("curation", "flags of captions that curators edited"),
    "curation.apply": ("dataset", "assembling a video applies the curators' decisions"),
    "saliency": ("curation dataset", "maps of edited events"),
}
# Imports against the order, and why.
EXCEPTIONS = {
    ("tsalv360", "prediction"): "`tsalv360.predict` is imported when it is used",
    ("tsalv360", "publish"): "`tsalv360.load_clips` is imported when it is used",
    ("curation.commands", "config"): "the commands get the whole configuration",
    ("curation.commands", "explorer.server"): "curators look at the moment in the explorer",
    ("curation.review", "config"): "the command gets the whole configuration",
    ("sources.recording", "sources"): "the package imports a reader when it is used",
    ("sphere.density", "contracts.gaze_grid"): "the type of its input",
}


def modules() -> dict[str, Path]:
    """The files of the package by module name, without `tsalv360.` in front."""
    names = {path: ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix("__init__").removesuffix(".") or "tsalv360": path for path, name in names.items()}


def imported(source: str, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that Python code imports anywhere: at the top, in functions, for types only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "tsalv360":
                name = name.removeprefix("tsalv360.")
                yield name if name in known else name.rpartition(".")[0] or "tsalv360"


def room(module: str) -> str:
    return module.partition(".")[0]


@pytest.fixture(scope="module")
def imports() -> list[tuple[str, str]]:
    """Pairs of modules, the first of which imports the second."""
    known = modules()
    return [(name, other) for name, path in known.items() for other in imported(path.read_text("utf-8"), known)]


def test_no_room_imports_a_room_above_it(imports: list[tuple[str, str]]) -> None:
    level = LEVEL | {"tsalv360": -1}
    assert {room(module) for module in modules()} == level.keys()
    upward = {(name, other) for name, other in imports if level[room(name)] < level[room(other)]}
    assert upward == {pair for pair in EXCEPTIONS if room(pair[0]) != room(pair[1])}


def test_no_modules_import_each_other_in_a_circle(imports: list[tuple[str, str]]) -> None:
    assert set(imports) >= EXCEPTIONS.keys(), "an exception that nothing needs any more"
    graph: dict[str, set[str]] = {}
    for pair in set(imports) - EXCEPTIONS.keys():
        graph.setdefault(pair[0], set()).add(pair[1])
    TopologicalSorter(graph).prepare()  # raises CycleError with the modules of a circle


def test_a_stage_imports_another_one_through_a_door_alone(imports: list[tuple[str, str]]) -> None:
    between = {(room(a), b) for a, b in imports if {room(a), room(b)} <= set(STAGES.split()) and room(a) != room(b)}
    assert between == {(stage, module) for module, (stages, _) in DOORS.items() for stage in stages.split()}

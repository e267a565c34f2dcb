"""A new project: a folder of its own for a data set, which runs the installed workflow."""

import re
from pathlib import Path

from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.job.installed import FILES

# The files in config/ that a project can begin with, by the name that users type.
TEMPLATES = {
    "own-recordings": "your own videos and gaze",
    "demo": "rendered videos and simulated observers",
    "tsv360": "TSV360 from the raw downloads",
    "tsv360-authors-way": "TSV360 as its authors would have made it",
    "tsv360-published": "the published TSV360",
}
_SNAKEFILE = """\
# The installed workflow of tsalv360; an upgrade of the package upgrades it. Its settings are in config/local.yaml.
from tsalv360.workflow import SNAKEFILE


include: SNAKEFILE


# What `snakemake` makes without a target. Rules of your own can follow, and their files can be added here.
rule default:
    default_target: True
    input:
        rules.all.input,
"""
_IGNORED = """\
/data/
/results/
/label-studio/
.snakemake/
.venv*/
"""
_HEAD = """\
# Settings of {name}: {content}. All keys: docs/settings.md of tsalv360.
# Missing keys keep the values of the demo, which `tsalv360 init --template demo` writes.
"""


def make_project(folder: Path, template: str = "own-recordings") -> list[Path]:
    """Write a project into a new or empty folder, whose name becomes the data set's; return the files in it.

    Raises InputError if the folder has content, or a name that no data set can have.
    """
    folder = folder.absolute()
    name = folder.resolve().name
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name):
        raise InputError(folder, f"the name {name!r}", "letters, digits and hyphens", "The data set gets this name.")
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "a file", "a new or empty folder", "Choose another name.")
    if folder.exists() and (content := sorted(path.name for path in folder.iterdir())):
        raise InputError(folder, f"content ({content[0]} …)", "a new or empty folder", "Nothing was changed.")
    texts = {
        "config/local.yaml": _config(name, template),
        **{path: (FILES / path).read_text(encoding="utf-8") for path in _profiles()},
        ".gitignore": _IGNORED,
        "Snakefile": _SNAKEFILE,
    }
    for path, text in texts.items():
        with whole_file(folder / path) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / path for path in texts]


def _profiles() -> list[str]:
    """Return the paths of all profiles; a project has its own, because users fill in what their cluster needs."""
    return sorted(str(path.relative_to(FILES)) for path in FILES.glob("profiles/*/config.yaml"))


def _config(name: str, template: str) -> str:
    """Return a template with the data set's name and a head that fits a project."""
    file = FILES / "config" / ("config.yaml" if template == "demo" else f"{template}.yaml")
    body = re.sub(r"\A(#.*\n)*", "", file.read_text(encoding="utf-8"))
    named = re.sub(r"^(dataset:\n  name:) .*$", rf"\1 {name}", body, flags=re.MULTILINE)
    return _HEAD.format(name=name, content=TEMPLATES[template]) + named

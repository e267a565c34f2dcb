"""Where the workflow's files are: at the top of a clone, or in the installed package."""

import shutil
from pathlib import Path

from tsalv360.job.files import whole_file

_PACKAGE = Path(__file__).resolve().parents[1]  # jobs may import it through a link
IN_CLONE = (_PACKAGE.parent / "Snakefile").exists()
FILES = _PACKAGE.parent if IN_CLONE else _PACKAGE / "workflow" / "files"  # Snakefile, rules, scripts, config, envs, …


def install_command(extra: str) -> str:
    """Return the command that installs an extra of this package."""
    what = "--constraint constraints.txt --editable '." if IN_CLONE else "'tsalv360"
    return f"pip install {what}[{extra}]'"


def link_package(folder: Path) -> Path:
    """Return `folder`, in which a link makes this package importable, and nothing else that is installed with it."""
    link = folder.absolute() / _PACKAGE.name
    if not link.is_symlink() or link.readlink() != _PACKAGE:
        if link.is_dir() and not link.is_symlink():  # copied with the project by a program that follows links
            shutil.rmtree(link)
        with whole_file(link) as partial:
            partial.symlink_to(_PACKAGE)
    return link.parent

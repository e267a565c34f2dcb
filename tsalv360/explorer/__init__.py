"""The explorer: pages to look around in a dataset, one for all of it and one per video, which need no server."""

import shutil
from pathlib import Path

from tsalv360.job.files import whole_file

# The files that all pages share; live.js says that there is no model to ask, a server of one has another.
BUNDLE = [Path(__file__).parent / "web" / name for name in ("explorer.js", "explorer.css", "live.js")]


def copy_bundle(folder: Path) -> None:
    """Copy the files that all pages share into the folder of an explorer."""
    for file in BUNDLE:
        with whole_file(folder / file.name) as partial:
            shutil.copyfile(file, partial)

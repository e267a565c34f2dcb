"""The page on which curators review events: one HTML file that Label Studio serves, with its login and on its API."""

from pathlib import Path
from urllib.parse import quote, urlsplit

from markupsafe import escape

from tsalv360.curation.labelstudio import GUIDE
from tsalv360.job.files import whole_file

FOLDER = "curation_page"  # beside the viewports, in the dataset's results
_SOURCE = Path(__file__).parent / "web"
_NAME = "page.html"


def write_page(folder: Path, explorer: str | None = None) -> None:
    """Write the page with its style, script and guide into a folder; `explorer` is the URL of its pages, if any."""
    page = (_SOURCE / _NAME).read_text(encoding="utf-8")
    for mark, part in (
        ("/* page.css */", _SOURCE / "page.css"),
        ("/* page.js */", _SOURCE / "page.js"),
        ("<!-- guide -->", GUIDE),
    ):
        page = page.replace(mark, part.read_text(encoding="utf-8"))
    page = page.replace('data-server=""', f'data-server="{escape(explorer or "")}"')
    with whole_file(folder / _NAME) as partial:
        partial.write_text(page, encoding="utf-8")


def page_url(server: str, dataset: str, project: int) -> str:
    """Return the URL at which a curator logs in, if necessary, and then gets the page."""
    page = f"{urlsplit(server).path}/data/local-files/?d={quote(f'{dataset}/{FOLDER}/{_NAME}')}&project={project}"
    return f"{server}/user/login/?next={quote(page, safe='')}"

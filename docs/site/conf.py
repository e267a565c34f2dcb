"""Settings of the documentation's site, which `make docs` builds with Sphinx.

The site mirrors the repository: its sources are read from the top, so a relative link means the same here, on the site,
and wherever the repository is browsed. A link to a file that is no page becomes a download of that file.
"""

import re
from html import escape
from importlib import metadata
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx.writers.html5 import HTML5Translator

ROOT = Path(__file__).parents[2]
PAGES = ["docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"]

project = "tsalv360"
release = metadata.version(project)
html_title = f"{project} {release}"
html_theme = "furo"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_extra_path = ["index.html"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

extensions = [
    "myst_parser",
    "sphinx_external_toc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
]
external_toc_path = "docs/site/toc.yml"
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in PAGES]  # before the folders are walked

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # links to headings, named as code forges name them
html_math_renderer = "mathml"  # needs no script

default_role = "literal"  # docstrings have names in single backticks
# Large and slow to import. What stands in for a class knows no `|`; modules with such annotations do not evaluate them.
autodoc_mock_imports = ["accelerate", "open_clip", "safetensors", "torch", "torchvision", "transformers"]
autodoc_typehints = "none"  # docstrings say what is taken and what comes back
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"


def inline_math(page: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a sentence as MathML."""
    page.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def displayed_math(page: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on its own line as MathML."""
    page.body.append(f'<div class="math">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def mathml(node: nodes.math | nodes.math_block, as_block: bool) -> str:
    """Return the MathML of a formula in LaTeX; warn and return the LaTeX where that is not understood."""
    try:
        return tex2mathml(node.astext().replace("°", r"^\circ"), as_block=as_block)
    except MathError as error:
        getLogger(__name__).warning("formula: %s", error, location=node)
        return f"<code>{escape(node.astext())}</code>"


def list_parameters(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Write the section `Parameters` of a docstring as a list: what follows a name is its meaning, not its type."""
    before, heading, after = "\n".join(lines).partition("Parameters\n----------\n")
    if heading:
        lines[:] = (before + re.sub(r"^(\w[\w, ]*) : ", r"``\1``\n    ", after, flags=re.MULTILINE)).splitlines()


def setup(app: Sphinx) -> None:
    """Give Sphinx the renderer of formulas, and the form of docstrings here."""
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
    app.connect("autodoc-process-docstring", list_parameters)

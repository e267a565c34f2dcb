"""The explorer: pages to look around in a dataset, one for all of it and one per video, which need no server."""

from pathlib import Path

# The files that all pages share; live.js says that there is no model to ask, a server of one has another.
BUNDLE = [Path(__file__).parent / "web" / name for name in ("explorer.js", "explorer.css", "live.js")]

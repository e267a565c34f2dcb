"""placeholder"""

from pathlib import Path

from tsalv360.publish.settings import PublishSettings


def write_metadata(folder: Path, name: str, settings: PublishSettings, build_card: str) -> None:
    (folder / "README.md").write_text(build_card)

"""Settings of the explorer's pages."""

from collections.abc import Sequence
from pathlib import Path

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import existing


@dataclass(frozen=True, config=STRICT)
class ExplorerSettings:
    """Pages to look around in the dataset."""

    height: int = setting(
        960, "height of the panorama in the pages, at most that of the frames", unit="px", ge=128, le=960, multiple_of=2
    )
    from_disk: bool = setting(
        True,
        "also write each video as text, which pages that are opened from disk need; it adds four thirds of its size",
    )
    camera_paths: str | None = setting(
        None, "folder of published camera paths, <video>.txt, that the index compares with the events"
    )

    def camera_path_files(self, videos: Sequence[str]) -> list[Path]:
        """Return the files of those `videos` that have one; InputError where the named folder has none of them."""
        if self.camera_paths is None:
            return []
        folder = existing(self.camera_paths, "explorer.camera_paths")
        files = [path for video in videos if (path := folder / f"{video}.txt").exists()]
        if not files:
            found, expected = "no file of any of the videos", f"files like {videos[0]}.txt"
            raise InputError(folder, found, expected, "Correct explorer.camera_paths.")
        return files

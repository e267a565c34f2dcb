"""Entries of the stages' JSON, of which a test names what matters to it."""

from typing import Any

from tsalv360.contracts.entries import Candidate, CaptionEntry, IndexEntry


def index_entry(video: str = "v", fps: float = 16.0, n_frames: int = 160, **others: Any) -> IndexEntry:
    """The index entry of a video."""
    values: dict[str, Any] = {
        "id": video,
        "fps": fps,
        "n_frames": n_frames,
        "width": 960,
        "height": 480,
        "display_aspect": 2.0,
        "duration_s": n_frames / fps,
        "skip_first": 0,
        "size_bytes": 1,
        "sha256": "0" * 64,
    }
    return IndexEntry(**values | others)


def caption_entry(*texts: str, **others: Any) -> CaptionEntry:
    """The entry of an event for which the facts captioner wrote these texts, the shown one first; none for none."""
    candidates = [Candidate("facts", "", "facts", "1", text, None) for text in texts]
    values: dict[str, Any] = {"caption": texts[0] if texts else None, "candidates": candidates}
    return CaptionEntry(**values | others)

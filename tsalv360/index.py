"""The index entry of a video: what it is, what it holds, where it comes from."""

from typing import Any

from tsalv360.files import sha256
from tsalv360.sources import Recording, read_gaze
from tsalv360.video import probe


def index_video(recording: Recording, force_2to1: bool) -> dict[str, Any]:
    """Look into a video and its gaze; InputError for what cannot be used. `n_frames` is what decoding gives."""
    info = probe(recording.video, force_2to1)
    gaze = read_gaze(recording, info.fps)
    return {
        "id": recording.video_id,
        "source": recording.source,
        "path": str(recording.video),
        "fps": info.fps,
        "n_frames": info.n_frames,
        "width": info.width,
        "height": info.height,
        "display_aspect": info.display_aspect,
        "duration_s": info.duration_s,
        "n_observers": int(gaze.observer.nunique()),
        "size_bytes": recording.video.stat().st_size,
        "sha256": sha256(recording.video),
        "licence": recording.licence,
        "notes": info.notes,
    }

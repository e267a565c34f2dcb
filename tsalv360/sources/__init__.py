"""Sources: where videos and gaze come from.

A source is a settings dataclass with `recordings()`, listed in `tsalv360.sources.kinds`, and a reader of its gaze
format, listed in `tsalv360.sources.reading`. `docs/sources.md` shows how to add one. What a job does not ask for is
not imported: the readers and settings of all sources take longer than reading the gaze of a video.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tsalv360.sources.reading import READERS, WITHOUT_OBSERVERS, count_observers, read_gaze
from tsalv360.sources.recording import Recording

if TYPE_CHECKING:
    from tsalv360.sources.demo import DemoSource as DemoSource
    from tsalv360.sources.gaze_table import GazeTableSettings, read_gaze_table
    from tsalv360.sources.kinds import OwnVideo, Source
    from tsalv360.sources.maps import MapSettings, read_fixation_maps, read_saliency_maps
    from tsalv360.sources.salient360 import read_salient360
    from tsalv360.sources.sports360 import read_sports360
    from tsalv360.sources.vr_eyetracking import read_vr_eyetracking

__all__ = [
    "READERS",
    "WITHOUT_OBSERVERS",
    "GazeTableSettings",
    "MapSettings",
    "OwnVideo",
    "Recording",
    "Source",
    "count_observers",
    "read_fixation_maps",
    "read_gaze",
    "read_gaze_table",
    "read_saliency_maps",
    "read_salient360",
    "read_sports360",
    "read_vr_eyetracking",
]

_MODULES = {
    "DemoSource": "demo",
    "GazeTableSettings": "gaze_table",
    "MapSettings": "maps",
    "OwnVideo": "kinds",
    "Source": "kinds",
    "read_fixation_maps": "maps",
    "read_gaze_table": "gaze_table",
    "read_saliency_maps": "maps",
    "read_salient360": "salient360",
    "read_sports360": "sports360",
    "read_vr_eyetracking": "vr_eyetracking",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tsalv360.sources.{_MODULES[name]}"), name)

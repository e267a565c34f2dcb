"""Sources: where videos and their gaze come from.

A source is a settings dataclass with `recordings()`, listed in `tsalv360.sources.kinds`, and a reader of its gaze
format, listed in `tsalv360.sources.recording`. `docs/sources.md` shows how to add one. Modules are imported when a name
of theirs is used: importing all of them takes longer than reading the gaze of a video.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.sources.avtrack360 import read_avtrack360 as read_avtrack360
    from tsalv360.sources.demo import DemoSource as DemoSource
    from tsalv360.sources.dsav360 import read_dsav360 as read_dsav360
    from tsalv360.sources.em360 import read_em360 as read_em360
    from tsalv360.sources.gaze_table.read import read_gaze_table as read_gaze_table
    from tsalv360.sources.gaze_table.settings import GazeTableSettings as GazeTableSettings
    from tsalv360.sources.kinds import OwnVideo as OwnVideo
    from tsalv360.sources.kinds import Source as Source
    from tsalv360.sources.maps import MapSettings as MapSettings
    from tsalv360.sources.maps import read_fixation_maps as read_fixation_maps
    from tsalv360.sources.maps import read_saliency_maps as read_saliency_maps
    from tsalv360.sources.recording import READERS as READERS
    from tsalv360.sources.recording import Gaze as Gaze
    from tsalv360.sources.recording import Recording as Recording
    from tsalv360.sources.recording import read_gaze as read_gaze
    from tsalv360.sources.salient360 import read_salient360 as read_salient360
    from tsalv360.sources.salient360_raw import Salient360RawSettings as Salient360RawSettings
    from tsalv360.sources.salient360_raw import read_salient360_raw as read_salient360_raw
    from tsalv360.sources.sports360 import read_sports360 as read_sports360
    from tsalv360.sources.vidstr88 import read_vidstr88 as read_vidstr88
    from tsalv360.sources.vr_eyetracking import read_gaze_files as read_gaze_files
    from tsalv360.sources.vr_eyetracking import read_vr_eyetracking as read_vr_eyetracking

_NAMES = {
    "avtrack360": ["read_avtrack360"],
    "demo": ["DemoSource"],
    "dsav360": ["read_dsav360"],
    "em360": ["read_em360"],
    "gaze_table.read": ["read_gaze_table"],
    "gaze_table.settings": ["GazeTableSettings"],
    "kinds": ["OwnVideo", "Source"],
    "maps": ["MapSettings", "read_fixation_maps", "read_saliency_maps"],
    "recording": ["READERS", "Gaze", "Recording", "read_gaze"],
    "salient360": ["read_salient360"],
    "salient360_raw": ["Salient360RawSettings", "read_salient360_raw"],
    "sports360": ["read_sports360"],
    "vidstr88": ["read_vidstr88"],
    "vr_eyetracking": ["read_gaze_files", "read_vr_eyetracking"],
}


def __getattr__(name: str) -> Any:
    module = next((module for module, names in _NAMES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tsalv360.sources.{module}"), name)

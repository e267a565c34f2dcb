"""Events: what several observers watch at the same time for a while, found on the sphere.

Gaze is sampled on the 16 fps grid, clustered by HDBSCAN in short windows, and linked over time by optimal assignment;
then all hypotheses are refined together: whose gaze is whose, where each event is, when it begins and ends.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.events.detect import DetectedEvents, detect_events
    from tsalv360.events.published import salient_centres
    from tsalv360.events.settings import EventSettings

__all__ = ["DetectedEvents", "EventSettings", "detect_events", "salient_centres"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = {"EventSettings": "settings", "salient_centres": "published"}  # a configuration needs no SciPy
    return getattr(import_module(f"{__name__}.{modules.get(name, 'detect')}"), name)

"""Events: stretches of time in which several observers look at the same thing, found on the sphere.

Looks are sampled on the 16 fps grid, clustered by HDBSCAN in short windows, linked over time by optimal assignment,
then each candidate is settled frame by frame: which looks are its own, where it is, when it begins and ends.
Reading a configuration loads the settings alone, without SciPy, and comparing tracks not even those.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.events.detect import DetectedEvents, detect_events
    from tsalv360.events.settings import EventSettings

__all__ = ["DetectedEvents", "EventSettings", "detect_events"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "EventSettings":
        from tsalv360.events.settings import EventSettings

        return EventSettings
    from tsalv360.events import detect

    return getattr(detect, name)

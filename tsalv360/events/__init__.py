"""Events: stretches of time in which several observers look at the same thing, found on the sphere.

Looks are sampled on the 16 fps grid, clustered by HDBSCAN in short windows, linked over time by optimal assignment,
then each candidate is settled frame by frame: which looks are its own, where it is, when it begins and ends.
"""

from tsalv360.events.detect import DetectedEvents, detect_events
from tsalv360.events.settings import EventSettings

__all__ = ["DetectedEvents", "EventSettings", "detect_events"]

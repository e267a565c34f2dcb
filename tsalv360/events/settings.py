"""Settings of the event stage and the camera path."""

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class EventSettings:
    """Events: where several observers look at the same thing for a while, and the camera that follows it."""

    window_s: float = setting(0.4, "looks within this time are clustered together", unit="s", ge=0.1, le=5)
    step_s: float = setting(0.25, "distance between windows", unit="s", ge=0.0625, le=5)
    min_share: float = setting(0.12, "share of the observers that makes a cluster and an event", ge=0.01, le=1)
    min_observers: int = setting(3, "fewest observers of a cluster and an event", ge=1, le=1000)
    max_spread_deg: float = setting(
        9.0, "clusters and events wider than this (root mean square) are dropped", unit="deg", gt=0.5, le=60
    )
    link_deg: float = setting(
        10.0, "farthest a cluster may lie from where a track is expected", unit="deg", gt=0.5, le=60
    )
    assign_deg: float = setting(
        12.0, "farthest a look may lie from an event that it belongs to", unit="deg", gt=0.5, le=60
    )
    merge_deg: float = setting(12.0, "events that stay closer than this are one", unit="deg", ge=0, le=60)
    fill_gap_s: float = setting(0.8, "gaps up to this are filled", unit="s", ge=0, le=30)
    max_gap_s: float = setting(
        2.0, "gaps up to this split an event into stretches; longer ones start a new event", unit="s", ge=0, le=60
    )
    min_duration_s: float = setting(2.0, "shorter events are dropped", unit="s", ge=0, le=120)
    camera_smooth_s: float = setting(
        0.5, "σ of the Gaussian over time that smooths the camera path", unit="s", ge=0, le=5
    )
    camera_max_speed_deg_s: float = setting(40.0, "angular speed limit of the camera", unit="deg/s", gt=1, le=1000)
    camera_hfov_deg: float = setting(75.0, "horizontal field of view of the viewport", unit="deg", ge=10, le=150)

    @model_validator(mode="after")
    def _gaps_in_order(self) -> "EventSettings":
        if self.max_gap_s < self.fill_gap_s:
            raise ValueError(f"max_gap_s ({self.max_gap_s:g} s) must not be below fill_gap_s ({self.fill_gap_s:g} s)")
        return self

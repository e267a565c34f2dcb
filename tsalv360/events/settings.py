"""Settings of the events stage and of the camera path."""

from dataclasses import field
from typing import Literal, Self

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class Tsv360Settings:
    """Events as TSV360 was made: peaks of saliency maps, linked over native frames; the values are the published ones.

    Steps, gaps and lengths are in native frames: no one value in seconds says it for all rates.
    """

    step_frames: int = setting(8, "a saliency map is looked at every so many frames", unit="frames", ge=1, le=240)
    sigma_deg: float = setting(5.0, "width σ of a fixation in these maps", unit="deg", ge=1, le=30)
    level: float = setting(0.35, "bright pixels are above this, of maps with the maximum 1", gt=0, lt=1)
    min_extent_deg: float = setting(
        9.0, "regions that are neither wider nor higher, in yaw and pitch, are left out", unit="deg", ge=0, le=90
    )
    peak_deg: float = setting(
        15.0, "farthest that a region's peak may lie from the middle of its box", unit="deg", gt=0.5, le=90
    )
    link_deg: float = setting(
        22.92, "peaks of successive maps closer than this are one event; published: 0.4 rad", unit="deg", gt=0.5, le=90
    )
    same_deg: float = setting(
        14.32,
        "no event begins this close to another peak of the map; published: 0.25 rad",
        unit="deg",
        ge=0,
        le=90,
    )
    fill_gap_frames: int = setting(
        25, "longest distance of two samples of an event; a later one begins another", unit="frames", ge=1, le=10_000
    )
    min_length_frames: int = setting(20, "shorter events are dropped", unit="frames", ge=1, le=10_000)


@dataclass(frozen=True, config=STRICT)
class EventSettings:
    """Events: what several observers watch at the same time for a while, and the camera that follows it."""

    method: Literal["clusters", "tsv360"] = setting(
        "clusters", "how events are found: by clusters of gaze, or as TSV360 was made, by peaks of saliency maps"
    )
    tsv360: Tsv360Settings = field(default_factory=Tsv360Settings)
    window_s: float = setting(0.4, "gaze within this time is clustered together", unit="s", ge=0.1, le=5)
    step_s: float = setting(0.25, "time from one window to the next", unit="s", ge=0.0625, le=5)
    min_share: float = setting(0.1, "least share of the observers for a cluster and for an event", ge=0.01, le=1)
    min_observers: int = setting(3, "least number of observers for a cluster and for an event", ge=1, le=1000)
    max_spread_deg: float = setting(
        7.5, "largest spread (root mean square) of an event; 8.5 if gaze fills 12 evenly", unit="deg", gt=0.5, le=60
    )
    link_deg: float = setting(10.0, "farthest a cluster may lie from its expected place", unit="deg", gt=0.5, le=60)
    assign_deg: float = setting(12.0, "farthest that gaze may lie from its event", unit="deg", gt=0.5, le=60)
    merge_deg: float = setting(12.0, "events that stay closer than this are one", unit="deg", ge=0, le=60)
    fill_gap_s: float = setting(0.8, "longest gap that is filled", unit="s", ge=0, le=30)
    max_gap_s: float = setting(
        4.0, "longest gap between segments of an event; after a longer one a new event starts", unit="s", ge=0, le=60
    )
    min_duration_s: float = setting(2.0, "shorter events are dropped", unit="s", ge=0, le=120)
    max_duration_s: float = setting(
        20.0, "longer events are cut at multiples of it: one sentence describes an event", unit="s", ge=1, le=3600
    )
    false_discovery_rate: float = setting(
        0.1, "share of a video's events that may be chance; weaker events are dropped; 1 keeps all", gt=0, le=1
    )
    camera_smooth_s: float = setting(0.5, "σ over time of the smoothing of the camera path", unit="s", ge=0, le=5)
    camera_max_speed_deg_s: float = setting(40.0, "angular speed limit of the camera", unit="deg/s", gt=1, le=1000)
    camera_max_acceleration_deg_s2: float = setting(
        100.0, "angular acceleration limit of the camera", unit="deg/s²", gt=1, le=100_000
    )
    camera_max_offset_deg: float = setting(
        10.0,
        "largest angle from the event to the camera; outranks speed and acceleration",
        unit="deg",
        gt=0.1,
        le=180,
    )
    camera_max_rotation_deg_s: float = setting(
        60.0, "limit of the view's rotation beside a pole; outranks the offset", unit="deg/s", gt=1, le=100_000
    )
    camera_hfov_deg: float = setting(
        75.0, "horizontal field of view of the viewport, which wide events enlarge", unit="deg", ge=10, le=150
    )
    camera_max_hfov_deg: float = setting(100.0, "largest field of view of wide events", unit="deg", ge=10, le=150)
    camera_spreads: float = setting(
        4.0, "spreads that the view reaches above and below the event; two hold 98 % of the gaze", ge=0, le=20
    )

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.max_gap_s < self.fill_gap_s:
            raise ValueError(f"max_gap_s ({self.max_gap_s:g} s) must not be below fill_gap_s ({self.fill_gap_s:g} s)")
        if self.camera_max_hfov_deg < self.camera_hfov_deg:
            low, high = self.camera_hfov_deg, self.camera_max_hfov_deg
            raise ValueError(f"camera_max_hfov_deg ({high:g}°) must not be below camera_hfov_deg ({low:g}°)")
        return self

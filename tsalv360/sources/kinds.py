"""All kinds of sources that a configuration can name."""

from typing import Annotated

from pydantic import Discriminator

from tsalv360.sources.demo import DemoSource
from tsalv360.sources.published import PublishedSource
from tsalv360.sources.sports360 import Sports360Source
from tsalv360.sources.vr_eyetracking import VrEyeTrackingSource

Source = Annotated[DemoSource | VrEyeTrackingSource | Sports360Source | PublishedSource, Discriminator("kind")]

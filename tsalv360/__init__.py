"""Text-driven saliency for 360° video: from gaze to dataset, captions, curation and model."""

from importlib.metadata import version

__version__ = version("tsalv360")

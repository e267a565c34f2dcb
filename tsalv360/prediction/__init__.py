"""Saliency of prompts in a video by a trained model. PyTorch is imported only by a prediction."""

from tsalv360.prediction.outputs import write_predictions
from tsalv360.prediction.windows import Predictions, Window, predict

__all__ = ["Predictions", "Window", "predict", "write_predictions"]

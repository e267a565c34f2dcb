"""The dataset: the part of each video, the splits, and the published folder with its card."""

"""The dataset: the part of each video, the splits, and the folder that is published with its card."""

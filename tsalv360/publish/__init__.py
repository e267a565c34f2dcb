"""Publishing: the folder that loads in one line anywhere, its metadata, and its upload."""

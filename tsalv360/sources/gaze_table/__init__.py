"""Gaze in anyone's own tables: text or Parquet, with an observer, a time or frame, and a direction in every row."""

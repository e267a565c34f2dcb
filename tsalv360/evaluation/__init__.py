"""Evaluation: a fold's clips scored for the model and its baselines, means with intervals, gaps, tables and figures."""

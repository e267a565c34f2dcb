"""Evaluation: scores of model and baselines on a fold's test clips, means with intervals, tables and figures."""

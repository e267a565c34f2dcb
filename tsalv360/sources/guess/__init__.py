"""Guessing the form and settings of an unknown gaze table, for `tsalv360 data import`."""

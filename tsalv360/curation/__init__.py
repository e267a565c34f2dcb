"""Curation: events go to Label Studio, curators' annotations come back as files for git and enter the dataset."""

"""The report page: one self-contained HTML file to look at everything that was made."""

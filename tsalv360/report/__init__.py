"""The report page: one self-contained HTML file to look at everything that was made."""

from tsalv360.report.page import write_report

__all__ = ["write_report"]

"""The page `cprs compress --html` writes."""

from cprs.report.page import GAP_LIMIT, PAGE_LIMIT, report

__all__ = ["GAP_LIMIT", "PAGE_LIMIT", "report"]

"""Every result as something to look at or keep: a page, a figure for a paper, JSON."""

from __future__ import annotations

from layerlore.report.html import notebook_html, render_html
from layerlore.report.saving import save_explanation

__all__ = ["notebook_html", "render_html", "save_explanation"]

"""The static site of a study: overview, grids of photos, a page for every photo."""

from layerlore.report.site.build import Site, write_site

__all__ = ["Site", "write_site"]

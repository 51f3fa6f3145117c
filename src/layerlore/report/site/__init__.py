"""The static site of a study: overview, grids of photos, a page for every photo."""

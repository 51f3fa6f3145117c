"""How Sphinx builds these pages: ``make docs``."""

from __future__ import annotations

import importlib.metadata

project = "LayerLore"
author = "the LayerLore authors"
release = version = importlib.metadata.version("layerlore")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
exclude_patterns = ["images/*.py"]

autodoc_typehints = "description"
autoclass_content = "both"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "LayerLore"
html_copy_source = False
html_show_sourcelink = False

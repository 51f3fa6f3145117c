"""The page of a comparison: one photo, two explanations, matched clusters facing each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report import colours, compare_view, compare_words, view, words
from layerlore.report.html import environment, joined, notebook_frame, page_policy, script
from layerlore.report.saving import save_text

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.study.compare import Comparison

STYLES = ("shared/tokens.css", "shared/base.css", "page.css", "compare.css")
SCRIPTS = ("shared/switch.js", "compare.js")


def save_comparison(comparison: Comparison, path: str | Path) -> Path:
    """Write a comparison: ``.html`` for a page, ``.json`` for the numbers.

    Returns:
        The path written.

    Raises:
        OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
    """
    return save_text(path, {".html": lambda: render_comparison(comparison), ".json": comparison.to_json})


def render_comparison(comparison: Comparison) -> str:
    """The comparison as one self-contained HTML file that is read without scripts and asks nothing of any server."""
    early, main = joined(["shared/theme.js"]), script(SCRIPTS)
    sides = tuple(compare_view.side(comparison, letter) for letter in "AB")
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            c=comparison,
            words=words,
            policy=page_policy(early, main),
            styles=joined(STYLES),
            early_script=early,
            main_script=main,
            sides=sides,
            one_view=_one_view(comparison),
            gradient=colours.css_gradient(),
            photo_colour=colours.PHOTO_COLOUR,
            headline=compare_words.headline(comparison),
            lead=compare_words.lead(comparison),
            layers=compare_view.layers(comparison),
            unpaired=compare_words.unpaired(comparison),
            how_paired=compare_words.how_paired(comparison),
            provenance=[(s.letter, view.provenance(s.explanation)) for s in sides],
        )
    )


def _one_view(comparison: Comparison) -> bool:
    """Both networks saw the same part of the photo in the same size."""
    a, b = comparison.a.photo, comparison.b.photo
    return (a.box, a.view_width, a.view_height) == (b.box, b.view_width, b.view_height)


def comparison_notebook_html(comparison: Comparison) -> str:
    """The page inside a frame, for a notebook's output cell."""
    return notebook_frame(render_comparison(comparison), f"LayerLore: {comparison.a.photo.name}, A and B")

"""The page: one HTML file that asks nothing of any server, or the page of a photo inside a study's site.

Both come from one template and one script. Every string of the user or of the network goes through the
template's escaping; the content policy of the page allows its own scripts only.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.report import colours, view, words
from layerlore.report.label_sentences import photo_words
from layerlore.report.labels import PageWords
from layerlore.report.page_data import script_data

if TYPE_CHECKING:
    from jinja2 import Environment

    from layerlore.concepts.records import ConceptSet
    from layerlore.local.explanation import Explanation
    from layerlore.report.site.place import Place

HERE = Path(__file__).parent
STYLES = ("shared/tokens.css", "shared/base.css", "page.css", "panel.css", "print.css")
SCRIPTS = ("shared/switch.js", "maps.js", "ribbons.js", "panel.js", "page.js")
NOTEBOOK_HEIGHT = 860


def render_html(explanation: Explanation, concepts: ConceptSet | None = None) -> str:
    """The explanation as one self-contained HTML file.

    The file opens from disk, makes no request, shows everything but the large view without scripts, and
    prints. It stays under 3 MB for nine layers.

    Args:
        explanation: What the page is about.
        concepts: What people, or a model, called its maps.
    """
    early, main = joined(["shared/theme.js"]), script(SCRIPTS)
    return _render(
        explanation,
        concepts,
        place=None,
        policy=page_policy(early, main),
        styles=joined(STYLES),
        early_script=early,
        main_script=main,
        photo_address=view.data_address("image/jpeg", explanation.photo.view),
    )


def render_study_page(explanation: Explanation, place: Place, concepts: ConceptSet | None = None) -> str:
    """The same page inside a study's site, whose styles and scripts all photos share.

    The photo lies beside the page as ``ID.jpg``; the maps are painted by the script.

    Args:
        explanation: What the page is about.
        place: Where the photo stands in the site.
        concepts: What people, or a model, called its maps; None where the study has no concepts.
    """
    photo = f"{explanation.photo.image_id}.jpg"
    return _render(explanation, concepts, place=place, policy=site_policy(), photo_address=photo)


def _render(explanation: Explanation, concepts: ConceptSet | None, *, place: Place | None, **values: str) -> str:
    home = place.home if place else ""
    said = None if concepts is None else PageWords.of(explanation, concepts)
    if said is not None:
        explanation = said.explanation
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            e=explanation,
            place=place,
            linked=place is not None,
            words=words,
            gradient=colours.css_gradient(),
            photo_colour=colours.PHOTO_COLOUR,
            headline=words.headline(explanation),
            phases=view.phases(explanation, pictures=place is None, said=said),
            said=said,
            simulated=said is not None and said.concepts.simulated,
            told=() if said is None else photo_words(said),
            effects=view.effect_scale(explanation),
            important=any(layer.importance_shares is not None for layer in explanation.layers),
            has_labels=any(c.labels for layer in explanation.layers for c in layer.clusters),
            smallest=min(explanation.layers, key=lambda layer: layer.height * layer.width, default=None),
            odd=[f"{channels:,}" for channels in _odd_channels(explanation)],
            provenance=view.provenance(explanation),
            fingerprint=view.fingerprint(explanation),
            depth_note=words.depth_note(explanation),
            data=script_json(script_data(explanation, home=home, said=said)),
            **values,
        )
    )


def notebook_html(explanation: Explanation, *, height: int = NOTEBOOK_HEIGHT) -> str:
    """The page inside a frame of fixed height, for a notebook's output cell."""
    return notebook_frame(render_html(explanation), f"LayerLore: {explanation.photo.name}", height=height)


def notebook_frame(page: str, title: str, *, height: int = NOTEBOOK_HEIGHT) -> str:
    """A whole page inside a frame, for a notebook's output cell."""
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" title="{html.escape(title, quote=True)}" '
        f'sandbox="allow-scripts" style="width:100%;height:{height}px;border:0" loading="lazy"></iframe>'
    )


def _odd_channels(explanation: Explanation) -> list[int]:
    """Numbers of feature maps that are no power of two: there the paper's discard rule throws away too much."""
    return sorted({layer.channels for layer in explanation.layers if layer.channels & (layer.channels - 1)})


@functools.cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def joined(names: tuple[str, ...] | list[str]) -> str:
    """Static files one after the other."""
    return "\n".join(map(_static, names))


def script(names: tuple[str, ...] | list[str]) -> str:
    """Scripts as one classic script; a module would not load from disk."""
    return f'"use strict";\n{{\n{joined(names)}\n}}\n'


@functools.cache
def environment() -> Environment:
    """The templates, with everything escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_policy(*scripts: str) -> str:
    """A content policy that lets nothing in but the page's own styles, its own scripts and data pictures."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def site_policy() -> str:
    """A content policy that lets nothing in but files of the site and data pictures, from disk and from a server.

    ``file:`` stands beside ``'self'`` because browsers differ in what ``'self'`` means for a page opened from disk;
    a page from a server may not load files from disk anyway.
    """
    return (
        "default-src 'none'; img-src 'self' file: data:; style-src 'self' file: 'unsafe-inline'; "
        "script-src 'self' file:; base-uri 'none'; form-action 'none'"
    )


def script_json(data: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

"""The page: one HTML file that asks nothing of any server.

The template and the static files are put together when the page is rendered. Every string of the user or of
the network goes through the template's escaping; the content policy of the page allows its own script only.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.report import colours, view, words

if TYPE_CHECKING:
    from jinja2 import Environment

    from layerlore.local.explanation import Explanation

HERE = Path(__file__).parent
STYLES = ("tokens.css", "page.css", "panel.css", "print.css")
SCRIPTS = ("maps.js", "ribbons.js", "panel.js", "page.js")
NOTEBOOK_HEIGHT = 860


def render_html(explanation: Explanation) -> str:
    """The explanation as one self-contained HTML file.

    The file opens from disk, makes no request, shows everything but the large view without scripts, and
    prints. It stays under 3 MB for nine layers.
    """
    early, main = _static("theme.js"), "\n".join(map(_static, SCRIPTS))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            e=explanation,
            words=words,
            policy=_policy(early, main),
            styles="\n".join(map(_static, STYLES)),
            early_script=early,
            main_script=main,
            photo_address=view.data_address("image/jpeg", explanation.photo.view),
            gradient=colours.css_gradient(),
            photo_colour=colours.PHOTO_COLOUR,
            headline=words.headline(explanation),
            phases=view.phases(explanation),
            effects=view.effect_scale(explanation),
            has_labels=any(c.labels for layer in explanation.layers for c in layer.clusters),
            smallest=min(explanation.layers, key=lambda layer: layer.height * layer.width, default=None),
            odd=[f"{channels:,}" for channels in _odd_channels(explanation)],
            provenance=view.provenance(explanation),
            fingerprint=view.fingerprint(explanation),
            depth_note=words.depth_note(explanation),
            data=_script_json(view.script_data(explanation)),
        )
    )


def notebook_html(explanation: Explanation, *, height: int = NOTEBOOK_HEIGHT) -> str:
    """The page inside a frame of fixed height, for a notebook's output cell."""
    page = html.escape(render_html(explanation), quote=True)
    title = html.escape(f"LayerLore: {explanation.photo.name}", quote=True)
    return (
        f'<iframe srcdoc="{page}" title="{title}" sandbox="allow-scripts" '
        f'style="width:100%;height:{height}px;border:0" loading="lazy"></iframe>'
    )


def _odd_channels(explanation: Explanation) -> list[int]:
    """Numbers of feature maps that are no power of two: there the paper's discard rule throws away too much."""
    return sorted({layer.channels for layer in explanation.layers if layer.channels & (layer.channels - 1)})


@functools.cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(*scripts: str) -> str:
    """A content policy that lets nothing in but the page's own styles, its own scripts and data pictures."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _script_json(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

"""Styles and scripts that all pages of a site share."""

from __future__ import annotations

import functools
import hashlib

from layerlore.report import html

PAGE_STYLES = (*html.STYLES, "site/bar.css")
PAGE_SCRIPTS = (*html.SCRIPTS, "study.js")
SITE_STYLES = ("shared/tokens.css", "shared/base.css", "site/site.css", "site/words.css", "site/report_card.css")
SITE_SCRIPTS = ("shared/switch.js", "site/grid.js", "site/site.js")
PLAIN_SCRIPTS = ("shared/switch.js", "site/plain.js")


@functools.cache
def assets() -> dict[str, str]:
    """Path in the site to content."""
    return {
        "assets/theme.js": html.joined(["shared/theme.js"]),
        "assets/page.css": html.joined(PAGE_STYLES),
        "assets/page.js": html.script(PAGE_SCRIPTS),
        "assets/site.css": html.joined(SITE_STYLES),
        "assets/site.js": html.script(SITE_SCRIPTS),
        "assets/plain.js": html.script(PLAIN_SCRIPTS),
    }


@functools.cache
def digest() -> str:
    """Eight hex digits of everything that decides what a page looks like: assets, templates, and our own code."""
    from layerlore import __version__

    seen = hashlib.sha256(__version__.encode())
    for path in sorted((*html.HERE.rglob("*.j2"), *html.HERE.rglob("*.py"))):
        seen.update(path.relative_to(html.HERE).as_posix().encode() + path.read_bytes())
    for name, content in assets().items():
        seen.update(f"{name}\n{content}".encode())
    return seen.hexdigest()[:8]


def version_of(content: str) -> str:
    """A query that changes with the content, so that browsers never use an old copy."""
    return f"?v={hashlib.sha256(content.encode()).hexdigest()[:8]}"


def version() -> str:
    """The query for the shared files."""
    return version_of("".join(assets().values()))

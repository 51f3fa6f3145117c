"""The little of Markdown that a consent text needs. All of it is escaped first, so no HTML of the text gets through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = template.Library()
HEADING = re.compile(r"(#{1,6})\s+(.*?)[\s#]*")
ITEM = re.compile(r"(?:[-*+]|(\d+)[.)])\s+(.*)")
LINK = re.compile(r"\[([^\[\]]+)\]\(((?:https?://|mailto:)[^\s()<>]+)\)")
STRONG = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])([*_])(\S(?:.*?\S)?)\1(?![\w*])")
DEEPEST = 4


@register.filter
def prose(text: str) -> SafeString:
    """Headings (from level 2 on), paragraphs, lists, bold, emphasis, and links to the web or to a mailbox."""
    return mark_safe("\n".join(_html(tag, parts) for tag, parts in _blocks(text)))  # noqa: S308 - see _inline


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """Tags, each with its parts: the items of a list, or the one text of anything else."""
    blocks: list[tuple[str, list[str]]] = []
    fresh = True
    for line in map(str.strip, text.splitlines()):
        heading, item = HEADING.fullmatch(line), ITEM.fullmatch(line)
        if heading:
            blocks.append((f"h{min(len(heading[1]) + 1, DEEPEST)}", [heading[2]]))
        elif item:
            tag = "ol" if item[1] else "ul"
            if not blocks or blocks[-1][0] != tag:
                blocks.append((tag, []))
            blocks[-1][1].append(item[2])
        elif line and fresh:
            blocks.append(("p", [line]))
        elif line:
            blocks[-1][1][-1] += f" {line}"
        fresh = not line or bool(heading)
    return blocks


def _html(tag: str, parts: list[str]) -> str:
    inside = "".join(f"<li>{_inline(part)}</li>" if tag in ("ol", "ul") else _inline(part) for part in parts)
    return f"<{tag}>{inside}</{tag}>"


def _inline(text: str) -> str:
    """Escaped, with links, bold and emphasis; an address in a link stays as it is."""
    found, at = [], 0
    for link in LINK.finditer(text):
        found += [_words(text[at : link.start()]), f'<a href="{escape(link[2])}" rel="noopener">{_words(link[1])}</a>']
        at = link.end()
    return "".join([*found, _words(text[at:])])


def _words(text: str) -> str:
    return EMPHASIS.sub(r"<em>\2</em>", STRONG.sub(r"<strong>\1</strong>", escape(text)))

"""``labels.csv``: one line for each label, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from layerlore.game.exchange.records import FINISHED_STATES, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.game.exchange.records import CampaignFacts, MapRecord, RoundRecord

RISKY = ("=", "+", "-", "@", "\t", "\r")

LABEL_COLUMNS = (
    "campaign",
    "round",
    "player",
    "kind",
    "stream",
    "image_id",
    "target",
    "class_name",
    "layer",
    "layer_index",
    "cluster",
    "weight",
    "map_key",
    "language",
    "text",
    "label",
    "merged",
    "label_kind",
    "assisted",
    "hidden",
    "step",
    "fraction",
    "outcome",
    "guess",
    "guess_step",
    "voided",
    "shadow",
    "day",
)


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe in front.

    So does one that begins with apostrophes before such a sign: whoever removes one apostrophe gets what there was.
    """
    return f"'{text}" if text.lstrip("'").startswith(RISKY) else text


def header() -> str:
    """The first line."""
    return csv_line(LABEL_COLUMNS)


def label_lines(one: RoundRecord, of: MapRecord, facts: CampaignFacts, *, shadow: bool) -> Iterator[str]:
    """The lines of a round's labels; none for a round that was not finished."""
    if one.state not in FINISHED_STATES:
        return
    last = one.guesses[-1] if one.guesses else None
    who = (facts.key, one.round, one.player, of.kind, one.stream, of.image_id, of.target)
    where = (facts.class_name(of.class_index), of.layer, of.layer_index, of.cluster, of.weight, of.map_key)
    guess = ("", "") if last is None else (facts.class_name(last.class_index), last.step)
    after = (one.state, *guess, bool(one.void_reason), shadow, day_of(one.ended))
    for label in one.labels:
        texts = (label.language, label.text, label.label, label.merged or "", label.kind, label.assisted, label.hidden)
        yield csv_line((*who, *where, *texts, label.step, of.fractions[label.step], *after))


def csv_line(cells: tuple[object, ...]) -> str:
    """A line of RFC 4180; what is no text is a number, a day, or 0 and 1."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(
        safe_cell(cell) if isinstance(cell, str) else int(cell) if isinstance(cell, bool) else cell for cell in cells
    )
    return buffer.getvalue()

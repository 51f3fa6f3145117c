"""``questionnaire.csv`` (a line for each answer) and ``questionnaire_summary.json``, beside the files of an export."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from layerlore.files import write_whole
from layerlore.game.exchange.columns import QUESTIONNAIRE_TEXTS
from layerlore.game.exchange.tables import csv_line
from layerlore.game.questionnaire.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.questionnaire.records import SheetRecord, Summary

ANSWERS, SUMMARY = "questionnaire.csv", "questionnaire_summary.json"
SCHEMA = 1
CHOICE, COMMENT = "choice", "comment"


def write_questionnaire(
    folder: Path, sheets: Sequence[SheetRecord], *, campaign: str, config: CampaignConfig, seed: int = 0
) -> Summary:
    """Write both files; the same answers give the same bytes.

    Args:
        folder: Where.
        sheets: Photos that were answered.
        campaign: Random name of the campaign.
        config: Its configuration.
        seed: Of the resampling.
    """
    lines = (line for sheet in sheets for line in _lines(sheet, campaign, config))
    write_whole(folder / ANSWERS, "".join([csv_line(tuple(QUESTIONNAIRE_TEXTS)), *lines]).encode())
    summary = summary_of(sheets, config, seed=seed)
    text = json.dumps(summary_json(summary, campaign), ensure_ascii=False, indent=1, allow_nan=False)
    write_whole(folder / SUMMARY, (text + "\n").encode())
    return summary


def summary_of(sheets: Sequence[SheetRecord], config: CampaignConfig, *, seed: int = 0) -> Summary:
    """The summary of a campaign with this configuration."""
    asked = config.questionnaire
    return summarise(sheets, methods=asked.methods, items=config.statements(), points=asked.points, seed=seed)


def summary_json(summary: Summary, campaign: str) -> dict[str, Any]:
    """The summary as plain values."""
    return {"schema": SCHEMA, "campaign": campaign, **asdict(summary)}


def _lines(sheet: SheetRecord, campaign: str, config: CampaignConfig) -> Iterator[str]:
    """Ratings in the order of the page, then the choice, then the comment if there is one."""
    who = (campaign, sheet.respondent, sheet.expertise, sheet.photo, sheet.image_id, sheet.right, sheet.place)
    where = (sheet.language, "" if sheet.seconds is None else sheet.seconds, sheet.day)
    for position, method in enumerate(sheet.order):
        for item in config.statements():
            value = sheet.ratings.get((method, item))
            yield csv_line((*who, method, position, item, "" if value is None else value, "", *where))
    chosen = sheet.order.index(sheet.choice) if sheet.choice in sheet.order else ""
    yield csv_line((*who, sheet.choice, chosen, CHOICE, "", "", *where))
    if sheet.comment:
        yield csv_line((*who, "", "", COMMENT, "", sheet.comment, *where))

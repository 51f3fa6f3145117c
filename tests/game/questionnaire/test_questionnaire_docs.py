"""The documentation of the questionnaire is that of the code."""

from __future__ import annotations

from pathlib import Path

from layerlore.game.domain.config import QuestionnaireKeys
from layerlore.game.exchange.columns import QUESTIONNAIRE_TEXTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "questionnaire.md"


def test_every_column_and_statement_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for column, meaning in QUESTIONNAIRE_TEXTS.items():
        assert f"| `{column}` | {meaning} |" in text, column
    for item in QuestionnaireKeys().items:
        assert f"| `{item}` | " in text, item

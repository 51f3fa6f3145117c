"""The questionnaire's words for people, in their language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from layerlore.game.domain.config import CampaignConfig

STATEMENTS = {
    "informative": _("It tells me what the network's answer is based on."),
    "understandable": _("It is easy to understand."),
    "trustworthy": _("I would rely on it when I judge the network."),
    "error": _("It would help me to notice that the network is wrong."),
}
NAMES = {
    "informative": _("Informative"),
    "understandable": _("Understandable"),
    "trustworthy": _("Trustworthy"),
    "error": _("Shows errors"),
}
METHODS = {
    "layerlore": _("LayerLore: what each layer looks at, first to last"),
    "gradcam": _("Grad-CAM: what the last layer looks at"),
    "lime": _("LIME: patches of the photo, switched off at random"),
    "shap": _("SHAP: rectangles of the photo, each with its share of the answer"),
}
POINTS = {
    5: (_("strongly disagree"), _("disagree"), _("neither"), _("agree"), _("strongly agree")),
    7: (
        _("strongly disagree"),
        _("disagree"),
        _("rather disagree"),
        _("neither"),
        _("rather agree"),
        _("agree"),
        _("strongly agree"),
    ),
}
LETTERS = "ABCDEFGH"


def statement(item: str, config: CampaignConfig, language: str) -> str | _StrPromise:
    """A statement in a language."""
    if item in STATEMENTS:
        return STATEMENTS[item]
    own = config.questionnaire.own_items
    return own.get(language, next(iter(own.values())))[int(item.removeprefix("own_")) - 1]


def short(item: str, config: CampaignConfig, language: str) -> str | _StrPromise:
    """The same for the head of a table."""
    return NAMES[item] if item in NAMES else statement(item, config, language)


def method_name(method: str) -> str | _StrPromise:
    """A method's name with what it shows."""
    return METHODS.get(method, method)

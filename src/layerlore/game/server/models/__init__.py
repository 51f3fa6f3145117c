"""Tables (game.md 2.13). The database itself holds what must never be broken: CHECK and partial unique constraints."""

from layerlore.game.server.models.campaigns import Campaign, ConsentText, Map, Picture
from layerlore.game.server.models.people import Account, Consent, Invite, Player, Session
from layerlore.game.server.models.play import (
    ClassTally,
    Event,
    Label,
    LabelTally,
    LedgerEntry,
    PairTally,
    Round,
    Standing,
)
from layerlore.game.server.models.questions import QuestionPhoto, Rating, Respondent, Sheet
from layerlore.game.server.models.running import Audit, Estimate, LabelMerge, Limit, Mail, PlayerEstimate

__all__ = [
    "Account",
    "Audit",
    "Campaign",
    "ClassTally",
    "Consent",
    "ConsentText",
    "Estimate",
    "Event",
    "Invite",
    "Label",
    "LabelMerge",
    "LabelTally",
    "LedgerEntry",
    "Limit",
    "Mail",
    "Map",
    "PairTally",
    "Picture",
    "Player",
    "PlayerEstimate",
    "QuestionPhoto",
    "Rating",
    "Respondent",
    "Round",
    "Session",
    "Sheet",
    "Standing",
]

"""The domain's reasons as sentences for players, in their language. None depends on the true class (I4)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layerlore.game.domain.errors import Refusal
from layerlore.game.domain.labels import Reason

REFUSALS = {
    Refusal.OVER: _("This round is over; look at its result and start another one."),
    Refusal.STEP: _("The picture has moved on since this page was loaded; go on from where it is now."),
    Refusal.LAST_STEP: _("No more of the picture can be shown; guess or resign."),
    Refusal.TRIES: _("Another guess arrived before this one; look at the round again."),
    Refusal.ANSWER: _("No class was chosen; choose one, or resign."),
    Refusal.SAME_ANSWER: _("You have guessed this class before; choose another one."),
    Refusal.LABEL_STEP: _("A label belongs to a step that you have not seen; type it again."),
    Refusal.LABEL_COUNT: _("Too many labels for one round; remove some."),
    Refusal.LABEL_NEEDED: _("Type at least one label, or say that you recognise nothing."),
    Refusal.NOTHING: _("You typed labels and also said that you recognise nothing; keep one of the two."),
    Refusal.NOT_YET: _("The round's time is not over; wait, or resign."),
    Refusal.REASON: _("Voiding a round needs a reason; give one."),
    Refusal.CAMPAIGN: _("The campaign cannot go to that state from where it is."),
    Refusal.BUNDLE: _("The bundle is not the one the campaign was opened with; put that one back."),
}
LIMITS = {
    "guest": _("new guests from one network"),
    "signup": _("new accounts from one network"),
    "login": _("attempts to log in from one network"),
    "reset": _("forgotten passwords from one network"),
    "reset-mail": _("mails to one account"),
    "recover": _("attempts with a recovery code from one network"),
    "export": _("downloads of one's own data"),
    "otp": _("attempts with a second factor"),
    "confirm": _("attempts to confirm with a password"),
    "round": _("rounds that a player begins"),
}
"""What `services.limits.RATES` limits."""
REASONS = {
    Reason.EMPTY: _("There is no letter in it; type a word."),
    Reason.TOO_LONG: _("It is longer than 40 letters; say it shorter."),
    Reason.TOO_MANY_WORDS: _("It has more than 4 words; say it shorter."),
    Reason.BIDI: _("It has signs that turn the writing around; type it without them."),
    Reason.CHARACTER: _("Only letters, spaces, hyphens and apostrophes are possible; leave the rest out."),
    Reason.SCRIPT: _("It has letters of another alphabet; type it in the language that is shown."),
    Reason.MARKS: _("It has too many accents on top of each other; type it without them."),
    Reason.TABOO: _("This word is, or is close to, the name of a class; say what you see of it."),
    Reason.DUPLICATE: _("You have typed it before."),
    Reason.TOO_MANY: _("That is one label too many; remove another one first."),
    Reason.LANGUAGE: _("This campaign is not played in that language; choose another one."),
    Reason.KIND: _("This is none of the kinds to choose from; choose another one."),
}

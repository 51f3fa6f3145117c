"""What the server calls things, as words for staff in their language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layerlore.game.domain.lifecycle import CampaignState, MapReason, MapState
from layerlore.game.server.services.merging import MergeFault
from layerlore.game.server.services.staff import Role

CAMPAIGN_STATES = {
    CampaignState.DRAFT: _("draft"),
    CampaignState.OPEN: _("open"),
    CampaignState.PAUSED: _("paused"),
    CampaignState.CLOSED: _("closed"),
    CampaignState.ARCHIVED: _("archived"),
}
MAP_STATES = {
    MapState.ACTIVE: _("being played"),
    MapState.SATISFIED: _("done"),
    MapState.HARD: _("hard"),
    MapState.DISABLED: _("switched off"),
}
MAP_REASONS = {
    MapReason.WANTED: _("More rounds are wanted."),
    MapReason.FULL: _("As many rounds as are allowed."),
    MapReason.DECIDED: _("Its labels are decided."),
    MapReason.RESIGNED: _("Three players resigned and nobody won."),
    MapReason.SWITCHED_OFF: _("Staff switched it off."),
}
MAP_KINDS = {
    "normal": _("map"),
    "merged": _("all maps of a layer"),
    "control": _("control: a random region"),
    "honeypot": _("easy: nearly the whole object"),
    "blank": _("blank: nothing to see"),
}
ACTIONS = {
    "campaign": _("Campaign: other state"),
    "map-on": _("Map given out again"),
    "map-off": _("Map switched off"),
    "label-hidden": _("Label hidden"),
    "label-shown": _("Label shown"),
    "merge": _("Labels merged"),
    "merge-undone": _("Merge undone"),
    "shadow-on": _("Player left out"),
    "shadow-off": _("Player taken in again"),
    "flag-burst": _("Label points held: a burst from one network"),
    "flag-speed": _("Flagged: faster than anybody can look"),
    "released": _("Flag taken away"),
    "logout": _("Player's sessions ended"),
    "erased": _("Player erased"),
    "invite": _("Invitation code made"),
    "staff-link": _("One-time link for staff made"),
    "staff-out": _("Staff access taken away"),
}
ROLES = {Role.ADMIN: _("admin"), Role.RESEARCHER: _("researcher")}
MERGE_FAULTS = {
    MergeFault.SAME: _("That is the same label twice; choose another one to merge into."),
    MergeFault.UNKNOWN: _("Nobody has typed the first label in this language; look for it in the table of labels."),
    MergeFault.MERGED: _("The first label is merged already; undo that first."),
    MergeFault.CIRCLE: _("The second label is itself merged into the first; undo that first."),
}

"""What views share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language

from layerlore.game.domain.scoring import POINT
from layerlore.game.server.services import campaigns

if TYPE_CHECKING:
    from django.http import HttpRequest

    from layerlore.game.server.models import Campaign


class SeeOther(HttpResponseRedirect):
    """303: the answer to a POST is on another page."""

    status_code = 303


def see(to: str, *args: object) -> SeeOther:
    """Go on to a page by name."""
    return SeeOther(resolve_url(to, *args))


def safe_next(request: HttpRequest, default: str) -> str:
    """Where to go on: a path of ours, or the default."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    here = {request.get_host()}
    ours = wanted.startswith("/")
    if ours and url_has_allowed_host_and_scheme(wanted, allowed_hosts=here, require_https=request.is_secure()):
        return wanted
    return resolve_url(default)


def play_language(campaign: Campaign) -> str:
    """The interface's language if the campaign is played in it, else the campaign's first."""
    spoken = campaigns.rules(campaign).config.campaign.languages
    language = (get_language() or "").partition("-")[0]
    return language if language in spoken else spoken[0]


def points(thousandths: int) -> float:
    """Points as people read them."""
    return thousandths / POINT


def signed(value: float) -> str:
    """Whole points with their sign: a plus, a minus, or none for 0."""
    whole = round(value)
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{abs(whole)}"  # noqa: RUF001 - a minus sign

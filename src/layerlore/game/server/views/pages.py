"""Pages that say what this is, and how a guest begins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.http import require_GET, require_POST

from layerlore.game.domain.scoring import guess_points
from layerlore.game.server.models import Campaign
from layerlore.game.server.services import campaigns, consents, leaderboard, limits, retention, rounds
from layerlore.game.server.services.people import (
    forget_player,
    new_guest,
    player_of,
    remember_device,
    remember_guest,
)
from layerlore.game.server.tending import is_silent
from layerlore.game.server.views import errors, sentences
from layerlore.game.server.views.common import SeeOther, play_language, points, safe_next, see, signed
from layerlore.game.server.views.example import worked_example

if TYPE_CHECKING:
    from django.http import HttpRequest

KNOWN = 12
"""Names of classes that the start page tells."""


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and the way in."""
    campaign = campaigns.current()
    player = player_of(request)
    running = rounds.open_round(player, campaign) if player else None
    if running is not None and running.expires <= timezone.now():
        running = None
    agreed = player is not None and consents.has_agreed(player, campaign)
    the_rules = campaigns.rules(campaign)
    content = {
        "running": running,
        "agreed": agreed,
        "can_begin": player is not None or the_rules.config.people.guests,
        "statistics": leaderboard.statistics(campaign, player) if agreed and player else None,
        "classes": [one.name(play_language(campaign)) for one in the_rules.classes.values()][:KNOWN],
        "more_classes": max(0, len(the_rules.classes) - KNOWN),
        "example": worked_example(the_rules.config.score.rule),
    }
    return render(request, "game/home.html", content)


@require_GET
def how(request: HttpRequest) -> HttpResponse:
    """How to play, with a worked example."""
    the_rules = campaigns.rules(campaigns.current())
    config = the_rules.config

    def worth(step: int, *, correct: bool) -> str:
        return signed(points(guess_points(config, step=step, classes=the_rules.offered, tries=0, correct=correct)))

    steps = [
        {
            "number": number + 1,
            "percent": 100 * share,
            "right": worth(number, correct=True),
            "wrong": worth(number, correct=False),
        }
        for number, share in enumerate(config.reveal.steps)
    ]
    content = {
        "steps": steps,
        "config": config,
        "offered": the_rules.offered,
        "example": worked_example(config.score.rule),
    }
    return render(request, "game/how.html", content)


@require_GET
def info(request: HttpRequest) -> HttpResponse:
    """Who runs it, what is stored, and what is limited."""
    campaign = campaigns.current()
    config = campaigns.rules(campaign).config
    text = consents.current_text(campaign, play_language(campaign))
    content = {
        "says_who": text is not None and not consents.is_default(text.text, config, text.language),
        "config": config,
        "rates": [
            {"what": sentences.LIMITS[name], "count": rate.count, "minutes": rate.seconds // 60}
            for name, rate in limits.RATES.items()
        ],
        "guest_days": retention.GUEST_IDLE.days,
        "account_months": retention.ACCOUNT_IDLE.days // 30,
    }
    return render(request, "game/info.html", content)


@require_GET
def consent(request: HttpRequest) -> HttpResponse:
    """The consent text, with the button that begins."""
    campaign = campaigns.current()
    player = player_of(request)
    content = {
        "text": consents.current_text(campaign, play_language(campaign)),
        "agreed": player is not None and consents.has_agreed(player, campaign),
        "config": campaigns.rules(campaign).config,
    }
    return render(request, "game/consent.html", content)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Agree, become a guest where there is no player yet, and begin the first round."""
    from layerlore.game.server.views.play import play

    campaign = campaigns.current()
    config = campaigns.rules(campaign).config
    language = play_language(campaign)
    text = consents.current_text(campaign, language)
    player = player_of(request)
    if request.POST.get("agree") != "1" or request.POST.get("age") != "1" or text is None:
        content = {"text": text, "agreed": False, "config": config, "missing": True}
        return render(request, "game/consent.html", content, status=422)
    token = None
    if player is None:
        if not config.people.guests:
            return see("signup")
        where = limits.network(request)
        if not limits.allow("guest", where):
            return errors.too_often(request)
        player, token = new_guest(language, where)
        forget_player(request)
        request.COOKIES[settings.GUEST_COOKIE_NAME] = token
    consents.agree(player, text)
    response = play(request)
    if token is not None:
        remember_guest(response, token)
    remember_device(request, response)
    return response


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Another language of the interface, kept in a cookie."""
    response = SeeOther(safe_next(request, "home"))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and translation.check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return response


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the server works.

    The database answers, there is a campaign, the last recount found no difference, and the keeper is alive.
    """
    del request
    problems = ["keeper"] if is_silent(settings.CAMPAIGN_FOLDER) else []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        campaign = campaigns.current()
        if Campaign.objects.filter(pk=campaign.pk).exclude(recount_problem="").exists():
            problems.append("recount")
    except campaigns.NoCampaignError:
        problems.append("campaign")
    except DatabaseError:
        problems.append("database")
    content = json.dumps({"ok": not problems, "problems": problems})
    return HttpResponse(content, content_type="application/json", status=503 if problems else 200)

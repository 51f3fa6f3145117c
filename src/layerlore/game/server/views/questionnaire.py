"""The questionnaire's pages: what it is, one page for each photo, thanks; and what staff see of it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from layerlore.game.server.models.questions import Expertise, SheetState
from layerlore.game.server.services import campaigns, consents, opinions, pictures, questionnaire
from layerlore.game.server.services.people import player_of
from layerlore.game.server.views import errors
from layerlore.game.server.views.common import play_language, see
from layerlore.game.server.views.guards import for_staff
from layerlore.game.server.views.question_words import LETTERS, POINTS, method_name, short, statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.server.models import Account, Sheet

COMMENT = 1000
MINUTES_A_PHOTO = 2


def asked(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only where the campaign asks; elsewhere the page does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 the view's
        if not campaigns.rules(campaigns.current()).config.questionnaire.enabled:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@require_GET
@asked
def start(request: HttpRequest) -> HttpResponse:
    """What it is, how long it takes, and what one says of oneself."""
    player, campaign = player_of(request), campaigns.current()
    if player is None:
        return see("consent")
    standing = questionnaire.standing(player, campaign)
    if standing is not None and standing.done:
        return see("questionnaire_thanks")
    config = campaigns.rules(campaign).config.questionnaire
    content = {"standing": standing, "asked": config, "minutes": MINUTES_A_PHOTO * config.photos, "levels": Expertise}
    return render(request, "game/questionnaire/start.html", content)


@require_POST
@asked
def begin(request: HttpRequest) -> HttpResponse:
    """Begin, or go on."""
    player, campaign = player_of(request), campaigns.current()
    if player is None or not consents.has_agreed(player, campaign):
        return see("consent")
    standing = questionnaire.standing(player, campaign)
    if standing is None or not (standing.invited or standing.begun):
        return see("questionnaire")
    told = request.POST.get("expertise", "")
    expertise = Expertise(told) if told in set(Expertise) else Expertise.UNTOLD
    respondent = questionnaire.begin(player, campaign, expertise, timezone.now())
    following = questionnaire.next_sheet(respondent)
    return see("questionnaire_sheet", following.token) if following else see("questionnaire_thanks")


@require_GET
@asked
def sheet(request: HttpRequest, token: str) -> HttpResponse:
    """A photo with its explanations and the statements."""
    row = _find(request, token)
    if row.state != SheetState.OPEN.value:
        return redirect("questionnaire")
    return render(request, "game/questionnaire/sheet.html", _content(row))


@require_POST
@asked
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Keep what was answered; whatever was left out is kept as skipped."""
    row = _find(request, token)
    campaign = campaigns.current()
    answers = _read(request, row, campaigns.rules(campaign).config)
    if answers is None:
        return errors.error_response(request, 400)
    questionnaire.answer(row, answers, language=play_language(campaign), now=timezone.now())
    following = questionnaire.next_sheet(row.respondent)
    return see("questionnaire_sheet", following.token) if following else see("questionnaire_thanks")


@require_GET
@asked
def image(request: HttpRequest, token: str, place: int) -> HttpResponse:
    """The photo (place 0) or one of the explanations; the address tells not which method it is."""
    row = _find(request, token)
    if not 0 <= place <= len(row.order):
        raise Http404
    stored = row.photo.picture.full if place == 0 else row.photo.views[row.order[place - 1]]["picture"]
    return HttpResponse(pictures.picture_bytes(stored), content_type="image/png")


@require_GET
@asked
def thanks(request: HttpRequest) -> HttpResponse:
    """Thanks, and only now which explanation was whose."""
    player, campaign = player_of(request), campaigns.current()
    standing = questionnaire.standing(player, campaign)
    if player is None or standing is None or not standing.done:
        return see("questionnaire")
    mine = questionnaire.sheets(player, campaign)
    photos = [
        {
            "number": number,
            "methods": [
                {"letter": letter, "name": method_name(method), "chosen": method == row.choice}
                for letter, method in zip(LETTERS, row.order, strict=False)
            ],
        }
        for number, row in enumerate(mine, start=1)
    ]
    return render(request, "game/questionnaire/thanks.html", {"photos": photos})


@require_GET
@for_staff
def staff(request: HttpRequest, account: Account) -> HttpResponse:
    """What was answered so far."""
    del account
    campaign = campaigns.current()
    config, language = campaigns.rules(campaign).config, play_language(campaign)
    content: dict[str, Any] = {"asked": config.questionnaire}
    if config.questionnaire.enabled:
        found = opinions.overview(campaign)
        content |= {
            "found": found,
            "heads": [short(item, config, language) for item in found["items"]],
            "methods": [{**one, "title": method_name(one["name"])} for one in found["methods"]],
        }
    return render(request, "game/staff/questionnaire.html", content)


def _find(request: HttpRequest, token: str) -> Sheet:
    """The player's own sheet.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    try:
        return questionnaire.find(player_of(request), token)
    except questionnaire.NoSheetError:
        raise Http404 from None


def _content(row: Sheet) -> dict[str, Any]:
    campaign = campaigns.current()
    config, language = campaigns.rules(campaign).config, play_language(campaign)
    points = list(enumerate(POINTS[config.questionnaire.points], start=1))
    names = row.photo.answer_names
    explanations = []
    for place, method in enumerate(row.order, start=1):
        view = row.photo.views[method]
        explanations.append(
            {
                "letter": LETTERS[place - 1],
                "place": place,
                "layered": view["layered"],
                "width": view["width"],
                "height": view["height"],
                "url": reverse("questionnaire_image", args=[row.token, place]),
                "statements": [
                    {"name": f"r{place}_{item}", "text": statement(item, config, language)}
                    for item in config.statements()
                ],
            }
        )
    return {
        "sheet": row,
        "number": row.place + 1,
        "total": row.respondent.sheets.count(),
        "photo_url": reverse("questionnaire_image", args=[row.token, 0]),
        "width": row.photo.picture.width,
        "height": row.photo.picture.height,
        "answer": names.get(language) or next(iter(names.values())),
        "percent": 100 * row.photo.probability,
        "explanations": explanations,
        "points": points,
        "comment": config.questionnaire.comment,
        "comment_length": COMMENT,
    }


def _read(request: HttpRequest, row: Sheet, config: CampaignConfig) -> questionnaire.Answers | None:
    """What was sent; None where it cannot come from the page."""
    ratings: dict[tuple[str, str], int | None] = {}
    allowed = {"": None, **{str(point): point for point in range(1, config.questionnaire.points + 1)}}
    for place, method in enumerate(row.order, start=1):
        for item in config.statements():
            told = request.POST.get(f"r{place}_{item}", "")
            if told not in allowed:
                return None
            ratings[method, item] = allowed[told]
    chosen = request.POST.get("choice", "")
    places = {"": "", **{str(place): method for place, method in enumerate(row.order, start=1)}}
    if chosen not in places:
        return None
    comment = request.POST.get("comment", "")[:COMMENT].strip() if config.questionnaire.comment else ""
    return questionnaire.Answers(ratings, places[chosen], comment)

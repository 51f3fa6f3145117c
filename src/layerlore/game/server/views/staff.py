"""Staff's pages about the campaign: how far it is, its state, its maps, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from layerlore.game.domain.errors import TransitionError
from layerlore.game.domain.lifecycle import NEXT, CampaignState, MapState
from layerlore.game.server.models import Account, Audit, Map
from layerlore.game.server.services import campaigns, dashboard, moderation, pictures
from layerlore.game.server.views import errors
from layerlore.game.server.views.charts import bars
from layerlore.game.server.views.common import play_language, see
from layerlore.game.server.views.guards import for_staff, page_of, query_of
from layerlore.game.server.views.sentences import REFUSALS
from layerlore.game.server.views.staff_words import ACTIONS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from layerlore.game.server.models import Campaign

CHART = (560, 96)
FOR_GOOD = (CampaignState.CLOSED, CampaignState.ARCHIVED)


@require_GET
@for_staff
def home(request: HttpRequest, account: Account) -> HttpResponse:
    """How far the campaign is."""
    del account
    campaign, now = campaigns.current(), timezone.now()
    found = dashboard.overview(campaign, campaigns.rules(campaign), play_language(campaign), now)
    content = {
        **found,
        "days": bars(found["days"], width=CHART[0], height=CHART[1]),
        "limits": dashboard.limits_hit(),
        "queue": moderation.queue(campaign).count(),
        "flagged": moderation.flagged().count(),
        "hard": moderation.maps_by_state(campaign)[MapState.HARD.value],
        "moves": [to.value for to in CampaignState if to in NEXT[CampaignState(campaign.state)]],
    }
    return render(request, "game/staff/home.html", content)


@require_POST
@for_staff
def state(request: HttpRequest, account: Account) -> HttpResponse:
    """Pause, go on, or close; what cannot be taken back is asked for twice."""
    try:
        to = CampaignState(request.POST.get("to", ""))
    except ValueError:
        return errors.error_response(request, 400)
    campaign = campaigns.current()
    if to in FOR_GOOD and request.POST.get("sure") != "1":
        return render(request, "game/staff/confirm_state.html", {"to": to.value})
    try:
        if not campaigns.move(campaign, to, actor=account):
            messages.error(request, _("Somebody else was quicker; look again."))
    except TransitionError as error:
        messages.error(request, str(REFUSALS[error.code]))
    return see("staff")


@require_GET
@for_staff
def maps(request: HttpRequest, account: Account) -> HttpResponse:
    """Maps by state; those that are hard first."""
    del account
    campaign = campaigns.current()
    states = {one.value for one in MapState}
    wanted = request.GET.get("state", "")
    wanted = wanted if wanted in states else MapState.HARD.value
    layer = request.GET.get("layer", "")[:200]
    rows = moderation.maps(campaign, state=wanted, layer=layer)
    language, classes = play_language(campaign), campaigns.rules(campaign).classes
    page = page_of(request, rows, 24)
    content = {
        "page": page,
        "query": query_of(request),
        "rows": [{"map": row, "class": classes[row.picture.class_index].name(language)} for row in page],
        "state": wanted,
        "states": moderation.maps_by_state(campaign),
        "layer": layer,
        "layers": layers_of(campaign),
    }
    return render(request, "game/staff/maps.html", content)


def layers_of(campaign: Campaign) -> list[str]:
    """Layers of the maps, shallow to deep."""
    names = Map.objects.filter(campaign=campaign).exclude(layer="").order_by("layer_position")
    return list(dict.fromkeys(names.values_list("layer", flat=True).distinct()))


@require_POST
@for_staff
def switch_map(request: HttpRequest, account: Account) -> HttpResponse:
    """Switch a map off, or give it out again."""
    key, on = request.POST.get("map", ""), request.POST.get("on") == "1"
    if not moderation.switch_map(campaigns.current(), key, on=on, actor=account):
        raise Http404
    messages.success(request, _("The map is given out again.") if on else _("The map is switched off."))
    return see("staff_maps")


@require_GET
@for_staff
def map_image(request: HttpRequest, account: Account, key: str) -> HttpResponse:
    """What a map shows at its last step."""
    del request, account
    found = Map.objects.filter(campaign=campaigns.current(), key=key).first()
    if found is None:
        raise Http404
    return HttpResponse(pictures.picture_bytes(found.steps[-1]), content_type="image/png")


@require_GET
@for_staff
def audit(request: HttpRequest, account: Account) -> HttpResponse:
    """What staff and the server did, the latest first."""
    del account
    rows = Audit.objects.select_related("actor").order_by("-pk")
    wanted = {"action": request.GET.get("action", ""), "actor": request.GET.get("actor", "")[:150]}
    if wanted["action"] in ACTIONS:
        rows = rows.filter(action=wanted["action"])
    if wanted["actor"]:
        rows = rows.filter(actor__username=wanted["actor"])
    page = page_of(request, rows)
    content = {
        "page": page,
        "query": query_of(request),
        "actions": ACTIONS.items(),
        "actors": Account.objects.filter(is_staff=True).order_by("username").values_list("username", flat=True),
        "wanted": wanted,
    }
    return render(request, "game/staff/audit.html", content)

"""Staff's pages, behind a second factor."""

from __future__ import annotations

from base64 import b32encode
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_otp import login as otp_login
from django_otp.plugins.otp_totp.models import TOTPDevice

from layerlore.game.domain.errors import TransitionError
from layerlore.game.domain.lifecycle import NEXT, CampaignState
from layerlore.game.server.forms import TokenForm
from layerlore.game.server.models import Account, Audit, Label, Map, Player, Session
from layerlore.game.server.services import accounts, campaigns, dashboard, ledger, limits, pictures
from layerlore.game.server.views import errors
from layerlore.game.server.views.common import play_language, see
from layerlore.game.server.views.sentences import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    View = Callable[Concatenate[HttpRequest, Account, ...], HttpResponse]

PAGE = 50
DEVICE = "staff"


def for_staff(view: View) -> Callable[..., HttpResponse]:
    """Only for staff who have shown a second factor; to others the page does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 the view's
        account = request.user
        if not isinstance(account, Account) or not account.is_staff:
            raise Http404
        if not account.is_verified():  # type: ignore[attr-defined]  # django-otp adds it
            return see("staff_verify")
        return view(request, account, *args, **kwargs)

    return guarded


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The second factor; the first time with the secret for the authenticator."""
    account = request.user
    if not isinstance(account, Account) or not account.is_staff:
        raise Http404
    device = TOTPDevice.objects.filter(user=account, name=DEVICE).first()
    if request.method == "POST" and device is None:
        device = TOTPDevice.objects.create(user=account, name=DEVICE, confirmed=False)
        return see("staff_verify")
    form = TokenForm(request.POST) if request.method == "POST" else TokenForm()
    if form.is_bound and device is not None:
        if not limits.allow("otp", f"a{account.pk}"):
            return errors.too_often(request)
        if form.is_valid() and device.verify_token(form.cleaned_data["token"].strip()):
            TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
            otp_login(request, device)
            request.session.cycle_key()
            return see("staff")
        form.add_error(None, _("This is not the number of this moment, or it was used; wait for the next one."))
    fresh = device is not None and not device.confirmed
    content = {
        "form": form,
        "device": device,
        "secret": b32encode(device.bin_key).decode() if fresh and device is not None else "",
        "config_url": device.config_url if fresh and device is not None else "",
    }
    return render(request, "game/staff/verify.html", content, status=422 if form.is_bound else 200)


@require_GET
@for_staff
def home(request: HttpRequest, account: Account) -> HttpResponse:
    """How far the campaign is."""
    campaign = campaigns.current()
    coverage = dashboard.coverage(campaign, campaigns.rules(campaign), play_language(campaign))
    content = {
        "account": account,
        "coverage": coverage,
        "activity": dashboard.activity(campaign, timezone.now(), coverage["wanted"]),
        "honeypots": dashboard.honeypots(campaign),
        "moves": sorted(state.value for state in NEXT[CampaignState(campaign.state)]),
        "audit": Audit.objects.select_related("actor").order_by("-pk")[:20],
    }
    return render(request, "game/staff/home.html", content)


@require_POST
@for_staff
def state(request: HttpRequest, account: Account) -> HttpResponse:
    """Pause, go on, close."""
    try:
        to = CampaignState(request.POST.get("to", ""))
        if not campaigns.move(campaigns.current(), to, actor=account):
            messages.error(request, _("Somebody else was quicker; look again."))
    except ValueError:
        return errors.error_response(request, 400)
    except TransitionError as error:
        messages.error(request, str(REFUSALS[error.code]))
    return see("staff")


@require_GET
@for_staff
def maps(request: HttpRequest, account: Account) -> HttpResponse:
    """Maps that are hard or switched off."""
    del account
    page = _page(request, dashboard.hard_maps(campaigns.current()))
    return render(request, "game/staff/maps.html", {"page": page})


@require_POST
@for_staff
def switch_map(request: HttpRequest, account: Account) -> HttpResponse:
    """Switch a map off, or give it out again."""
    key, on = request.POST.get("map", ""), request.POST.get("on") == "1"
    if not dashboard.switch_map(campaigns.current(), key, on=on):
        raise Http404
    Audit.objects.create(actor=account, action="map-on" if on else "map-off", subject=key)
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
def labels(request: HttpRequest, account: Account) -> HttpResponse:
    """Labels with posterior and lift."""
    del account
    campaign = campaigns.current()
    wanted = {name: request.GET.get(name, "")[:200] for name in ("layer", "language", "text")}
    page = _page(request, dashboard.labels(campaign, **wanted))
    layers = Map.objects.filter(campaign=campaign).exclude(layer="").order_by("layer_position")
    names = list(dict.fromkeys(layers.values_list("layer", flat=True).distinct()))
    return render(request, "game/staff/labels.html", {"page": page, "wanted": wanted, "layers": names})


@require_GET
@for_staff
def players(request: HttpRequest, account: Account) -> HttpResponse:
    """Players under their random names."""
    del account
    return render(request, "game/staff/players.html", {"page": _page(request, dashboard.players())})


@require_POST
@for_staff
def shadow(request: HttpRequest, account: Account) -> HttpResponse:
    """Leave a player out of the aggregates, or take them in again; also the switch that ends their sessions."""
    found = Player.objects.filter(key=request.POST.get("player", "")).first()
    if found is None:
        raise Http404
    on = request.POST.get("on") == "1"
    if request.POST.get("action") == "logout":
        Session.objects.filter(account=found.account_id or -1).delete()
        Audit.objects.create(actor=account, action="logout", subject=found.key)
        return see("staff_players")
    if Player.objects.filter(pk=found.pk, shadow=not on).update(shadow=on):
        Audit.objects.create(actor=account, action="shadow-on" if on else "shadow-off", subject=found.key)
        ledger.due(campaigns.current().pk)
    return see("staff_players")


@require_GET
@for_staff
def moderation(request: HttpRequest, account: Account) -> HttpResponse:
    """Labels that wait for a person."""
    del account
    return render(request, "game/staff/moderation.html", {"page": _page(request, dashboard.queue())})


@require_POST
@for_staff
def moderate(request: HttpRequest, account: Account) -> HttpResponse:
    """Show a label to others, or hide it."""
    number, hide = request.POST.get("label", ""), request.POST.get("hide") == "1"
    if not number.isdecimal() or not Label.objects.filter(pk=int(number), flagged=True).update(
        flagged=False, hidden=hide
    ):
        raise Http404
    Audit.objects.create(actor=account, action="label-hidden" if hide else "label-shown", subject=number)
    return see("staff_moderation")


@require_POST
@for_staff
def invite(request: HttpRequest, account: Account) -> HttpResponse:
    """A code that lets one person make an account; it is shown once."""
    code = accounts.new_invite()
    Audit.objects.create(actor=account, action="invite")
    return render(request, "game/staff/invite.html", {"code": code})


def _page(request: HttpRequest, rows: QuerySet[Any]) -> Any:  # noqa: ANN401 Django's page
    return Paginator(rows, PAGE).get_page(request.GET.get("page"))

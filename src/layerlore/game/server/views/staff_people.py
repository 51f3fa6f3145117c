"""Staff's pages about people: players under random names, staff accounts, invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from layerlore.errors import SettingError
from layerlore.game.server.forms import StaffForm
from layerlore.game.server.models import Account, Audit, Player
from layerlore.game.server.services import accounts, campaigns, moderation, suspicion
from layerlore.game.server.services import staff as staff_accounts
from layerlore.game.server.views.common import see
from layerlore.game.server.views.guards import for_admins, for_staff, page_of, query_of
from layerlore.game.server.views.staff_labels import see_list

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_GET
@for_staff
def players(request: HttpRequest, account: Account) -> HttpResponse:
    """Players under their random names."""
    del account
    order = request.GET.get("order", "")
    order = order if order in moderation.PLAYER_ORDERS else "pk"
    only = {"left_out": request.GET.get("left_out") == "1", "only_flagged": request.GET.get("flagged") == "1"}
    page = page_of(request, moderation.players(**only, order=order))
    content = {"page": page, "query": query_of(request), "order": order, **only}
    return render(request, "game/staff/players.html", content)


@require_POST
@for_admins
def shadow(request: HttpRequest, account: Account) -> HttpResponse:
    """Leave a player out of what is computed, or take them in again; also the switch that ends their sessions."""
    found = _player(request)
    if request.POST.get("action") == "logout":
        moderation.end_sessions(found, actor=account)
        messages.success(request, _("The sessions of this player have ended."))
    elif request.POST.get("action") == "release":
        suspicion.release(campaigns.current(), found, actor=account)
    else:
        moderation.leave_out(campaigns.current(), found, on=request.POST.get("on") == "1", actor=account)
    return see_list(request, "staff_players")


@require_POST
@for_admins
def erase(request: HttpRequest, account: Account) -> HttpResponse:
    """Erase a player who asked for it; asked for twice."""
    found = _player(request)
    keep = campaigns.rules(campaigns.current()).config.people.erase == "anonymise"
    if request.POST.get("sure") != "1":
        return render(request, "game/staff/confirm_erase.html", {"found": found, "keep": keep})
    moderation.erase_player(found, keep_labels=keep, actor=account, now=timezone.now())
    messages.success(request, _("The player is erased."))
    return see("staff_players")


def _player(request: HttpRequest) -> Player:
    found = Player.objects.filter(key=request.POST.get("player", ""), kind__in=("guest", "registered")).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "POST"])
@for_admins
def people(request: HttpRequest, account: Account) -> HttpResponse:
    """Staff accounts: new ones, new links, and access taken away."""
    form = StaffForm(request.POST) if request.method == "POST" else StaffForm()
    if form.is_bound and form.is_valid():
        name, role = form.cleaned_data["name"], staff_accounts.Role(form.cleaned_data["role"])
        try:
            link = staff_accounts.one_time_link(name, role, actor=account)
        except SettingError:
            form.add_error("name", _("This name cannot be had; choose another one."))
        else:
            return render(
                request, "game/staff/link.html", {"name": name, "link": urljoin(settings.PUBLIC_ADDRESS, link)}
            )
    content = {"form": form, "rows": staff_accounts.staff_accounts(), "account": account}
    return render(request, "game/staff/people.html", content, status=422 if form.is_bound else 200)


@require_POST
@for_admins
def shut_out(request: HttpRequest, account: Account) -> HttpResponse:
    """Take a staff account's access away."""
    if not staff_accounts.shut_out(request.POST.get("name", ""), actor=account):
        raise Http404
    messages.success(request, _("The access is taken away; a new link gives it back."))
    return see("staff_people")


@require_POST
@for_admins
def invite(request: HttpRequest, account: Account) -> HttpResponse:
    """A code that lets one person make an account; it is shown once."""
    code = accounts.new_invite()
    Audit.objects.create(actor=account, action="invite")
    return render(request, "game/staff/invite.html", {"code": code})

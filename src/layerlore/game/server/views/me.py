"""What is one's own: statistics, settings, sessions, the data in a file, and erasing it."""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate

from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from layerlore.game.domain.scoring import Ladder
from layerlore.game.server.forms import ConfirmForm, EmailForm, PasswordForm
from layerlore.game.server.models import Account, Player, Session
from layerlore.game.server.services import accounts, campaigns, erasure, leaderboard, limits, own_numbers
from layerlore.game.server.services.keyed import digest
from layerlore.game.server.services.people import forget_guest, forget_player, player_of
from layerlore.game.server.views import charts, errors
from layerlore.game.server.views.accounts import BACKEND
from layerlore.game.server.views.common import SeeOther, play_language, points, safe_next, see, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    View = Callable[Concatenate[HttpRequest, Account, ...], HttpResponse]

ROUNDS = 20
"""Of one's own on a page."""


def with_account(view: View) -> Callable[..., HttpResponse]:
    """Only for somebody who has logged in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 the view's
        if not isinstance(request.user, Account):
            return see("login")
        return view(request, request.user, *args, **kwargs)

    return guarded


@require_GET
def leaderboard_view(request: HttpRequest, ladder: str) -> HttpResponse:
    """One of the three ladders."""
    try:
        which = Ladder(ladder)
    except ValueError:
        raise Http404 from None
    campaign, now, player = campaigns.current(), timezone.now(), player_of(request)
    content = {
        "ladder": which.value,
        "ladders": [one.value for one in Ladder],
        "rows": leaderboard.top(campaign, which, now),
        "own": leaderboard.own(campaign, which, player, now) if player else None,
    }
    return render(request, "game/leaderboard.html", content)


@require_GET
def me(request: HttpRequest) -> HttpResponse:
    """One's own numbers, and what can be done with one's data."""
    player = player_of(request)
    if player is None:
        return see("consent")
    campaign, now = campaigns.current(), timezone.now()
    statistics = leaderboard.statistics(campaign, player)
    page = Paginator(own_numbers.finished(campaign, player), ROUNDS).get_page(request.GET.get("page"))
    names, language = campaigns.rules(campaign).classes, play_language(campaign)
    mine = [
        {
            "token": row.token,
            "ended": row.ended,
            "state": row.state,
            "class_name": names[row.picture.class_index].name(language),
            "step": row.step + 1,
            "typed": row.typed,
            "points": signed(points(row.points)),
        }
        for row in page
    ]
    content = {
        "statistics": statistics,
        "share": round(100 * statistics.won / statistics.rounds) if statistics.rounds else None,
        "step_at_win": own_numbers.step_at_win(campaign, player),
        "weeks": charts.bars(own_numbers.weeks(campaign, player, now), width=600, height=120),
        "places": [(one.value, leaderboard.own(campaign, one, player, now)) for one in Ladder],
        "page": page,
        "rounds": mine,
        "can_sign_up": player.account_id is None and campaigns.rules(campaign).config.people.signup != "closed",
    }
    return render(request, "game/me.html", content)


@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """All that is stored about oneself, as a file."""
    player = player_of(request)
    if player is None:
        return see("consent")
    if not limits.allow("export", f"p{player.pk}"):
        return errors.too_often(request)
    content = json.dumps(erasure.export(player), ensure_ascii=False, indent=1)
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="deep-reveal.json"'
    return response


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """Erase oneself: an account by its password, a guest by a tick."""
    player = player_of(request)
    account = request.user if isinstance(request.user, Account) else None
    if player is None:
        return see("home")
    keep = campaigns.rules(campaigns.current()).config.people.erase == "anonymise"
    form = ConfirmForm(account, request.POST if request.method == "POST" else None) if account else None
    sure = form.is_valid() if form is not None else request.POST.get("sure") == "1"
    if request.method == "POST" and sure:
        erasure.erase(player, keep_labels=keep, now=timezone.now())
        logout(request)
        forget_player(request)
        response = render(request, "game/erased.html", {"keep": keep})
        forget_guest(response)
        return response
    content = {"form": form, "keep": keep, "missing": request.method == "POST"}
    return render(request, "game/erase.html", content, status=422 if request.method == "POST" else 200)


@require_GET
@with_account
def settings_view(request: HttpRequest, account: Account) -> HttpResponse:
    """E-mail, password, recovery code, sessions."""
    return _settings(request, account)


@sensitive_post_parameters()
@require_POST
@with_account
def change_email(request: HttpRequest, account: Account) -> HttpResponse:
    """Another address, or none."""
    form = EmailForm(account, request.POST)
    if not form.is_valid():
        return _settings(request, account, email_form=form)
    Account.objects.filter(pk=account.pk).update(email=form.cleaned_data["email"])
    messages.success(request, _("Your e-mail address has been changed."))
    return see("settings")


@sensitive_post_parameters()
@require_POST
@with_account
def change_password(request: HttpRequest, account: Account) -> HttpResponse:
    """Another password; all other sessions end."""
    form = PasswordForm(account, request.POST)
    if not form.is_valid() or not accounts.set_password(account, form.cleaned_data["password"]):
        return _settings(request, account, password_form=form)
    request.session.flush()
    if account.is_staff:
        return see("login")
    login(request, account, backend=BACKEND)
    messages.success(request, _("Your password has been changed; you are logged out everywhere else."))
    return see("settings")


@sensitive_post_parameters()
@require_POST
@with_account
def recovery_code(request: HttpRequest, account: Account) -> HttpResponse:
    """A new recovery code; the old one is void."""
    form = ConfirmForm(account, request.POST)
    if not form.is_valid():
        return _settings(request, account, recovery_form=form)
    code = accounts.new_recovery_code(account)
    return render(request, "game/accounts/welcome.html", {"code": code, "account": account, "again": True})


@require_POST
@with_account
def end_session(request: HttpRequest, account: Account) -> HttpResponse:
    """End one of one's sessions, or all others."""
    mine = Session.objects.filter(account=account).exclude(session_key=request.session.session_key)
    wanted = request.POST.get("session", "")
    ended = [row.pk for row in mine if wanted in ("others", session_name(row))]
    Session.objects.filter(pk__in=ended).delete()
    messages.success(request, _("Logged out there."))
    return see("settings")


@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Switch the keyboard's shortcuts on or off."""
    player = player_of(request)
    if player is None:
        return see("consent")
    Player.objects.filter(pk=player.pk).update(shortcuts=request.POST.get("shortcuts") == "1")
    return SeeOther(safe_next(request, "me"))


def session_name(row: Session) -> str:
    """A name for a session that does not tell its key."""
    return digest(row.session_key)[:16]


def _settings(request: HttpRequest, account: Account, **forms: Any) -> HttpResponse:  # noqa: ANN401 forms
    key = request.session.session_key
    content = {
        "account": account,
        "email_form": EmailForm(account, initial={"email": account.email}),
        "password_form": PasswordForm(account),
        "recovery_form": ConfirmForm(account),
        "sessions": [
            {"name": session_name(row), "created": row.created, "expires": row.expire_date, "own": row.pk == key}
            for row in Session.objects.filter(account=account, expire_date__gt=timezone.now()).order_by("created")
        ],
        **forms,
    }
    return render(request, "game/accounts/settings.html", content, status=422 if forms else 200)

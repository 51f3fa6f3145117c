"""Who sends a request: an account's player, a guest by cookie, or nobody yet."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from django.conf import settings

from layerlore.game.server.models import Player
from layerlore.game.server.models.people import PlayerKind
from layerlore.game.server.services.keyed import digest, keyed
from layerlore.game.server.services.prepared import Prepared

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_GUEST = Prepared(lambda cookie: Player.objects.filter(cookie=cookie, kind=PlayerKind.GUEST.value)[:1], cookie=str)
_TOKEN = re.compile(r"[0-9a-f]{32}")
KNOWN = "game_player"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def player_of(request: HttpRequest) -> Player | None:
    """The request's player; asked for once."""
    known = vars(request)
    if KNOWN not in known:
        known[KNOWN] = _find(request)
    found: Player | None = known[KNOWN]
    return found


def forget_player(request: HttpRequest) -> None:
    """Look again next time."""
    vars(request).pop(KNOWN, None)


def _find(request: HttpRequest) -> Player | None:
    if request.user.is_authenticated:
        return Player.objects.filter(account_id=request.user.pk).first()
    return guest_of(request)


def guest_of(request: HttpRequest) -> Player | None:
    """The guest whose cookie it is, also if somebody has logged in meanwhile."""
    token = request.COOKIES.get(settings.GUEST_COOKIE_NAME, "")
    if not _TOKEN.fullmatch(token):
        return None
    return _GUEST.first(cookie=digest(token))


def new_guest(language: str, network: str) -> tuple[Player, str]:
    """A guest and the token for the cookie; only its digest is stored."""
    token = secrets.token_hex(16)
    player = Player.objects.create(
        cookie=digest(token), nickname=new_nickname(), language=language, network=network, kind=PlayerKind.GUEST.value
    )
    return player, token


def new_nickname() -> str:
    """A name that says nothing."""
    return "guest-" + "".join(secrets.choice(_LETTERS) for _ in range(6))


def remember_guest(response: HttpResponseBase, token: str) -> None:
    """Set the guest's cookie."""
    _cookie(response, settings.GUEST_COOKIE_NAME, token, settings.GUEST_COOKIE_AGE)


def forget_guest(response: HttpResponseBase) -> None:
    """Remove it."""
    response.delete_cookie(settings.GUEST_COOKIE_NAME, samesite="Lax")
    if settings.HTTPS:
        response.cookies[settings.GUEST_COOKIE_NAME]["secure"] = True


def device_of(request: HttpRequest) -> str:
    """Digest of the device's cookie, for the independence of players; "" without one."""
    token = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    return keyed("device", token) if _TOKEN.fullmatch(token) else ""


def remember_device(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the device a cookie, if it has none."""
    if not device_of(request):
        _cookie(response, settings.DEVICE_COOKIE_NAME, secrets.token_hex(16), settings.LANGUAGE_COOKIE_AGE)


def _cookie(response: HttpResponseBase, name: str, value: str, age: int) -> None:
    response.set_cookie(name, value, max_age=age, secure=settings.HTTPS, httponly=True, samesite="Lax")

"""How often something may be done, by whom: networks are known only by a digest whose key changes every day."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from layerlore.game.server.models import Limit
from layerlore.game.server.services.keyed import keyed

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True)
class Rate:
    """At most ``count`` times in ``seconds``."""

    count: int
    seconds: int


RATES = {
    "guest": Rate(60, 3600),
    "signup": Rate(30, 3600),
    "login": Rate(60, 900),
    "reset": Rate(20, 3600),
    "reset-mail": Rate(3, 3600),
    "recover": Rate(20, 3600),
    "export": Rate(10, 3600),
    "otp": Rate(10, 900),
    "confirm": Rate(10, 900),
    "round": Rate(30, 60),
}
"""What is limited: for each network, but ``reset-mail`` for each account, and ``export``, ``otp``, ``confirm`` (the
password again) and ``round`` for each player. A school class behind one address stays far below."""


def client_address(request: HttpRequest) -> str:
    """The peer's address; behind trusted proxies the one that the outermost of them saw."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES]
    return address


def network(request: HttpRequest, now: datetime | None = None) -> str:
    """Digest of the network: the address, or its /64 with IPv6. The same network has another one tomorrow."""
    address = client_address(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        where = "none"
    else:
        where = str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
    day = (now or timezone.now()).astimezone(UTC).date().isoformat()
    return keyed(f"network {day}", where)[:32]


def hashed_address(request: HttpRequest) -> str:
    """The network's digest in the form of an address (of the private range fd00::/8), for django-axes' column."""
    return str(ipaddress.IPv6Address(bytes([0xFD]) + bytes.fromhex(network(request))[:15]))


def allow(scope: str, who: str) -> bool:
    """Count one more time; False if that is too often. What is refused is counted for the staff's eyes."""
    rate = RATES[scope]
    window = int(timezone.now().timestamp()) // rate.seconds
    key = {"scope": scope, "who": who[:40], "window": window}
    for _ in range(2):
        if Limit.objects.filter(**key, count__lt=rate.count).update(count=F("count") + 1):
            return True
        if Limit.objects.filter(**key).update(refused=F("refused") + 1):
            return False
        try:
            with transaction.atomic():
                Limit.objects.create(**key, count=1)
        except IntegrityError:
            continue
        return True
    return False


def forget(now: datetime) -> None:
    """Remove counters that are over; nothing about a network is kept for longer than a day."""
    Limit.objects.filter(at__lt=now - timedelta(days=1)).delete()

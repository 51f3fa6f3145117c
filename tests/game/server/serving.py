"""What tests of the server do again and again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.test import Client

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.server.models import Campaign, Player, Round


class Browser(Client):
    """Django's client, always over https."""

    def generic(self, method: str, path: str, data: Any = "", *args: Any, **extra: Any) -> Any:
        extra["secure"] = True
        if args:  # the content type
            extra["content_type"] = args[0]
        return super().generic(method, path, data, **extra)


def open_campaign(folder: Path) -> Campaign:
    """Load a bundle and open it."""
    from django.core.cache import cache

    from layerlore.game.domain.lifecycle import CampaignState
    from layerlore.game.server.services import assignment, campaigns, loading

    cache.clear()
    campaigns._rules.cache_clear()
    assignment.forget_facts()
    found = loading.load(folder, verify=False)
    campaigns.move(found, CampaignState.OPEN)
    return campaigns.current()


def make_player(campaign: Campaign) -> Player:
    """A guest who agreed."""
    from layerlore.game.server.services import consents, people

    player, _ = people.new_guest("en", "")
    # Not random, so that what players are given is the same in each run.
    player.key, player.seed = f"{player.pk:032x}", player.pk
    player.save(update_fields=["key", "seed"])
    text = consents.current_text(campaign, "en")
    assert text is not None
    consents.agree(player, text)
    return player


def begin(client: Client) -> Round:
    """Agree and begin a round as a guest."""
    from layerlore.game.server.models import Round

    answer = client.post("/start/", {"agree": "1", "age": "1"})
    assert answer.status_code == 303, answer.content.decode()
    token = re.fullmatch(r"/round/([0-9a-f]{32})/", answer["Location"])
    assert token, answer["Location"]
    return Round.objects.select_related("map", "picture", "campaign", "player").get(token=token[1])


def truth(round_: Round) -> str:
    return str(round_.picture.class_index)


def wrong(round_: Round) -> str:
    return str((round_.picture.class_index + 1) % 3)


def dump() -> dict[str, list[Any]]:
    """Everything in the database."""
    from django.apps import apps

    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()}


PASSWORD = "correct horse battery"  # noqa: S105


def sign_up(client: Client, name: str = "sandra", email: str = "", **more: str) -> Any:
    """Make an account in the browser."""
    data = {"name": name, "password": PASSWORD, "email": email, "agree": "1", "age": "1", **more}
    answer = client.post("/accounts/signup/", data)
    assert answer.status_code == 200, answer.content.decode()
    return answer


def make_staff(client: Client, name: str = "boss", role: str = "admin") -> Any:
    """Make a staff account by the one-time link, log in, and show the second factor."""
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from layerlore.game.server.models import Account
    from layerlore.game.server.services.staff import Role, one_time_link

    moved = client.get(one_time_link(name, Role(role)))
    assert client.post(moved["Location"], {"password": PASSWORD}).status_code == 303
    assert client.post("/accounts/login/", {"username": name, "password": PASSWORD}).status_code == 303
    assert client.post("/staff/verify/").status_code == 303
    device = TOTPDevice.objects.get(user__username=name)
    answer = client.post("/staff/verify/", {"token": f"{totp(device.bin_key):06d}"})
    assert answer["Location"] == "/staff/", answer.content.decode()
    return Account.objects.get(username=name)


def win(client: Browser, row: Round, *labels: str) -> None:
    data = {f"label_{number}": label for number, label in enumerate(labels)}
    answer = client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": truth(row), **data})
    assert answer.status_code == 303, answer.content.decode()


def played(*words: str, kind: str = "normal") -> Round:
    """A guest's finished round with these labels, on a map of a kind."""
    from layerlore.game.server.models import Label, Map, Round

    client = Browser()
    row = begin(client)
    win(client, row, *words)
    game_map = Map.objects.filter(kind=kind, rounds=None).order_by("pk").first()
    assert game_map is not None
    Map.objects.filter(pk=row.map_id).update(done=0, won=0)
    Map.objects.filter(pk=game_map.pk).update(done=1, won=1)
    Round.objects.filter(pk=row.pk).update(map=game_map, picture=game_map.picture_id, stream="normal")
    Label.objects.filter(round=row).update(map=game_map)
    return Round.objects.select_related("map", "picture", "player", "campaign").get(pk=row.pk)

"""Loading a bundle into the tables, and picking from many maps."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from serving import Browser, make_player, open_campaign
from small_bundle import write_bundle

from layerlore.game.bundle.errors import BundleError
from layerlore.game.server import running
from layerlore.game.server.models import Campaign, ConsentText, Map, Picture
from layerlore.game.server.services import assignment, campaigns, consents, loading

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


def test_the_database_is_the_real_one(db: None) -> None:
    wanted = "postgresql" if os.environ.get("LAYERLORE_TEST_DATABASE") else "sqlite"
    assert connection.vendor == wanted
    if wanted == "sqlite":
        with connection.cursor() as cursor:
            found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]


def test_loading_twice_changes_nothing(campaign: Campaign, bundle: Path) -> None:
    rows = [Campaign.objects.count(), Map.objects.count(), Picture.objects.count(), ConsentText.objects.count()]
    loading.load(bundle)
    assert rows == [Campaign.objects.count(), Map.objects.count(), Picture.objects.count(), ConsentText.objects.count()]


def test_a_changed_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, images=1, honeypots=0, seed=1)
    file = next((folder / "bundle" / "files").glob("*/*.png"))
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=file.name):
        loading.load(folder)
    assert not Campaign.objects.exists()


def test_another_bundle_of_the_same_campaign_is_refused(campaign: Campaign, bundle: Path) -> None:
    Campaign.objects.update(bundle_hash="0" * 64)
    with pytest.raises(loading.LoadingError, match="put that one back"):
        loading.load(bundle)


def test_nobody_is_promised_what_the_consent_text_does_not_say(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, images=1, honeypots=0, seed=2)
    campaign = open_campaign(folder)
    config, path = campaigns.rules(campaign).config, folder / "consent.en.md"
    assert consents.unchanged(folder, config) == [path, folder / "consent.it.md"]
    assert "Who runs it" not in Browser().get("/info/").content.decode()
    path.write_text(path.read_text() + "\nEve Example asks you, eve@example.org. Labels are published under CC0.\n")
    loading.load(folder)
    assert consents.unchanged(folder, config) == [folder / "consent.it.md"]
    assert "Ciò che accetti" in Browser().get("/info/", headers={"accept-language": "it"}).content.decode()
    assert "Who runs it" in Browser().get("/info/").content.decode()


@pytest.mark.parametrize(
    ("more", "reachable"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "127.0.0.2"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),  # noqa: S104
        ({"host": "::"}, True),
        ({"host": "play.example.org"}, True),
        ({"names": ("play.example.org",)}, True),
    ],
)
def test_who_can_come(tmp_path: Path, more: dict[str, Any], reachable: bool) -> None:
    assert running.is_reachable(running.Server(tmp_path, **more)) is reachable


def test_a_new_consent_text_is_a_new_version(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, images=1, honeypots=0, seed=2)
    loading.load(folder)
    (folder / "consent.en.md").write_text("Other words.")
    loading.load(folder)
    assert ConsentText.objects.filter(language="en").count() == 2
    assert ConsentText.objects.get(language="en", current=True).text == "Other words."


@pytest.mark.slow
def test_a_pick_among_50_000_maps_takes_5_ms(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, images=12_500, honeypots=20, seed=3, files=False)
    campaign = open_campaign(folder)
    config = campaigns.rules(campaign).config
    times = []
    for _ in range(30):
        player = make_player(campaign)
        begun = time.perf_counter()
        assert assignment.pick(campaign, player, config, language="en", now=timezone.now())
        times.append(time.perf_counter() - begun)
    # The bar is for an idle machine; a busy one may take some times as long.
    assert sorted(times)[len(times) // 2] < 0.025, times


def test_a_checked_bundle_is_not_read_again_and_any_change_is_noticed(
    tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_bundle(tmp_path / "campaign", images=1, honeypots=0, seed=77)
    first = loading.load(folder)
    with monkeypatch.context() as blind:
        blind.delattr(loading, "load_manifest")
        assert loading.load(folder) == first
    picture = next((folder / "bundle" / "files").glob("*/*.png"))
    facts = picture.stat()
    content = bytearray(picture.read_bytes())
    content[60] ^= 1
    picture.write_bytes(content)
    os.utime(picture, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # as who wants to hide it
    with pytest.raises(BundleError, match=picture.name):
        loading.load(folder)
    (folder / "checked.json").write_text("[]")
    with pytest.raises(BundleError, match=picture.name):
        loading.load(folder)

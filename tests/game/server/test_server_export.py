"""Exports of a played campaign: nothing is lost, nobody is named, the points are the same, and so are the bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from crowd import BEGIN, play
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import open_campaign
from small_bundle import write_bundle

from layerlore.errors import FileFormatError, LayerLoreError, OutputError, SettingError, StudyError
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.head import BundleHead, load_head
from layerlore.game.bundle.link import Link, LinkedImage, LinkedMap
from layerlore.game.bundle.manifest import load_manifest
from layerlore.game.domain.config import parse_config
from layerlore.game.exchange import exporting, records
from layerlore.game.exchange.columns import AGGREGATE_TEXTS, LABEL_TEXTS, PLAYER_TEXTS
from layerlore.game.exchange.database import CampaignRows
from layerlore.game.exchange.exporting import export_campaign, export_opened
from layerlore.game.exchange.opening import Opened, find_campaign, opened
from layerlore.game.exchange.points import points
from layerlore.game.exchange.reading import read_campaign, read_rounds
from layerlore.game.exchange.records import (
    INCLUDES,
    AggregateRecord,
    CampaignExport,
    EventRecord,
    GuessRecord,
    LabelRecord,
    MapRecord,
    PlayerRecord,
    RoundRecord,
)
from layerlore.game.exchange.status import status_of
from layerlore.game.exchange.tables import LABEL_COLUMNS
from layerlore.game.exchange.writing import FILES, write_campaign
from layerlore.game.server.models import Account, Campaign, Estimate, Label, LedgerEntry, Map, Player, Round
from layerlore.game.server.services import erasure, estimates, merging, recounting, rounds
from layerlore.game.server.services.snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from layerlore.game.bundle.manifest import Manifest

ALL = tuple(INCLUDES)


@pytest.fixture(scope="module")
def manifest(bundle: Path) -> Manifest:
    return load_manifest(bundle, verify=False)


def test_the_head_of_a_bundle_is_that_of_its_manifest(bundle: Path, manifest: Manifest, tmp_path: Path) -> None:
    head = load_head(bundle)
    assert (head.campaign_id, head.created_from, head.sha256) == (
        manifest.campaign_id,
        manifest.created_from,
        manifest.sha256,
    )
    text = (bundle / "bundle" / "manifest.json").read_bytes()
    (tmp_path / "bundle").mkdir()
    middle = text.index(b'"width":') + 8
    for changed, message in (
        (text[:middle] + b"9" + text[middle + 1 :], "changed since"),
        (re.sub(rb'"schema":\d+,"sha', b'"schema":99,"sha', text), "format version 99"),
        (text[:-1], "not as a bundle's manifest"),
        (b"", "manifest.json"),
    ):
        (tmp_path / "bundle" / "manifest.json").write_bytes(changed)
        with pytest.raises(BundleError, match=message):
            load_head(tmp_path)
        with pytest.raises(BundleError):
            load_manifest(tmp_path, verify=False)


@pytest.fixture(scope="module")
def played(django_db_setup: None, django_db_blocker: Any, bundle: Path) -> Iterator[Campaign]:
    """A campaign with rounds of every kind: voided, expired, of a player in shadow, of one who was erased.

    It is played once for all tests here, in a transaction that is rolled back; they only read. Tests with a database
    of their own come before these: pytest-django sees to it.
    """
    with django_db_blocker.unblock():
        if not connection.introspection.table_names():  # it makes them only for tests with a database of their own
            call_command("migrate", verbosity=0)
    with django_db_blocker.unblock(), transaction.atomic():
        campaign = open_campaign(bundle)
        crowd = play(campaign, players=10, each=14)
        Player.objects.filter(pk=crowd[1].pk).update(shadow=True)
        Player.objects.filter(pk=crowd[4].pk).update(held=True)
        won = Round.objects.filter(player=crowd[2], state="won").exclude(stream="training").first()
        assert won
        rounds.void(won, reason="a test", now=BEGIN)
        erasure.erase(crowd[3], keep_labels=True, now=BEGIN)
        boss = Account.objects.create(username="boss", skeleton="boss")
        merging.merge(campaign, "en", "snout", "ear", actor=boss)
        recounting.recount(campaign, repair=True)
        estimates.refit()
        yield Campaign.objects.get(pk=campaign.pk)
        transaction.set_rollback(True)


@contextmanager
def renamed(campaign: Campaign, key: str) -> Iterator[None]:
    """The campaign with another random name, as another one would have."""
    key, campaign.key = campaign.key, key
    try:
        yield
    finally:
        campaign.key = key


def head_of(manifest: Manifest) -> BundleHead:
    return BundleHead(manifest.campaign_id, manifest.created_from, manifest.sha256)


def in_memory(campaign: Campaign, manifest: Manifest, *include: str, link: Link | None = None) -> CampaignExport:
    with snapshot():
        rows = CampaignRows(campaign, head_of(manifest), link, include)
        return CampaignExport(
            rows.facts(), tuple(rows.maps()), tuple(rows.rounds()), tuple(rows.players()), tuple(rows.aggregate())
        )


def link_of(manifest: Manifest) -> Link:
    """A way back to a study that has the bundle's images by other names."""
    images = {
        one.image_key: LinkedImage(hashlib.sha256(one.image_key.encode()).hexdigest()[:16], "a.png", "dog", 3)
        for one in manifest.images
    }
    maps = {
        one.map_key: LinkedMap(images[one.image_key].image_id, 3, one.layer, max(one.layer_position, -1), one.cluster)
        for one in manifest.maps
    }
    return Link(manifest.campaign_id, 0, images, maps, ())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_campaign_that_nobody_has_played_can_be_exported(
    campaign: Campaign, manifest: Manifest, tmp_path: Path
) -> None:
    export = in_memory(campaign, manifest)
    assert (export.rounds, export.players, export.aggregate, export.facts.newest) == ((), (), (), None)
    write_campaign(export, tmp_path / "export")
    assert read_campaign(tmp_path / "export") == export
    assert status_of(Opened(tmp_path, head_of(manifest), campaign)).days is None


def test_what_is_written_is_read_back_and_written_again(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    export = in_memory(played, manifest, *ALL)
    assert len(export.rounds) == Round.objects.count() > 120
    assert {one.state for one in export.rounds} == {"won", "lost", "resigned", "expired"}
    written = write_campaign(export, tmp_path / "one")
    again = read_campaign(tmp_path / "one")
    assert again == export
    assert tuple(read_rounds(tmp_path / "one")) == export.rounds
    write_campaign(again, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    write_campaign(in_memory(played, manifest, *ALL), tmp_path / "one")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert written.labels == Label.objects.filter(round__state__in=records.FINISHED_STATES).count()


def test_points_follow_from_the_export_alone(played: Campaign, manifest: Manifest) -> None:
    export = in_memory(played, manifest, *ALL)
    name = CampaignRows(played, head_of(manifest), None).pseudonym
    booked = {
        (name("player", player), name("round", token), kind, ref, given)
        for player, token, kind, ref, given in LedgerEntry.objects.values_list(
            "player__key", "round__token", "kind", "ref", "points"
        )
    }
    found = {(one.player, one.round_id, one.kind.value, one.ref, one.points) for one in points(export)}
    assert found == booked
    assert {kind for _, _, kind, *_ in booked} == {"guess", "label"}


def test_rounds_that_do_not_count_are_left_out_unless_asked_for(played: Campaign, manifest: Manifest) -> None:
    usual = in_memory(played, manifest)
    every = in_memory(played, manifest, *ALL)
    shadow = {one.player for one in every.players if one.shadow}
    assert len(shadow) == 1
    expected = [
        one.round
        for one in every.rounds
        if not one.void_reason and one.stream != "training" and one.player not in shadow
    ]
    assert [one.round for one in usual.rounds] == expected
    assert 0 < len(expected) < len(every.rounds) - 30
    assert any(one.void_reason == "a test" for one in in_memory(played, manifest, "voided").rounds)
    assert any(one.stream == "training" for one in in_memory(played, manifest, "training").rounds)


def test_nobody_can_be_named_or_followed(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    write_campaign(in_memory(played, manifest, *ALL), tmp_path / "export")
    text = b"".join(contents(tmp_path / "export").values()).decode()
    secrets: set[str] = set()
    for row in Player.objects.all():
        secrets |= {row.key, row.nickname, row.cookie or "", row.network}
    secrets |= set(Round.objects.values_list("token", flat=True)) | set(Round.objects.values_list("device", flat=True))
    for secret in secrets - {""}:
        assert secret not in text, secret
    assert "boss" not in text
    first = CampaignRows(played, head_of(manifest), None).pseudonym
    with renamed(played, "f" * 32):
        other = CampaignRows(played, head_of(manifest), None).pseudonym
    names = list(Player.objects.values_list("key", flat=True))
    assert len({first("player", one) for one in names}) == len(names)
    assert not {first("player", one) for one in names} & {other("player", one) for one in names}
    assert first("player", names[0]) != first("device", names[0])


def test_estimates_and_the_plain_rule_stand_side_by_side(played: Campaign, manifest: Manifest) -> None:
    found = in_memory(played, manifest).aggregate
    assert len(found) == Estimate.objects.count() > 20
    for one in found:
        typers = set()
        texts = [one.label, "snout"] if (one.language, one.label) == ("en", "ear") else [one.label]
        for label in Label.objects.filter(map__key=one.map_key, language=one.language, text__in=texts):
            row = label.round
            if not row.void_reason and not row.player.shadow:
                typers.add(row.device or row.player_id)
        assert one.independent == len(typers)
        assert one.agreed == (len(typers) > 1)
        assert sum(one.steps) >= one.typed
    assert any(one.agreed for one in found)
    assert not any((one.language, one.label) == ("en", "snout") for one in found)
    labels = [label for one in in_memory(played, manifest).rounds for label in one.labels]
    assert {label.merged for label in labels if (label.language, label.label) == ("en", "snout")} == {"ear"}
    assert {label.merged for label in labels if label.label != "snout"} == {None}


def test_the_table_is_safe_for_a_spreadsheet(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    export = in_memory(played, manifest, link=link_of(manifest))
    write_campaign(export, tmp_path / "export")
    raw = (tmp_path / "export" / "labels.csv").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    finished = [one for one in export.rounds if one.state in records.FINISHED_STATES]
    labels = [(one, label) for one in finished for label in one.labels]
    assert len(rows) == len(labels)
    assert sum(label.text.startswith("=") for _, label in labels) > len(labels) / 2
    for row, (one, label) in zip(rows, labels, strict=True):
        assert row["text"] == (f"'{label.text}" if label.text.startswith("=") else label.text)
        assert (row["label"], row["round"], row["step"]) == (label.label, one.round, str(label.step))
        assert (row["outcome"], row["day"]) == (one.state, (one.ended or "")[:10])
        assert float(row["fraction"]) == (0.02, 0.045, 0.08, 0.13, 0.20, 0.30)[label.step]


@pytest.fixture
def study_folder(manifest: Manifest, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that passes for a study, whose campaign has a way back to it."""
    (tmp_path / "study" / "campaign").mkdir(parents=True)
    (tmp_path / "study" / "study.toml").touch()
    monkeypatch.setattr(exporting, "load_link", lambda *_: link_of(manifest))
    return tmp_path / "study"


def test_answers_go_to_the_study(played: Campaign, manifest: Manifest, study_folder: Path) -> None:
    pytest.importorskip("pyarrow")
    from layerlore.study.answers import load_answers

    opened = Opened(study_folder / "campaign", head_of(manifest), played)
    done = export_opened(opened)
    assert done.written.folder == study_folder / "campaign" / "export"
    assert done.notes == ()
    answers = load_answers(study_folder / "answers.parquet").table.to_pylist()
    export = read_campaign(done.written.folder)
    finished = [one for one in export.rounds if one.state in records.FINISHED_STATES]
    assert len(answers) == done.rows == sum(max(1, len(one.labels)) for one in finished)
    without = [row for row in answers if row["text"] is None]
    assert len(without) == sum(not one.labels for one in finished) > 0
    assert {row["nothing"] for row in without} == {True, False}
    assert {row["target"] for row in answers} == {3}
    assert {row["kind"] for row in answers} >= {"normal", "control"}
    assert {row["shadow"] for row in answers} == {row["voided"] for row in answers} == {False}
    erased = [row for row in answers if row["seconds"] is None]
    assert erased
    assert {row["device"] for row in erased} <= {row["device"] for row in answers}
    before = contents(done.written.folder), (study_folder / "answers.parquet").read_bytes()
    export_opened(opened)
    assert (contents(done.written.folder), (study_folder / "answers.parquet").read_bytes()) == before
    (done.written.folder / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"mine.txt"):
        export_opened(opened)


def test_an_export_that_fails_leaves_what_was_there(
    played: Campaign, manifest: Manifest, study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Opened(study_folder / "campaign", head_of(manifest), played)
    done = export_opened(opened)
    before = contents(done.written.folder), (study_folder / "answers.parquet").read_bytes()
    monkeypatch.setattr(CampaignRows, "aggregate", lambda self: iter([1 / 0]))
    with pytest.raises(ZeroDivisionError):
        export_opened(opened, include=["training"])
    assert (contents(done.written.folder), (study_folder / "answers.parquet").read_bytes()) == before
    assert sorted(path.name for path in (study_folder / "campaign").iterdir()) == ["export"]
    assert sorted(path.name for path in study_folder.iterdir()) == ["answers.parquet", "campaign", "study.toml"]


def test_without_a_way_back_there_are_no_answers_but_an_export(
    played: Campaign, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "campaign").mkdir()
    done = export_opened(Opened(tmp_path / "campaign", head_of(manifest), played))
    assert done.answers is None
    assert "way back" in done.notes[0]
    assert not (tmp_path / "answers.parquet").exists()
    assert read_campaign(done.written.folder).maps[0].image_id == ""


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("rounds.jsonl", lambda text: text[:-40], "rounds.jsonl: changed since"),
        ("labels.csv", lambda text: text + b"x", "labels.csv: changed since"),
        ("manifest.json", lambda text: text.replace(b'"schema":1', b'"schema":9'), "format version 9"),
        ("manifest.json", lambda text: text.replace(b'"holds"', b'"hold"'), "not the manifest"),
        ("manifest.json", lambda text: text[:-20], "damaged"),
        ("manifest.json", lambda text: text.replace(b'"maps.jsonl"', b'"../m.jsonl"'), "damaged"),
        ("manifest.json", lambda text: b"[]", "not the manifest"),
    ],
)
def test_a_changed_export_is_refused(
    played: Campaign,
    manifest: Manifest,
    tmp_path: Path,
    name: str,
    change: Callable[[bytes], bytes],
    message: str,
) -> None:
    write_campaign(in_memory(played, manifest), tmp_path / "export")
    path = tmp_path / "export" / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileFormatError, match=message) as told:
        read_campaign(tmp_path / "export")
    assert str(path.parent) in str(told.value)
    assert "\n" not in str(told.value)
    if name == "manifest.json":
        before = path.read_bytes()
        with pytest.raises(FileFormatError):
            write_campaign(in_memory(played, manifest), tmp_path / "export")
        assert path.read_bytes() == before


def test_other_folders_are_not_replaced(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    export = in_memory(played, manifest)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").touch()
    with pytest.raises(OutputError, match="no export"):
        write_campaign(export, tmp_path / "full")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="no folder"):
        write_campaign(export, tmp_path / "file")
    write_campaign(export, tmp_path / "empty" / "new")
    with renamed(played, "e" * 32), pytest.raises(OutputError, match="another campaign"):
        write_campaign(in_memory(played, manifest), tmp_path / "empty" / "new")


def test_the_status_counts_what_there_is(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    found = status_of(Opened(tmp_path, head_of(manifest), played), now=BEGIN)
    assert found.state == "open"
    assert sum(found.rounds.values()) == Round.objects.count()
    assert found.rounds["voided"] == 1
    assert [one.layer for one in found.layers] == ["early", "middle", "late"]
    k_min = parse_config(played.config).quality.k_min
    normal = Map.objects.filter(kind="normal")
    assert found.wanted == sum(max(k_min - one.done, 0) for one in normal.filter(state="active"))
    assert sum(found.maps.values()) == sum(one.maps for one in found.layers) == normal.count()
    assert sum(one.rounds for one in found.layers) == sum(one.done for one in normal)
    assert re.fullmatch(r"2026-01-05T\d\d:\d\d:\d\d\.\d{6}Z", found.last_answer)


def test_the_description_for_machines_is_valid(played: Campaign, manifest: Manifest, tmp_path: Path) -> None:
    write_campaign(in_memory(played, manifest), tmp_path / "export")
    content = json.loads((tmp_path / "export" / "croissant.json").read_bytes())
    for one in content["distribution"]:
        assert one["sha256"] == hashlib.sha256((tmp_path / "export" / one["@id"]).read_bytes()).hexdigest()
    header = (tmp_path / "export" / "labels.csv").read_text().splitlines()[0].split(",")
    assert [one["name"] for one in content["recordSet"][0]["field"]] == header
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    data = croissant.Dataset(str(tmp_path / "export" / "croissant.json"))
    assert len(list(data.records("labels"))) == len((tmp_path / "export" / "labels.csv").read_text().splitlines()) - 1


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(2**31), 2**31)
REAL = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes().map(lambda at: at.isoformat(timespec="microseconds") + "Z")


def of(kind: type[Any], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Records of a kind with any values of their types."""
    import typing

    usual: dict[Any, st.SearchStrategy[Any]] = {str: WORDS, int: WHOLE, float: REAL, bool: st.booleans()}
    fields = {}
    for name, hint in typing.get_type_hints(kind).items():
        inner = [one for one in typing.get_args(hint) or (hint,) if one is not type(None)]
        base = usual.get(inner[0], st.nothing())
        fields[name] = st.none() | base if type(None) in typing.get_args(hint) else base
    return st.builds(kind, **{**fields, **fixed})


@st.composite
def exports(draw: st.DrawFn) -> CampaignExport:
    """Exports of anything that the records can hold."""
    several = st.lists(of(MapRecord, fractions=st.lists(REAL, min_size=3, max_size=6).map(tuple), accepted=ACCEPTED))
    maps = draw(several.filter(bool).map(tuple))
    keys = st.sampled_from([one.map_key for one in maps])
    labels = st.lists(of(LabelRecord, step=st.integers(0, 2)), max_size=3).map(tuple)
    events = st.lists(of(EventRecord, at=TIMES), max_size=3).map(tuple)
    guesses = st.lists(of(GuessRecord), max_size=2).map(tuple)
    several = st.lists(
        of(
            RoundRecord,
            map_key=keys,
            labels=labels,
            events=events,
            guesses=guesses,
            started=TIMES,
            ended=st.none() | TIMES,
            state=st.sampled_from(["won", "lost", "resigned", "open", "expired", "voided"]),
        ),
        max_size=4,
    )
    players = st.lists(of(PlayerRecord), max_size=3).map(tuple)
    aggregate = st.lists(of(AggregateRecord, steps=st.lists(WHOLE, max_size=4).map(tuple)), max_size=3).map(tuple)
    facts = records.CampaignFacts(
        key=draw(WORDS),
        name=draw(WORDS),
        bundle_hash=draw(WORDS),
        source={"network_name": draw(WORDS)},
        config=CONFIG,
        classes=({"index": 0, "names": {"en": draw(WORDS)}},),
        consents=({"language": "en", "version": draw(WORDS), "text": draw(WORDS)},),
        include=(),
        newest=draw(st.none() | TIMES),
        estimated=draw(st.booleans()),
        app=draw(WORDS),
    )
    return CampaignExport(facts, maps, tuple(draw(several)), draw(players), draw(aggregate))


ACCEPTED = st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=2)
CONFIG = {
    "campaign": {"name": "small", "languages": ["en"]},
    "reveal": {"steps": [0.02, 0.3]},
    "play": {"max_guesses": 1},
    "labels": {"max_per_round": 8},
    "quality": {"k_min": 3, "k_max": 10},
}


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(exports())
def test_any_export_comes_back(tmp_path_factory: pytest.TempPathFactory, export: CampaignExport) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_campaign(export, folder / "one")
    again = read_campaign(folder / "one")
    assert again == export
    write_campaign(again, folder / "two")
    assert contents(folder / "one") == contents(folder / "two")
    table = (folder / "one" / "labels.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert all(not cell.startswith(("=", "+", "@", "\t", "\r")) for row in rows for cell in row)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "game-export.md").read_text(encoding="utf-8")
    kinds = (RoundRecord, LabelRecord, EventRecord, GuessRecord, MapRecord, PlayerRecord, AggregateRecord)
    for name in [*(one.name for kind in kinds for one in fields(kind)), *FILES]:
        assert f"`{name}`" in page, name
    assert set(LABEL_TEXTS) == set(LABEL_COLUMNS)
    assert set(AGGREGATE_TEXTS) == {one.name for one in fields(AggregateRecord)}
    assert set(PLAYER_TEXTS) == {one.name for one in fields(PlayerRecord)}


def test_players_are_not_kept_waiting_by_an_export(shared_campaign: Campaign, manifest: Manifest) -> None:
    play(shared_campaign, players=2, each=2)
    rows = CampaignRows(shared_campaign, head_of(manifest), None, ALL)

    def somebody_plays() -> None:
        try:
            play(shared_campaign, players=1, each=1, seed=1)
        finally:
            connection.close()

    with snapshot():
        before = list(rows.rounds())
        assert len(before) == 4
        player = Thread(target=somebody_plays)
        player.start()
        player.join(timeout=15)
        assert not player.is_alive()
        assert list(rows.rounds()) == before
    assert len(list(rows.rounds())) == 5
    with transaction.atomic():  # one that writes stands in the queue again
        Player.objects.update(language="it")


def test_a_record_that_cannot_be_is_told_although_the_checksum_fits(
    played: Campaign, manifest: Manifest, tmp_path: Path
) -> None:
    write_campaign(in_memory(played, manifest), tmp_path / "export")
    path = tmp_path / "export" / "players.jsonl"
    content = path.read_bytes().replace(b'"rounds":', b'"rounds":"many","more":', 1)
    sums = tmp_path / "export" / "manifest.json"
    old, new = (hashlib.sha256(text).hexdigest().encode() for text in (path.read_bytes(), content))
    path.write_bytes(content)
    sums.write_bytes(sums.read_bytes().replace(old, new))
    with pytest.raises(FileFormatError, match=r"players.jsonl: line 1 has other fields"):
        read_campaign(tmp_path / "export")
    path.unlink()
    with pytest.raises(FileFormatError, match=r"players.jsonl: No such file"):
        read_campaign(tmp_path / "export")


def on_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the command opens PostgreSQL by its URL, which names no test database")


def test_the_commands_open_the_database_of_a_folder(played: Campaign, bundle: Path, tmp_path: Path) -> None:
    on_sqlite()
    done = export_campaign(bundle, out=tmp_path / "export", include=["training"])
    assert done.written.rounds == len(read_campaign(tmp_path / "export").rounds)
    assert "way back" in done.notes[0]
    with opened(bundle) as found:
        assert found.campaign == played
    with pytest.raises(SettingError, match="database: disk I/O error"), opened(bundle):
        raise OperationalError("disk I/O\nerror")
    with pytest.raises(SettingError, match="--include everything"):
        export_campaign(bundle, include=["everything"])
    other = write_bundle(tmp_path / "other", images=1, honeypots=0, seed=3, files=False)
    (other / "secret.key").touch()
    with pytest.raises(StudyError, match="nobody has played yet"):
        export_campaign(other)
    (other / "game.sqlite3").touch()
    with pytest.raises(LayerLoreError, match="another campaign is open"):
        export_campaign(other)


def test_a_database_of_something_else_is_told(played: Campaign, bundle: Path) -> None:
    head = load_head(bundle)
    changes: dict[str, tuple[Callable[[], object], str]] = {
        "key": (lambda: Campaign.objects.update(key="f" * 32, name="other"), "it holds other; open"),
        "hash": (lambda: Campaign.objects.update(bundle_hash="f"), "not the one that was played"),
        "future": (lambda: MigrationRecorder(connection).record_applied("game", "9999_later"), "newer LayerLore"),
        "past": (lambda: MigrationRecorder(connection).record_unapplied("game", "0001_initial"), "older LayerLore"),
    }
    for name, (change, message) in changes.items():
        with transaction.atomic():
            change()
            with pytest.raises(LayerLoreError, match=message):
                find_campaign(head, bundle)
            transaction.set_rollback(True)
        assert find_campaign(head, bundle) == played, name

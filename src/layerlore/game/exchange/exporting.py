"""``layerlore campaign export``: the folder of an export, and the study's ``answers.parquet``, in one pass."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.errors import SettingError
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.link import load_link
from layerlore.game.domain.config import parse_config
from layerlore.game.exchange.opening import Opened, opened
from layerlore.game.exchange.records import INCLUDES
from layerlore.game.exchange.writing import Written, check_place, write_export
from layerlore.study.answers import ANSWERS_FILE, answers_writer
from layerlore.study.folder import STUDY_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from layerlore.game.bundle.link import Link
    from layerlore.game.exchange.records import CampaignFacts, MapRecord, PlayerRecord, RoundRecord
    from layerlore.study.answers import AnswersFile

EXPORT = "export"


@dataclass(frozen=True)
class Exported:
    """What became of an export.

    Attributes:
        written: The folder, and what is in it.
        answers: The study's file of answers, or None where there is no way back to the study.
        rows: Its rows.
        notes: What should be known, one line each.
    """

    written: Written
    answers: Path | None
    rows: int
    notes: tuple[str, ...]


def export_campaign(
    folder: Path, *, out: Path | None = None, database: str = "", include: Collection[str] = ()
) -> Exported:
    """Export a campaign, also while players play: all of it is of one moment.

    Args:
        folder: The study's, or the campaign's.
        out: Where to; None for ``export`` in the campaign's folder.
        database: As for ``layerlore play``.
        include: Rounds that are left out otherwise, of `INCLUDES`.

    Raises:
        LayerLoreError: Something is at fault; nothing is written then.
    """
    if strange := sorted(set(include) - set(INCLUDES)):
        raise SettingError(f"--include {strange[0]}: not known; write {' or '.join(INCLUDES)}, several with commas")
    with opened(folder, database) as found:
        return export_opened(found, out=out, include=include)


def export_opened(found: Opened, *, out: Path | None = None, include: Collection[str] = ()) -> Exported:
    """Export a campaign whose database is open; as :func:`export_campaign`."""
    from layerlore.game.exchange.database import CampaignRows
    from layerlore.game.server.services.snapshots import snapshot

    target = out or found.folder / EXPORT
    check_place(target, found.campaign.key)
    notes: list[str] = []
    link, answers = _way_back(found, notes)
    _estimate(notes)
    with snapshot():
        found.campaign.refresh_from_db()
        rows = CampaignRows(found.campaign, found.head, link, include)
        more = _questionnaire(found, link, include)
        del link  # the rows let go of it once they have read the maps
        facts, maps, players = rows.facts(), rows.maps(), rows.players()
        if not facts.estimated:
            notes.append("answers arrived meanwhile; aggregate.jsonl and the weights of players do not know them yet")
        writer = answers_writer(answers, campaign=facts.key) if answers else nullcontext()
        with writer as file:
            rounds = _with_answers(rows.rounds(), file, facts, maps, players) if file else rows.rounds()
            aggregate = rows.aggregate()
            written = write_export(
                target, facts, maps=maps, players=players, rounds=rounds, aggregate=aggregate, more=more
            )
    return Exported(written, answers, file.count if file else 0, tuple(notes))


def _questionnaire(found: Opened, link: Link | None, include: Collection[str]) -> Callable[[Path], object] | None:
    """Writes the questionnaire's files, where there is one."""
    config = parse_config(found.campaign.config)
    if not config.questionnaire.enabled:
        return None
    from layerlore.game.questionnaire.reading import read_responses
    from layerlore.game.questionnaire.writing import write_questionnaire

    sheets = read_responses(found.campaign, link, shadow="shadow" in include)
    return lambda place: write_questionnaire(place, sheets, campaign=found.campaign.key, config=config)


def _with_answers(
    rounds: Iterable[RoundRecord],
    file: AnswersFile,
    facts: CampaignFacts,
    maps: list[MapRecord],
    players: list[PlayerRecord],
) -> Iterator[RoundRecord]:
    """The rounds, each of which is also written among the answers."""
    from layerlore.game.exchange.answers import AnswerRows

    rows = AnswerRows(facts, maps, players)
    for one in rounds:
        file.add(rows.of(one))
        yield one


def _way_back(found: Opened, notes: list[str]) -> tuple[Link | None, Path | None]:
    """What leads to the study's photos and clusters, and where the study's answers go."""
    try:
        link = load_link(found.folder, found.head.campaign_id)
    except BundleError as error:
        notes.append(f"no {ANSWERS_FILE}, since the way back to the study is missing: {error}")
        return None, None
    study = found.folder.parent
    if not (study / STUDY_FILE).is_file():
        notes.append(f"no {ANSWERS_FILE}, since {study} is no study")
        return link, None
    return link, study / ANSWERS_FILE


def _estimate(notes: list[str]) -> None:
    """Bring the estimates up to date, as the server does every few minutes."""
    from django.db import IntegrityError

    from layerlore.game.server.services.estimates import refit

    try:
        refit()
    except IntegrityError:  # the server is at it, too
        notes.append("the server was estimating at the same time; its last estimates are in the export")

"""The command that summarises what players answered about explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.campaign import Folder, campaign_app
from layerlore.cli.campaign_answers import Database  # noqa: TC001 typer reads the annotations
from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say

if TYPE_CHECKING:
    from layerlore.game.questionnaire.records import Estimated, GroupTest, Summary

WIDE = 24


def register() -> None:
    """Add the command to ``layerlore campaign``."""
    campaign_app.command()(questionnaire)


def questionnaire(
    folder: Folder,
    *,
    database: Database = "",
    seed: Annotated[int, typer.Option(help="Of the resampling for the intervals.", min=0)] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Summarise what players think of the explanations; also while players play."""
    with one_line_errors(debug=debug):
        from layerlore.errors import SettingError
        from layerlore.game.domain.config import parse_config
        from layerlore.game.exchange.opening import opened

        with opened(folder, database) as found:
            config = parse_config(found.campaign.config)
            if not config.questionnaire.enabled:
                raise SettingError(
                    f"{folder}: this campaign has no questionnaire; write enabled = true below [questionnaire] in "
                    "campaign.toml before a campaign is built"
                )
            from layerlore.game.questionnaire.reading import read_responses
            from layerlore.game.questionnaire.writing import summary_json, summary_of

            summary = summary_of(read_responses(found.campaign), config, seed=seed)
            key = found.campaign.key
        if as_json:
            print_json(summary_json(summary, key))
        else:
            _print(summary)


def _print(found: Summary) -> None:
    """The summary as text."""
    untold = found.people - found.novices - found.experts
    took = f", {found.seconds:.0f} s each (median)" if found.seconds is not None else ""
    groups = f"{found.novices} novices, {found.experts} experts, {untold} did not say"
    lines = [f"{found.people} people ({groups}), {found.sheets} photos answered{took}"]
    if found.people:
        lines += ["", f"Mean agreement from 1 to {found.points} with 95 % interval; ratings"]
        lines += [_row(one.method, one.item, one.mean, f"n = {one.ratings}") for one in found.means]
        lines += ["", "Difference on the same photo; pairs"]
        lines += [
            _row(f"{one.method} - {one.other}", one.item, one.difference, f"n = {one.pairs}", sign="+")
            for one in found.differences
        ]
        lines += ["", "Experts against novices (Mann-Whitney; p corrected by Holm)"]
        lines += [f"{one.method:{WIDE}} {one.item:16} {_group(one)}" for one in found.groups]
        lines += ["", f"Chosen if only one could be had; chance is {1 / len(found.shares):.0%}"]
        lines += [
            _row(one.method, "", one.share, f"n = {one.chosen}{_p(one.p_holm)}", percent=True) for one in found.shares
        ]
        if found.choice_p is not None:
            lines.append(f"all methods against chance: p = {found.choice_p:.4f}")
    typer.echo("\n".join(printable(line) for line in lines))
    for note in found.notes:
        say(f"note: {note}")


def _row(name: str, item: str, found: Estimated, after: str, *, sign: str = "", percent: bool = False) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"{name:{WIDE}} {item:16} too few people; {after}"
    if percent:
        return f"{name:{WIDE}} {item:16} {found.value:.0%} [{found.low:.0%}, {found.high:.0%}]; {after}"
    return f"{name:{WIDE}} {item:16} {found.value:{sign}.2f} [{found.low:{sign}.2f}, {found.high:{sign}.2f}]; {after}"


def _group(one: GroupTest) -> str:
    if one.p_holm is None or one.rank_biserial is None:
        return f"too few people; {one.experts} experts, {one.novices} novices"
    return (
        f"{one.expert_mean:.2f} against {one.novice_mean:.2f}; U = {one.u:g}, p = {one.p_holm:.4f}"
        f"{'' if one.exact else ' (approximate)'}, rank-biserial {one.rank_biserial:+.2f}"
    )


def _p(value: float | None) -> str:
    return "" if value is None else f", p = {value:.4f}"

"""``README.md``: the data card of an export, without the time of the export: the same data give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.game.exchange.columns import AGGREGATE_TEXTS, LABEL_TEXTS, PLAYER_TEXTS, QUESTIONNAIRE_TEXTS
from layerlore.game.exchange.records import INCLUDES, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from layerlore.game.exchange.records import CampaignFacts


def card(facts: CampaignFacts, counts: Mapping[str, Any]) -> bytes:
    """The data card.

    Args:
        facts: What holds for the export.
        counts: How much there is of what.
    """
    return ("\n".join(_lines(facts, counts)) + "\n").encode()


def _lines(facts: CampaignFacts, counts: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Labels of the campaign {facts.name}"
    yield ""
    yield from _what(facts, counts)
    yield from _how(facts)
    yield from _files(facts)
    yield from _limits()
    yield from _terms(facts)


def _what(facts: CampaignFacts, counts: Mapping[str, Any]) -> Iterator[str]:
    source = facts.source
    network = source.get("network_name", "")
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(counts["states"].items())) or "none"
    yield "People played Deep Reveal: a photo was uncovered step by step where one cluster of a network's feature maps"
    yield "responds, and they typed what they saw and guessed the photo's class."
    yield ""
    yield f"- Campaign `{facts.key}`, bundle `{facts.bundle_hash}`"
    yield f"- Network: {network or 'not known'}, weights `{source.get('network_fingerprint', '')}`"
    yield f"- Study `{source.get('study_hash', '')}`, set of explanations `{source.get('settings_hash', '')}`"
    yield f"- Languages: {', '.join(facts.languages)}"
    yield f"- Classes: {', '.join(facts.class_name(int(one['index'])) for one in facts.classes)}"
    yield f"- {counts['rounds']:,} rounds ({states}) of {counts['players']:,} players, {counts['labels']:,} labels"
    yield f"- Last event: {day_of(facts.newest) or 'none'}; made with LayerLore {facts.app}"
    left_out = [name for name in INCLUDES if name not in facts.include]
    if left_out:
        yield f"- Left out: rounds that are {', '.join(left_out)}"
    if facts.include:
        yield f"- Also in it: rounds that are {', '.join(facts.include)}"
    yield ""


def _how(facts: CampaignFacts) -> Iterator[str]:
    config = facts.config
    steps = ", ".join(f"{100 * share:g} %" for share in config["reveal"]["steps"])
    yield "## How it was collected"
    yield ""
    yield f"- Steps of a picture: {steps}; the most important parts of the map first."
    yield f"- {config['play']['max_guesses']} guess(es) a round; at most {config['labels']['max_per_round']} labels."
    yield f"- Each map goes to {config['quality']['k_min']} players first, to {config['quality']['k_max']} at most."
    yield "- No player sees what others typed. Names of classes cannot be typed."
    yield "- Control maps show random regions of the same area: what is typed there, people know of the class rather"
    yield "  than see. `lift` in `aggregate.jsonl` compares with them."
    yield "- Honeypots have words that are right; blank maps show nothing. Training rounds are a player's first ones."
    yield "- `manifest.json` has the whole configuration."
    yield ""


def _files(facts: CampaignFacts) -> Iterator[str]:
    yield "## Files"
    yield ""
    yield "- `labels.csv`: one line for each label. A text that looks like a formula has `'` in front."
    yield "- `rounds.jsonl`: one object for each round with its labels and its log of events; the whole record."
    yield "- `aggregate.jsonl`: what all answers together say about each label on each map."
    yield "- `players.jsonl`: players by pseudonym; no names. Never use it for decisions about people."
    yield "- `maps.jsonl`: the maps, and where they are in the study."
    yield "- `manifest.json`: version, configuration, consent texts, counts, and the SHA-256 of every file."
    yield "- `croissant.json`: the same description for machines (Croissant)."
    asked = facts.config.get("questionnaire", {}).get("enabled")
    if asked:
        yield "- `questionnaire.csv`: what players think of explanations by several methods, one line for each answer."
        yield "- `questionnaire_summary.json`: the same as means with intervals, tests, and shares of choices."
    yield ""
    if not facts.estimated:
        yield "The estimates are older than the newest answers."
        yield ""
    for name, texts in (
        ("labels.csv", LABEL_TEXTS),
        ("aggregate.jsonl", AGGREGATE_TEXTS),
        ("players.jsonl", PLAYER_TEXTS),
        *((("questionnaire.csv", QUESTIONNAIRE_TEXTS),) if asked else ()),
    ):
        yield f"### {name}"
        yield ""
        yield "| Column | Meaning |"
        yield "| --- | --- |"
        yield from (f"| `{column}` | {text} |" for column, text in texts.items())
        yield ""


def _limits() -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "- A label that was not typed is weak evidence: people forget. Rounds without labels are in `rounds.jsonl`."
    yield "- Players may type what they know of a class instead of what they see; compare with the control maps."
    yield "- The task needs sight, and players chose themselves to take part: they stand for no population."
    yield "- Pseudonyms are the same within this campaign and different in every other one. Texts that people typed are"
    yield "  as they typed them, and may be rude."
    yield ""


def _terms(facts: CampaignFacts) -> Iterator[str]:
    yield "## Licence and citation"
    yield ""
    yield "The labels may be used as the players agreed to in the consent texts below. Write the licence that you"
    yield "publish them under here: LICENCE."
    yield ""
    yield f"Cite as: AUTHORS, *Labels of the campaign {facts.name}*, Deep Reveal of LayerLore {facts.app},"
    yield f"bundle {facts.bundle_hash[:16]}, {day_of(facts.newest)[:4] or 'YEAR'}."
    yield ""
    for text in facts.consents:
        yield f"## Consent text ({text['language']}, version {text['version'][:8]})"
        yield ""
        yield from (f"> {line}".rstrip() for line in text["text"].splitlines())
        yield ""

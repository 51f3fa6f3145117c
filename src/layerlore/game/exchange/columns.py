"""What the columns of an export mean, in words; for its data card and its Croissant description."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL_TEXTS: Mapping[str, str] = {
    "campaign": "random name of the campaign",
    "round": "pseudonym of the round",
    "player": "pseudonym of the player, of this campaign only",
    "kind": "what the map is there for: normal, merged, control, honeypot or blank",
    "stream": "why it was given out: normal, control, honeypot or training",
    "image_id": "the photo: first 16 hex digits of its SHA-256",
    "target": "index of the class that was explained",
    "class_name": "the photo's class in the campaign's main language",
    "layer": "layer of the network; empty for control and blank maps",
    "layer_index": "its place among all layers that can be explained; -1 for none",
    "cluster": "rank of the cluster by weight; -1 for all of a layer as one, or for none",
    "weight": "percent of the layer's weight",
    "map_key": "random name of the map",
    "language": "language of the label",
    "text": "as it was typed",
    "label": "normal form: one case, no punctuation at the edges",
    "merged": "what the researchers read it as; empty: as itself",
    "label_kind": "kind that the player chose; empty: none",
    "assisted": "1 if the player took a suggested spelling",
    "hidden": "1 if a researcher decided not to show it to other players",
    "step": "step at which it was typed, from 0",
    "fraction": "share of the picture that was visible then",
    "outcome": "won, lost or resigned",
    "guess": "class that was guessed last; empty: none",
    "guess_step": "step at which it was guessed",
    "voided": "1 if the round does not count",
    "shadow": "1 if the player is left out of all that is counted together",
    "day": "day on which the round ended",
}
PLAYER_TEXTS: Mapping[str, str] = {
    "player": "pseudonym, of this campaign only",
    "kind": "guest, registered, merged or erased",
    "shadow": "left out of all that is counted together",
    "held": "neither earns by labels nor confirms any, until staff decide",
    "suspicion": "why staff should look: burst, speed, cleared; empty: no reason",
    "rounds": "finished rounds that count",
    "weight": "how far the answers can be relied on: sensitivity + specificity - 1; null before the first estimate",
    "low": "lower end of its 95 % interval",
    "high": "upper end",
    "class_bits": "how far the labels follow the photo's class, in bits a label",
    "map_bits": "how far they follow the map; less than class_bits is a sign of typing what one knows of the class",
}
AGGREGATE_TEXTS: Mapping[str, str] = {
    "map_key": "random name of the map",
    "language": "language of the label",
    "label": "normal form, or what the researchers read it as",
    "posterior": "probability that it is there, from a two-coin model of the players (Dawid and Skene, with priors)",
    "typed": "players who typed it",
    "seen": "players who had the map in that language",
    "independent": "players who typed it, those of one device counted once",
    "agreed": "at least two independent players typed it",
    "lift": "how much more often it is typed here than on control maps of the same class; null: cannot be told",
    "steps": "how often it was typed at each step",
}
QUESTIONNAIRE_TEXTS: Mapping[str, str] = {
    "campaign": "random name of the campaign",
    "player": "pseudonym of the player, the same as in the other files",
    "expertise": "novice, expert or untold, as people say of themselves",
    "photo": "random name of the photo",
    "image_id": "the photo: first 16 hex digits of its SHA-256",
    "right": "1 if the network's answer is the photo's class",
    "place": "photos that the player had answered before",
    "method": "what was judged; for a choice, what was chosen (empty: nothing)",
    "position": "its place on the page, 0 = first; empty where nothing was chosen",
    "item": "the statement, or choice, or comment",
    "value": "agreement, 1 = strongly disagree; empty: skipped, or no statement",
    "text": "for a comment: what was written",
    "language": "of the page",
    "seconds": "from the photo before to this one, with pauses; the same on all lines of a photo",
    "day": "when",
}

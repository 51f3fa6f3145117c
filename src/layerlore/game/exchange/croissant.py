"""``croissant.json``: what an export holds, for machines, after the Croissant format 1.0 of MLCommons.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from layerlore.game.exchange.columns import AGGREGATE_TEXTS, LABEL_TEXTS, PLAYER_TEXTS
from layerlore.game.exchange.records import day_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.game.exchange.records import CampaignFacts

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    "citeAs",
    "column",
    "conformsTo",
    "equivalentProperty",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
)
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
FORMATS = {"csv": "text/csv", "jsonl": "application/jsonlines", "md": "text/markdown", "json": "application/json"}
_FLOATS = ("weight", "fraction", "posterior", "lift", "low", "high", "class_bits", "map_bits", "guess_step")
_WHOLE = ("target", "layer_index", "cluster", "step", "rounds", "typed", "seen", "independent", "steps")
_FLAGS = ("assisted", "hidden", "voided", "shadow", "held", "agreed")


def croissant(facts: CampaignFacts, files: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The description.

    Args:
        facts: What holds for the export.
        files: Name to bytes and SHA-256 of each file but this one and the manifest.
    """
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.name,
        "description": "What people typed while a photo was uncovered where one cluster of a network's feature maps "
        "responds (Deep Reveal, LayerLore).",
        "conformsTo": CONFORMS_TO,
        "license": "as the players agreed to; see README.md",
        "url": "https://github.com/layerlore/layerlore",
        "version": "1.0.0",
        "datePublished": day_of(facts.newest) or "1970-01-01",
        "citeAs": f"Labels of the campaign {facts.name}, bundle {facts.bundle_hash}, LayerLore {facts.app}",
        "inLanguage": list(facts.languages),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "contentSize": f"{file['bytes']} B",
                "encodingFormat": FORMATS.get(name.rpartition(".")[2], "application/octet-stream"),
                "sha256": file["sha256"],
            }
            for name, file in files.items()
        ],
        "recordSet": [
            _records("labels", "labels.csv", LABEL_TEXTS),
            _records("aggregate", "aggregate.jsonl", AGGREGATE_TEXTS),
            _records("players", "players.jsonl", PLAYER_TEXTS),
        ],
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _records(name: str, file: str, texts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": text,
                "dataType": _kind(column),
                **({"repeated": True} if column == "steps" else {}),
                "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
            }
            for column, text in texts.items()
        ],
    }


def _kind(column: str) -> str:
    if column in _FLAGS:
        return "sc:Boolean"
    if column in _WHOLE:
        return "sc:Integer"
    return "sc:Float" if column in _FLOATS else "sc:Text"

"""Configuration of a campaign: the specification's example, what is refused and with which advice."""

from __future__ import annotations

import ast
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from game_rules import rules

import layerlore.game.domain as package
from layerlore.game.domain.config import KEYS, as_dict, parse_config
from layerlore.game.domain.errors import ConfigError

EXAMPLE = """
[campaign]
name = "imagenette-vgg16"
languages = ["en", "it"]
[reveal]
steps = [0.02, 0.045, 0.08, 0.13, 0.20, 0.30]
background = "#808080"
min_island_px = 4
[classes]
show = "all"
[play]
max_guesses = 1
ttl_minutes = 30
full_image_after = "result"
max_maps_per_image = 1
image_cooldown_days = 180
[labels]
max_per_round = 8
require_one = false
kinds = ["part", "colour"]
taboo_extra = { en = ["dog"], it = ["cane"] }
[quality]
k_min = 3
k_max = 10
honeypot_rate = [[0, 0.25], [10, 0.15], [30, 0.10], [60, 0.05]]
control_rate = 0.10
verify_mode = false
[score]
rule = "log"
wrong_penalty = true
daily_round_cap = 150
[people]
guests = true
min_age = 14
consent = { en = "consent.en.md", it = "consent.it.md" }
erase = "anonymise"
signup = "open"
"""


def test_the_example_of_the_specification_is_read_and_can_be_written_again() -> None:
    config = parse_config(tomllib.loads(EXAMPLE))
    assert config.labels.taboo_extra == {"en": ("dog",), "it": ("cane",)}
    assert config.classes.show is None
    assert parse_config(as_dict(config)) == config


def test_the_example_has_the_default_values() -> None:
    given, default = tomllib.loads(EXAMPLE), as_dict(rules())
    assert all(
        given[part][name] == default[part][name]
        for part in ("reveal", "play", "quality", "score")
        for name in given[part]
    )


def test_the_table_of_keys_is_complete_and_each_has_a_sentence() -> None:
    names = {f"{section}.{name}" for section, keys in as_dict(rules()).items() for name in keys}
    assert {key.name for key in KEYS} == names
    assert all(key.sentence.endswith(".") and len(key.sentence) > 15 for key in KEYS)
    assert [key.name for key in KEYS if key.default is None] == ["campaign.name"]


@pytest.mark.parametrize(
    ("section", "key", "value", "advice"),
    [
        ("campaign", "name", "Über uns", "write it like 'imagenette-vgg16'"),
        ("campaign", "languages", [], 'write one such as ["en", "it"]'),
        ("campaign", "languages", ["en", "en"], "name each once"),
        ("reveal", "steps", [0.1, 0.1], "put them in order"),
        ("reveal", "steps", [0.1, float("nan")], "write a list such as"),
        ("reveal", "background", "grey", "write it like '#808080'"),
        ("classes", "show", 1, '"all" nor a number'),
        ("play", "max_guesses", True, "whole number from 1 to 10"),
        ("play", "max_guess", 2, "did you mean max_guesses"),
        ("play", "k_min", 2, "belongs in [quality]"),
        ("play", "xyzzy", 2, "use one of max_guesses"),
        ("play", "full_image_after", "always", "never, result, session"),
        ("labels", "require_one", 1, "write true or false"),
        ("labels", "taboo_extra", ["dog"], "a language for each entry"),
        ("labels", "kinds", "part", 'write one such as ["a", "b"]'),
        ("labels", "taboo_extra", {"de": ["hund"]}, "add it to campaign.languages"),
        ("quality", "k_max", 2, "write 3 or more"),
        ("quality", "honeypot_rate", [[5, 0.1]], "begin at 0 rounds"),
        ("quality", "honeypot_rate", [[0, 2]], "write it like [10, 0.15]"),
        ("quality", "control_rate", "a tenth", "a share such as 0.1"),
        ("quality", "control_rate", 0.8, "lower one of the two"),
        ("quality", "verify_mode", True, "write false"),
        ("people", "consent", {"en": "../secret"}, "name of a file beside"),
        ("people", "consent", {"en": "a\\b.md"}, "use letters and dots"),
        ("people", "min_age", 5, "from 13 to 99"),
    ],
)
def test_a_wrong_value_is_named_with_its_fix(section: str, key: str, value: object, advice: str) -> None:
    data: dict[str, dict[str, object]] = {"campaign": {"name": "test", "languages": ["en", "it"]}}
    data.setdefault(section, {})[key] = value
    with pytest.raises(ConfigError) as caught:
        parse_config(data)
    assert caught.value.key == f"{section}.{key}"
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"score": {"rule": "table"}, "reveal": {"steps": [n / 10 for n in range(1, 8)]}}, "score.rule"),
        ({"classes": {"show": 3}, "play": {"max_guesses": 3}}, "play.max_guesses"),
        ({"people": {"guests": False, "signup": "closed"}}, "people.signup"),
        ({"quality": 3}, "quality"),
        ({"qualities": {}}, "qualities"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(sections: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"campaign": {"name": "test"}, **sections})
    assert caught.value.key == key


def test_a_missing_name_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="add it to \\[campaign\\]"):
        parse_config({})


def test_rates_and_files_that_depend_on_something() -> None:
    config = rules(people={"consent": {"it": "consenso.md"}})
    assert [config.honeypot_rate(rounds) for rounds in (0, 9, 10, 59, 60, 999)] == [0.25, 0.25, 0.15, 0.10, 0.05, 0.05]
    assert [config.consent_file(language) for language in ("en", "it")] == ["consent.en.md", "consenso.md"]


def test_the_rules_import_only_the_standard_library() -> None:
    for file in Path(package.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.startswith("layerlore.game.domain")
                assert ours or name.partition(".")[0] in sys.stdlib_module_names, f"{file.name}: {name}"


def test_every_key_is_in_the_documentation() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    made = runpy.run_path(str(docs / "make_game_settings.py"))
    page = (docs / "game-settings.md").read_text(encoding="utf-8")
    assert page == made["with_tables"](page), "run python docs/make_game_settings.py"
    assert all(f"| `{key.name.partition('.')[2]}` |" in page for key in KEYS)

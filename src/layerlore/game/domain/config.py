"""A campaign's configuration (game.md 2.12): each key with its default, its check and a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from layerlore.game.domain import checks
from layerlore.game.domain.errors import ConfigError

if TYPE_CHECKING:
    from layerlore.game.domain.checks import Check

REQUIRED = object()
TABLE_STEPS = 6


def key(sentence: str, check: Check, default: object = REQUIRED) -> Any:  # noqa: ANN401 - a field of any type
    """A field of a section: what it means, what it may be, and what it is where it is not given."""
    metadata = {"sentence": sentence, "check": check, "default": default}
    if default is REQUIRED:
        return field(metadata=metadata)
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class CampaignKeys:
    """``[campaign]``: what it is."""

    name: str = key(
        "Name of the campaign: small letters, digits and hyphens.",
        checks.matching(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", "imagenette-vgg16"),
    )
    languages: tuple[str, ...] = key("Languages that players may use, the main one first.", checks.languages, ("en",))


@dataclass(frozen=True)
class RevealKeys:
    """``[reveal]``: what a player sees."""

    steps: tuple[float, ...] = key(
        "Shares of the picture that the steps show, growing.",
        checks.reveal_steps,
        (0.02, 0.045, 0.08, 0.13, 0.20, 0.30),
    )
    background: str = key(
        "Colour of what is hidden, as #rrggbb.", checks.matching("#[0-9a-fA-F]{6}", "#808080"), "#808080"
    )
    min_island_px: int = key(
        "Smallest group of pixels that is shown; single pixels are unreadable.", checks.whole(0, 64), 4
    )


@dataclass(frozen=True)
class ClassKeys:
    """``[classes]``: which classes a player may choose from."""

    show: int | None = key(
        'Classes to choose from: "all", or a number (the true one and those the network confuses it with).',
        checks.count_or_all,
        None,
    )


@dataclass(frozen=True)
class PlayKeys:
    """``[play]``: rules of a round."""

    max_guesses: int = key("Guesses that a player has in a round; one gives the cleanest data.", checks.whole(1, 10), 1)
    ttl_minutes: int = key("Minutes after which an unfinished round expires.", checks.whole(1, 1440), 30)
    full_image_after: str = key(
        "When the whole photo is shown: never, after the result, or after the session.",
        checks.one_of("never", "result", "session"),
        "result",
    )
    max_maps_per_image: int = key(
        "Maps of one image that a player may get within the cool-down.", checks.whole(1, 1000), 1
    )
    image_cooldown_days: int = key(
        "Days until a player may get another map of the same image.", checks.whole(0, 3650), 180
    )


@dataclass(frozen=True)
class LabelKeys:
    """``[labels]``: what a player may type."""

    max_per_round: int = key("Labels that a player may type in a round.", checks.whole(1, 8), 8)
    require_one: bool = key('Ask for a label or "I recognise nothing" before a guess.', checks.flag, default=False)
    kinds: tuple[str, ...] = key(
        "Kinds of label to choose from, such as part or colour; none: players are not asked.", checks.texts, ()
    )
    taboo_extra: Mapping[str, tuple[str, ...]] = key(
        "Words that may not be typed, by language, beside all class names.", checks.texts_by_language, {}
    )


@dataclass(frozen=True)
class QualityKeys:
    """``[quality]``: how many players a map gets, and what is mixed in to judge them."""

    k_min: int = key("Players that every map gets first.", checks.whole(1, 1000), 3)
    k_max: int = key("Players that a map gets at most.", checks.whole(1, 1000), 10)
    honeypot_rate: tuple[tuple[int, float], ...] = key(
        "Share of maps with a known answer, from which round of a player on.",
        checks.stairs,
        ((0, 0.25), (10, 0.15), (30, 0.10), (60, 0.05)),
    )
    control_rate: float = key("Share of control maps: random regions of the same area.", checks.rate, 0.10)
    training_rounds: int = key("First rounds of a player that are easy and explained.", checks.whole(0, 20), 3)
    verify_mode: bool = key("Rounds of ticking labels that others typed; not built yet.", checks.flag, default=False)


@dataclass(frozen=True)
class ScoreKeys:
    """``[score]``: points."""

    rule: str = key(
        "How points fall with the step of the guess: table, log or linear.",
        checks.one_of("table", "log", "linear"),
        "log",
    )
    wrong_penalty: bool = key(
        "Take points for a wrong guess, so that guessing at random earns nothing.", checks.flag, default=True
    )
    daily_round_cap: int = key("Rounds of a player that count for points on one day.", checks.whole(1, 10_000), 150)


@dataclass(frozen=True)
class PeopleKeys:
    """``[people]``: who may play, and what happens to their data."""

    guests: bool = key("Let people play without an account.", checks.flag, default=True)
    min_age: int = key("Age from which people may take part.", checks.whole(13, 99), 14)
    consent: Mapping[str, str] = key(
        "File with the consent text for each language; where not given: consent.<language>.md.",
        checks.files_by_language,
        {},
    )
    erase: str = key(
        "What erasing a player does: anonymise keeps the labels, delete_labels does not.",
        checks.one_of("anonymise", "delete_labels"),
        "anonymise",
    )
    signup: str = key(
        "Who may make an account: everybody, the invited, or nobody.",
        checks.one_of("open", "invite", "closed"),
        "open",
    )


@dataclass(frozen=True)
class QuestionnaireKeys:
    """``[questionnaire]``: players compare explanations of whole photos at the end."""

    enabled: bool = key("Ask players to compare explanations of photos.", checks.flag, default=False)
    methods: tuple[str, ...] = key(
        "What is compared: layerlore for the layers' maps, and other methods that give one map.",
        checks.some_texts(2, 8),
        ("layerlore", "gradcam", "lime", "shap"),
    )
    after_rounds: int = key("Finished rounds after which a player is invited.", checks.whole(0, 10_000), 10)
    photos: int = key("Photos that a player is shown.", checks.whole(1, 20), 3)
    pool: int = key("Photos that explanations are made of when the campaign is built.", checks.whole(1, 500), 6)
    points: int = key(
        "Points of the scale from strongly disagree to strongly agree: 5 or 7.", checks.one_number(5, 7), 5
    )
    items: tuple[str, ...] = key(
        "Statements about each explanation: some of informative, understandable, trustworthy, error.",
        checks.subset("informative", "understandable", "trustworthy", "error"),
        ("informative", "understandable", "trustworthy", "error"),
    )
    own_items: Mapping[str, tuple[str, ...]] = key(
        "Statements of your own by language, the same number and order in each.", checks.texts_by_language, {}
    )
    comment: bool = key("Also ask for a remark in free words.", checks.flag, default=False)


@dataclass(frozen=True)
class CampaignConfig:
    """All of it; frozen with the bundle when the campaign is opened.

    Attributes:
        campaign: What it is.
        reveal: What a player sees.
        classes: Which classes a player may choose from.
        play: Rules of a round.
        labels: What a player may type.
        quality: How many players a map gets, and what is mixed in to judge them.
        score: Points.
        people: Who may play, and what happens to their data.
        questionnaire: Players compare explanations of whole photos at the end.
    """

    campaign: CampaignKeys
    reveal: RevealKeys = field(default_factory=RevealKeys)
    classes: ClassKeys = field(default_factory=ClassKeys)
    play: PlayKeys = field(default_factory=PlayKeys)
    labels: LabelKeys = field(default_factory=LabelKeys)
    quality: QualityKeys = field(default_factory=QualityKeys)
    score: ScoreKeys = field(default_factory=ScoreKeys)
    people: PeopleKeys = field(default_factory=PeopleKeys)
    questionnaire: QuestionnaireKeys = field(default_factory=QuestionnaireKeys)

    def honeypot_rate(self, rounds: int) -> float:
        """Share of honeypots for a player who has finished so many rounds (game.md 2.4)."""
        return next(rate for begin, rate in reversed(self.quality.honeypot_rate) if rounds >= begin)

    def statements(self) -> tuple[str, ...]:
        """Names of the questionnaire's statements: the chosen ones, then own_1, own_2 and so on."""
        own = next(iter(self.questionnaire.own_items.values()), ())
        return (*self.questionnaire.items, *(f"own_{number}" for number in range(1, len(own) + 1)))

    def consent_file(self, language: str) -> str:
        """Name of the file with the consent text in a language."""
        return self.people.consent.get(language, f"consent.{language}.md")


SECTIONS: Mapping[str, type[Any]] = {
    "campaign": CampaignKeys,
    "reveal": RevealKeys,
    "classes": ClassKeys,
    "play": PlayKeys,
    "labels": LabelKeys,
    "quality": QualityKeys,
    "score": ScoreKeys,
    "people": PeopleKeys,
    "questionnaire": QuestionnaireKeys,
}


@dataclass(frozen=True)
class Key:
    """One key, for the documentation.

    Attributes:
        name: Full name, such as ``play.max_guesses``.
        sentence: What it means.
        default: Value where it is not given, as TOML would have it; None for a key that must be given.
    """

    name: str
    sentence: str
    default: object


def _key(section: str, entry: Field[Any]) -> Key:
    default = entry.metadata["default"]
    if (section, entry.name) == ("classes", "show"):
        default = "all"
    return Key(f"{section}.{entry.name}", entry.metadata["sentence"], None if default is REQUIRED else _plain(default))


def _plain(value: object) -> object:
    """Tuples as lists and mappings as dictionaries, all the way down."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value


KEYS: tuple[Key, ...] = tuple(_key(section, entry) for section, kind in SECTIONS.items() for entry in fields(kind))


def parse_config(data: Mapping[str, object]) -> CampaignConfig:
    """The configuration from a TOML dictionary.

    Raises:
        ConfigError: A key is unknown, missing or wrong, or two do not fit together; the message says what to write.
    """
    for name in data:
        if name not in SECTIONS:
            raise ConfigError(name, _unknown(name, f"[{name}]", [*SECTIONS]))
    config = CampaignConfig(**{name: _section(name, kind, data.get(name, {})) for name, kind in SECTIONS.items()})
    _check_together(config)
    return config


def as_dict(config: CampaignConfig) -> dict[str, dict[str, object]]:
    """The configuration with all keys, as `parse_config` takes it; for the manifest of a bundle or an export."""
    return {
        section: {
            entry.name: "all" if (section, entry.name, value) == ("classes", "show", None) else _plain(value)
            for entry in fields(kind)
            for value in [getattr(getattr(config, section), entry.name)]
        }
        for section, kind in SECTIONS.items()
    }


def _section(name: str, kind: type[Any], given: object) -> Any:  # noqa: ANN401 - an instance of kind
    if not isinstance(given, Mapping):
        raise ConfigError(name, f"this is a table, not a value; write [{name}] and its keys below")
    entries = {entry.name: entry for entry in fields(kind)}
    for word in given:
        if word not in entries:
            raise ConfigError(f"{name}.{word}", _unknown(word, f"[{name}]", [*entries]))
    values: dict[str, object] = {}
    for word, entry in entries.items():
        if word in given:
            try:
                values[word] = entry.metadata["check"](given[word])
            except ValueError as error:
                raise ConfigError(f"{name}.{word}", str(error)) from None
        elif entry.metadata["default"] is REQUIRED:
            raise ConfigError(f"{name}.{word}", f"it is missing; add it to [{name}]. {entry.metadata['sentence']}")
    return kind(**values)


def _unknown(word: str, where: str, known: list[str]) -> str:
    """What to write in place of an unknown name: a near one here, or the section where it belongs."""
    homes = [entry.name for entry in KEYS if entry.name.partition(".")[2] == word]
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    if homes:
        return f"there is no such key here; it belongs in [{homes[0].partition('.')[0]}]"
    if near:
        return f"there is no such key; did you mean {' or '.join(near)}?"
    return f"there is no such key; remove it, or use one of {', '.join(known)} ({where})"


def _check_together(config: CampaignConfig) -> None:
    """What single keys cannot tell.

    Raises:
        ConfigError: Two keys do not fit together.
    """
    spoken = config.campaign.languages
    quality = config.quality
    for name, table in (("labels.taboo_extra", config.labels.taboo_extra), ("people.consent", config.people.consent)):
        for language in table:
            if language not in spoken:
                message = f"{language} is none of the campaign's languages; add it to campaign.languages or remove it"
                raise ConfigError(name, message)
    if quality.k_max < quality.k_min:
        raise ConfigError("quality.k_max", f"it is below k_min; write {quality.k_min} or more")
    if max(rate for _, rate in quality.honeypot_rate) + quality.control_rate > 0.9:
        message = "with the honeypots it leaves less than a tenth of the rounds for the study; lower one of the two"
        raise ConfigError("quality.control_rate", message)
    if quality.verify_mode:
        raise ConfigError("quality.verify_mode", "this mode is not built yet; write false")
    if config.score.rule == "table" and len(config.reveal.steps) > TABLE_STEPS:
        raise ConfigError("score.rule", f'the table has points for {TABLE_STEPS} steps; write "log" or fewer steps')
    if config.classes.show is not None and config.play.max_guesses >= config.classes.show:
        raise ConfigError("play.max_guesses", f"with {config.classes.show} classes every guess would win; lower it")
    if not config.people.guests and config.people.signup == "closed":
        raise ConfigError(
            "people.signup", 'without guests nobody could play; allow guests, or write "open" or "invite"'
        )
    _check_questionnaire(config)


def _check_questionnaire(config: CampaignConfig) -> None:
    """What single keys of the questionnaire cannot tell.

    Raises:
        ConfigError: Two keys do not fit together.
    """
    asked, spoken = config.questionnaire, config.campaign.languages
    if asked.photos > asked.pool:
        message = f"a player is shown {asked.photos} photos of {asked.pool}; raise it, or lower questionnaire.photos"
        raise ConfigError("questionnaire.pool", message)
    if asked.own_items and set(asked.own_items) != set(spoken):
        message = f"the statements must be there in each of the campaign's languages; write {', '.join(spoken)}"
        raise ConfigError("questionnaire.own_items", message)
    if len({len(statements) for statements in asked.own_items.values()}) > 1:
        message = "the languages have different numbers of statements; write as many in each, in the same order"
        raise ConfigError("questionnaire.own_items", message)
    if not asked.items and not any(asked.own_items.values()):
        raise ConfigError("questionnaire.items", "nothing is asked; name at least one statement")

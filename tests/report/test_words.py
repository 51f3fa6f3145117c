"""Every sentence of the page for crafted cases, and that printed percentages add up."""

from __future__ import annotations

import dataclasses

import handmade
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.local.explanation import Effect
from layerlore.report import words


def said(text: str) -> str:
    """Text with its no-break spaces made plain, for reading in a test."""
    return text.replace(words.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.04, "0.0"), (-1.26, "−1.3"), (12.44, "12.4")],  # noqa: RUF001
)
def test_numbers_have_one_decimal_and_a_real_minus(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.931, "93.1 %"), (0.99996, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_probabilities_never_round_to_none_or_all(value: float, text: str) -> None:
    assert said(words.probability(value)) == text


@pytest.mark.parametrize(
    ("probability", "sentence"),
    [
        (0.995, "TinyNet says tabby and is almost certain (99.5 %)."),
        (0.93, "TinyNet says tabby and is very sure (93.0 %)."),
        (0.4, "TinyNet says tabby, but is unsure (40.0 %)."),
        (0.05, "TinyNet says tabby, but is far from sure (5.0 %)."),
    ],
)
def test_headline_says_how_sure_the_network_is(probability: float, sentence: str) -> None:
    made = handmade.explanation()
    top = dataclasses.replace(made.predictions[0], probability=probability)
    network, answer, sure = words.headline(dataclasses.replace(made, predictions=(top, *made.predictions[1:])))
    assert said(f"{network} {answer}{sure}") == sentence


def test_runner_up_and_another_class() -> None:
    made = handmade.explanation()
    assert said(words.runner_up(made)) == "Next: tiger cat (15.0 %)."
    assert words.explained_class(made) == ""
    lynx = dataclasses.replace(made, target=made.predictions[2])
    assert said(words.explained_class(lynx)) == "Explained here is another class: lynx (< 0.1 %, its 3rd choice)."
    stranger = dataclasses.replace(made.target, index=7, name="cock", probability=0.00001)
    assert "not in its top five" in words.explained_class(dataclasses.replace(made, target=stranger))


TARGET = handmade.explanation().target


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 0.5)),
            "2 clusters. The heaviest (40.0 %) lies in the upper left; removing it lowers the logit by 1.8 of 12.4.",
        ),
        (
            handmade.layer(handmade.cluster(map=handmade.corner(3, 6), drop=None)),
            "One cluster carries it (40.0 %) and lies at the right.",
        ),
        (
            handmade.layer(handmade.cluster(drop=-0.3), handmade.cluster(1, 20, 4.0)),
            (
                "2 clusters. The heaviest (40.0 %) lies in the upper left; yet removing it raises the logit by 0.3: "
                "weight and effect disagree."
            ),
        ),
        (
            handmade.layer(handmade.cluster(), handmade.cluster(1, 20, -0.3), handmade.cluster(2, 15, -0.2)),
            (
                "3 clusters. The heaviest (40.0 %) lies in the upper left; removing it lowers the logit by "
                "1.8 of 12.4. Removing cluster 2 or 3 raises it: weight and effect disagree there."
            ),
        ),
        (
            handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 5.04)),
            (
                "2 clusters. The heaviest (40.0 %) lies in the upper left; removing it lowers the logit by "
                "1.8 of 12.4. Removing cluster 2 does more (5.0)."
            ),
        ),
        (
            handmade.layer(handmade.cluster(drop=0.01)),
            "One cluster carries it (40.0 %) and lies in the upper left; yet removing it hardly changes the logit.",
        ),
        (
            handmade.layer(handmade.cluster(drop=14.0)),
            (
                "One cluster carries it (40.0 %) and lies in the upper left; "
                "removing it lowers the logit from 12.4 to −1.6."  # noqa: RUF001
            ),
        ),
        (
            handmade.layer(handmade.cluster(constant=True, map=np.zeros((7, 7), np.float32), drop=None)),
            "One cluster carries it (40.0 %) and shows no place.",
        ),
        (handmade.layer(note="This layer is not on the path."), "This layer is not on the path."),
        (handmade.layer(), "No feature map of this layer has a positive weight for the class."),
    ],
)
def test_layer_sentence(layer: handmade.LayerExplanation, sentence: str) -> None:
    assert said(words.layer_sentence(layer, TARGET)) == sentence


def test_a_rise_too_small_to_print_is_not_held_against_a_cluster() -> None:
    made = handmade.cluster(drop=-0.004)
    assert made.raises_when_removed
    assert not words.speaks_against(made)
    assert words.effect_label(Effect(-0.004, 0)) == "0.0"


def test_map_text_says_which_map_how_heavy_and_where() -> None:
    made = handmade.cluster(1, 24.1, -0.4, labels=("eye", "fur"))
    text = said(words.map_text(handmade.layer(made), made, words.percent(24.1), 12.4))
    assert text == (
        "Cluster 2 of block1.relu: 24.1 % of the layer's positive weight; lies in the upper left; removing it raises "
        "the logit by 0.4: the cluster holds the score down; people said eye and fur."
    )


@pytest.mark.parametrize(("depth", "word"), [(0, "Early"), (0.34, "Middle"), (0.9, "Late"), (1, "Late")])
def test_phase(depth: float, word: str) -> None:
    assert words.phase(depth)[0] == word


def test_negative_values_are_told() -> None:
    assert words.nonlinearity_note(handmade.layer()) == ""
    silu = handmade.layer(rectified=False, nonlinearity="SiLU")
    assert words.nonlinearity_note(silu) == "Values may be negative (SiLU); only the positive part counts."


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=12))
def test_printed_percentages_add_up_to_100(parts: list[float]) -> None:
    exact = [100 * part / sum(parts) for part in parts]
    *weights, weak, dropped = exact
    made = handmade.layer(
        *(handmade.cluster(i, weight) for i, weight in enumerate(weights)), weak_weight=weak, dropped_weight=dropped
    )
    clusters, weak_text, dropped_text, other = words.shares(made)
    tenths = [round(10 * float(text.split(words.NBSP)[0])) for text in (*clusters, weak_text, dropped_text)]
    assert sum(tenths) == 1000
    assert all(abs(printed / 10 - value) < 0.1 + 1e-9 for printed, value in zip(tenths, exact, strict=True))
    assert round(10 * float(other.split(words.NBSP)[0])) == tenths[-1] + tenths[-2]

"""Every sentence of the page for crafted cases, and that printed percentages add up."""

from __future__ import annotations

import dataclasses
from typing import Any

import handmade
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.local.explanation import Effect
from layerlore.report import effects, importance, sentences, words


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


@given(st.floats(0, 1))
def test_every_probability_has_a_headline(probability: float) -> None:
    made = handmade.explanation()
    top = dataclasses.replace(made.predictions[0], probability=probability)
    assert words.headline(dataclasses.replace(made, predictions=(top,)))[2].endswith(").")


def test_runner_up_and_another_class() -> None:
    made = handmade.explanation()
    assert said(words.runner_up(made)) == "Next: tiger cat (15.0 %)."
    assert words.explained_class(made) == ""
    lynx = dataclasses.replace(made, target=made.predictions[2])
    assert said(words.explained_class(lynx)) == "Explained here is another class: lynx (< 0.1 %, its 3rd choice)."
    stranger = dataclasses.replace(made.target, index=7, name="cock", probability=0.00001)
    assert "not in its top five" in words.explained_class(dataclasses.replace(made, target=stranger))


TARGET = handmade.explanation().target


def removed(zero: float, mean: float, random: float, **changes: Any) -> handmade.ClusterMap:
    """A cluster with these falls of the logit."""
    measured = handmade.Ablation(*(Effect(drop, 0.0) for drop in (zero, mean, random)))
    return dataclasses.replace(handmade.cluster(**changes), ablation=measured)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 0.5)),
            "Heaviest in the upper left; removing it lowers the logit by 1.8 of 12.4.",
        ),
        (handmade.layer(handmade.cluster(map=handmade.corner(3, 6), drop=None)), "One cluster, at the right."),
        (
            handmade.layer(handmade.cluster(drop=-0.3), handmade.cluster(1, 20, 4.0)),
            "Heaviest in the upper left, yet removing it raises the logit by 0.3.",
        ),
        (
            handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 40.0)),
            "Heaviest in the upper left, yet removing it lowers the logit by only 1.8 of 12.4.",
        ),
        (
            handmade.layer(removed(1.82, 1.0, 1.84)),
            "One cluster, in the upper left, yet removing it lowers the logit by 1.8, as much as a random set (1.8).",
        ),
        (
            handmade.layer(removed(1.0, 0.9, 1.24)),
            "One cluster, in the upper left, yet removing it lowers the logit by 1.0, less than a random set (1.2).",
        ),
        (
            handmade.layer(handmade.cluster(drop=0.01)),
            "One cluster, in the upper left, yet removing it hardly changes the logit.",
        ),
        (
            handmade.layer(handmade.cluster(drop=14.0)),
            "One cluster, in the upper left; removing it lowers the logit from 12.4 to −1.6.",  # noqa: RUF001
        ),
        (
            handmade.layer(handmade.cluster(constant=True, map=np.zeros((7, 7), np.float32), drop=None)),
            "One cluster, shows no place.",
        ),
        (handmade.layer(note="This layer is not on the path."), "This layer is not on the path."),
        (handmade.layer(), "No feature map of this layer has a positive weight for the class."),
    ],
)
def test_layer_sentence(layer: handmade.LayerExplanation, sentence: str) -> None:
    assert said(sentences.layer_sentence(layer, TARGET)) == sentence


def important(*values: float, **changes: Any) -> handmade.LayerExplanation:
    """A layer whose clusters have these importances in logits."""
    made = [handmade.cluster(i, 30.0 - 5 * i, v, importance=v, **changes) for i, v in enumerate(values)]
    return handmade.layer(*made)


def test_where_importance_was_measured_the_most_important_cluster_comes_first_and_is_told_about() -> None:
    layer = important(1.0, 3.0, -1.0)
    assert importance.shares(layer) == (20.0, 60.0, -20.0)
    assert [cluster.index for cluster in layer.ranked] == [1, 0, 2]
    told = sentences.layer_sentence(layer, TARGET)
    assert told == "The most important lies in the upper left; removing it lowers the logit by 3.0 of 12.4."
    assert "largest fall" not in sentences.layer_remarks(layer)
    assert sentences.layer_sentence(important(2.0), TARGET).startswith("One cluster, in the upper left;")
    nothing = important(1.0, 2.0, constant=True)
    assert sentences.layer_sentence(nothing, TARGET).startswith("The most important shows no place;")


def test_the_opening_of_a_panel_says_importance_before_weight() -> None:
    layer = important(1.0, 3.0, -1.0)
    opening = said(sentences.verdict(layer.clusters[1], words.percent(25), TARGET, 60.0))
    assert opening.startswith(
        "Of what the layer's shown clusters do to the score, 60.0 % is this cluster's own. It holds 25.0 % of the "
        "layer's positive weight and lies in the upper left. Removing it"
    )
    against = said(sentences.verdict(layer.clusters[2], words.percent(20), TARGET, -20.0))
    assert against.startswith("This cluster works against the class: −20.0 % of what")  # noqa: RUF001
    text = said(sentences.map_text(layer, layer.clusters[1], words.percent(25), 12.4, share=60.0))
    assert text.startswith(
        "Cluster 2 of block1.relu: 60.0 % of what the layer's shown clusters do to the score; 25.0 %"
    )


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8))
def test_printed_importances_add_up_to_100_without_their_signs(values: list[float]) -> None:
    shares = importance.shares(important(*values))
    assert shares is not None
    assert round(10 * sum(map(abs, shares))) == (1000 if any(values) else 0)
    assert all((share < 0) <= (value < 0) for share, value in zip(shares, values, strict=True))
    assert importance.shares(handmade.layer(handmade.cluster())) is None


def test_what_the_other_clusters_do_is_told_beside_the_columns_sentence() -> None:
    layer = handmade.layer(handmade.cluster(), handmade.cluster(1, 20, -0.3), handmade.cluster(2, 15, -0.2))
    assert sentences.layer_remarks(layer).startswith("Removing cluster 2 or 3 raises the score")
    layer = handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 5.04))
    assert sentences.layer_remarks(layer) == "The largest fall comes from removing cluster 2 (5.0)."
    layer = handmade.layer(handmade.cluster(), removed(5.0, 1.0, 6.0, index=1, weight=20.0))
    assert sentences.layer_remarks(layer).endswith("cluster 2 (5.0, less than a random set (6.0)).")
    assert sentences.layer_remarks(handmade.layer(handmade.cluster(), handmade.cluster(1, 20, 1.0))) == ""


@pytest.mark.parametrize(
    ("falls", "part"),
    [
        ((1.0, 0.9, 1.2), "no more than removing as many maps at random (1.2)"),
        ((1.0, 0.05, 0.2), "Only the zero variant shows an effect"),
        ((0.05, 1.0, 0.0), "Only the mean variant shows an effect"),
        ((1.0, -0.4, 0.2), "The variants disagree"),
        ((-0.3, -0.2, 5.8), "at random move the logit further: they lower it by 5.8"),
        ((1.0, 0.0005, 0.1), ""),  # the mean says nothing where what follows is a mean
        ((0.12, 0.09, 0.0), ""),  # too close to print
        ((1.0, 0.5, 0.2), ""),
        ((-1.0, -0.5, 0.2), ""),
    ],
)
def test_doubts_about_an_effect_are_told(falls: tuple[float, float, float], part: str) -> None:
    cluster = removed(*falls)
    layer = handmade.layer(cluster)
    told = " ".join(effects.doubts(layer, cluster))
    assert part in told
    assert part or not told


def test_a_heavy_cluster_without_effect_is_told_as_what_it_is() -> None:
    beside_chance = removed(5.2, 0.5, 8.2)
    [_, told] = effects.doubts(handmade.layer(beside_chance), beside_chance)
    assert "not above chance" in told, "a large fall is never called small"
    light = removed(0.2, 0.1, 0.1)
    [told] = effects.doubts(handmade.layer(light, handmade.cluster(1, 20, 5.0)), light)
    assert "small beside the layer's largest" in told


def test_layers_of_the_deeper_part_are_told_once() -> None:
    deep = handmade.layer(handmade.cluster(), depth=0.53)
    last = handmade.layer(handmade.cluster(), depth=1.0)
    note = said(words.depth_note(handmade.explanation(deep, last)))
    assert note.startswith("These two layers are the last ones, from 53 % of the depth on")
    assert words.depth_note(handmade.explanation(handmade.layer(depth=0.0), last)) == ""


def test_a_rise_too_small_to_print_is_not_held_against_a_cluster() -> None:
    made = handmade.cluster(drop=-0.004)
    assert made.raises_when_removed
    assert not effects.raises_score(made)
    assert effects.label(Effect(-0.004, 0)) == "0.0"


def test_map_text_says_which_map_how_heavy_and_where() -> None:
    made = handmade.cluster(1, 24.1, -0.4, labels=("eye", "fur"))
    text = said(sentences.map_text(handmade.layer(made), made, words.percent(24.1), 12.4))
    assert text == (
        "Cluster 2 of block1.relu: 24.1 % of the layer's positive weight; lies in the upper left; removing it raises "
        "the logit by 0.4; people said eye and fur."
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

"""The page as text: nothing foreign gets in, nothing is asked of the network, and it stays small."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import json
import re
from typing import TYPE_CHECKING

import handmade
import numpy as np
import pytest

from layerlore.report import notebook_html, render_html, view, words

if TYPE_CHECKING:
    from layerlore.local.explanation import Explanation

EVIL = "</script></style><script>alert('x')</script>\" onload=\"alert(1)"


class Reader(html.parser.HTMLParser):
    """Collects the elements, their attributes and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        self.words.append(data)


def evil_explanation() -> Explanation:
    made = handmade.explanation()
    bad = tuple(dataclasses.replace(c, labels=(EVIL,)) for c in made.layers[0].clusters)
    layers = (
        dataclasses.replace(made.layers[0], name=EVIL, nonlinearity=EVIL, note=EVIL, clusters=bad),
        *made.layers[1:],
    )
    target = dataclasses.replace(made.target, name=EVIL)
    return dataclasses.replace(
        made,
        photo=dataclasses.replace(made.photo, name=EVIL + ".png"),
        layers=layers,
        target=target,
        predictions=(target, *made.predictions[1:]),
        provenance={"network": {"name": EVIL, "fingerprint": EVIL}, EVIL: EVIL},
    )


def test_no_string_of_the_user_becomes_markup() -> None:
    page = render_html(evil_explanation())
    reader = Reader(page)
    assert [tag for tag, _ in reader.elements].count("script") == 3
    assert "<script>alert" not in page
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert any(EVIL in said for said in reader.words)


def test_policy_allows_the_pages_own_scripts_only() -> None:
    reader = Reader(render_html(handmade.explanation()))
    policy = next(a["content"] for tag, a in reader.elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    early, data, main = reader.scripts
    for script in (early, main):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert json.loads(data)["layers"][0]["name"] == "block1.relu"


def test_the_page_asks_for_nothing() -> None:
    page = render_html(handmade.explanation())
    # The one address is the name of the SVG namespace, which nobody fetches.
    assert set(re.findall(r"https?://[^\s\"')]+", page)) == {"http://www.w3.org/2000/svg"}
    assert all(a["src"].startswith("data:") for _, a in Reader(page).elements if a.get("src"))
    assert page.count(handmade.photo().view.hex()) == 0
    assert page.count(base64.b64encode(handmade.photo().view).decode()) == 1, "the photo is embedded once"


def test_maps_travel_whole() -> None:
    values = np.random.default_rng(1).random((9, 5), dtype=np.float32)
    made = handmade.explanation(handmade.layer(handmade.cluster(map=values), height=9, width=5))
    sent = json.loads(Reader(render_html(made)).scripts[1])["layers"][0]["clusters"][0]
    back = np.frombuffer(base64.b64decode(sent["map"]), "<u2").reshape(9, 5) / 65535
    np.testing.assert_allclose(back, values, atol=1e-5)


@pytest.mark.parametrize("side", [14, 56, 224])
def test_nine_layers_stay_under_three_megabytes(side: int) -> None:
    noise = np.random.default_rng(0)
    clusters = [handmade.cluster(i, 12.0, map=noise.random((side, side), np.float32)) for i in range(8)]
    layers = [handmade.layer(*clusters, height=side, width=side, name=f"layer{i}") for i in range(9)]
    assert len(render_html(handmade.explanation(*layers)).encode()) < 3_000_000


def test_edge_cases_have_a_state_of_their_own() -> None:
    empty = handmade.layer(note="This layer is not on the path to the class.")
    flat = handmade.layer(handmade.cluster(constant=True, map=np.zeros((7, 7), np.float32)))
    page = render_html(handmade.explanation(empty, flat))
    assert "no map" in page
    assert empty.note in page
    assert "shows no place" in page
    assert "No layer was explained." in render_html(handmade.explanation(layers=(), flow=()))


def test_weaknesses_of_paper_are_told_where_they_apply() -> None:
    paper = render_html(handmade.explanation(handmade.layer(handmade.cluster(), channels=112), method="paper"))
    assert "Known weaknesses" in paper
    assert "112 maps" in paper
    assert "Known weaknesses" not in render_html(handmade.explanation())


def test_numbers_of_the_panel() -> None:
    page = render_html(handmade.explanation()).replace(words.NBSP, " ")
    assert "12.4 → 10.6" in page, "logit after removing the first cluster"
    assert "80.0 % → 70.0 %" in page
    assert "▼ 10.0 points" in page
    assert "<title>tabby · cat.png · LayerLore</title>" in page
    assert "64 × 64 of 80 × 64 pixels" in page  # noqa: RUF001


def test_flow_is_listed_largest_first_and_adds_up() -> None:
    made = handmade.explanation()
    [flow] = made.flow
    shares = np.array([[-33.34, 0.0], [33.33, 0.0], [33.33, 0.0]], np.float32)
    made = dataclasses.replace(made, flow=(dataclasses.replace(flow, shares=shares),))
    first, second = view.phases(made)[-1].columns[-1].tiles
    assert [link.text for link in first.fed_by] == [
        "against, from cluster 1 of block1.relu",
        "from cluster 2 of block1.relu",
        "from what is not shown of block1.relu",
    ]
    shown = [float(link.share.split(words.NBSP)[0].replace(words.MINUS, "-")) for link in first.fed_by]
    assert sum(map(abs, shown)) == pytest.approx(100)
    assert [link.against for link in first.fed_by] == [True, False, False] == [value < 0 for value in shown]
    assert all(link.width >= 0 for link in first.fed_by)
    assert [link.text for link in second.fed_by] == ["nothing arrives from block1.relu"]
    assert 'class="against"' in render_html(made)


def test_provenance_is_folded_and_the_fingerprint_short() -> None:
    page = render_html(handmade.explanation())
    whole = "ab" * 32
    assert f'title="{whole}">{whole[:12]}<' in page
    assert whole in page[page.index("<summary>Everything that made it: network and settings") :]
    assert "Everything that made it" not in render_html(handmade.explanation(provenance={}))
    odd = view.provenance(handmade.explanation(provenance={"note": "x", "network": "odd"}))
    assert [(group.title, group.lines) for group in odd] == [("more", (("note", "x"), ("network", "odd")))]


def test_the_chance_level_stands_beside_the_effect() -> None:
    page = render_html(handmade.explanation())
    assert "As many at random" in page
    assert "the chance level" in page


def test_the_mean_is_told_to_say_nothing_where_all_that_follows_is_a_mean() -> None:
    effects = handmade.Ablation(handmade.Effect(1.0, 0.1), handmade.Effect(1e-6, 0.0), handmade.Effect(0.1, 0.0))
    layer = handmade.layer(dataclasses.replace(handmade.cluster(), ablation=effects))
    assert "0 by construction" in render_html(handmade.explanation(layer))
    assert "0 by construction" not in render_html(handmade.explanation())


def test_the_same_explanation_gives_the_same_page() -> None:
    assert render_html(handmade.explanation()) == render_html(handmade.explanation())


def test_notebook_frame_holds_the_page_and_cannot_be_left() -> None:
    frame = notebook_html(evil_explanation())
    reader = Reader(frame)
    [(tag, attributes)] = reader.elements
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == render_html(evil_explanation())


def test_importance_is_the_first_number_and_the_order_where_it_was_measured() -> None:
    two = (
        handmade.cluster(0, 40.0, -1.0, importance=-1.0),
        handmade.cluster(1, 24.1, 3.0, importance=3.0, map=handmade.corner(6, 6)),
    )
    made = handmade.explanation(handmade.layer(*two), handmade.layer(*two, name="block2.relu", index=1, depth=1.0))
    [column, _] = [column for phase in view.phases(made) for column in phase.columns]
    assert [(tile.number, tile.share.replace(words.NBSP, " "), tile.against) for tile in column.tiles] == [
        (2, "75.0 %", False),
        (1, "−25.0 %", True),  # noqa: RUF001
    ]
    page = render_html(made).replace(words.NBSP, " ")
    assert page.index("<b>75.0 %</b>") < page.index("weight 24.1 %") < page.index("<b>−25.0 %</b>")  # noqa: RUF001
    assert "What importance is" in page
    said = handmade.concept_set({("block1.relu", 0): {"fur": ("a",)}, ("block1.relu", 1): {"fur": ("b",)}})
    merged = render_html(made, said).replace(words.NBSP, " ")
    assert "their importances add up to 50.0 %" in merged
    before = render_html(handmade.explanation())
    assert "What importance is" not in before
    assert 'class="weighs"' not in before

"""Nothing tells the class before the end: not bytes, names, lengths, refusals or repeated requests (game.md 4.2)."""

from __future__ import annotations

import ast
import base64
import math
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import Browser, begin, truth
from small_bundle import CLASSES

from layerlore.game.domain.taboo import plurals_and_singulars
from layerlore.game.server.models import Map, Picture, Round

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.game.server.models import Campaign

pytestmark = pytest.mark.django_db
SOURCE = Path(__file__).parents[3] / "src" / "layerlore"
NAMES = sorted(name[3:] for names in CLASSES.values() for name in names)
SYNSETS = ("n02084071", "n03028079", "n03888257")


def encoded(name: str) -> list[bytes]:
    """A name as bytes, in base64 at each of its three places, and in hex."""
    raw = name.encode()
    shifted = [base64.b64encode(b"\0" * lead + raw)[4 if lead else 0 : -4] for lead in range(3)]
    return [raw, raw.hex().encode(), *(one for one in shifted if len(one) >= 6)]


def test_no_byte_of_a_bundles_pictures_holds_a_name_and_no_answer_before_the_end(
    campaign: Campaign, bundle: Path
) -> None:
    files = [path.read_bytes() for path in sorted((bundle / "bundle" / "files").glob("*/*.png"))]
    assert len(files) > 500
    for name in (*NAMES, *SYNSETS):
        for pattern in encoded(name)[:1] if len(name) < 4 else encoded(name):
            assert not [one for one in files if pattern in one.lower()], (name, pattern)
    # The classes to choose from are on the page for every round alike; without them nothing is left.
    client = Browser()
    for _ in range(6):
        row = begin(client)
        image = client.get(f"/round/{row.token}/image/0/")
        page = client.get(f"/round/{row.token}/")
        for answer in (image, page):
            heads = str(answer.headers).lower()
            assert not [name for name in (*NAMES, *SYNSETS) if name in heads]
            assert not any(answer.has_header(name) for name in ("ETag", "Last-Modified", "Content-Disposition"))
        body = image.content.lower()
        assert not [name for name in NAMES if name.encode() in body]
        assert not [name for name in SYNSETS if name.encode() in page.content]
        for key in (row.picture.key, row.map.key, row.map.steps[0]["file"]):
            assert key.encode() not in page.content
        client.post(f"/round/{row.token}/resign/", {})


def information(pairs: Sequence[tuple[int, int]]) -> float:
    """Bits that one of two says about the other."""
    both, one, other, total = Counter(pairs), Counter(a for a, _ in pairs), Counter(b for _, b in pairs), len(pairs)
    return sum(times / total * math.log2(times * total / (one[a] * other[b])) for (a, b), times in both.items())


def test_lengths_say_nothing_about_the_class(campaign: Campaign, django_assert_max_num_queries: object) -> None:
    """Mutual information is not above that of shuffled classes: page, pictures and refusals of 96 rounds."""
    from layerlore.game.server.services import campaigns

    lengths: dict[str, list[tuple[int, int]]] = {"page": [], "image": [], "refusal": []}
    for _ in range(4):
        client = Browser()
        for _ in range(24):
            row = begin(client)
            path = f"/round/{row.token}/"
            answers = {
                "page": client.get(path),
                "image": client.get(f"{path}image/0/"),
                "refusal": client.post(f"{path}guess/", {"step": "0", "tries": "0", "answer": "0", "label_0": "cane"}),
            }
            for name, answer in answers.items():
                lengths[name].append((len(answer.content), row.picture.class_index))
            client.post(f"{path}resign/", {})
            Round.objects.filter(pk=row.pk).update(started="2026-01-01T00:00Z")  # not too many lately
    assert campaigns.rules(campaign).offered == 3
    rng = random.Random(3)  # noqa: S311
    for name, pairs in lengths.items():
        assert len(pairs) == 96
        found, classes, chance = information(pairs), [one for _, one in pairs], []
        for _ in range(200):
            rng.shuffle(classes)
            chance.append(information([(size, one) for (size, _), one in zip(pairs, classes, strict=True)]))
        assert found <= sorted(chance)[197], name
    assert {size for size, _ in lengths["image"]} == {4096}


def test_the_same_words_are_refused_whatever_the_class(campaign: Campaign) -> None:
    words = [*NAMES, "dogs", "cani", "churches", "chiese", "parachutes", "paracadut", "dpg", "fur", "wheel", "ear"]
    words += [form for name in NAMES for form in plurals_and_singulars(name, "en")]
    client = Browser()
    row = begin(client)
    refused = {}
    for index in range(3):
        Picture.objects.filter(pk=row.picture_id).update(class_index=index)
        refused[index] = []
        for word in words:
            data = {"step": "0", "tries": "0", "label_0": word}
            page = client.post(f"/round/{row.token}/guess/", data)
            refused[index].append((page.status_code, page.content.count(b"close to, the name of a class")))
    assert refused[0] == refused[1] == refused[2]
    assert len(set(refused[0])) == 2


def test_going_back_and_trying_every_class_gets_one_guess(campaign: Campaign) -> None:
    client = Browser()
    row = begin(client)
    for step in range(4):
        client.post(f"/round/{row.token}/reveal/", {"step": str(step)})
    stale = client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": truth(row)})
    assert stale.status_code == 409
    codes = [
        client.post(f"/round/{row.token}/guess/", {"step": "4", "tries": "0", "answer": str(index)}).status_code
        for index in (0, 1, 2, 0)
    ]
    assert codes == [303, 409, 409, 303]
    row.refresh_from_db()
    assert (row.step, row.tries, row.guesses) == (4, 1, [[0, 4]])


def test_tokens_of_others_and_ended_rounds_look_like_tokens_that_are_not_there(campaign: Campaign) -> None:
    owner, other = Browser(), Browser()
    row, _ = begin(owner), begin(other)
    paths = [f"image/{step}/" for step in (0, 1, 5, 10, 99999999999999999999)] + ["full/", "result/", ""]
    for path in paths:
        theirs, nowhere = (other.get(f"/round/{token}/{path}") for token in (row.token, "0" * 32))
        assert theirs.status_code == nowhere.status_code == 404
        ids = [one["X-Request-ID"].encode() for one in (theirs, nowhere)]
        assert theirs.content.replace(ids[0], b"") == nowhere.content.replace(ids[1], b"")


def test_traps_look_like_every_other_round(campaign: Campaign) -> None:
    """Pages, headers and lengths of normal, control, honeypot and blank maps: nothing tells them apart."""
    import re

    client = Browser()
    row = begin(client)
    seen = {}
    for kind in ("normal", "control", "honeypot", "blank"):
        shown = Map.objects.filter(kind=kind).exclude(rounds__player=row.player_id).first() or row.map
        Round.objects.filter(pk=row.pk).update(map=shown, picture=shown.picture_id)
        page, image = client.get(f"/round/{row.token}/"), client.get(f"/round/{row.token}/image/0/")
        text = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", page.content)
        names = sorted({*page.headers, *image.headers})
        seen[kind] = (text, len(image.content), names)
    assert seen["normal"] == seen["control"] == seen["honeypot"] == seen["blank"]


FORBIDDEN = ("pickle.load", "pickle.loads", "yaml.load", "os.system", "marshal.loads", "eval", "exec", "compile")
DANGEROUS = {"shell": True, "allow_pickle": True, "weights_only": False}
ALLOWED = {"worker.py: pickle.loads", "pool.py: pickle.load"}
"""Studies and evaluations hand their network to processes that they have started themselves."""


def calls(path: Path) -> Iterator[str]:
    """What is called in a file that could turn bytes into code."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in FORBIDDEN:
                yield f"{path.name}: {name}"
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                if keyword.arg in DANGEROUS and value is DANGEROUS[keyword.arg]:
                    yield f"{path.name}: {keyword.arg}={value}"


def test_nothing_that_was_sent_can_become_code(tmp_path: Path) -> None:
    found = {call for path in sorted(SOURCE.rglob("*.py")) for call in calls(path)}
    assert found <= ALLOWED
    assert not [call for path in (SOURCE / "game").rglob("*.py") for call in calls(path)]
    (tmp_path / "bad.py").write_text("import pickle\npickle.loads(x)\ntorch.load(y, weights_only=False)\n")
    assert [*calls(tmp_path / "bad.py")] == ["bad.py: pickle.loads", "bad.py: weights_only=False"]


@pytest.mark.parametrize(
    "word", ["|safe", "autoescape off", "mark_safe", "innerHTML", "insertAdjacentHTML", "csrf_exempt"]
)
def test_escaping_is_never_switched_off(word: str) -> None:
    allowed = {"mark_safe": {"prose.py", "second_factor.py"}}
    places = [
        *SOURCE.glob("game/server/**/*.html"),
        *SOURCE.glob("game/server/**/*.py"),
        *SOURCE.glob("game/server/**/*.js"),
    ]
    assert len(places) > 60
    assert {path.name for path in places if word in path.read_text("utf-8")} <= allowed.get(word, set())

"""Words that a model proposes: a hand-made model whose right answers are known, and a tiny random CLIP model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.concepts import proposing
from layerlore.concepts.assembling import concept_id
from layerlore.concepts.clip import load_clip
from layerlore.concepts.proposing import check_free, propose_concepts, read_words, revealed
from layerlore.concepts.records import ConceptSet
from layerlore.concepts.storage import load_concepts, save_concepts
from layerlore.errors import FileFormatError, ModelError, SettingError
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.testing import Result
    from numpy.typing import NDArray

pytest.importorskip("simplemma", reason="the extra clip is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
try:
    from small import contents, fill, network
finally:
    sys.path.pop(0)

WORDS = ("picture", "red", "blue")
TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


class Colours:
    """Sees whether a picture is red or blue; "picture" is as like, and most like, every one."""

    name = "clip:colours"
    known: ClassVar = {"red": (1.0, 0.0, 0.0), "blue": (0.0, 1.0, 0.0), "picture": (0.0, 0.0, 1.0)}

    def pictures(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        means = [np.asarray(one, dtype=np.float64).reshape(-1, 3).mean(axis=0)[[0, 2]] for one in images]
        return _unit([(*(0.6 * one / np.linalg.norm(one)), 0.8) for one in means])

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return _unit([self._of(text.casefold()) for text in texts])

    def _of(self, text: str) -> tuple[float, float, float]:
        # Names of classes are like no picture.
        return next((vector for word, vector in self.known.items() if word in text), (0.0, 0.0, -1.0))


def _unit(rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    values = np.array(rows)
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of real photos, one half seen through red glass, the other through blue."""
    root = tmp_path_factory.mktemp("proposals")
    for name in ("even", "odd"):
        (root / "photos" / name).mkdir(parents=True)
    for number, load in enumerate((skimage.data.chelsea, skimage.data.coffee, skimage.data.astronaut)):
        for turn in range(6):
            square = Image.fromarray(np.rot90(load()[turn:300, turn:300], turn)).resize((96, 96))
            pixels = np.asarray(square) // 2 + 64
            left = np.arange(96)[None, :] < 48
            if turn % 2:
                left = ~left
            pixels[..., 0] = np.where(left, pixels[..., 0], 0)
            pixels[..., 1] //= 4
            pixels[..., 2] = np.where(left, 0, pixels[..., 2])
            Image.fromarray(pixels.astype(np.uint8)).save(
                root / "photos" / ("even", "odd")[turn % 2] / f"{number}{turn}.png"
            )
    study = Study.create(root / "study", root / "photos", network())
    fill(study)
    return root / "study"


@pytest.fixture(scope="module")
def found(filled: Path) -> ConceptSet:
    return propose_concepts(Study.open(filled), Colours(), WORDS)


def test_the_word_of_what_a_map_reveals_is_proposed(filled: Path, found: ConceptSet) -> None:
    judged = {"red": 0, "blue": 0}
    for explanation in Study.open(filled).explanations():
        turned = int(explanation.photo.name[1]) % 2
        for layer in explanation.layers:
            for cluster in layer.clusters:
                if cluster.constant:
                    continue
                # Only maps whose high places all lie well inside one half have a word that is right beyond doubt.
                columns = np.flatnonzero((cluster.map >= np.quantile(cluster.map, 0.75)).any(axis=0))
                middle = cluster.map.shape[1] / 2
                if columns.max() + 1 <= middle or columns.min() >= middle:
                    word = "red" if (columns.max() + 1 <= middle) != bool(turned) else "blue"
                    key = (explanation.photo.image_id, explanation.target.index, layer.name, cluster.index)
                    assert found.maps[key][0].name == word
                    judged[word] += 1
    assert min(judged.values()) >= 3


def test_proposals_are_a_machines_and_are_kept_as_such(filled: Path, found: ConceptSet, tmp_path: Path) -> None:
    assert found.machine
    assert found.source == "clip:colours"
    assert all(one.machine and one.answers == 0 for one in found.concepts.values())
    assert all(one.frequency == one.players == 0 for some in found.maps.values() for one in some)
    save_concepts(tmp_path, found)
    assert load_concepts(tmp_path) == found
    assert propose_concepts(Study.open(filled), Colours(), WORDS) == found
    check_free(tmp_path)


def test_the_word_that_fits_every_picture_is_the_baseline_and_wins_nowhere(found: ConceptSet) -> None:
    facts = found.facts["baselines"]
    assert facts["word"] == "picture"
    constant, proposed = facts["one word for all maps"], facts["proposed"]
    assert constant["similarity"] > proposed["similarity"]
    assert constant["score"] == 0
    assert "picture" not in {some[0].name for some in found.maps.values()}
    assert proposed["score"] > facts["word of another map"]["score"]


def test_scores_and_baselines_are_those_by_hand() -> None:
    alike = np.array([[0.9, 0.1], [0.7, 0.3], [0.5, 0.2]], dtype=np.float32)
    scores = proposing._standardised(alike)
    assert scores[:, 0] == pytest.approx([1.2247449, 0, -1.2247449], abs=1e-5)
    assert scores[:, 1] == pytest.approx([-1.2247449, 1.2247449, 0], abs=1e-5)
    assert not proposing._standardised(np.full((3, 1), 0.4, dtype=np.float32)).any()
    # The first map has the words of the others, 1 and 1; the second 0 and 1; the third 0 and 1.
    others = proposing._of_others(alike, np.array([0, 1, 1]))
    assert others == pytest.approx([0.1, (0.7 + 0.3) / 2, (0.5 + 0.2) / 2])


def test_no_map_gets_a_name_of_its_class(filled: Path) -> None:
    class Named(Colours):
        known: ClassVar = dict.fromkeys(("cat", "dog", "crane"), (1.0, 0.0, 0.0)) | {"blue": (0.0, 1.0, 0.0)}

    found = propose_concepts(Study.open(filled), Named(), ("Cats", "dog", "crane", "blue"))
    names = {0: "Cats", 1: "dog", 2: "crane", 3: "crane"}
    assert found.maps
    assert all(one.name != names[key.target] for key, some in found.maps.items() for one in some)


def test_a_map_reveals_its_high_places_and_no_other() -> None:
    view = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8))
    values = np.zeros((8, 12), dtype=np.float32)
    values[1:3, 8:11] = 1
    whole, near, nearest = revealed(view, values)
    assert whole.size == (120, 120)
    assert near.width == near.height
    assert nearest.width <= near.width
    sharp, blurred = (np.asarray(whole)[20 + 10 : 20 + 28], np.asarray(whole)[20 + 50 : 20 + 78])
    assert sharp[:, 82:108].std() > 3 * blurred[:, 5:60].std()
    assert np.array_equal(np.asarray(whole)[20 + 14 : 20 + 26, 86:104], np.asarray(view)[14:26, 86:104])


def test_words_are_read_once_each_and_bad_lists_are_told(tmp_path: Path) -> None:
    own = read_words()
    assert len(own) > 600
    assert len({word.casefold() for word in own}) == len(own)
    path = tmp_path / "words.txt"
    path.write_text("# parts\near,  pointed   tip\nears\n\n", encoding="utf-8")
    assert read_words(path) == ("ear", "pointed tip")
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="has 0 different words"):
        read_words(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="no UTF-8 text"):
        read_words(path)
    with pytest.raises(FileFormatError, match="No such file"):
        read_words(tmp_path / "none.txt")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CLIP model with random weights in a file; nothing is fetched."""
    open_clip = pytest.importorskip("open_clip", reason="the extra clip is not installed")
    import torch

    root = tmp_path_factory.mktemp("clip")
    (root / "layerlore-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(root / "layerlore-tiny.json")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(open_clip.create_model("layerlore-tiny").state_dict(), root / "tiny.pt")
    return f"clip:layerlore-tiny:{root / 'tiny.pt'}"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="layerlore")


def test_the_command_proposes_and_asks_before_it_replaces_what_people_said(filled: Path, tiny: str) -> None:
    def propose(*more: object) -> Any:
        return run("concepts", filled, "--from", tiny, *more)

    first = propose()
    assert first.exit_code == 0, first.stderr
    assert "a model's opinion" in first.stderr
    assert "one word for all maps (" in first.stderr
    assert " (machine), on " in first.stdout
    files = contents(filled)
    again = propose("--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["source"] == tiny
    assert contents(filled) == files
    proposed = load_concepts(filled)
    assert proposed.machine
    changed = run("curate", filled, "rename", next(iter(proposed.concepts.values())).name, "x")
    assert changed.exit_code == 1
    assert "only those of people are changed" in changed.stderr
    assert contents(filled) == files

    save_concepts(filled, ConceptSet({}, {}, ()))
    files = contents(filled)
    refused = propose()
    assert refused.exit_code == 1
    assert "has concepts of people's answers; give --replace" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert contents(filled) == files
    assert propose("--replace").exit_code == 0
    assert load_concepts(filled).machine
    assert propose("--answers", "x.csv").exit_code == 2
    assert "English; give one in 'it', --words" in propose("--language", "it").stderr
    listed = run("curate", filled, "list", "--limit", 3)
    assert f"note: {tiny} proposed these words, nobody typed them" in listed.stderr
    assert listed.stdout.count(" (machine)  ") == 3
    assert run("concepts", filled, "--replace").exit_code == 2


def test_concepts_that_people_made_while_a_model_looked_stay(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Colours):
        def pictures(self, *given: Any) -> Any:
            save_concepts(filled, ConceptSet({}, {}, ()))
            return super().pictures(*given)

    monkeypatch.setattr("layerlore.concepts.clip.load_clip", lambda _source: Slow())
    (filled / "concepts.parquet").unlink(missing_ok=True)
    late = run("concepts", filled, "--from", "clip:colours")
    assert late.exit_code == 1
    assert "has concepts of people's answers; give --replace" in late.stderr
    assert not load_concepts(filled).machine


def test_a_model_gives_unit_vectors_and_the_same_ones_again(tiny: str) -> None:
    model = load_clip(tiny)
    pictures = [Image.fromarray(skimage.data.chelsea()[:side, :side]) for side in (80, 160, 300)]
    seen, read = model.pictures(pictures), model.texts(["an ear", "a wheel"])
    assert seen.shape == (3, 16)
    assert np.linalg.norm(np.concatenate([seen, read]), axis=1) == pytest.approx(1, abs=1e-5)
    again = load_clip(tiny)
    assert np.array_equal(again.pictures(pictures), seen)
    assert np.array_equal(again.texts(["an ear", "a wheel"]), read)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("people", SettingError, "give clip:MODEL or clip:MODEL:PRETRAINED"),
        ("clip:", SettingError, "give clip:MODEL"),
        ("clip:ViT-B-23", ModelError, "no such model; near are ViT-B-32"),
        ("clip:layerlore-tiny", ModelError, "open_clip has no weights for it; name a file"),
        ("clip:layerlore-tiny:/none/weights.pt", ModelError, "cannot be loaded"),
        ("clip:ViT-B-32:laion2b_s34b_b79k", ModelError, "run the command once where the network reaches the weights"),
    ],
)
def test_a_model_that_cannot_be_had_is_told_in_one_line(
    tiny: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str, error: type[Exception], message: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(error, match=message) as told:
        load_clip(spec)
    assert "\n" not in str(told.value)


def test_words_of_another_language_are_concepts_of_that_language(filled: Path) -> None:
    class Italian(Colours):
        known: ClassVar = {"rosso": (1.0, 0.0, 0.0), "blu": (0.0, 1.0, 0.0)}

    found = propose_concepts(Study.open(filled), Italian(), ("rosso", "blu"), language="it")
    assert {(one.language, one.name) for one in found.concepts.values()} == {("it", "rosso"), ("it", "blu")}
    assert {one.concept_id for one in found.concepts.values()} == {concept_id("it", name) for name in ("rosso", "blu")}


def test_classes_and_validate_run_on_proposals_and_say_whose_they_are(filled: Path, found: ConceptSet) -> None:
    save_concepts(filled, found)
    classes = run("classes", filled)
    assert classes.exit_code == 0, classes.stderr
    assert "by clip:colours, not by people" in classes.stdout
    tested = run("validate", filled, "--runs", 20)
    assert tested.exit_code == 0, tested.stderr
    assert " (machine)" in tested.stdout

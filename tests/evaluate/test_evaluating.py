"""The runner: the same values whatever the order, the workers and the kills; what fails is told, and it goes on."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evalnet
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import layerlore as ll
from layerlore.cli import app
from layerlore.errors import FileFormatError, LayerLoreError, OutputError, SettingError, StudyError
from layerlore.evaluate.memory import peak_since, reset_peak
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.results import COSTS
from layerlore.evaluate.working import evaluate_photo
from layerlore.methods import METHODS

if TYPE_CHECKING:
    from layerlore.evaluate.results import Evaluation
    from layerlore.network.model import Network

QUICK = ("gradcam", "layercam", "random")
FEW = ("insertion", "deletion")
ENDLESS = 60


def same_values(evaluation: Evaluation) -> list[str]:
    """The CSV without what differs from run to run."""
    times = tuple(f",{name}," for name in COSTS if name != "model_calls")
    return [line for line in evaluation.to_csv().splitlines() if not any(cost in line for cost in times)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evalnet.save_photos(tmp_path_factory.mktemp("tiny") / "photos")


@pytest.fixture(scope="module")
def network() -> Network:
    return evalnet.network()


@pytest.fixture(scope="module")
def calm(photos: Path, network: Network) -> Evaluation:
    return ll.evaluate(network, photos, methods=QUICK, metrics=FEW)


def counting(network: Network) -> list[int]:
    """Counts the pictures that go through the network."""
    seen: list[int] = []
    network.module.register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
    return seen


def test_order_workers_and_a_folder_change_no_value(
    photos: Path, network: Network, calm: Evaluation, tmp_path: Path
) -> None:
    turned = ll.evaluate(network, photos, methods="random,layercam,gradcam", metrics="deletion,insertion")
    assert same_values(turned) == same_values(calm)
    assert turned.lines == calm.lines
    listed = sorted(photos.rglob("*.png"), reverse=True)
    pairs = [(str(path), path.parent.name) for path in listed]
    assert same_values(ll.evaluate(network, pairs, methods=QUICK, metrics=FEW)) == same_values(calm)
    together = ll.evaluate(network, photos, methods=QUICK, metrics=FEW, workers=2, out=tmp_path / "kept")
    assert same_values(together) == same_values(calm)
    again = ll.load_evaluation(tmp_path / "kept")
    assert again.to_csv() == together.to_csv()
    assert again.to_json() == together.to_json()
    assert again.view(again.photos[0].photo).startswith(b"\xff\xd8")
    assert same_values(ll.evaluate(network, photos, methods=QUICK, metrics=FEW, seed=1)) != same_values(calm)


# Forks evaluations and kills each a random time after its first map, so that torch is imported once.
KILLER = """
import os, random, signal, sys, time
sys.path.insert(0, sys.argv[1])
import evalnet, torch
import layerlore as ll

torch.set_num_threads(1)
network = evalnet.network()
network.layers, network.fingerprint
forward = network.module.forward
network.module.forward = lambda x: (time.sleep(0.01), forward(x))[1]
moments = random.Random(1)
for kill in range(int(sys.argv[4])):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = lambda done, total: os.write(writing, b".")
        ll.evaluate(network, sys.argv[2], methods=sys.argv[5], metrics=sys.argv[6], out=sys.argv[3], progress=told)
        os._exit(0)
    os.close(writing)
    for _ in range(moments.choice((1, 2))):  # at once, or after its first map
        os.read(reading, 1)
    time.sleep(moments.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
"""


def test_kills_at_any_moment_leave_the_values_of_a_calm_run(
    photos: Path, network: Network, calm: Evaluation, tmp_path: Path
) -> None:
    arguments = [str(Path(__file__).parent), str(photos), str(tmp_path / "shaken"), "8", ",".join(QUICK), ",".join(FEW)]
    done = subprocess.run([sys.executable, "-c", KILLER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "shaken" / "photos").glob("*.parquet"))
    assert len(ll.load_evaluation(tmp_path / "shaken").photos) < 4  # the kills hit runs that were at work
    result = ll.evaluate(network, photos, methods=QUICK, metrics=FEW, out=tmp_path / "shaken")
    assert same_values(result) == same_values(calm)
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_done_is_not_done_again(photos: Path, tmp_path: Path, calm: Evaluation) -> None:
    network = evalnet.network()
    seen = counting(network)
    out = tmp_path / "kept"
    ll.evaluate(network, photos, methods=QUICK[:2], metrics=FEW[:1], out=out)
    files = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    seen.clear()
    ll.evaluate(network, photos, methods=QUICK[:2], metrics=FEW[:1], out=out)
    assert seen == []
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == files
    more = ll.evaluate(network, photos, methods=QUICK, metrics=FEW, out=out)
    assert same_values(more) == same_values(calm)
    assert len(ll.load_evaluation(out).methods) == 3
    fewer = ll.evaluate(network, photos, methods=QUICK[:1], metrics=FEW, out=out, sample=2)
    assert (fewer.methods, len(fewer.photos)) == (QUICK[:1], 2)


def test_pictures_of_an_evaluation_are_no_photos_of_the_next(network: Network, tmp_path: Path) -> None:
    evalnet.save_photos(tmp_path)
    options = {"methods": "random", "metrics": "insertion", "out": tmp_path / "evaluation"}
    first = ll.evaluate(network, tmp_path, **options)
    assert list((tmp_path / "evaluation" / "views").glob("*.jpg"))
    assert same_values(ll.evaluate(network, tmp_path, **options)) == same_values(first)


def test_another_evaluation_in_the_folder_is_refused_and_may_be_replaced(
    photos: Path, network: Network, tmp_path: Path
) -> None:
    out = tmp_path / "kept"
    ll.evaluate(network, photos, methods="random", metrics="insertion", out=out, sample=1)
    for options, word in (({"seed": 1}, "seed"), ({"target": "label"}, "target")):
        with pytest.raises(SettingError, match=f"another {word}.*--restart"):
            ll.evaluate(network, photos, methods="random", metrics="insertion", out=out, sample=1, **options)
    with pytest.raises(SettingError, match="another network"):
        ll.evaluate(evalnet.network(1), photos, methods="random", metrics="insertion", out=out, sample=1)
    found = ll.evaluate(network, photos, methods="random", metrics="insertion", out=out, sample=1, seed=1, resume=False)
    assert found.seed == 1
    (file,) = (out / "photos").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-40])
    damaged = file.read_bytes()
    with pytest.raises(FileFormatError, match=r"damaged.*--restart"):
        ll.evaluate(network, photos, methods="random", metrics="insertion", out=out, sample=1, seed=1)
    assert file.read_bytes() == damaged
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="something else"):
        ll.evaluate(network, photos, methods="random", out=tmp_path / "mine")
    with pytest.raises(FileFormatError, match="no evaluation"):
        ll.load_evaluation(tmp_path / "mine")


def test_what_cannot_be_is_told_in_a_line_and_the_run_goes_on(
    photos: Path, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    import layerlore.methods.layercam

    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "lime" else real(name, *rest))

    def unfit(*_: object, **__: object) -> None:
        raise RuntimeError("no such\nlayer")

    monkeypatch.setattr(layerlore.methods.layercam, "explain", unfit)
    (tmp_path / "broken.jpg").write_text("no photo")
    copies = [*photos.rglob("*.png")]
    listed = [*copies, copies[0], tmp_path / "broken.jpg"]
    told: list[str] = []
    found = ll.evaluate(
        network, listed, methods=["gradcam", "layercam", "lime"], metrics="insertion,pointing", notice=told.append
    )
    assert found.methods == ("gradcam", "layercam")
    assert set(found.left_out) == {"lime", "pointing"}
    assert all("\n" not in line for line in told)
    assert sum("left out" in line for line in told) == 3
    assert any("pip install" in line for line in told)
    assert any("--truth" in line for line in told)
    (failed,) = found.failed
    assert failed.endswith("broken.jpg")
    assert len(found.photos) == len(copies)
    assert found.unmeasured() == [("layercam", "", len(copies), "RuntimeError: no such layer")]
    assert found.line("gradcam", "insertion").interval is not None
    assert found.line("layercam", "insertion").interval is None


def test_a_method_that_failed_is_tried_again(
    photos: Path, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import layerlore.methods.random

    def unfit(*_: object, **__: object) -> None:
        raise SettingError("not today")

    out = tmp_path / "kept"
    with monkeypatch.context() as patched:
        patched.setattr(layerlore.methods.random, "explain", unfit)
        first = ll.evaluate(network, photos, methods="gradcam,random", metrics="insertion", out=out)
    assert first.unmeasured() == [("random", "", 4, "not today")]
    assert ll.evaluate(network, photos, methods="gradcam,random", metrics="insertion", out=out).unmeasured() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": "grad-cam"}, "did you mean gradcam"),
        ({"metrics": "insertions"}, "did you mean insertion"),
        ({"methods": "random", "against": "gradcam"}, "add it"),
        ({"methods": "gradcam", "options": {"gradcam": {"samples": 3}}}, "no option 'samples'"),
        ({"methods": "gradcam", "options": {"random": {}}}, "not among the methods"),
        ({"methods": "inv", "options": {"inv": {"rounds": "abc"}}}, "inv: rounds is 'abc'; give a value such as 8"),
        ({"methods": "random,gaussian", "options": {"gaussian": {"sigma": "abc"}}}, "gaussian: sigma is 'abc'"),
        ({"methods": "random,gaussian", "options": {"gaussian": {"sigma": -1}}}, "gaussian: sigma is -1"),
        ({"methods": "gaussian", "options": {"gaussian": {"sigma": -1}}, "workers": 2}, "gaussian: sigma is -1"),
        ({"methods": "gradcam,random", "options": {"gradcam": {"layer": "nope"}}}, "gradcam: .*nope"),
        ({"options": {"lmie": {"samples": 3}}}, "did you mean lime"),
        ({"methods": ""}, "no method is left"),
        ({"metrics": "pointing"}, "no metric is left"),
        ({"sample": 0}, "at least 1"),
        ({"workers": 0}, "at least 1"),
        ({"target": "dog"}, "no class"),
        ({"truths": "nowhere"}, "no such folder or list"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(
    photos: Path, network: Network, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LayerLoreError, match=words) as caught:
        ll.evaluate(network, photos, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_photo_that_cannot_be_read_hides_no_mistake(
    photos: Path, network: Network, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "a.jpg").write_text("no photo")
    listed = [tmp_path / "a.jpg", *photos.rglob("*.png")]
    with pytest.raises(SettingError, match=r"gradcam: .*nope"):
        ll.evaluate(network, listed, methods="gradcam,random", options={"gradcam": {"layer": "nope"}}, workers=workers)


def test_other_versions_that_made_a_part_stay_known(photos: Path, network: Network, tmp_path: Path) -> None:
    out, told = tmp_path / "kept", []
    ll.evaluate(network, photos, methods="random", metrics="gini", out=out, sample=1)
    settings = out / "evaluation.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r'^torch = ".*"', 'torch = "1.0"', text, flags=re.MULTILINE), encoding="utf-8")
    for _ in range(2):
        ll.evaluate(network, photos, methods="random", metrics="gini", out=out, sample=2, notice=told.append)
    assert ["torch 1.0" in line for line in told] == [True, True]
    last, other = ll.load_evaluation(out).all_versions
    assert (last["torch"] != "1.0", other["torch"]) == (True, "1.0")
    ll.evaluate(network, photos, methods="random", metrics="gini", out=out, sample=1, resume=False)
    assert len(ll.load_evaluation(out).all_versions) == 1
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"^\[versions\]\n(.+\n)*", "", text, flags=re.MULTILINE), encoding="utf-8")
    with pytest.raises(FileFormatError, match="damaged"):
        ll.load_evaluation(out)
    ll.evaluate(network, photos, methods="random", metrics="gini", out=out, sample=1)
    assert len(ll.load_evaluation(out).all_versions) == 1


def test_a_run_in_which_no_method_gives_a_map_says_why(
    photos: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    import layerlore.methods.random

    def unfit(*_: object, **__: object) -> None:
        raise SettingError("not today")

    monkeypatch.setattr(layerlore.methods.random, "explain", unfit)
    with pytest.raises(StudyError, match="no method gave a map of any photo; random: not today"):
        ll.evaluate(network, photos, methods="random", metrics="insertion")


def test_a_run_in_which_no_photo_works_says_why(network: Network, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no photo")
    with pytest.raises(StudyError, match=r"none of 1 photos.*a\.jpg"):
        ll.evaluate(network, tmp_path, methods="random", metrics="insertion")


def test_every_method_by_every_metric_of_a_network_gives_a_value_or_a_reason(photos: Path, network: Network) -> None:
    slow = {"lime": {"samples": 20, "segmentation": "slic"}, "shap": {"evaluations": 20}, "rise": {"samples": 20}}
    truths = {path.name: np.ones((32, 40), np.bool_) for path in photos.rglob("*.png")}
    slow["fam"] = {"support": str(next(photos.rglob("*.png")))}
    found = ll.evaluate(network, photos, methods="all", metrics="all", options=slow, truths=truths, sample=1)
    assert set(found.methods) | set(found.left_out) == set(METHODS)
    (photo,) = found.photos
    for method, metric in itertools.product(found.methods, METRICS):
        run = photo.runs[method]
        one = run.measured.get(metric)
        assert run.problem or (one is not None and (one.value is not None or one.note)), (method, metric)
        if one is not None and one.value is not None:
            assert np.isfinite(one.value), (method, metric)
    for method in ("gradcam", "layercam", "random", "gaussian"):
        assert not photo.runs[method].problem


def test_no_two_photos_share_their_random_map(photos: Path, network: Network) -> None:
    found = ll.evaluate(network, photos, methods="random", metrics="insertion")
    first, second = (photo.runs["random"].map for photo in found.photos[:2])
    assert first is not None
    assert not np.array_equal(first, second)


def test_memory_is_that_of_the_work_alone() -> None:
    before = reset_peak()
    if before is None:
        pytest.skip("the system does not tell a process's peak memory")
    large = torch.ones(20_000_000)
    del large
    peak = peak_since(before)
    assert peak is not None
    assert 75e6 < peak < 130e6
    assert (peak_since(reset_peak()) or 0) < 20e6
    assert peak_since(None) is None


@pytest.fixture
def folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where the network is found by its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return tmp_path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], prog_name="layerlore")


COMMAND = ("--model", "evalnet:network", "--no-open")


def test_the_command_prints_a_table_and_writes_page_values_and_json(photos: Path, folder: Path) -> None:
    result = run(photos, *COMMAND, "--methods", ",".join(QUICK), "--metrics", ",".join(FEW))
    assert result.exit_code == 0, result.output
    assert "insertion: Insertion" in result.stdout
    assert "  Best is " in result.stdout
    assert "Few photos (4 photos): there is no interval" in result.stdout
    assert "\n\n\n" not in result.stdout, "an empty line where there is no verdict"
    assert "differences against gradcam" in result.stdout
    assert result.stdout.rstrip().endswith("evaluation/evaluation.html")
    assert "12/12 maps" in result.stderr
    kept = folder / "evaluation"
    assert "</html>" in (kept / "evaluation.html").read_text(encoding="utf-8")
    lines = (kept / "evaluation.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "image_id,photo,class,method,metric,value,note,made"
    assert len(lines) == 1 + 4 * 3 * (2 + len(COSTS))
    again = run(photos, *COMMAND, "--methods", "random", "--metrics", "insertion", "--json")
    content = json.loads(again.stdout)
    assert content["methods"] == ["random"]
    assert content["table"][0]["n"] == 4


def test_the_command_lists_what_can_be_asked_for(folder: Path) -> None:
    result = run("--list")
    assert result.exit_code == 0, result.output
    asked = {line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert asked == {*METHODS, *METRICS}


def test_metrics_that_fail_for_one_reason_share_a_line(photos: Path, folder: Path) -> None:
    result = run(photos, *COMMAND, "--methods", "gradcam", "--metrics", "clusters")
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stderr.splitlines() if "not measured" in line]
    names = ", ".join(name for name, info in METRICS.items() if info.family == "clusters")
    assert f"all methods by {names} (it makes no clusters" in line


def test_a_study_brings_its_photos_and_its_network(photos: Path, folder: Path) -> None:
    study = ll.Study.create(folder / "study", photos, network="evalnet:network")
    result = run(study.folder, "--no-open", "--methods", "random", "--metrics", "insertion", "--target", "label")
    assert result.exit_code == 0, result.output
    found = ll.load_evaluation(study.folder)
    assert {photo.photo.target_name for photo in found.photos} == {"ant", "bee"}
    assert found.facts["network"] == "tiny"
    assert ll.Study.open(study.folder).status().images == 4  # a study with an evaluation is a study as before


def test_bad_input_is_one_line(photos: Path, folder: Path) -> None:
    for arguments, word in (
        (("nowhere",), "no such folder"),
        ((photos, "--option", "lime=3"), "METHOD.OPTION=VALUE"),
        ((photos, "--truth", "nowhere"), "no such folder or list"),
        ((photos, "--methods", "grad"), "gradcam"),
    ):
        result = run(*arguments, *COMMAND)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        assert word in result.stderr


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(photos: Path, folder: Path) -> None:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv.pop(1)); import evalnet; from layerlore.cli import main\n"
        "plain = evalnet.Tiny.forward\n"
        "evalnet.Tiny.forward = lambda self, x: (time.sleep(0.05), plain(self, x))[1]\n"
        "main()"
    )
    arguments = ["evaluate", str(photos), *COMMAND, "--methods", "gradcam,random", "--metrics", "insertion"]
    command = [sys.executable, "-c", code, str(Path(__file__).parent), *arguments]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + ENDLESS
        while not list(folder.glob("evaluation/photos/*.parquet")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=ENDLESS)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith(
        "stopped; what is done is kept, go on with the same command: layerlore evaluate"
    )
    assert "Traceback" not in told
    assert list(folder.glob("evaluation/photos/*.parquet"))


class TestTruths:
    @pytest.fixture
    def item(self, photos: Path, network: Network) -> Any:
        from layerlore.evaluate.photos import list_photos

        return list_photos(photos, network)[0][0]

    def test_boxes_of_a_list(self, item: Any, tmp_path: Path) -> None:
        from layerlore.evaluate.truths import as_truths

        expected = np.zeros((32, 40), np.bool_)
        expected[4:12, 10:20] = True
        for text in (
            f"path,left,top,right,bottom\n{item.path},10,4,20,12\n",
            f"file\tboxes_xyxy_stored_px\n{item.name}\t[[10, 4, 20, 12]]\n",
            f"path;boxes\n{item.path};[[10, 4, 20, 8], [10.2, 8, 19.8, 12]]\n",
        ):
            file = tmp_path / "boxes.csv"
            file.write_text(text, encoding="utf-8")
            mask = as_truths(file).of(item, (40, 32))
            assert mask is not None
            assert np.array_equal(mask, expected), text
        assert as_truths(file).of(type(item)("0", "x.png", "x.png", None, None, item.file), (40, 32)) is None

    def test_masks_of_a_folder_and_segments_of_a_picture(self, item: Any, tmp_path: Path) -> None:
        from layerlore.evaluate.truths import as_truths

        codes = np.zeros((32, 40, 3), np.uint8)
        codes[:16] = (1, 2, 0)  # 1 + 256 * 2
        codes[:, :5] = (7, 0, 1)
        (tmp_path / "masks" / Path(item.path).parent).mkdir(parents=True)
        Image.fromarray(codes).save((tmp_path / "masks" / item.path).with_suffix(".png"))
        whole = as_truths(tmp_path / "masks").of(item, (40, 32))
        assert whole is not None
        assert whole.sum() == 16 * 40 + 16 * 5
        Image.fromarray(codes).save(tmp_path / "codes.png")
        (tmp_path / "list.csv").write_text(f"path,mask,segment_id\n{item.path},codes.png,513\n", encoding="utf-8")
        part = as_truths(tmp_path / "list.csv").of(item, (40, 32))
        assert part is not None
        assert part.sum() == 16 * 35
        larger = as_truths(tmp_path / "list.csv").of(item, (80, 64))
        assert larger is not None
        assert larger.sum() == 4 * 16 * 35
        with pytest.raises(LayerLoreError, match="40 x 32 pixels"):
            as_truths(tmp_path / "list.csv").of(item, (40, 40))

    def test_a_study_knows_its_objects(self, photos: Path, network: Network, tmp_path: Path) -> None:
        from layerlore.evaluate.photos import list_photos
        from layerlore.evaluate.truths import as_truths

        study = ll.Study.create(tmp_path / "study", photos, network=network)
        assert as_truths(None, study) is None
        (study.folder / "objects.csv").write_text("image,left,top,right,bottom\nant/1.png,10,4,20,12\n")
        item = next(one for one in list_photos(study, network)[0] if one.path == "ant/1.png")
        masks = [as_truths(given, study).of(item, (40, 32)) for given in (None, str(study.folder / "objects.csv"))]
        assert np.array_equal(*masks)
        assert masks[0].sum() == 80

    def test_the_opaque_part_of_a_cut_out_photo(self, item: Any, tmp_path: Path) -> None:
        from layerlore.evaluate.truths import as_truths

        pixels = np.full((20, 20, 4), 255, np.uint8)
        pixels[:5, :, 3] = 0
        Image.fromarray(pixels).save(tmp_path / "cut.png")
        cut = type(item)("0", "cut.png", "cut.png", None, None, tmp_path / "cut.png")
        mask = as_truths("alpha").of(cut, (20, 20))
        assert mask is not None
        assert mask.sum() == 15 * 20
        assert as_truths("alpha").of(item, (40, 32)) is None

    def test_the_network_sees_the_middle_of_the_mask(self, network: Network, item: Any) -> None:
        from layerlore.evaluate.truths import seen_mask
        from layerlore.network.photos import read_photo

        mask = np.zeros((32, 40), np.bool_)
        mask[:, 4:8] = True
        seen = seen_mask(mask, network.seen_box(read_photo(item.file)), network.input_size)
        expected = np.zeros((32, 32), np.bool_)
        expected[:, :4] = True
        assert np.array_equal(seen, expected)
        beyond = seen_mask(np.ones((4, 4), np.bool_), (-2.0, 0.0, 6.0, 4.0), (4, 8))
        assert np.array_equal(beyond, np.repeat([[0, 0, 1, 1, 1, 1, 0, 0]], 4, 0).astype(np.bool_))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("path,x\na,1\n", "its columns are path, x"),
            ("path,boxes\na,[[1, 2, 3]]\n", "line 2"),
            ("path,left,top,right,bottom\na,5,5,1,9\n", "no box"),
        ],
    )
    def test_a_wrong_list_is_told(self, tmp_path: Path, text: str, words: str) -> None:
        from layerlore.evaluate.truths import as_truths

        (tmp_path / "list.csv").write_text(text, encoding="utf-8")
        with pytest.raises(SettingError, match=words):
            as_truths(tmp_path / "list.csv")

    def test_other_masks_are_measured_anew_and_nothing_else(self, photos: Path, tmp_path: Path) -> None:
        network, out = evalnet.network(), tmp_path / "kept"
        names = "insertion,pointing" if "pointing" in METRICS else "insertion"
        left = {path.name: np.arange(40) < np.full((32, 1), 20) for path in photos.rglob("*.png")}
        right = {name: ~mask for name, mask in left.items()}
        first = ll.evaluate(network, photos, methods="gradcam", metrics=names, truths=left, out=out)
        seen = counting(network)
        second = ll.evaluate(network, photos, methods="gradcam", metrics=names, truths=right, out=out)
        if "pointing" in METRICS:
            assert np.allclose(first.values("gradcam", "pointing") + second.values("gradcam", "pointing"), 1)
        assert np.array_equal(first.values("gradcam", "insertion"), second.values("gradcam", "insertion"))
        assert max(seen) < 8  # no curve was made again
        ll.evaluate(network, photos, methods="gradcam,random", metrics="insertion", out=out)
        seen.clear()
        ll.evaluate(network, photos, methods="gradcam", metrics=names, truths=right, out=out)
        assert max(seen) < 3  # what was said of the objects is still there


def test_a_photo_that_changed_since_the_study_is_told(photos: Path, network: Network, tmp_path: Path) -> None:
    from layerlore.evaluate.photos import Item
    from layerlore.evaluate.working import Plan

    file = next(photos.rglob("*.png"))
    item = Item("0" * 16, "x.png", "x.png", None, None, file)
    done = evaluate_photo(network, item, Plan(("random",), ("insertion",), 0, "predicted"))
    assert done.result is None
    assert "has changed" in done.problem

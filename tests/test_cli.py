"""The command line from end to end: results, exit codes, one line for bad input, nothing half-written."""

from __future__ import annotations

import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import layerlore
from layerlore.cli import app, commands, printing
from layerlore.cli.outputs import SUFFIXES, plan_outputs
from layerlore.errors import OutputError
from layerlore.samples import SAMPLES, sample_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    Fail = Callable[[BaseException], None]

TINY = '''
"""A small network of the user's own."""
import torch
from torch import nn
from layerlore import Network

def make():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
    )
    return Network(module, input_size=(32, 32), class_names=["ant", "bee", "cat"], name="Tiny")

def features():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())

def broken():
    return nn.Linear(7, 2)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder with a network of one's own in it, as ``tinynet:make``."""
    (tmp_path / "tinynet.py").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("tinynet", None)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="layerlore")


def photo(path: Path, *, side: int = 48) -> Path:
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def assert_one_line(result: Result, *words: str) -> None:
    """Exit code 1 and one line on stderr with the words in it."""
    assert result.exit_code == 1, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "bug" not in result.stderr
    for word in words:
        assert word in result.stderr


class TestExplain:
    def test_a_page_beside_the_photo_is_named_after_it(self, folder: Path) -> None:
        photo(folder / "a.png")
        result = run("explain", "a.png", "--model", "tinynet:make")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == "a.layerlore.html\n"
        assert result.stderr.startswith("1/1 a.png: ")
        page = Path("a.layerlore.html").read_text(encoding="utf-8")
        assert page.lstrip().lower().startswith("<!doctype html")

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_the_suffix_says_how(self, folder: Path, suffix: str) -> None:
        photo(folder / "a.png")
        result = run("explain", "a.png", "--model", "tinynet:make", "--out", f"new/b{suffix}")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.strip() == str(Path("new") / f"b{suffix}")
        assert [path.name for path in (folder / "new").iterdir()] == [f"b{suffix}"]

    def test_options_reach_the_explanation(self, folder: Path) -> None:
        photo(folder / "a.png")
        result = run(
            *("explain", "a.png", "--model", "tinynet:make", "--out", "a.json", "--seed", "7"),
            *("--target", "BEE", "--layers", "1,-1", "--method", "paper", "--no-ablation", "--no-flow"),
        )
        assert result.exit_code == 0, result.stderr
        explanation = layerlore.load_explanation("a.json")
        assert explanation.target.name == "bee"
        # "1" is a layer's own name in this network, -1 the last by index.
        assert [layer.name for layer in explanation.layers] == ["1", "4"]
        assert (explanation.method, explanation.seed, explanation.flow) == ("paper", 7, ())
        assert all(cluster.ablation is None for layer in explanation.layers for cluster in layer.clusters)

    def test_json_on_stdout(self, folder: Path) -> None:
        photo(folder / "a.png")
        result = run("explain", "a.png", "--model", "tinynet:make", "--json")
        content = json.loads(result.stdout)
        (entry,) = content["explanations"]
        assert content["failed"] == []
        assert entry["path"] == "a.layerlore.html"
        assert entry["target"]["name"] in {"ant", "bee", "cat"}
        assert len(entry["layers"]) == 2

    def test_several_photos_and_two_bad_ones(self, folder: Path) -> None:
        photo(folder / "a.png")
        (folder / "other").mkdir()
        photo(folder / "other" / "a.png")
        (folder / "bad.png").write_bytes(b"")
        names = ("a.png", "bad.png", "other/a.png", "none.png")
        result = run("explain", *names, "--model", "tinynet:make", "--out", "pages", "--json")
        assert result.exit_code == 1
        content = json.loads(result.stdout)
        assert [Path(entry["path"]).name for entry in content["explanations"]] == [
            "a.layerlore.html",
            "a-2.layerlore.html",
        ]
        assert [entry["photo"] for entry in content["failed"]] == ["bad.png", "none.png"]
        assert sorted(path.name for path in Path("pages").iterdir()) == ["a-2.layerlore.html", "a.layerlore.html"]
        lines = result.stderr.splitlines()
        assert len(lines) == 5
        assert lines[-1] == "2 of 4 photos explained, 2 failed"

    def test_photos_go_through_in_batches(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from layerlore.cli import running
        from layerlore.local import explain as module

        sizes = []
        real = module.explain_batch

        def counted(network: object, photos: list[object], *rest: object, **options: object) -> object:
            sizes.append(len(photos))
            return real(network, photos, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "explain_batch", counted)
        monkeypatch.setattr(running, "BATCH_PIXELS", 2 * 48 * 48)
        names = [photo(folder / f"{number}.png").name for number in range(5)]
        assert run("explain", *names, "--model", "tinynet:make").exit_code == 0
        assert sizes == [2, 2, 1]

    def test_the_limits_are_those_of_the_library(self) -> None:
        from layerlore.network.photos import read_photo
        from layerlore.report import saving

        options = inspect.signature(commands.explain).parameters
        assert options["max_pixels"].default == inspect.signature(read_photo).parameters["max_pixels"].default
        assert set(SUFFIXES) == set(saving.SUFFIXES)


def bomb(path: Path) -> None:
    Image.new("1", (12_000, 12_000)).save(path)


def truncated(path: Path) -> None:
    whole = sample_path("coffee").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


BAD_PHOTOS = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "folder"),
    "empty": (Path.touch, "empty"),
    "truncated": (truncated, "truncated"),
    "no image": (lambda path: path.write_text("<svg/>"), "not a photo"),
    "1x1": (lambda path: Image.new("RGB", (1, 1)).save(path), "too small"),
    "bomb": (bomb, "--max-pixels"),
}


class TestBadInput:
    @pytest.fixture(autouse=True)
    def nothing_is_left(self, folder: Path) -> Iterator[None]:
        """Every test of this class leaves no file behind but those that it made itself."""
        photo(folder / "good.png")
        yield
        assert not [path for path in folder.rglob("*") if "layerlore" in path.name or path.suffix == ".part"]
        assert not (folder / "new").exists()

    @pytest.mark.parametrize("kind", BAD_PHOTOS)
    def test_photo(self, folder: Path, kind: str) -> None:
        make, words = BAD_PHOTOS[kind]
        make(folder / "bad.png")
        result = run("explain", "bad.png", "--model", "tinynet:make", "--out", "new/")
        assert_one_line(result, "bad.png", words)

    def test_limit_can_be_raised(self, folder: Path) -> None:
        result = run("explain", "good.png", "--model", "tinynet:make", "--max-pixels", "100")
        assert_one_line(result, "good.png", "--max-pixels")

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--model", "timm:resnet5O"], ["resnet5O", "resnet50"]),
            (["--model", "torchvision:vgg_16"], ["vgg_16", "vgg16"]),
            (["--model", "resnet18"], ["timm:resnet18"]),
            (["--model", "nowhere:make"], ["nowhere"]),
            (["--model", "tinynet:mak"], ["near are make"]),
            (["--model", "tinynet:make", "--layers", "44"], ["44"]),
            (["--model", "tinynet:make", "--layers", "conv"], ["conv"]),
            (["--model", "tinynet:make", "--target", "beee"], ["bee"]),
            (["--model", "tinynet:make", "--target", "3"], ["0 to 2"]),
            (["--model", "tinynet:features"], ["(N, classes)"]),
            (["--model", "tinynet:broken"], ["Linear"]),
            (["--model", "tinynet:make", "--class-names", "none.txt"], ["none.txt"]),
            (["--model", "tinynet:make", "--device", "moon"], ["moon"]),
            (["--model", "tinynet:make", "--seed", str(2**40)], ["seed"]),
        ],
        ids=lambda value: " ".join(value[1:2] + value[3:]) if value[0].startswith("--") else "",
    )
    def test_setting(self, folder: Path, options: list[str], words: list[str]) -> None:
        assert_one_line(run("explain", "good.png", *options), *words)

    def test_pickled_weights_are_refused_and_not_run(self, folder: Path) -> None:
        class Evil:
            def __reduce__(self) -> tuple[object, ...]:
                return (os.mkdir, (str(folder / "new"),))

        torch.save({"state_dict": Evil()}, folder / "w.pt")
        result = run("explain", "good.png", "--model", "tinynet:make", "--weights", "w.pt")
        assert_one_line(result, "w.pt", "safetensors")

    def test_output_below_a_file(self, folder: Path) -> None:
        assert_one_line(run("explain", "good.png", "--out", "tinynet.py/a.html"), "tinynet.py")
        assert_one_line(run("explain", "good.png", "--out", "tinynet.py/deep/"), "tinynet.py")

    def test_unknown_suffix(self, folder: Path) -> None:
        assert_one_line(run("explain", "good.png", "--out", "a.docx"), "a.docx", ".html")


class TestOutputs:
    def test_a_strange_file_is_not_overwritten(self, folder: Path) -> None:
        (folder / "report.html").write_text("precious")
        with pytest.raises(OutputError, match="--overwrite"):
            plan_outputs(["a.png"], "report.html", overwrite=False)
        assert plan_outputs(["a.png"], "report.html", overwrite=True) == [Path("report.html")]

    def test_our_own_file_is(self, folder: Path) -> None:
        (folder / "a.layerlore.html").write_text("old")
        assert plan_outputs(["a.png"], None, overwrite=False) == [Path("a.layerlore.html")]

    def test_the_photo_itself_never_is(self, folder: Path) -> None:
        photo(folder / "a.png")
        with pytest.raises(OutputError, match="photo itself"):
            plan_outputs(["./a.png"], "a.png", overwrite=True)

    def test_a_folder_with_a_dot(self, folder: Path) -> None:
        assert plan_outputs(["a.png"], "v1.2/", overwrite=False) == [Path("v1.2/a.layerlore.html")]
        (folder / "v1.3").mkdir()
        assert plan_outputs(["a.png"], "v1.3", overwrite=False) == [Path("v1.3/a.layerlore.html")]

    def test_several_photos_do_not_fit_one_file(self, folder: Path) -> None:
        result = run("explain", "a.png", "b.png", "--out", "c.html")
        assert result.exit_code == 2
        assert "folder" in result.stderr


class TestLayers:
    def test_table(self, folder: Path) -> None:
        result = run("layers", "tinynet:make")
        assert result.exit_code == 0, result.stderr
        assert "tinynet:make" in result.stdout
        assert "16 x 16" in result.stdout

    def test_json_of_the_default_network(self) -> None:
        result = run("layers", "--json")
        layers = json.loads(result.stdout)["layers"]
        assert sum(layer["default"] for layer in layers) == 9
        assert [layer["index"] for layer in layers] == list(range(len(layers)))

    def test_a_transformer_is_no_cnn(self) -> None:
        assert_one_line(run("layers", "timm:vit_tiny_patch16_224"), "CNN")


class TestDemo:
    def test_opens_the_page(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", opened.append)
        monkeypatch.setenv("DISPLAY", ":0")
        result = run("demo")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == "chelsea.layerlore.html\n"
        assert "cat" in result.stderr
        assert opened == [(folder / "chelsea.layerlore.html").as_uri()]

    def test_unknown_sample(self, folder: Path) -> None:
        assert_one_line(run("demo", "dog", "--no-open"), "chelsea")

    def test_without_a_screen_nothing_is_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "linux")
        for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        assert not printing.has_screen()

    @pytest.mark.parametrize("name", SAMPLES)
    def test_samples_are_photos(self, name: str) -> None:
        with Image.open(sample_path(name)) as image:
            assert min(image.size) >= 200


class TestFailures:
    @pytest.fixture
    def failing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
        """A function that makes loading a network fail with an error."""

        def fail_with(error: BaseException) -> None:
            def load_network(*_arguments: object, **_options: object) -> None:
                raise error

            monkeypatch.setattr("layerlore.network.loading.load_network", load_network)

        return fail_with

    def test_a_bug_is_called_one(self, failing: Fail) -> None:
        failing(ZeroDivisionError("two\nlines"))
        result = run("explain", "a.png")
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert "ZeroDivisionError: two lines" in result.stderr
        assert "--debug" in result.stderr

    def test_debug_shows_the_traceback(self, failing: Fail) -> None:
        failing(ZeroDivisionError("here"))
        result = run("explain", "a.png", "--debug")
        assert isinstance(result.exception, ZeroDivisionError)

    def test_debug_shows_that_of_bad_input(self, folder: Path) -> None:
        result = run("explain", "a.png", "--out", "a.docx", "--debug")
        assert isinstance(result.exception, OutputError)

    def test_interrupted(self, failing: Fail) -> None:
        failing(KeyboardInterrupt())
        result = run("explain", "a.png")
        assert result.exit_code == 130
        assert "Traceback" not in result.stderr

    def test_wrong_usage(self) -> None:
        assert run("explain").exit_code == 2
        assert run("explain", "a.png", "--method", "best").exit_code == 2
        assert run("nothing").exit_code == 2


def test_a_bar_on_a_terminal_leaves_standard_output_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with printing.progress(2) as step:
        step("a.png: [tabby]")
        print("result")  # noqa: T201
        step("b.png: tabby")
    lines = terminal.getvalue()
    assert "a.png: [tabby]" in lines
    assert "2/2" in lines
    assert capsys.readouterr().out == "result\n"


def test_version_and_help_need_no_torch() -> None:
    code = (
        "import sys; from layerlore.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as error:\n"
        "    heavy = {'torch', 'timm', 'sklearn', 'scipy', 'matplotlib', 'skimage'} & set(sys.modules)\n"
        "    sys.exit(error.code or ' '.join(heavy) or 0)"
    )
    for arguments, expected in ((["--version"], layerlore.__version__), (["explain", "--help"], "--max-pixels")):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "layerlore", "explain", "no such photo.jpg", "--out", "a.docx"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_control_characters_in_a_file_name_do_not_reach_the_terminal(tmp_path: Path) -> None:
    result = run("explain", str(tmp_path / "a\n\x1b[31mb.png"))
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1

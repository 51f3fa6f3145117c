"""The page of an evaluation: a sentence for each metric, then tables, curves, examples, costs, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.evaluate.registry import METRICS
from layerlore.methods.registry import METHODS
from layerlore.report import colours, evaluation_view, words
from layerlore.report import evaluation_words as said
from layerlore.report.evaluation_plots import HEIGHT, WIDTH, curves
from layerlore.report.html import environment, joined, notebook_frame, page_policy, script
from layerlore.report.saving import save_text

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.evaluate.results import Evaluation

STYLES = ("shared/tokens.css", "shared/base.css", "page.css", "evaluation.css")
SWITCH, OVERLAYS = "shared/switch.js", "compare.js"


def save_evaluation(evaluation: Evaluation, path: str | Path) -> Path:
    """Write an evaluation: ``.html`` for a page, ``.csv`` for the values of each photo, ``.json`` for the table.

    Returns:
        The path written.

    Raises:
        OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
    """
    return save_text(
        path, {".html": lambda: render_evaluation(evaluation), ".csv": evaluation.to_csv, ".json": evaluation.to_json}
    )


def render_evaluation(evaluation: Evaluation) -> str:
    """The evaluation as one self-contained HTML file that is read without scripts and asks nothing of any server."""
    examples = evaluation_view.examples(evaluation)
    early, main = joined(["shared/theme.js"]), script((SWITCH, OVERLAYS) if examples else (SWITCH,))
    rows, columns = evaluation.facts["input_size"]
    return (
        environment()
        .get_template("evaluation.html.j2")
        .render(
            e=evaluation,
            words=words,
            said=said,
            metrics=[METRICS[name] for name in evaluation.metrics],
            methods=[METHODS[name] for name in evaluation.methods],
            policy=page_policy(early, main),
            styles=joined(STYLES),
            early_script=early,
            main_script=main,
            ratio=f"{columns} / {rows}",
            gradient=colours.css_gradient(),
            photo_colour=colours.PHOTO_COLOUR,
            headline=said.headline(evaluation),
            lead=said.lead(evaluation),
            few=said.few(evaluation),
            families=evaluation_view.families(evaluation),
            matrix=evaluation_view.matrix(evaluation),
            has_made=any(line.made for line in evaluation.lines if line.interval),
            curves=curves(evaluation),
            plot=(WIDTH, HEIGHT),
            examples=examples,
            costs=[_cost(evaluation, number) for number in range(len(evaluation.costs))],
            unmeasured=_unmeasured(evaluation),
            facts=_facts(evaluation),
        )
    )


def evaluation_notebook_html(evaluation: Evaluation) -> str:
    """The page inside a frame, for a notebook's output cell."""
    return notebook_frame(render_evaluation(evaluation), f"LayerLore: {len(evaluation.methods)} methods")


def _cost(evaluation: Evaluation, number: int) -> tuple[str, str, str, str]:
    """Method, time, calls and memory of a map as text."""
    cost = evaluation.costs[number]
    seconds = f"{words.number(cost.seconds, 3)}{words.NBSP}s"
    memory = "not measured" if cost.memory is None else f"{words.number(cost.memory / 1e6, 0)}{words.NBSP}MB"
    return said.title(cost.method), seconds, f"{cost.model_calls:,.0f}", memory


def _unmeasured(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What is missing and why, in text."""
    found = [(name, reason) for name, reason in evaluation.left_out.items()]
    for methods, metrics, amount, reason in evaluation.missing():
        everybody = len(methods) == (len(evaluation.costs) if metrics else len(evaluation.methods))
        who = "all methods" if everybody else words.listed([said.title(method) for method in methods])
        by = f" by {said.metrics(metrics)}" if metrics else ""
        found.append((f"{who}{by}, {words.count(amount, 'photo')}", reason))
    return found + list(evaluation.failed.items())


def _facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What made the page."""
    facts = evaluation.facts
    rows = [
        ("network", f"{facts['network']}, weights {facts['fingerprint'][:12]}"),
        ("photos", f"{facts['photos']}, {words.count(len(evaluation.photos), 'photo')}"),
        ("input", f"{words.times(*reversed(facts['input_size']))} pixels"),
        (
            "class",
            {"predicted": "the network's answer", "label": "each photo's own"}.get(facts["target"], facts["target"]),
        ),
        ("seed", str(evaluation.seed)),
        ("compared with", said.title(evaluation.against)),
        ("objects", facts["truth"]),
        ("options", evaluation.given_options),
        *(("versions", words.versions(one)) for one in evaluation.all_versions),
    ]
    return [(key, text) for key, text in rows if text]

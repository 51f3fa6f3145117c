"""What ``layerlore evaluate`` prints: a table for each metric, what the methods cost, and what was not measured."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from layerlore.cli.printing import counted, printable, say
from layerlore.evaluate.registry import METRICS

if TYPE_CHECKING:
    from layerlore.evaluate.results import Evaluation
    from layerlore.evaluate.summary import Line

FEW = 5
"""Lines about what was not measured; ``--json`` has all."""


def print_evaluation(found: Evaluation) -> None:
    """Print everything for people."""
    from layerlore.report import evaluation_words as said

    network = found.facts["network"]
    _out(f"{network}, {counted(len(found.photos), 'photo')}, seed {found.seed}; differences against {found.against}")
    if few := said.few(found):
        _out(few)
    wide = max(len(method) for method in found.methods)
    for metric in found.metrics:
        lines = [line for line in found.lines if line.metric == metric and line.interval is not None]
        if not lines:
            continue
        info = METRICS[metric]
        _out("")
        _out(f"{metric}: {info.title}, {info.better_end}")
        for line in lines:
            mark = said.MADE if line.made else " "
            _out(f"  {line.method:<{wide}}  {_interval(line, mark)}  {_difference(line)}".rstrip())
        if (chance := lines[0].chance) is not None:
            _out(f"  {'chance':<{wide}}  {chance:8.3f}")
        for sentence in filter(None, said.verdicts(found, metric)):
            _out(f"  {sentence}")
    _costs(found, wide)
    _unmeasured(found)


def print_choices() -> None:
    """Print the methods and the metrics that can be asked for."""
    from layerlore.methods.registry import METHODS

    _out("methods:")
    for method in METHODS.values():
        _out(f"  {method.name:<12} {method.title} ({method.source})")
    wide = max(map(len, METRICS))
    for family in dict.fromkeys(info.family for info in METRICS.values()):
        _out("")
        _out(f"metrics of the family {family}:")
        for info in METRICS.values():
            if info.family == family:
                _out(f"  {info.name:<{wide}}  {info.title}, {info.better_end}")


def _interval(line: Line, mark: str) -> str:
    mine = line.interval
    if mine is None:
        return ""
    ends = "" if mine.low is None or mine.high is None else f"[{mine.low:.3f}, {mine.high:.3f}]"
    return f"{mine.mean:8.3f}{mark} {ends:<18} n={mine.n:<4}"


def _difference(line: Line) -> str:
    other = line.difference
    if other is None:
        return ""
    ends = "" if other.low is None or other.high is None else f" [{other.low:+.3f}, {other.high:+.3f}]"
    tested = "" if other.p_holm is None else f" p={other.p_holm:.4f}"
    return f"{other.mean:+.3f}{ends}{tested} {line.verdict}"


def _costs(found: Evaluation, wide: int) -> None:
    _out("")
    _out("cost of a map: seconds, network calls, peak memory (medians)")
    for cost in found.costs:
        memory = "not measured" if cost.memory is None else f"{cost.memory / 1e6:.0f} MB"
        _out(f"  {cost.method:<{wide}}  {cost.seconds:8.3f} s  {cost.model_calls:6.0f}  {memory}")


def _unmeasured(found: Evaluation) -> None:
    lines = found.missing()
    for methods, metrics, amount, reason in lines[:FEW]:
        who = "all methods" if methods == found.methods else ", ".join(methods)
        by = f" by {', '.join(metrics)}" if metrics else ""
        say(f"not measured on {counted(amount, 'photo')}: {who}{by} ({reason})")
    if len(lines) > FEW:
        say(f"not measured: {len(lines) - FEW} more; --json lists all")


def _out(text: str) -> None:
    typer.echo(printable(text.replace("\N{NO-BREAK SPACE}", " ")))
    sys.stdout.flush()

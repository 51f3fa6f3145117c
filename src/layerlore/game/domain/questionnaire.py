"""The order in which a questionnaire shows its methods: balanced, so that place and neighbour favour none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def orders(methods: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """A Latin square in which every method also follows every other equally often (Williams 1949).

    Returns:
        As many orders as methods, or twice as many where their number is odd. Over all of them each method is equally
        often at each place, and equally often right after each other one.
    """
    count = len(methods)
    ups, downs = iter(range(count)), iter(range(count - 1, -1, -1))
    first = [next(downs) if place % 2 else next(ups) for place in range(count)]
    rows = [tuple(methods[(place + shift) % count] for place in first) for shift in range(count)]
    if count % 2:
        rows += [tuple(reversed(row)) for row in rows]
    return tuple(rows)


def order_of(methods: Sequence[str], number: int) -> tuple[str, ...]:
    """One of the orders; numbers that follow each other get all of them by turns."""
    rows = orders(methods)
    return rows[number % len(rows)]

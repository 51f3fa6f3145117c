"""Queries that are compiled once in each process: to build one anew takes Django ten times as long as to run it.

Only for queries that every round needs; they are written with Django's ORM like all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import connection
from django.db.models.query import ModelIterable, get_related_populators

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet

T = TypeVar("T")
SAMPLES: dict[type, Any] = {
    int: [-(2**31) + place for place in range(9)],
    str: [f"\x01{place}" for place in range(9)],
    date: [date(1901, 1, place + 1) for place in range(9)],
    datetime: [datetime.fromisoformat(f"1999-12-31T23:5{place}:59+00:00") for place in range(9)],
}
"""Values to find again among the parameters of the compiled query; nothing in the database is equal to one."""


@dataclass(frozen=True)
class _Plan:
    """The compiled query.

    Attributes:
        sql: The statement.
        parameters: Its parameters, with samples where the slots are.
        slots: Place of a parameter, and the argument that belongs there.
        read: Makes objects of the database's rows.
    """

    sql: str
    parameters: tuple[Any, ...]
    slots: tuple[tuple[int, str], ...]
    read: Callable[[list[Any]], list[Any]]


class Prepared(Generic[T]):
    """A query with arguments.

    Args:
        make: Gives the query set from its arguments.
        arguments: Their types: int, str, date or datetime.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, T]], **arguments: type) -> None:
        """Not compiled yet: Django may not be ready."""
        self._make = make
        self._arguments = arguments
        self._plan: _Plan | None = None

    def all(self, **values: object) -> list[T]:
        """All results."""
        plan = self._plan or self._compile()
        parameters = list(plan.parameters)
        for place, name in plan.slots:
            parameters[place] = _adapted(values[name])
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, parameters)
            rows = cursor.fetchall()
        return plan.read(rows) if rows else rows

    def first(self, **values: object) -> T | None:
        """The first result; the query must be limited to one."""
        return next(iter(self.all(**values)), None)

    def _compile(self) -> _Plan:
        kinds: dict[type, int] = {}
        samples = {}
        for name, kind in self._arguments.items():
            samples[name] = SAMPLES[kind][kinds.setdefault(kind, 0)]
            kinds[kind] += 1
        found = self._make(**samples)
        compiler = found.query.get_compiler(using=found.db)
        sql, parameters = compiler.as_sql()
        names = {_adapted(sample): name for name, sample in samples.items()}
        slots = tuple((place, names[one]) for place, one in enumerate(parameters) if one in names)
        if {name for _, name in slots} != set(samples):
            raise ValueError(f"an argument is not in the query: {sql}")
        self._plan = _Plan(sql, tuple(parameters), slots, _reader(found, compiler))
        return self._plan


def _adapted(value: object) -> object:
    """The value as the database takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value


def _reader(found: QuerySet[Any, Any], compiler: Any) -> Callable[[list[Any]], list[Any]]:  # noqa: ANN401 not public
    """What `QuerySet` does with rows, with all that does not depend on them done once."""
    converters = compiler.get_converters([one[0] for one in compiler.select])

    def converted(rows: list[Any]) -> Sequence[Any]:
        return list(compiler.apply_converters(rows, converters)) if converters else rows

    if not issubclass(found._iterable_class, ModelIterable):  # noqa: SLF001 values_list
        flat = getattr(found, "_fields", None) is not None and "Flat" in found._iterable_class.__name__  # noqa: SLF001
        return lambda rows: [row[0] if flat else tuple(row) for row in converted(rows)]
    about = compiler.klass_info
    columns = about["select_fields"]
    start, end = columns[0], columns[-1] + 1
    names = [compiler.select[place][0].target.attname for place in columns]
    # The types are those of a later Django.
    related = get_related_populators(about, compiler.select, found.db)  # type: ignore[call-arg]
    model, database = about["model"], found.db

    def objects(rows: list[Any]) -> list[Any]:
        made = []
        for row in converted(rows):
            one = model.from_db(database, names, row[start:end])
            for populator in related:
                populator.populate(row, one)
            made.append(one)
        return made

    return objects

"""Writing rows with one statement each: inserts, counters that are made where they are missing, compare-and-set.

What Django's ORM does in several queries, or builds anew for each row of a round. The same SQL runs on SQLite and
PostgreSQL; table, columns and the form of values come from the models.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import AutoField, GeneratedField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Field, Model


@lru_cache(maxsize=256)
def _fields(model: type[Model]) -> dict[str, Field[Any, Any]]:
    """Fields that can be written, by the name of their attribute."""
    every = model._meta.concrete_fields  # noqa: SLF001 Django's name for it
    return {one.attname: one for one in every if not isinstance(one, AutoField | GeneratedField)}


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001


def _columns(names: Iterable[str]) -> str:
    return ", ".join(map(connection.ops.quote_name, names))


def _values(model: type[Model], row: Mapping[str, Any]) -> list[Any]:
    fields = _fields(model)
    return [fields[name].get_db_prep_save(value, connection) for name, value in row.items()]


def insert(rows: Sequence[Model]) -> None:
    """Insert rows of one table; those that have no number yet keep none, but for a single row."""
    if not rows:
        return
    model = type(rows[0])
    fields = _fields(model)
    values = [one.get_db_prep_save(one.pre_save(row, add=True), connection) for row in rows for one in fields.values()]
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    sql = f"INSERT INTO {_table(model)} ({_columns(fields)}) VALUES {places}"  # noqa: S608 names of the model
    with connection.cursor() as cursor:
        cursor.execute(sql + (" RETURNING id" if len(rows) == 1 else ""), values)
        if len(rows) == 1:
            rows[0].pk = cursor.fetchone()[0]
            rows[0]._state.adding = False  # noqa: SLF001


def add(model: type[Model], rows: Sequence[Mapping[str, Any]], column: str) -> list[int]:
    """Add to counters, which are made where they are missing.

    Args:
        model: Their table, which has a unique constraint on all other columns of the rows.
        rows: For each its key, and under ``column`` what to add; all with the same names.
        column: The counter.

    Returns:
        The new value of each.
    """
    if not rows:
        return []
    name = connection.ops.quote_name(column)
    change = f"{name} = {_table(model)}.{name} + excluded.{name}"
    return [row[0] for row in _upsert(model, rows, [column], change, f" RETURNING {name}")]


def put(model: type[Model], rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows over those with the same key, or make them."""
    if rows:
        change = ", ".join(f"{_columns([name])} = excluded.{_columns([name])}" for name in columns)
        _upsert(model, rows, columns, change, "")


def select(
    model: type[Model], fixed: Mapping[str, Any], column: str, among: Sequence[Any], wanted: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Columns of the rows whose ``column`` is among some values, in the order in which they were made."""
    where = "".join(f"{_columns([name])} = %s AND " for name in fixed)
    sql = (
        f"SELECT {_columns(wanted)} FROM {_table(model)} "  # noqa: S608 names of the model
        f"WHERE {where}{_columns([column])} IN ({', '.join(['%s'] * len(among))}) ORDER BY id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*_values(model, fixed), *among])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _upsert(
    model: type[Model], rows: Sequence[Mapping[str, Any]], columns: Sequence[str], change: str, returning: str
) -> list[tuple[Any, ...]]:
    names = list(rows[0])
    places = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(rows))
    key = _columns(name for name in names if name not in columns)
    sql = (
        f"INSERT INTO {_table(model)} ({_columns(names)}) VALUES {places} "  # noqa: S608 names of the model
        f"ON CONFLICT ({key}) DO UPDATE SET {change}{returning}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in _values(model, row)])
        return cursor.fetchall() if returning else []


def compare_and_set(model: type[Model], key: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Change a row if it is still as it was; False if not. No value of ``before`` may be None."""
    sets = ", ".join(f"{_columns([name])} = %s" for name in after)
    still = "".join(f" AND {_columns([name])} = %s" for name in before)
    sql = f"UPDATE {_table(model)} SET {sets} WHERE id = %s{still}"  # noqa: S608 names of the model
    with connection.cursor() as cursor:
        cursor.execute(sql, [*_values(model, after), key, *_values(model, before)])
        return bool(cursor.rowcount)


def count(model: type[Model], key: int, change: Mapping[str, int], wanted: Sequence[str]) -> tuple[Any, ...]:
    """Add to columns of a row; returns what the wanted columns hold then."""
    sets = ", ".join(f"{_columns([name])} = {_columns([name])} + %s" for name in change)
    sql = f"UPDATE {_table(model)} SET {sets} WHERE id = %s RETURNING {_columns(wanted)}"  # noqa: S608 names of the model
    with connection.cursor() as cursor:
        cursor.execute(sql, [*change.values(), key])
        row: tuple[Any, ...] = cursor.fetchone()
        return row

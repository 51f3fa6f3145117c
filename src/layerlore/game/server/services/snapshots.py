"""Reading everything as it was at one moment, while others write."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection, transaction

from layerlore.game.server.sqlite.base import READS

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read in the block is of one moment, and players are not kept waiting."""
    if connection.in_atomic_block:  # somebody else has chosen the moment
        yield
        return
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        usual, connection.transaction_mode = connection.transaction_mode, READS  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                yield
        finally:
            connection.transaction_mode = usual  # type: ignore[attr-defined]
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield

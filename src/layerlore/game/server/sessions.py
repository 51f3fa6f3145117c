"""Sessions in the database, each with its account."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

if TYPE_CHECKING:
    from typing import Any

    from layerlore.game.server.models import Session


SINCE = "since"


class SessionStore(DatabaseStore):
    """Django's store on our table."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        from layerlore.game.server.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """A row that knows its account."""
        since = data.setdefault(SINCE, timezone.now().isoformat())
        row = cast("Session", super().create_model_instance(data))
        row.created = datetime.fromisoformat(since)
        account = data.get(SESSION_KEY)
        row.account_id = int(account) if account else None
        return row

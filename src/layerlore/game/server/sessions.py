"""Sessions in the database, each with its account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

if TYPE_CHECKING:
    from typing import Any

    from layerlore.game.server.models import Session


SINCE = "since"
WHOSE = "whose"
EXPIRY = "_session_expiry"  # Django's name for what set_expiry was given


class SessionStore(DatabaseStore):
    """Django's store on our table."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        from layerlore.game.server.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """A row that knows its account."""
        account = data.get(SESSION_KEY)
        if SINCE not in data or data.get(WHOSE) != account:
            data[SINCE], data[WHOSE] = timezone.now().isoformat(), account
        row = cast("Session", super().create_model_instance(data))
        row.created = datetime.fromisoformat(data[SINCE])
        row.account_id = int(account) if account else None
        # However often it is used, a session ends this long after the log-in.
        longest = timedelta(seconds=data.get(EXPIRY) or settings.SESSION_LONGEST)
        row.expire_date = min(row.expire_date, row.created + longest)
        return row

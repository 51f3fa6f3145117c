"""JSON logs in UTC: what happened, never who typed what. No password, token, address, e-mail or label gets here."""

from __future__ import annotations

import contextvars
import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
FIELDS = ("route", "method", "status", "ms", "bytes")
_SECRET = re.compile(r"[0-9A-Za-z_-]{20,}|[^\s@]+@[^\s@]+")


class RequestId(logging.Filter):
    """Adds the request's id."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        record.request_id = request_id.get()
        return True


class Json(logging.Formatter):
    """One line of JSON for a record; a line break in a value is escaped, so no line can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _without_secrets(record.getMessage()),
        }
        if getattr(record, "request_id", ""):
            line["request"] = record.request_id  # type: ignore[attr-defined]
        line.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["where"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
        return json.dumps(line, ensure_ascii=True)


def _without_secrets(text: str) -> str:
    """Text without what may be a token or an e-mail address."""
    return _SECRET.sub("[...]", text)

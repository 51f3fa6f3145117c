"""Keyed digests, so that what is stored tells nothing without the server's secret."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings


def keyed(purpose: str, text: str) -> str:
    """HMAC-SHA-256 in 64 hex digits; another purpose gives another digest of the same text."""
    key = hashlib.sha256(f"{purpose}\0{settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def digest(token: str) -> str:
    """SHA-256 of a random token: enough, as a token cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""What surrounds every request: headers, a log line, a limit of the body, and parameters that are given once."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.db import OperationalError

from layerlore.game.server.busy import BusyError
from layerlore.game.server.logs import request_id
from layerlore.game.server.views.errors import error_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    Handler = Callable[[HttpRequest], HttpResponseBase]

log = logging.getLogger("layerlore.game.access")
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}
ADMIN = "/admin/"


def headers(get_response: Handler) -> Handler:
    """Security headers on every answer whatever its status, and nothing is cached but static files."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        request_id.set(secrets.token_hex(8))
        response = get_response(request)
        for name, value in HEADERS.items():
            response[name] = value
        if settings.HTTPS:
            response["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            )
        response["X-Request-ID"] = request_id.get()
        if not (request.path.startswith(settings.STATIC_URL) and response.status_code in (200, 304)):
            response["Cache-Control"] = "no-store"
        return response

    return handle


def access_log(get_response: Handler) -> Handler:
    """One line for each request: the route's name and not its path, as a path may hold a token."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        facts = {
            "route": (match.view_name if match else None) or "-",
            "method": request.method if request.method in ("GET", "HEAD", "POST") else "other",
            "status": response.status_code,
            "ms": round(1000 * (time.perf_counter() - begun), 1),
        }
        log.info("request", extra=facts)
        return response

    return handle


def body_limit(get_response: Handler) -> Handler:
    """Refuse large bodies, and bodies that do not say how large they are, before a byte of them is read."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = -1
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            return error_response(request, 411)
        if length < 0:
            return error_response(request, 400)
        if length > settings.BODY_LIMIT:
            return error_response(request, 413)
        return get_response(request)

    return handle


def single_parameters(get_response: Handler) -> Handler:
    """A parameter that is given twice is a mistake or an attack (ASVS 15.3.7), and so is a NUL, which no text has."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ADMIN):
            return get_response(request)
        try:
            sources = (request.GET, request.POST)
            wrong = "\0" in request.path or any(
                len(values) > 1 or "\0" in "".join(values) for source in sources for _, values in source.lists()
            )
        except BadRequest:
            wrong = True
        return error_response(request, 400) if wrong else get_response(request)

    return handle


class NoUploads(FileUploadHandler):
    """There is nothing to upload to."""

    def new_file(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002
        """Stop.

        Raises:
            StopUpload: Always.
        """
        raise StopUpload(connection_reset=False)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Nothing."""
        del raw_data, start
        return None

    def file_complete(self, file_size: int) -> None:
        """Nothing."""
        del file_size


class Busy:
    """503 where so many log in that more would keep others from playing."""

    def __init__(self, get_response: Handler) -> None:
        """Around the rest."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Go on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The page that says so; also where the database cannot be written: no room, read-only, or gone."""
        if isinstance(exception, OperationalError):
            log.error("the database cannot be used: %s", " ".join(str(exception).split())[:200])
        return error_response(request, 503) if isinstance(exception, BusyError | OperationalError) else None

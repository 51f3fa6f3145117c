"""Error pages: what went wrong in one sentence, a way on, and the request's id; never a reason that tells secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from layerlore.game.server.logs import request_id

if TYPE_CHECKING:
    from django.http import HttpRequest


def error_response(request: HttpRequest, status: int, **more: object) -> HttpResponse:
    """The page for a status."""
    # Without the request's context: a processor might read the body or the database, and one of them may be at fault.
    language = getattr(request, "LANGUAGE_CODE", None) or translation.get_language_from_request(request)
    content = {"status": status, "request_id": request_id.get(), "language": language, **more}
    with translation.override(language):
        return HttpResponse(render_to_string("game/error.html", content), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    del exception
    return error_response(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    del exception
    return error_response(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    del exception
    return error_response(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
    return error_response(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was not ours, or is too old."""
    del reason
    return error_response(request, 403, csrf=True)


def locked_out(request: HttpRequest, credentials: object = None, *args: object, **kwargs: object) -> HttpResponse:
    """429: too many wrong passwords."""
    del credentials, args, kwargs
    return error_response(request, 429, locked=True)


def too_often(request: HttpRequest) -> HttpResponse:
    """429."""
    return error_response(request, 429)

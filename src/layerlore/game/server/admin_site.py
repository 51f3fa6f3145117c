"""Django's admin, open only to staff who have shown a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.urls import reverse
from django_otp.admin import OTPAdminSite

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest, HttpResponse


class GameAdminSite(OTPAdminSite):  # type: ignore[misc]  # it has no types
    """The admin; who is not in is sent to our own log-in."""

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Our log-in and the page for the second factor do it."""
        del extra_context
        if request.user.is_authenticated and request.user.is_staff:
            return HttpResponseRedirect(reverse("staff_verify"))
        return HttpResponseRedirect(reverse("login"))

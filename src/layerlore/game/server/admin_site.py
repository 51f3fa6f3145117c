"""Django's admin, open only to admins who have shown a second factor."""

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

    def has_permission(self, request: HttpRequest) -> bool:
        """Only admins; researchers have the staff's pages."""
        return bool(super().has_permission(request) and request.user.is_superuser)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Our log-in and the page for the second factor do it."""
        del extra_context
        if request.user.is_authenticated and request.user.is_staff:
            verified = request.user.is_verified()  # type: ignore[attr-defined]  # django-otp adds it
            return HttpResponseRedirect(reverse("staff" if verified else "staff_verify"))
        return HttpResponseRedirect(reverse("login"))

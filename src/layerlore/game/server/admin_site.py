"""Django's admin, open only to admins who have shown a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_otp.admin import OTPAdminSite

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class GameAdminSite(OTPAdminSite):  # type: ignore[misc]  # it has no types
    """The admin, with our tables only; who is not in is sent to our own log-in.

    Tables of other applications hold what nobody must read or change here: secrets of the second factor, say.
    """

    site_header = _("Deep Reveal: all tables")
    site_title = index_title = site_header

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:  # noqa: ANN401 Django's
        """Take in ours, pass over others."""
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else [*model_or_iterable]
        super().register([model for model in models if model._meta.app_label == "game"], admin_class, **options)  # noqa: SLF001 Django's public name

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Our settings do it."""
        del request, extra_context
        return HttpResponseRedirect(reverse("settings"))

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

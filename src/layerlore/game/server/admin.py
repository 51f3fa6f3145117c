"""Django's admin: for looking. What changes the game goes through its services, so nothing can be changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from layerlore.game.server import models

if TYPE_CHECKING:
    from django.http import HttpRequest


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows can be looked at, and nothing else."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No."""
        del request, obj
        return False


HIDDEN = {"account": ("password", "recovery"), "player": ("cookie", "network", "seed"), "round": ("device", "request")}
for model in (
    models.Account,
    models.Audit,
    models.Campaign,
    models.Consent,
    models.ConsentText,
    models.Estimate,
    models.Label,
    models.LabelMerge,
    models.LedgerEntry,
    models.Limit,
    models.Map,
    models.Picture,
    models.Player,
    models.PlayerEstimate,
    models.QuestionPhoto,
    models.Rating,
    models.Respondent,
    models.Round,
    models.Sheet,
):
    name = model._meta.model_name or ""  # noqa: SLF001 - Django's public name for it
    admin.site.register(model, type(f"{name}Admin", (LookOnly,), {"exclude": HIDDEN.get(name, ())}))

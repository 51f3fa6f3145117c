"""The application, and Django's admin behind the second factor."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class GameConfig(AppConfig):
    """The game."""

    name = "layerlore.game.server"
    label = "game"
    default_auto_field = "django.db.models.BigAutoField"


class GameAdminConfig(AdminConfig):
    """Django's admin, for those who have shown a second factor."""

    default_site = "layerlore.game.server.admin_site.GameAdminSite"

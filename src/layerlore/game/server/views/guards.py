"""Who may see staff's pages."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse

from layerlore.game.server.models import Account
from layerlore.game.server.services.staff import Role, role_of
from layerlore.game.server.views.common import see

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    View = Callable[Concatenate[HttpRequest, Account, ...], HttpResponse]

PAGE = 50


def for_staff(view: View) -> Callable[..., HttpResponse]:
    """Only for staff who have shown a second factor; to others the page does not exist."""
    return _guard(view, tuple(Role))


def for_admins(view: View) -> Callable[..., HttpResponse]:
    """Only for admins who have shown a second factor; to researchers the page does not exist either."""
    return _guard(view, (Role.ADMIN,))


def _guard(view: View, roles: Sequence[Role]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 the view's
        account = request.user
        if not isinstance(account, Account) or not account.is_staff or role_of(account) not in roles:
            raise Http404
        if not account.is_verified():  # type: ignore[attr-defined]  # django-otp adds it
            return see("staff_verify")
        return view(request, account, *args, **kwargs)

    return guarded


def page_of(request: HttpRequest, rows: QuerySet[Any], size: int = PAGE) -> Any:  # noqa: ANN401 Django's page
    """The page of rows that the address asks for."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def query_of(request: HttpRequest) -> str:
    """The address's parameters but the page, to put before one."""
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()

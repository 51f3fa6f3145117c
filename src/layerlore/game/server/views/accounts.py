"""Signing up, logging in and out, and a forgotten password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import LoginView
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from layerlore.game.server.forms import InvitedForm, LoginForm, NewPasswordForm, RecoverForm, ResetForm, SignUpForm
from layerlore.game.server.models import Account, Player
from layerlore.game.server.services import accounts, campaigns, consents, limits, outbox
from layerlore.game.server.services.keyed import keyed
from layerlore.game.server.services.people import forget_guest, guest_of, remember_device
from layerlore.game.server.views import errors
from layerlore.game.server.views.common import play_language, see

if TYPE_CHECKING:
    from django.http import HttpRequest

BACKEND = "django.contrib.auth.backends.ModelBackend"
RESET = "password-reset"


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    """A new account; a guest's rounds become its own."""
    campaign = campaigns.current()
    config = campaigns.rules(campaign).config
    if request.user.is_authenticated:
        return see("me")
    if config.people.signup == "closed":
        return render(request, "game/accounts/closed.html", status=403)
    invited = config.people.signup == "invite"
    kind = InvitedForm if invited else SignUpForm
    guest = guest_of(request)
    agreed = guest is not None and consents.has_agreed(guest, campaign)
    text = None if agreed else consents.current_text(campaign, play_language(campaign))
    form = kind(request.POST) if request.method == "POST" else kind()
    ticked = agreed or (request.POST.get("agree") == "1" and request.POST.get("age") == "1")
    content: dict[str, Any] = {"form": form, "text": text, "config": config, "missing": not ticked and form.is_bound}
    if not form.is_bound:
        return render(request, "game/accounts/signup.html", content)
    if not limits.allow("signup", limits.network(request)):
        return errors.too_often(request)
    if form.is_valid() and ticked:
        try:
            account = accounts.sign_up(
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
                email=form.cleaned_data["email"],
                guest=guest,
                text=text,
                invite=form.cleaned_data["invite"] if invited else None,
                language=play_language(campaign),
            )
        except accounts.TakenError:
            form.add_error("name", _("Somebody has this name, or one that looks like it; choose another one."))
        except accounts.InviteError:
            form.add_error("invite", _("There is no such code, or it was used; ask for another one."))
        else:
            login(request, account, backend=BACKEND)
            code = accounts.new_recovery_code(account)
            response = render(request, "game/accounts/welcome.html", {"code": code, "account": account})
            forget_guest(response)
            remember_device(request, response)
            return response
    return render(request, "game/accounts/signup.html", content, status=422)


class Login(LoginView):
    """Name and password; staff go on to the second factor, and a guest's rounds come along."""

    template_name = "game/accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = False

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 Django's own
        """Not too often from one network."""
        if not limits.allow("login", limits.network(request)):
            return errors.too_often(request)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401 Django's own
        """Log in."""
        guest = guest_of(self.request)
        account: Account = form.get_user()
        login(self.request, account)
        if account.is_staff:
            self.request.session.set_expiry(settings.STAFF_SESSION_AGE)
        into = Player.objects.filter(account=account).first()
        response: HttpResponse = HttpResponseRedirect(self.get_success_url(), status=303)
        if guest is not None and into is not None:
            accounts.merge(guest, into, timezone.now())
            forget_guest(response)
        remember_device(self.request, response)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ANN401 Django's own
        """The same page, whatever was wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_default_redirect_url(self) -> str:
        """Staff go to their pages."""
        account = self.request.user
        return str(see("staff" if isinstance(account, Account) and account.is_staff else "home").url)


@require_POST
def logout_view(request: HttpRequest) -> HttpResponse:
    """Log out."""
    logout(request)
    return see("home")


@require_http_methods(["GET", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link; the answer is the same whether there is such an account."""
    form = ResetForm(request.POST) if request.method == "POST" else ResetForm()
    if not form.is_bound:
        return render(request, "game/accounts/reset.html", {"form": form})
    if not limits.allow("reset", limits.network(request)):
        return errors.too_often(request)
    if not form.is_valid():
        return render(request, "game/accounts/reset.html", {"form": form}, status=422)
    address = form.cleaned_data["email"]
    if limits.allow("reset-mail", keyed("address", address.casefold())[:32]):
        outbox.wish_reset(address, (get_language() or "en")[:12])
    return see("password_reset_done")


@require_GET
def password_reset_done(request: HttpRequest) -> HttpResponse:
    """A link is on its way, if there is such an account."""
    return render(request, "game/accounts/reset_done.html")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password_reset_confirm(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Choose a password. The token moves from the address into the session first, so no log or referrer gets it."""
    account = _account(uidb64)
    if token != RESET:
        if account is None or not default_token_generator.check_token(account, token):
            return render(request, "game/accounts/reset_invalid.html", status=404)
        request.session["reset"] = token
        return HttpResponseRedirect(request.path.replace(token, RESET))
    known = request.session.get("reset", "")
    if account is None or not default_token_generator.check_token(account, known):
        return render(request, "game/accounts/reset_invalid.html", status=404)
    form = NewPasswordForm(account, request.POST) if request.method == "POST" else NewPasswordForm(account)
    if form.is_bound and form.is_valid():
        if not accounts.set_password(account, form.cleaned_data["password"]):
            return render(request, "game/accounts/reset_invalid.html", status=404)
        request.session.flush()
        return see("login")
    return render(request, "game/accounts/reset_confirm.html", {"form": form}, status=422 if form.is_bound else 200)


def _account(uidb64: str) -> Account | None:
    try:
        return Account.objects.filter(pk=int(urlsafe_base64_decode(uidb64)), is_active=True).first()
    except (ValueError, OverflowError):
        return None


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """A new password by the printed code."""
    form = RecoverForm(None, request.POST) if request.method == "POST" else RecoverForm(None)
    if not form.is_bound:
        return render(request, "game/accounts/recover.html", {"form": form})
    if not limits.allow("recover", limits.network(request)):
        return errors.too_often(request)
    if form.is_valid():
        account = accounts.recover(form.cleaned_data["name"], form.cleaned_data["code"])
        if account is not None and accounts.set_password(account, form.cleaned_data["password"]):
            return see("login")
        form.add_error(None, _("Name and code do not fit together, or the code was used."))
    return render(request, "game/accounts/recover.html", {"form": form}, status=422)

"""Forms: what a request may hold. Whatever else is sent is never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from layerlore.game.server.models import Account
from layerlore.game.server.services.names import check_name


class StepForm(forms.Form):
    """Which step the page shows."""

    step = forms.IntegerField(min_value=0, max_value=100)


class GuessForm(StepForm):
    """A guess on the step that the page shows."""

    tries = forms.IntegerField(min_value=0, max_value=100)
    answer = forms.IntegerField(min_value=0, max_value=10_000_000, required=False)
    nothing = forms.BooleanField(required=False)


class ResignForm(forms.Form):
    """Giving up."""

    nothing = forms.BooleanField(required=False)


class SignUpForm(forms.Form):
    """A new account."""

    name = forms.CharField(
        label=_("Name"), min_length=3, max_length=30, help_text=_("Others see it on the leaderboards.")
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        help_text=_("Only for a forgotten password; without one you get a code to print."),
    )

    def clean_name(self) -> str:
        """Refuse what is no name."""
        name: str = self.cleaned_data["name"]
        check_name(name)
        return name

    def clean(self) -> dict[str, Any]:
        """Check the password, also against name and e-mail."""
        data = super().clean() or self.cleaned_data
        password = data.get("password")
        if password:
            try:
                validate_password(password, Account(username=data.get("name", ""), email=data.get("email", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


class InvitedForm(SignUpForm):
    """A new account of somebody who was invited."""

    invite = forms.CharField(label=_("Invitation code"), max_length=60)


class LoginForm(AuthenticationForm):
    """Name and password."""


class ResetForm(forms.Form):
    """Where to send a link."""

    email = forms.EmailField(label=_("E-mail"))


class NewPasswordForm(forms.Form):
    """A password for an account that is known."""

    password = forms.CharField(
        label=_("New password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, account: Account | None, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """For an account."""
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_password(self) -> str:
        """Refuse a weak one."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.account)
        return password


class RecoverForm(NewPasswordForm):
    """A new password by the printed code."""

    name = forms.CharField(label=_("Name"), max_length=150)
    code = forms.CharField(label=_("Recovery code"), max_length=60)
    field_order = ("name", "code", "password")


class ConfirmForm(forms.Form):
    """Something that only the owner may do: the password again."""

    current = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """For an account."""
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_current(self) -> str:
        """Refuse a wrong one."""
        password: str = self.cleaned_data["current"]
        if not self.account.check_password(password):
            raise forms.ValidationError(_("This is not your password."), code="wrong")
        return password


class EmailForm(ConfirmForm):
    """Another e-mail address, or none."""

    email = forms.EmailField(label=_("E-mail"), required=False)
    field_order = ("email", "current")


class PasswordForm(ConfirmForm):
    """Another password."""

    password = forms.CharField(
        label=_("New password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean_password(self) -> str:
        """Refuse a weak one."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.account)
        return password


class TokenForm(forms.Form):
    """Six digits of the second factor."""

    token = forms.RegexField(
        r"^\s*[0-9]{6}\s*$",
        label=_("Six digits"),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

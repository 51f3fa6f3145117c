"""Forms: what a request may hold. Whatever else is sent is never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from layerlore.game.domain.labels import Reason, normalise
from layerlore.game.server.models import Account
from layerlore.game.server.services import limits
from layerlore.game.server.services.names import check_name
from layerlore.game.server.services.staff import Role
from layerlore.game.server.views.sentences import REASONS

_EMAIL = forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"})
_NAME = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"})
_CODE = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
PASSWORD_HELP = _("At least 10 characters. A few words that do not belong together are easy to keep in mind.")


def new_password(label: Any) -> forms.CharField:  # noqa: ANN401 - a lazy text
    """A field for a password to be chosen; what may be one is checked where the account is known."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, widget=widget, help_text=PASSWORD_HELP)


class Fields(forms.Form):
    """A form that people see: a label stands over its field, so no colon follows it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """Without a colon."""
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


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


class SignUpForm(Fields):
    """A new account."""

    name = forms.CharField(
        label=_("Name"),
        max_length=30,
        help_text=_("Others see it on the leaderboards; it need not be your real one."),
        widget=_NAME,
    )
    password = new_password(_("Password"))
    email = forms.EmailField(
        label=_("E-mail (optional)"),
        required=False,
        help_text=_("Only for a forgotten password. You get a code to print in any case."),
        widget=_EMAIL,
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

    invite = forms.CharField(label=_("Invitation code"), max_length=60, widget=_CODE)


class LoginForm(AuthenticationForm):
    """Name and password."""

    error_messages = {  # noqa: RUF012 Django's own
        **AuthenticationForm.error_messages,
        "invalid_login": _("Name and password do not fit together. Check both; small letters and capitals differ."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """With the label that the same field has when one signs up."""
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.fields["username"].label = _("Name")


class ResetForm(Fields):
    """Where to send a link."""

    email = forms.EmailField(label=_("E-mail"), widget=_EMAIL)


class NewPasswordForm(Fields):
    """A password for an account that is known."""

    password = new_password(_("New password"))

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

    name = forms.CharField(label=_("Name"), max_length=150, widget=_NAME)
    code = forms.CharField(label=_("Recovery code"), max_length=60, widget=_CODE)
    field_order = ("name", "code", "password")


class ConfirmForm(Fields):
    """Something that only the owner may do: the password again."""

    current = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """For an account; one page holds several of these, so each has names of its own for its fields."""
        kwargs.setdefault("auto_id", f"{type(self).__name__.casefold()}_%s")
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_current(self) -> str:
        """Refuse a wrong one."""
        password: str = self.cleaned_data["current"]
        # Who has taken over a session must not find out the password by trying.
        if not limits.allow("confirm", f"a{self.account.pk}"):
            raise forms.ValidationError(_("That was tried too often; wait a quarter of an hour."), code="often")
        if not self.account.check_password(password):
            raise forms.ValidationError(_("This is not your password."), code="wrong")
        return password


class EmailForm(ConfirmForm):
    """Another e-mail address, or none."""

    email = forms.EmailField(label=_("E-mail"), required=False, widget=_EMAIL)
    field_order = ("email", "current")


class PasswordForm(ConfirmForm):
    """Another password."""

    password = new_password(_("New password"))

    def clean_password(self) -> str:
        """Refuse a weak one."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.account)
        return password


class StaffForm(Fields):
    """A staff account: a new one, or one that needs a new link."""

    name = forms.CharField(
        label=_("Name"),
        max_length=30,
        help_text=_("Of a new account, or of one whose password or second factor is lost."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(
        label=_("Role of a new account"),
        choices=[
            (Role.RESEARCHER.value, _("Researcher: sees the campaign, labels and maps; decides nothing about persons")),
            (Role.ADMIN.value, _("Admin: everything")),
        ],
        initial=Role.RESEARCHER.value,
        widget=forms.RadioSelect,
    )

    def clean_name(self) -> str:
        """Refuse what is no name."""
        name: str = self.cleaned_data["name"]
        check_name(name)
        return name


class MergeForm(Fields):
    """Two labels that are to be read as one."""

    text = forms.CharField(label=_("This label"), max_length=60)
    into = forms.CharField(label=_("is read as"), max_length=60)
    language = forms.ChoiceField(label=_("Language"))
    field_order = ("text", "into", "language")

    def __init__(self, languages: tuple[str, ...], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 Django's own
        """With the campaign's languages."""
        super().__init__(*args, **kwargs)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)  # noqa: S101 - for the type checker
        language.choices = [(one, one) for one in languages]

    def clean(self) -> dict[str, Any]:
        """Both in the form in which labels are compared."""
        data = super().clean() or self.cleaned_data
        for name in ("text", "into"):
            normal = normalise(data.get(name, ""), data.get("language", "en"))
            if name in data and isinstance(normal, Reason):
                self.add_error(name, REASONS[normal])
            else:
                data[name] = normal
        return data


class TokenForm(Fields):
    """Six digits of the second factor."""

    token = forms.RegexField(
        r"^\s*[0-9]{6}\s*$",
        label=_("Six digits"),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "digits"}),
    )

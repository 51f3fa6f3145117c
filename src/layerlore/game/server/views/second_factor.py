"""The second factor of staff: six digits of an authenticator, set up the first time."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING

import segno
from django.http import Http404
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_otp import login as otp_login
from django_otp.plugins.otp_totp.models import TOTPDevice

from layerlore.game.server.forms import TokenForm
from layerlore.game.server.models import Account
from layerlore.game.server.services import limits
from layerlore.game.server.views import errors
from layerlore.game.server.views.common import see

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

DEVICE = "staff"
GROUP = 4


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The second factor; the first time with the secret for the authenticator."""
    account = request.user
    if not isinstance(account, Account) or not account.is_staff:
        raise Http404
    device = TOTPDevice.objects.filter(user=account, name=DEVICE).first()
    if request.method == "POST" and device is None:
        device = TOTPDevice.objects.create(user=account, name=DEVICE, confirmed=False)
        return see("staff_verify")
    form = TokenForm(request.POST) if request.method == "POST" else TokenForm()
    if form.is_bound and device is not None:
        if not limits.allow("otp", f"a{account.pk}"):
            return errors.too_often(request)
        if form.is_valid() and device.verify_token(form.cleaned_data["token"].strip()):
            TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
            otp_login(request, device)
            request.session.cycle_key()
            return see("staff")
        if form.is_valid():
            form.add_error("token", _("This is not the number of this moment, or it was used; wait for the next one."))
    content = {"form": form, "device": device, **(_setup(device) if device and not device.confirmed else {})}
    return render(request, "game/staff/verify.html", content, status=422 if form.is_bound else 200)


def _setup(device: TOTPDevice) -> dict[str, object]:
    """What an authenticator needs, as a picture, as letters and as an address."""
    secret = b32encode(device.bin_key).decode()
    groups = [secret[start : start + GROUP] for start in range(0, len(secret), GROUP)]
    return {"groups": groups, "config_url": device.config_url, "picture": _picture(device.config_url)}


def _picture(text: str) -> SafeString:
    """A QR code as SVG; its colours are the stylesheet's, and it is black on white in the dark too."""
    code = segno.make(text, error="m", micro=False)
    return mark_safe(code.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass="qr-line"))  # noqa: S308 - segno's

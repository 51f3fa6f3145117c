"""Names of accounts: readable, one alphabet, and none that looks like another."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_NAME = re.compile(r"[^\W_](?:[\w.\-]*[^\W_])?")
_LOOKS = str.maketrans("аеорсухіјѕԁһոαορνικτυ0135@$", "aeopcyxijsdhnaopviktuolesas")  # noqa: RUF001
_LONGEST = 30


def skeleton(name: str) -> str:
    """Equal for names that look alike: case, accents, look-alike letters and digits, dots and hyphens do not count."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    plain = "".join(sign for sign in plain if unicodedata.category(sign)[0] != "M").translate(_LOOKS)
    return re.sub(r"[\W_]", "", plain).replace("rn", "m").replace("vv", "w").replace("l", "i")


def check_name(name: str) -> None:
    """Refuse what is no name.

    Raises:
        ValidationError: It is none; the text says what to do.
    """
    if not 3 <= len(name) <= _LONGEST or unicodedata.normalize("NFKC", name) != name or not _NAME.fullmatch(name):
        raise ValidationError(_("Use 3 to 30 letters, digits, dots and hyphens."), code="name")
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in name if sign.isalpha()}
    if len(scripts) > 1:
        raise ValidationError(_("Use letters of one alphabet only."), code="name")
    if not skeleton(name):
        raise ValidationError(_("Use 3 to 30 letters, digits, dots and hyphens."), code="name")

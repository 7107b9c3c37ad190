"""A text that somebody else has written, as it is shown: on one line, not too long, and without passwords."""

from __future__ import annotations

import re
import unicodedata

LENGTH = 80
_SEARCHED = 2048
"""Signs that are searched for passwords, as many as a URL may have: the search takes their number squared."""

_USER = re.compile(
    r"(?s://.*@(?!sha256:))"  # a password may have a slash or an @ in it
    r"|(?<![^\s\"'])[^\s\"'/:@]+(:(?!//)[^\s\"]*)?@(?!sha256:)"  # where a URL has lost its scheme
)
_QUERY_VALUE = re.compile(r"([?&][^=&\s\"]*=)[^&\s\"]+")


def one_line(text: str) -> str:
    """The text for a line of a message."""
    rest = text[_SEARCHED:]
    # A password may begin here and end in the rest: its @ hides what stands before it all the same.
    text = without_passwords(text[:_SEARCHED] + ("@" if "@" in rest else ""))
    beginning = text[: LENGTH + 1]
    text = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in beginning)
    return f"{text[:LENGTH]}…" if len(text) > LENGTH or rest else text


def foreign_sign(line: str) -> str:
    """Names the first sign that is no ASCII, for it may look like one: the о of Cyrillic is no o."""
    for place, sign in enumerate(line, start=1):
        if not sign.isascii() and sign != "…":  # which one_line writes itself
            return f" (sign {place} is {unicodedata.name(sign, f'U+{ord(sign):04X}')})"
    return ""


def without_passwords(text: str) -> str:
    """Without what stands before an @, but for that of a digest, and without the values of a query."""
    return _QUERY_VALUE.sub(r"\1…", _USER.sub(lambda match: "//…@" if match[0].startswith("//") else "…@", text))

"""A text that somebody else has written, as it is shown: on one line, not too long, and without passwords."""

from __future__ import annotations

import re

LENGTH = 80

_USER = re.compile(
    r"(?s://.*@(?!sha256:))"  # a password may have a slash or an @ in it
    r"|(?<![^\s\"'])[^\s\"'/:@]+(:(?!//)[^\s\"]*)?@(?!sha256:)"  # where a URL has lost its scheme
)
_QUERY_VALUE = re.compile(r"([?&][^=&\s\"]*=)[^&\s\"]+")


def one_line(text: str) -> str:
    """The text for a line of a message."""
    text = without_passwords(text)
    beginning = text[: LENGTH + 1]
    text = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in beginning)
    return f"{text[:LENGTH]}…" if len(text) > LENGTH else text


def without_passwords(text: str) -> str:
    """Without what stands before an @, but for that of a digest, and without the values of a query."""
    return _QUERY_VALUE.sub(r"\1…", _USER.sub(lambda match: "//…@" if match[0].startswith("//") else "…@", text))

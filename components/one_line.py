"""A text that somebody else has written, as it is shown: on one line, not too long, and without passwords."""

from __future__ import annotations

import re
import unicodedata

LENGTH = 80
_SEARCHED = 2048
"""Signs that are searched for passwords, as many as a URL may have: the search takes their number squared."""

_USER = re.compile("(?s://.*@(?!sha256:))")
"""A password may have a slash or an @ in it."""
_BARE_USER = re.compile(r"(?<![^\s\"'])[^\s\"'/:@]+(:(?!//)[^\s\"]*)?@(?!sha256:)")
"""Where a URL has lost its scheme."""
_QUERY_VALUE = re.compile(r"([?&][^=&\s\"]*=)[^&\s\"]+")


def one_line(text: str, *, bare: bool = True) -> str:
    """The text for a line of a message. `bare` is as for without_passwords."""
    shown, rest = _shown(text, bare=bare)
    beginning = shown[: LENGTH + 1]
    line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in beginning)
    return f"{line[:LENGTH]}…" if len(line) > LENGTH or rest else line


def foreign_sign(text: str, *, allowed: str = "", bare: bool = True) -> str:
    """Names the first sign that is no ASCII, for it may look like one: the о of Cyrillic is no o.

    In a text that is not shown whole, the first that is not `allowed` either (a set of a regular expression).
    """
    shown, rest = _shown(text, bare=bare)
    foreign = f"[^{allowed}]" if allowed and len(text) > LENGTH else r"[^\x00-\x7f]"
    for place, sign in enumerate(shown + ("" if "@" in rest else rest), start=1):
        if sign != "…" and re.match(foreign, sign):  # which is put where a password was
            return f" (sign {place} is {unicodedata.name(sign, f'U+{ord(sign):04X}')})"
    return ""


def _shown(text: str, *, bare: bool) -> tuple[str, str]:
    """What may be shown of the part that is searched for passwords; and the rest."""
    rest = text[_SEARCHED:]
    # A password may begin here and end in the rest: its @ hides what stands before it all the same.
    return without_passwords(text[:_SEARCHED] + ("@" if "@" in rest else ""), bare=bare), rest


def without_passwords(text: str, *, bare: bool = True) -> str:
    """Without what stands before an @, but for that of a digest, and without the values of a query.

    Unless it is `bare`, only a user behind a scheme counts: me@home is one where a URL should be, and else just a text.
    """
    text = _USER.sub("//…@", text)
    if bare:
        text = _BARE_USER.sub("…@", text)
    return _QUERY_VALUE.sub(r"\1…", text)

"""Hidden marks by which the service knows its own writing on a forge, and the cleaning of everybody else's words."""

import hashlib
import hmac
import re

from caloron_actors.domain.ids import EffectKey

_MARK = re.compile(r"<!-- caloron:([A-Za-z0-9_./-]{1,400}) ([0-9a-f]{32}) -->")
_CLOSING = re.compile(
    r"(close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
    r"(?=\s*+:?\s*+(?:(?:[\w.-]{1,100}+/[\w.-]{1,100}+)?#\d|GH-\d|https?://))",
    re.IGNORECASE,
)
"""Wider than what forges close issues by: not bound to a word's start, nor to a blank before the reference.

Nothing in it is tried twice: an agent chooses the text, and the whole service waits for its cleaning.
"""
_MENTION = re.compile(r"@(?=\w)")
_REFERENCE = re.compile(r"&(?=#|commat;|num;)", re.IGNORECASE)
"""Where a character is written as a reference: rendered it could be the `@` or `#` that was taken away here."""
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
    r"\U000e0000-\U000e007f]"
)
"""C0 and C1 controls but tab and newline, what turns the reading direction or hides words, and halves of characters."""
_FOREIGN_MARK = re.compile(r"<!(?=--\s*caloron:)", re.IGNORECASE)
_INVISIBLE = "\u200b"
TEXT_LIMIT = 20_000
"""Characters of an agent's text that are posted; forges refuse bodies above 65,536."""


def mark(secret: bytes, key: EffectKey) -> str:
    """The hidden comment that says: this was written for the effect `key`. Nobody without `secret` can make one."""
    return f"<!-- caloron:{key} {_mac(secret, key)} -->"


def marked(secret: bytes, body: str, key: EffectKey) -> bool:
    """Whether `body` carries the genuine mark of `key`."""
    return key in marks(secret, body)


def marks(secret: bytes, body: str) -> tuple[EffectKey, ...]:
    """The keys of all genuine marks that `body` carries."""
    found = ((EffectKey(match.group(1)), match.group(2)) for match in _MARK.finditer(body))
    return tuple(key for key, mac in found if hmac.compare_digest(mac, _mac(secret, key)))


def unmarked(text: str) -> str:
    """The operator's own words as they are, but no hidden mark and no control character that was copied into them."""
    return _FOREIGN_MARK.sub(f"<{_INVISIBLE}!", _CONTROL.sub("", text.replace("\r\n", "\n")))


def neutralise(text: str, limit: int = TEXT_LIMIT) -> str:
    """Make an agent's words harmless on a forge: no mentions, no closing keywords, no hidden marks, no control characters.

    Text above `limit` characters is cut, and says so.
    """
    clean = _CONTROL.sub("", text.replace("\r\n", "\n"))
    clean = clean.replace("<!--", f"<{_INVISIBLE}!--")
    clean = _REFERENCE.sub(f"&{_INVISIBLE}", clean)
    clean = _MENTION.sub(f"@{_INVISIBLE}", clean)
    clean = _CLOSING.sub(rf"\1{_INVISIBLE}", clean)
    if len(clean) > limit:
        clean = f"{clean[:limit]}\n\n(cut: {len(clean) - limit} more characters)"
    return clean


def one_line(text: str, limit: int = 300) -> str:
    """Squeeze text from outside into one printable line of at most `limit` characters."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _mac(secret: bytes, key: EffectKey) -> str:
    return hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:32]

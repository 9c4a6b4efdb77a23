"""Addresses without what their queries say: keys stay, values are numbered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

#: An address inside a text, or a path with a query. Quotes end it, as readers expect.
_IN_TEXT: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>`{}|\\^]+"
    r"|(?<![\w/.])/[\w./%~@:+-]*\?[\w.~%\[\]+-]+=[^\s\"'<>`{}|\\^]*",
    re.IGNORECASE,
)
_USER: Final = re.compile(r"\A([a-z][a-z0-9+.-]*:)?//[^/?#@\s]*@", re.IGNORECASE)
_PAIR: Final = re.compile(r"([^&;=]*)(=?)([^&;]*)([&;]?)")
_MASKED: Final = re.compile(r"[*…]+\d*")


def mask_address(address: str, value: Callable[[str, str], str]) -> str:
    """Return an address with each value of its query replaced, and no password.

    What follows `#` is kept when it names a place, and masked when it holds a query.

    Parameters
    ----------
    address
        An address, whole or relative.
    value
        Given a name and its value, decoded, returns what stands for it.

    Examples
    --------
    >>> mask_address("https://me:pw@x.test/a?q=shoes&page=2#top", lambda *_: "*")
    'https://x.test/a?q=*&page=*#top'
    >>> mask_address("/a#/b?token=1", lambda *_: "*")
    '/a#/b?token=*'
    """
    if address[:5].lower() == "data:" or not address:
        return address
    address = _USER.sub(lambda found: f"{found[1] or ''}//", address)
    before, mark, fragment = address.partition("#")
    path, asked, query = before.partition("?")
    if asked:
        before = f"{path}?{_values(query, value)}"
    if not mark:
        return before
    route, asked, query = fragment.partition("?")
    if asked:
        fragment = f"{route}?{_values(query, value)}"
    elif "=" in fragment:
        fragment = _values(fragment, value)
    return f"{before}#{fragment}"


def mask_addresses(text: str, value: Callable[[str, str], str]) -> str:
    """Return a text in which every whole address is masked.

    Examples
    --------
    >>> mask_addresses("see https://x.test/?q=1, or not?", lambda name, v: "*")
    'see https://x.test/?q=*, or not?'
    """
    if "://" not in text and "?" not in text:
        return text
    return _IN_TEXT.sub(lambda found: _trimmed(found[0], value), text)


def _trimmed(found: str, value: Callable[[str, str], str]) -> str:
    """Leave the full stop or comma after an address where it was."""
    bare = found.rstrip(".,;:!?)]")
    return mask_address(bare, value) + found[len(bare) :]


def _values(query: str, value: Callable[[str, str], str]) -> str:
    def one(pair: re.Match[str]) -> str:
        name, equals, raw, end = pair.groups()
        if not equals:
            # No name: the whole of it is the value.
            return f"{_said('', name, value)}{end}"
        return f"{name}={_said(name, raw, value)}{end}"

    return _PAIR.sub(one, query)


def _said(name: str, raw: str, value: Callable[[str, str], str]) -> str:
    if not raw or _MASKED.fullmatch(raw):
        return raw
    return value(unquote_plus(name), unquote_plus(raw))

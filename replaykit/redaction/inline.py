"""Texts inside `data:` addresses: drawings are read, pictures and fonts are not."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA: Final = re.compile(
    r"\s*data:([^,;]*)((?:;[^,;]*)*),(.*)\Z", re.IGNORECASE | re.DOTALL
)
_READABLE: Final = re.compile(
    r"(?:text/|image/svg|application/(?:json|xml|xhtml))", re.IGNORECASE
)


def change_inline(address: str, change: Callable[[str], str]) -> str:
    """Return a `data:` address with the text in it changed; pictures stay as they are.

    Examples
    --------
    >>> change_inline("data:image/svg+xml,<text>ana%20b</text>", lambda t: t.upper())
    'data:image/svg+xml,%3CTEXT%3EANA B%3C/TEXT%3E'
    >>> change_inline("data:image/png;base64,AAAA", lambda t: t.upper())
    'data:image/png;base64,AAAA'
    """
    found = _DATA.match(address)
    if found is None:
        return address
    mime, options, body = found.groups()
    if mime and not _READABLE.match(mime):
        return address
    packed = options.lower().endswith(";base64")
    text = unquote(body)
    if packed:
        try:
            text = base64.b64decode("".join(text.split()) + "==").decode("utf-8")
        except (binascii.Error, ValueError):
            return address
    changed = change(text)
    if changed == text:
        return address
    if packed:
        body = base64.b64encode(changed.encode("utf-8", "replace")).decode("ascii")
    else:
        body = quote(changed, safe="/:=' ")
    return f"data:{mime}{options},{body}"

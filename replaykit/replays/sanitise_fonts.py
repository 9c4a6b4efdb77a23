"""Let recorded fonts through that bring their bytes along."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson

#: A face is seldom larger; a keyframe repeats each.
_LARGEST: Final = 1_000_000


def font_source(data: dict[str, Any]) -> str | None:
    """Return where a face comes from, as CSS; None if that cannot be read.

    Bytes, which rrweb writes as a list of numbers, become a `data:` address: a third of
    the length, and the player's policy knows what it is.

    Examples
    --------
    >>> font_source({"family": "Shop", "fontSource": "[0, 1, 0, 0]", "buffer": True})
    'url(data:font/sfnt;base64,AAEAAA==)'
    >>> font_source({"family": "Shop", "fontSource": "[300]", "buffer": True})
    """
    source = data.get("fontSource")
    if not isinstance(source, str) or not isinstance(data.get("family"), str):
        return None
    if not data.get("buffer"):
        return source
    try:
        held = bytes(orjson.loads(source))
    except (ValueError, TypeError):
        return None
    if not held or len(held) > _LARGEST:
        return None
    return f"url(data:font/sfnt;base64,{base64.b64encode(held).decode()})"

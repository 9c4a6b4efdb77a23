"""JSON of recordings: as fast as the parser goes, as deep as a browser's page.

One level of a page is two levels of JSON, so Chrome's 512 levels of elements pass the
limits of the fast parser. What goes deeper is read and written here without recursion.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeAlias

import msgspec
import orjson

from replaykit.errors import BadRecording

#: Any JSON value.
Json: TypeAlias = "dict[str, Any] | list[Any] | str | float | bool | None"

#: Beyond this the Replayer overflows too (it does between 2,000 and 5,000 elements).
MAX_LEVELS: Final = 4_200

_PARSE: Final = msgspec.json.Decoder().decode
_TOKEN: Final = re.compile(
    rb'\s*(?:([\[\]{},:])|("(?:[^"\\]|\\.)*")|([^\s\[\]{},:"]+))', re.DOTALL
)


#: An escape; apart, one of half a character whose other half is not there.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
#: What a browser shows in place of half a character.
_HALF: Final = rb"\ufffd"


def mended(text: bytes) -> bytes | None:
    r"""Return JSON with a sign for each half of a character; None if it has none.

    Scripts that cut a text short cut through emoji: JavaScript then writes a half of
    one, which no JSON parser takes outside of browsers.

    Examples
    --------
    >>> mended(b'"\\ud83d\\ude00, \\ud83d"')
    b'"\\ud83d\\ude00, \\ufffd"'
    """
    found = 0

    def sign(match: re.Match[bytes]) -> bytes:
        nonlocal found
        if match[1] is None:
            return match[0]
        found += 1
        return _HALF

    whole = _ESCAPE.sub(sign, text)
    return whole if found else None


def loads(data: bytes | str) -> Json:
    """Parse JSON of any depth that a player could show.

    Raises
    ------
    BadRecording
        If the text is not JSON, or nests beyond what rrweb's Replayer survives.

    Examples
    --------
    >>> loads(b'{"type": 4}')
    {'type': 4}
    """
    try:
        parsed: Json = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "surrogate" in str(error):
            text = data if isinstance(data, bytes) else _encoded(data)
            text = mended(text) or text
            if text != data:
                return loads(text)
        if "depth limit" not in str(error) and "ecursion" not in str(error):
            message = f"This is not JSON: {error}."
            raise BadRecording(message) from error
        return _loads_deep(data.encode() if isinstance(data, str) else data)
    return parsed


def parsed(text: msgspec.Raw) -> Json:
    """Parse a piece of a larger text, without a copy of it; else as `loads` does.

    Integers of any length stay integers, which only `dumps` here can write.
    """
    try:
        value: Json = _PARSE(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return loads(bytes(text))
    return value


def dumps(value: Json) -> bytes:
    """Serialise to compact JSON, whatever the depth and the length of integers."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        if "64-bit" in str(error):
            return msgspec.json.encode(value)
        if "surrogate" in str(error):
            text = json.dumps(value, ensure_ascii=True).encode()
            return dumps(loads(text))
        if "ecursion" not in str(error):
            raise
        return _dumps_deep(value)


def _encoded(text: str) -> bytes:
    """Return a text as UTF-8, with a sign for each half of a character."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.encode()


def _loads_deep(data: bytes) -> Json:
    """Parse with a stack of our own; each scalar still goes through the fast parser."""
    holder: list[Any] = []
    stack: list[list[Any] | dict[str, Any]] = [holder]
    key: str | None = None
    expects_key = False
    for match in _TOKEN.finditer(data):
        mark, text, word = match.groups()
        top = stack[-1]
        if mark in {b"[", b"{"}:
            if len(stack) > MAX_LEVELS:
                message = (
                    f"The recording nests {MAX_LEVELS // 2:,} elements deep or more, "
                    "which overflows rrweb's Replayer. It cannot be played."
                )
                raise BadRecording(message)
            child: list[Any] | dict[str, Any] = [] if mark == b"[" else {}
            _put(top, key, child)
            stack.append(child)
            expects_key = mark == b"{"
        elif mark in {b"]", b"}"}:
            stack.pop()
            if not stack:
                break
        elif mark == b",":
            expects_key = isinstance(top, dict)
        elif mark == b":":
            expects_key = False
        else:
            scalar: Any = loads(text if text is not None else word)
            if expects_key:
                key = scalar
            else:
                _put(top, key, scalar)
    if len(stack) != 1 or len(holder) != 1:
        message = "This is not JSON: brackets do not match."
        raise BadRecording(message)
    parsed: Json = holder[0]
    return parsed


def _put(top: list[Any] | dict[str, Any], key: str | None, value: object) -> None:
    if isinstance(top, list):
        top.append(value)
    elif key is not None:
        top[key] = value


def _dumps_deep(value: Json) -> bytes:
    out: list[bytes] = []
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            out.append(item)
        elif isinstance(item, dict):
            out.append(b"{")
            stack.append(b"}")
            pairs = list(item.items())
            for at in range(len(pairs) - 1, -1, -1):
                stack.append(pairs[at][1])
                comma = b"," if at else b""
                stack.append(comma + orjson.dumps(str(pairs[at][0])) + b":")
        elif isinstance(item, list | tuple):
            out.append(b"[")
            stack.append(b"]")
            for at in range(len(item) - 1, -1, -1):
                stack.append(item[at])
                if at:
                    stack.append(b",")
        else:
            out.append(orjson.dumps(item))
    return b"".join(out)

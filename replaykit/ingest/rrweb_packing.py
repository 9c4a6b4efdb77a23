"""Undo what may be wrapped around JSON: compressions, base64 and other encodings."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from replaykit.errors import BadRecording

if TYPE_CHECKING:
    from replaykit.ingest.rrweb_elements import Text

_ZLIB: Final = b"\x78"
_GZIP: Final = b"\x1f\x8b"
#: gzip and zlib streams, as base64 begins them.
_BASE64: Final = re.compile(r"(?:H4sI|eJ|eN|eA|eF)[A-Za-z0-9+/_-]+={0,2}\Z")
#: A packed part may unpack to this many bytes, …
_LARGEST: Final = 64 * 2**20
#: … or to so many times its size: text seldom shrinks to less than a hundredth.
_MOST: Final = 200
#: Packed in packed in packed is a mistake, or a trap.
_LAYERS: Final = 3
#: What other files begin with, and what to say of them.
_OTHERS: Final = {
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xfd7zXZ\0": "packed with xz",
    b"BZh": "packed with bzip2",
    b"7z\xbc\xaf": "a 7-zip archive",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet table",
    b"SQLite format 3": "an SQLite database",
}
_TAR: Final = slice(257, 262)


def plain_text(text: Text) -> Text:
    """Return a file's text as UTF-8, unpacked if it is packed.

    Raises
    ------
    BadRecording
        If it is damaged, or packed in a way that is not read here.
    """
    for _ in range(_LAYERS):
        head = bytes(memoryview(text)[:512]).lstrip(b" \t\r\n")
        if head[:1] == _ZLIB:
            text = unzip(bytes(text).lstrip(b" \t\r\n"))
        elif head[:2] == _GZIP:
            text = unzip(bytes(text).lstrip(b" \t\r\n"), gzip=True)
        elif head[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # as PowerShell writes files
            text = bytes(text).decode("utf-16", "replace").encode()
        elif _BASE64.match(head.decode("latin-1").split("\n", 1)[0]) is not None:
            unpacked = from_base64(bytes(text).decode("latin-1").strip())
            if unpacked is None:
                break
            text = unpacked
        else:
            break
    _refuse_others(bytes(memoryview(text)[:512]))
    return text


def _refuse_others(head: bytes) -> None:
    kind = next((kind for sign, kind in _OTHERS.items() if head.startswith(sign)), None)
    if kind is None and head[_TAR] == b"ustar":
        kind = "a tar archive"
    if kind is not None:
        message = (
            f"It is {kind}, which is not read here. Unpack it, or save its events as "
            "JSON, and give that."
        )
        raise BadRecording(message)


def from_base64(text: str) -> bytes | None:
    """Return what a text packs as gzip or zlib in base64; None if it does not.

    Examples
    --------
    >>> from_base64("eJyrrgUAAXUA+Q==")
    b'{}'
    """
    if _BASE64.match(text) is None:
        return None
    try:
        packed = b64decode(text.replace("-", "+").replace("_", "/") + "==")
        return unzip(packed, gzip=packed[:2] == _GZIP)
    except (BadRecording, ValueError):
        return None


def unzip(data: bytes, *, gzip: bool = False) -> bytes:
    """Unpack one zlib or gzip stream.

    Raises
    ------
    BadRecording
        If it is damaged, or unpacks to more than any event or file could hold.
    """
    unpacker = zlib.decompressobj(31 if gzip else 15)
    try:
        text = unpacker.decompress(data, max(_LARGEST, _MOST * len(data)))
    except zlib.error as error:
        raise BadRecording(f"The zlib stream is damaged: {error}.") from error
    if unpacker.unconsumed_tail:
        message = (
            f"A packed part of {len(data):,} bytes unpacks to more than "
            f"{len(text):,}. It is refused."
        )
        raise BadRecording(message)
    if not unpacker.eof:
        raise BadRecording("The zlib stream is cut off.")
    return text

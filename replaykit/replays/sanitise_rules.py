"""What names of elements and attributes mean to who cleans a recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCHEME: Final = re.compile(r"[\x00-\x20]+")
_ACTIVE_SCHEMES: Final = ("javascript:", "vbscript:", "livescript:", "data:", "file:")

#: Elements that would load a document or a plug-in, and what to call them.
FOREIGN: Final = {
    "iframe": "embedded page",
    "frame": "embedded page",
    "portal": "embedded page",
    "fencedframe": "embedded page",
    "object": "plug-in object",
    "embed": "plug-in object",
    "applet": "plug-in object",
    "lottie-player": "Lottie animation",
    "dotlottie-player": "Lottie animation",
    "dotlottie-wc": "Lottie animation",
}
#: Of these a placeholder has no place of its own to stand in.
PLUGINS: Final = frozenset({"object", "embed", "applet"})
#: What a canvas calls itself where it holds a three-dimensional picture.
WEBGL: Final = re.compile(
    r"webgl|three\.?js|mapbox|maplibre|babylon|pixi|deck\.?gl|cesium|unity",
    re.IGNORECASE,
)
FRAMES: Final = frozenset({"iframe", "frame"})
#: Names that mean something else to a script than to a page.
BAD_NAMES: Final = frozenset({"__proto__", "constructor", "prototype"})
SPECIAL_TAGS: Final = frozenset({*FOREIGN, "script", "canvas", "video", "link"})
SOURCES: Final = frozenset({"src", "srcdoc", "rr_src"})
_SOURCES_OF_OBJECTS: Final = frozenset({"data", "src", "type"})
LINKS: Final = frozenset({"a", "area"})
#: An address of a link that begins so names no scheme but http.
HARMLESS_STARTS: Final = ("https://", "http://", "/", "#", "?")
IMAGES: Final = frozenset({"img", "input", "image", "feimage"})
MEDIA: Final = frozenset({"video", "audio", "source", "track"})

#: How a dialog was opened, in the words of rrweb and in ours.
OPENED: Final = "rr_open_mode"
_OPENED_HERE: Final = "data-rk-opened"
#: An address of a `srcset`, and its width or density.
_CANDIDATE: Final = re.compile(r"[\s,]*([^\s,]\S*)\s*((?:\([^)]*\)?|[^,(])*)")

# What a name of an attribute means, in lower case and without `xlink:`.
RULES: Final[Mapping[str, str]] = {
    "src": "load",
    "data": "data",
    "srcset": "candidates",
    "imagesrcset": "drop images",
    "poster": "picture",
    "background": "picture",
    "lowsrc": "drop images",
    "dynsrc": "drop images",
    "classid": "drop plug-ins",
    "codebase": "drop plug-ins",
    "code": "drop plug-ins",
    "archive": "drop plug-ins",
    "srcdoc": "drop embedded pages",
    "href": "link",
    "action": "drop form targets",
    "formaction": "drop form targets",
    "ping": "drop pings",
    "manifest": "drop manifests",
    "http-equiv": "drop meta directives",
    "autofocus": "drop focus changes",
    "rr_open_mode": "drop modal dialogs",
    "rr_dataurl": "picture",
    "values": "animate",
    "from": "animate",
    "to": "animate",
    "by": "animate",
    "style": "style",
    "_csstext": "style",
}


def as_picture(node: dict[str, Any], attributes: dict[str, Any]) -> str | None:
    """Turn an object or embed that shows a picture into one; None if it does not."""
    names = {name.lower(): name for name in attributes}
    address = attributes.get(names.get("data", "")) or attributes.get(
        names.get("src", "")
    )
    kind = attributes.get(names.get("type", ""))
    pictured = isinstance(kind, str) and kind.lower().startswith("image/")
    if not isinstance(address, str):
        return None
    if not pictured and not address.lower().startswith("data:image/"):
        return None
    kept = {k: v for k, v in attributes.items() if k.lower() not in _SOURCES_OF_OBJECTS}
    node["tagName"] = "img"
    node["attributes"] = {**kept, "src": address}
    return "img"


def inlined(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a picture that was recorded with its bytes.

    It is shown by these: rrweb would not put them in place of a placeholder.
    """
    picture, address = attributes.get("rr_dataURL"), attributes.get("src")
    if not isinstance(picture, str) or not _is_picture(picture):
        return attributes
    if isinstance(address, str) and _is_picture(address):
        picture = address
    elsewhere = {"rr_dataURL", "src", "srcset"}
    kept = {k: v for k, v in attributes.items() if k not in elsewhere}
    return {**kept, "src": picture}


def opened_here(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a dialog, which is styled as what it was opened as.

    Opening it above everything else would take the focus.
    """
    if attributes[OPENED] not in {"modal", "non-modal", None}:
        return attributes
    kept = {k: v for k, v in attributes.items() if k != OPENED}
    return {**kept, _OPENED_HERE: attributes[OPENED]}


def _is_picture(address: str) -> bool:
    return address[:20].strip().lower().startswith("data:image/")


def candidates(srcset: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses of a `srcset` with what stands behind each.

    Examples
    --------
    >>> list(candidates("data:image/gif;base64,AA 1x,/b.png 2x, /c.png"))
    [('data:image/gif;base64,AA', '1x'), ('/b.png', '2x'), ('/c.png', '')]
    """
    at = 0
    while found := _CANDIDATE.match(srcset, at):
        address, size = found.groups()
        at = found.end()
        if address.endswith(","):  # nothing stands behind it
            address, size, at = address.rstrip(","), "", found.end(1)
        yield address, size.strip()


def starts_active(value: str) -> bool:
    """Tell whether an address would run something, or read files."""
    return _SCHEME.sub("", value[:200]).lower().startswith(_ACTIVE_SCHEMES)

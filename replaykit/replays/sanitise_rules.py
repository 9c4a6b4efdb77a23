"""What names of elements and attributes mean to who cleans a recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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
SPECIAL_TAGS: Final = frozenset({*FOREIGN, "script", "canvas", "video", "link"})
SOURCES: Final = frozenset({"src", "srcdoc", "rr_src"})
_SOURCES_OF_OBJECTS: Final = frozenset({"data", "src", "type"})
LINKS: Final = frozenset({"a", "area"})
IMAGES: Final = frozenset({"img", "input", "image", "feimage"})
MEDIA: Final = frozenset({"video", "audio", "source", "track"})

# What a name of an attribute means, in lower case and without `xlink:`.
RULES: Final[Mapping[str, str]] = {
    "src": "load",
    "data": "data",
    "srcset": "drop images",
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


def starts_active(value: str) -> bool:
    """Tell whether an address would run something, or read files."""
    return _SCHEME.sub("", value[:200]).lower().startswith(_ACTIVE_SCHEMES)

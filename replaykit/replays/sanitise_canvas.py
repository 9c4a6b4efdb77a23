"""Let only drawing through in recorded canvas commands.

rrweb rebuilds an argument `{"rr_type": X, "args": […]}` by `new window[X](…)`, so a
recording could name any constructor, `Function` or `WebSocket` among them.
"""

from __future__ import annotations

import re
from typing import Any, Final

_PROPERTY: Final = re.compile(r"[a-zA-Z][A-Za-z0-9]{0,60}\Z")
_PROPERTIES_NOT_DRAWN: Final = frozenset(
    {"constructor", "prototype", "canvas", "valueOf", "toString", "hasOwnProperty"}
)
_TYPES: Final = frozenset(
    [
        "ArrayBuffer",
        "Blob",
        "DataView",
        "Float32Array",
        "Float64Array",
        "HTMLImageElement",
        "Image",
        "HTMLCanvasElement",
        "ImageBitmap",
        "ImageData",
        "Int16Array",
        "Int32Array",
        "Int8Array",
        "Path2D",
        "Uint16Array",
        "Uint32Array",
        "Uint8Array",
        "Uint8ClampedArray",
        "CanvasGradient",
        "CanvasPattern",
        "WebGLBuffer",
        "WebGLFramebuffer",
        "WebGLProgram",
        "WebGLRenderbuffer",
        "WebGLShader",
        "WebGLTexture",
        "WebGLUniformLocation",
        "WebGLVertexArrayObject",
        "WebGLActiveInfo",
        "WebGLShaderPrecisionFormat",
        "WebGLVertexArrayObjectOES",
        "WebGLQuery",
        "WebGLSampler",
        "WebGLSync",
        "WebGLTransformFeedback",
    ]
)


def clean_commands(data: dict[str, Any]) -> int:
    """Drop the unsafe commands of a canvas event in place; return how many.

    Examples
    --------
    >>> bad = {"property": "fill", "args": [{"rr_type": "Function", "args": ["x()"]}]}
    >>> data = {"id": 1, "commands": [bad, {"property": "fill", "args": []}]}
    >>> clean_commands(data), len(data["commands"])
    (1, 1)
    """
    commands = data.get("commands")
    if isinstance(commands, list):
        kept = [command for command in commands if _is_drawing(command)]
        data["commands"] = kept
        return len(commands) - len(kept)
    if "property" in data and not _is_drawing(data):
        # The old form is one command per event: an empty list draws nothing.
        data.pop("property")
        data.pop("args", None)
        data["commands"] = []
        return 1
    return 0


def _is_drawing(command: object) -> bool:
    if not isinstance(command, dict):
        return False
    name = command.get("property")
    if (
        not isinstance(name, str)
        or not _PROPERTY.match(name)
        or name in _PROPERTIES_NOT_DRAWN
    ):
        return False
    return _is_value(command.get("args"))


def _is_value(value: object) -> bool:
    """Tell whether an argument is made of plain values and drawing types only."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            kind = item.get("rr_type")
            if kind is not None and kind not in _TYPES:
                return False
            source = item.get("src")
            if source is not None and not str(source).lower().startswith("data:image/"):
                return False
            stack.extend(item.values())
    return True

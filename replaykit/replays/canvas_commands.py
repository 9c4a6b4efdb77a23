"""Commands of a recorded canvas: joined, begun from its picture, or begun anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from replaykit.replays.nodes import Node

#: The incremental source of canvas commands.
_CANVAS: Final = 9
_PICTURE: Final = re.compile(r"data:(image/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=]+)\Z")


def background(node: Node) -> list[dict[str, Any]]:
    """Turn the picture that a canvas came with into its first command.

    The Replayer draws that picture when it has loaded: over all that a keyframe draws
    at once. As a command it has its place in the order.
    """
    picture = node.attributes.get("rr_dataURL")
    found = _PICTURE.match(picture) if isinstance(picture, str) else None
    if found is None:
        return []
    del node.own_attributes()["rr_dataURL"]
    bytes_ = {"rr_type": "ArrayBuffer", "base64": found[2]}
    blob = {"rr_type": "Blob", "data": [bytes_], "type": found[1]}
    bitmap = {"rr_type": "ImageBitmap", "args": [blob]}
    command = {"property": "drawImage", "args": [bitmap, 0, 0]}
    return [{"source": _CANVAS, "id": node.id, "type": 0, "commands": [command]}]


def drawings(events: list[dict[str, Any]] | tuple[()]) -> list[dict[str, Any]]:
    """Join the commands of a canvas: pictures load, and commands after them wait."""
    joined: list[dict[str, Any]] = []
    for data in events:
        commands = data.get("commands")
        if not isinstance(commands, list):
            own = ("property", "args", "setter")
            commands = [{key: data[key] for key in own if key in data}]
        if joined and joined[-1].get("type") == data.get("type"):
            joined[-1]["commands"].extend(commands)
            continue
        names = ("source", "id", "type")
        made: dict[str, Any] = {name: data[name] for name in names if name in data}
        joined.append({**made, "commands": list(commands)})
    return joined


def repaints(data: dict[str, Any]) -> bool:
    """Tell whether a canvas event starts by clearing the whole canvas.

    rrweb's sampled canvas recording clears and draws one picture per frame; what was
    there before is gone.
    """
    commands = data.get("commands") or [data]
    first = commands[0] if isinstance(commands, list) and commands else {}
    if first.get("property") != "clearRect":
        return False
    arguments = first.get("args")
    return (
        isinstance(arguments, list)
        and arguments[:2] == [0, 0]
        and len(commands) > 1
        and commands[1].get("property") == "drawImage"
    )

"""Whose recording a file holds: device and session from its name, folder or events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from replaykit.ingest.rrweb_events import Event

#: rrweb's type of events that recorders make up.
CUSTOM: Final = 5

_SUFFIXES: Final = re.compile(
    r"(?:\.(?:jsonl|ndjson|json|gz|gzip|zip|rrweb|txt|zlib|bin))+\Z", re.IGNORECASE
)
#: A chunk's number at the end of a name: `…_0003`, `….part2`, `…-7`.
_CHUNK: Final = re.compile(r"(?:[._-](?:part|chunk|seg|segment)?[._-]?(\d{1,6}))\Z")
_ID: Final = re.compile(r"[A-Za-z0-9_.|@:=-]+")
_EPOCH_MS: Final = re.compile(r"1\d{12}")

_REPLAY_KEYS: Final = ("replay_id", "replayId", "sessionReplayId")
_SESSION_KEYS: Final = ("session_id", "sessionId", "$session_id")
_DEVICE_KEYS: Final = ("device_id", "deviceId", "distinct_id", "$device_id")
_USER_KEYS: Final = ("user_id", "userId", "user")


@dataclass(frozen=True)
class Identity:
    """Where a recording belongs.

    The replay id is `<device>/<session>` where both are known (`spec/capture.md` 2),
    otherwise whatever names the recording apart from others.
    """

    replay_id: str
    device_id: str | None = None
    session_id: int | None = None
    user_id: str | None = None


def identity(
    replay_id: str, *, device: str | None = None, user: str | None = None
) -> Identity:
    """Split a replay id at its only slash.

    Examples
    --------
    >>> identity("cb6ade06/1699922971244").session_id
    1699922971244
    >>> identity("checkout-7f3a").device_id is None
    True
    """
    head, slash, tail = replay_id.partition("/")
    session = tail if slash and "/" not in tail else ""
    return Identity(
        replay_id,
        device or (head if session else None),
        _as_session(session),
        user,
    )


def from_name(path: Path) -> tuple[str, int | None]:
    """Return the replay id that a file name stands for, and the number of its chunk.

    `<device>_<session>.json`, `<device>%2F<session>.json.gz` and
    `<device>/<session>/3.json` all name a device and a session.

    Examples
    --------
    >>> from pathlib import Path
    >>> from_name(Path("rec/d1_1717225200000.json"))
    ('d1/1717225200000', None)
    >>> from_name(Path("d1%2F1717225200000_2.json.gz"))
    ('d1/1717225200000', 2)
    """
    name = unquote(_SUFFIXES.sub("", path.name))
    chunk = _CHUNK.search(name)
    if chunk is not None:
        known = _pair(name[: chunk.start()])
        # A session in words may itself end in a number: that one is no chunk.
        if known is not None and _EPOCH_MS.fullmatch(known.rpartition("/")[2]):
            return known, int(chunk.group(1))
    known = _pair(name)
    if known is not None:
        return known, None
    folder = unquote(path.parent.name)
    if name.isdigit() and not _EPOCH_MS.fullmatch(name):
        # A folder per recording, its chunks numbered.
        known = _pair(folder)
        if known is None and _EPOCH_MS.fullmatch(folder):
            known = f"{unquote(path.parent.parent.name)}/{folder}"
        if known is not None:
            return known, int(name)
        if folder:
            return folder, int(name)
    if _EPOCH_MS.fullmatch(name) and _ID.fullmatch(folder):
        return f"{folder}/{name}", None
    return name, None


def _pair(name: str) -> str | None:
    """Read `device/session` or `device_session` with a session in epoch ms."""
    head, slash, tail = name.partition("/")
    if slash:
        return name if head and tail and "/" not in tail else None
    head, bar, tail = name.rpartition("_")
    if bar and head and _EPOCH_MS.fullmatch(tail):
        return f"{head}/{tail}"
    return None


def from_mapping(record: dict[str, Any]) -> Identity | None:
    """Read the identity that stands beside events, in a wrapper or a payload.

    Examples
    --------
    >>> from_mapping({"deviceId": "d1", "sessionId": 1717225200000}).replay_id
    'd1/1717225200000'
    """
    replay = _first(record, _REPLAY_KEYS)
    session = _first(record, _SESSION_KEYS)
    device = _first(record, _DEVICE_KEYS)
    user = _first(record, _USER_KEYS)
    if replay is not None:
        return identity(replay, device=device, user=user)
    if session is None:
        return None
    replay = f"{device}/{session}" if device is not None else session
    return Identity(replay, device, _as_session(session), user)


def from_events(events: Iterable[Event]) -> Identity | None:
    """Read the identity that a recorder wrote into a custom event's payload."""
    for event in events:
        if event.type == CUSTOM:
            try:
                data = loads(bytes(event.data))
            except BadRecording:
                continue
            payload = data.get("payload") if isinstance(data, dict) else None
            if isinstance(payload, dict):
                found = from_mapping(payload)
                if found is not None:
                    return found
    return None


def _first(record: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = record.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def _as_session(text: str | None) -> int | None:
    """Return the session as a number; custom sessions are words and stay out."""
    if text is None or not text.isdigit() or int(text) >= 2**63:
        return None
    return int(text)

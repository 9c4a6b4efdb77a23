"""Ready answers: what a page with no kernel will ask, asked beforehand.

A shared page shows the same widgets as a notebook, but nobody answers there. So the
questions its reader can ask are put to an `Answers` object while it is written
(`travelling.py`), and the replies travel along. Large parts (recordings, sessions) are
named by their content, so that figures that show the same replay share its bytes.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import orjson

from replaykit.errors import UnknownOption
from replaykit.rows_as_json import to_json

#: How hard parts are deflated: harder takes three times as long for two percent.
LEVEL: Final = 6

#: What travels: the replays of the players shown (`"shown"`), these and the first so
#: many replays of every point of every chart (a number), or no recording (`"none"`).
Export: TypeAlias = int | Literal["shown", "none"]


class Blob(NamedTuple):
    """Deflated bytes, and what they are in words."""

    body: bytes
    label: str


@dataclass(eq=False)
class Blobs:
    """The large parts of a page, each once, under the hash of its content."""

    parts: dict[str, Blob] = field(default_factory=dict)

    def add(self, body: bytes, label: str) -> str:
        """Keep deflated bytes and return their name."""
        name = hashlib.sha256(body).hexdigest()[:20]
        self.parts.setdefault(name, Blob(body, label))
        return name

    def json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a JSON value by its name."""
        return json.loads(zlib.decompress(self.parts[name].body))

    def add_json(self, value: object, label: str) -> str:
        """Keep a JSON value and return its name."""
        return self.add(zlib.compress(_written(value), LEVEL), label)


def _written(value: object) -> bytes:
    """Write JSON in the one form in which equal values have equal bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Half a surrogate pair, or a number beyond 64 bits.
        return to_json(value).encode("utf-8", "replace")


@dataclass(eq=False)
class Capsule:
    """The ready answers of one figure.

    `replies` maps a question to `{"data": …}`, or to `{"blob": name}` with the few
    fields of a session that depend on who asks; `buffers` names its bytes. The rows of
    streams stand once in `rows`, by id, because the same person stands behind many
    points.
    """

    kind: str
    title: str
    zone: str
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    #: Replays this figure can play, in the order in which it lists them.
    replays: list[str] = field(default_factory=list)
    #: Replays it lists or points it draws that stay behind.
    left_behind: int = 0
    #: Ids of users of a source that is gone, for a page that is masked later.
    ids: list[str] = field(default_factory=list)
    #: A chart of the author's own: nothing stands behind its points.
    plain: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what the page's runtime reads."""
        return {
            "kind": self.kind,
            "zone": self.zone,
            "replies": self.replies,
            "rows": self.rows,
            "replays": self.replays,
            **({"plain": True} if self.plain else {}),
        }


def check_export(export: object) -> None:
    """Raise `UnknownOption` unless `export` says what travels.

    Examples
    --------
    >>> check_export("shown")
    >>> check_export(3)
    """
    if export in ("shown", "none"):
        return
    if isinstance(export, int) and not isinstance(export, bool) and export > 0:
        return
    raise UnknownOption(
        f"export={export!r} is not an option. export is 'shown' (the replays of the "
        "players), a number (these, and so many per point of each chart) or 'none'."
    )

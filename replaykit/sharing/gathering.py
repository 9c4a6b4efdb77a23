"""What has to be taken out of a page: looked up before anything is changed."""

from __future__ import annotations

import re
import zlib
from calendar import month_name
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from replaykit.redaction.addresses import mask_address
from replaykit.redaction.events import PRIVATE_NAMES, Walk
from replaykit.redaction.rules import RedactedRecordings, Redaction
from replaykit.redaction.style import names_in
from replaykit.redaction.words import SHORTEST
from replaykit.replies import bundle_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replaykit.capsule import Blobs, Capsule
    from replaykit.redaction.events import Place
    from replaykit.sharing.figures import Figure
    from replaykit.source import Source

#: Words that stand in every page: an id that is one of them is met in fields only.
OWN_WORDS: Final = frozenset(
    (
        *("Chart", "Click", "Code", "Contents", "Output", "Session", "The", "This"),
        *(
            "chart",
            "charts",
            "console",
            "country",
            "event",
            "events",
            "figure",
            "first",
        ),
        *("here", "inputs", "length", "line", "lines", "masked", "more", "needs"),
        *("network", "notebook", "offline", "opens", "page", "play", "point", "points"),
        *("properties", "queries", "recorded", "recording", "replay", "replays"),
        *("requests", "rows", "scripts", "stay", "texts", "these", "this", "time"),
        *("travel", "user", "users", "with", *month_name[1:]),
    )
)
_PLAIN_WORD: Final = re.compile(r"[a-z][a-z-]*")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_TELLING: Final = re.compile(r"[\d@]")
#: A value of a query that looks like a key or an address of somebody.
_KEY: Final = re.compile(r"(?=.*\d)[\w.~+/=-]{16,}|[^\s@]+@[^\s@]+")
_TYPED: Final = 6


@dataclass(eq=False)
class Gathered:
    """Strings that must not be in the page."""

    #: Ids of people, of devices and of replays.
    people: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    replays: set[str] = field(default_factory=set)
    #: What was typed, asked for in addresses, and taken out by `rk.redact`.
    typed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    patterns: dict[str, re.Pattern[str]] = field(default_factory=dict)
    #: Names of events and properties, and those that style sheets use.
    meanings: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    _sheets: set[str] = field(default_factory=set)
    _read: set[str] = field(default_factory=set)

    def source(self, source: Source) -> None:
        """Take in the ids a source knows, and the words that are no ids."""
        catalogue = source.catalogue
        self.people |= set(source.directory["user_id"].drop_nulls())
        self.devices |= set(catalogue["device_id"].drop_nulls())
        if "device_id" in source.directory.columns:
            self.devices |= set(source.directory["device_id"].drop_nulls())
        self.replays |= set(catalogue["replay_id"])
        self.meanings |= {*source.names["event"], *source.properties}
        if source.redaction is not None:
            self._rules(source.redaction)

    def _rules(self, rules: Redaction) -> None:
        self.patterns |= dict(zip(rules.patterns, rules.compiled(), strict=True))

    def taken_out(self, source: Source, replays: Iterable[str]) -> None:
        """Take in what `rk.redact` took out of these replays."""
        if not isinstance(source.recordings, RedactedRecordings):
            return
        known = set(source.catalogue["replay_id"])
        for replay in replays:
            if replay in known:
                self.removed |= source.recordings.taken_out(replay)

    def figure(self, figure: Figure, blobs: Blobs) -> None:
        """Take in what the answers of a figure hold."""
        if isinstance(figure.bundle.get("redaction"), dict):
            self._rules(Redaction.from_dict(figure.bundle["redaction"]))
        capsule = figure.capsule
        if capsule is None:
            return
        self.replays |= set(capsule.replays)
        self.people |= set(capsule.ids)
        for segment in self._segments(capsule, blobs):
            Walk(self._see).events(segment)
        for entry in capsule.replies.values():
            self._answers(entry.get("data"))
            if "blob" in entry and entry["blob"] not in self._read:
                self._read.add(entry["blob"])
                self._answers(blobs.json(entry["blob"]))

    def _segments(
        self, capsule: Capsule, blobs: Blobs
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the events of each segment a capsule carries, none read twice."""
        for key, entry in capsule.replies.items():
            names = entry.get("buffers", ()) if key.startswith("segment ") else ()
            for name in names:
                if name not in self._read:
                    self._read.add(name)
                    yield orjson.loads(zlib.decompress(blobs.parts[name].body))

    def _answers(self, value: Any) -> None:  # noqa: ANN401 - JSON
        """Find ids in the fields that hold them; a saved capsule has nothing else."""
        if isinstance(value, list):
            for item in value:
                self._answers(item)
        elif isinstance(value, dict):
            for name, item in value.items():
                if name == "user" and isinstance(item, str):
                    self.people.add(item)
                elif name in {"replay", "replay_id"} and isinstance(item, str):
                    self.replays.add(item)
                elif name in {"url", "first_page"} and isinstance(item, str):
                    mask_address(item, self._query)
                else:
                    self._answers(item)

    def _see(self, place: Place, name: str, text: str, *, marked: bool) -> str:
        del name, marked
        match place:
            case "style":
                if text not in self._sheets:
                    self._sheets.add(text)
                    self.names |= names_in(text)
            case "address":
                mask_address(text, self._query)
            case "private":
                self.typed.add(text.strip())
            case "input":
                if len(text) >= _TYPED and _TELLING.search(text):
                    self.typed.add(text.strip())
            case _:
                pass
        return text

    def _query(self, name: str, value: str) -> str:
        if PRIVATE_NAMES.search(name) or _KEY.fullmatch(value):
            self.asked.add(value.strip())
        return value

    def ordinary(self, text: str) -> bool:
        """Tell whether a string says too little of anybody to be looked for in texts.

        Short ones, years, names of events and properties, and plain words that style
        sheets and the page itself are made of.
        """
        if len(text) < SHORTEST or not re.search(r"\w", text) or not text.strip("* "):
            return True
        if text in OWN_WORDS or text in self.meanings or _YEAR.fullmatch(text):
            return True
        if not _PLAIN_WORD.fullmatch(text):
            return False
        return text in self.names or text in _program_words()


@lru_cache(maxsize=1)
def _program_words() -> frozenset[str]:
    """Return the plain words our own program and styles are made of."""
    words: set[str] = set()
    for name in ("page.js", "page.css"):
        text = bundle_file(name).read_text(encoding="utf-8")
        words |= set(re.findall(r"(?<![\w-])[a-z][a-z-]{3,}(?![\w-])", text))
    return frozenset(words)

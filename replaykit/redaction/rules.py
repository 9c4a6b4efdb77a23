"""`rk.redact`: take out of recorded replays what others may not see."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
import polars as pl

from replaykit.errors import BadInput, UnknownProperty, did_you_mean
from replaykit.redaction.events import Walk
from replaykit.redaction.marked import marked_nodes
from replaykit.redaction.scrub import STRUCTURE, Scrub
from replaykit.replays.masking import mask_text
from replaykit.replays.selectors import Selector
from replaykit.schema import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from replaykit.redaction.events import Place
    from replaykit.source import Source
    from replaykit.source_parts import Recordings

#: Columns that say whose a row is, not what happened.
_KEYS: Final = frozenset({"user_id", "device_id", "event"})
_LEVEL: Final = 6

Held = TypeVar("Held")


@dataclass(frozen=True)
class Redaction:
    """What is taken out: by selector, by pattern, by property."""

    selectors: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be read."""
        for text in self.selectors:
            Selector.parse(text)
        for text in self.patterns:
            _compiled(text)

    def compiled(self) -> list[re.Pattern[str]]:
        """Return the patterns, ready to be used."""
        return [_compiled(text) for text in self.patterns]

    def and_also(self, other: Redaction) -> Redaction:
        """Return both together."""
        return Redaction(
            tuple(dict.fromkeys([*self.selectors, *other.selectors])),
            tuple(dict.fromkeys([*self.patterns, *other.patterns])),
            tuple(dict.fromkeys([*self.properties, *other.properties])),
        )

    def to_dict(self) -> dict[str, list[str]]:
        """Return what a saved output keeps."""
        return {
            "selectors": list(self.selectors),
            "patterns": list(self.patterns),
            "properties": list(self.properties),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Redaction:
        """Read what `to_dict` wrote."""
        names = ("selectors", "patterns", "properties")
        return cls(*(tuple(map(str, saved.get(name) or ())) for name in names))


def redact(
    replays: Held,
    *,
    selector: str | Iterable[str] | None = None,
    regex: str | Iterable[str] | None = None,
    properties: str | Iterable[str] | None = None,
) -> Held:
    """Return the same replays with parts taken out, wherever they are shown or shared.

    Nothing stored changes: the parts are taken out when a replay is read, in the
    player, in a saved notebook and in a shared page. `rk.share` also proves that none
    of it is in the file.

    Parameters
    ----------
    replays
        `Replays` or `Users`.
    selector
        CSS selectors. An element that matches at any moment of a page is masked for as
        long as the page stays, with all inside it: texts and inputs become asterisks,
        pictures a placeholder. Style sheets stay whole.
    regex
        Regular expressions. What matches in a text, an attribute, an address, a
        console line, a string or comment of a style sheet, or a property becomes
        asterisks.
    properties
        Event properties that are left out.

    Raises
    ------
    BadInput
        If there is nothing to take out, or a selector or expression cannot be read.
    UnknownProperty
        If the events have no such property.

    Examples
    --------
    >>> import replaykit as rk
    >>> replays = rk.demo().replays
    >>> safe = rk.redact(replays, selector=".price", properties=["city"])
    >>> safe.source.redaction
    Redaction(selectors=('.price',), patterns=(), properties=('city',))
    """
    # Users hold the source through the events they were found within.
    within = getattr(replays, "within", None)
    source = getattr(replays if within is None else within, "source", None)
    if source is None or not hasattr(replays, "__dataclass_fields__"):
        raise BadInput(
            f"redact takes replays or users, not a {type(replays).__name__}: "
            "rk.redact(shop.replays, selector='.card-number')."
        )
    rules = Redaction(_listed(selector), _listed(regex), _listed(properties))
    if rules == Redaction():
        raise BadInput(
            "redact needs to know what to take out: selector='.card', "
            r"regex=r'\d{4} \d{4}', or properties=['email']."
        )
    safe = redacted(source, rules)
    change = (
        {"source": safe} if within is None else {"within": replace(within, source=safe)}
    )
    changed: Held = replace(replays, **change)  # type: ignore[type-var]
    return changed


def redacted(source: Source, rules: Redaction) -> Source:
    """Return a source that answers with the parts taken out."""
    for name in rules.properties:
        if name not in source.properties:
            known = sorted(source.properties)
            message = f"No property {name!r}. {did_you_mean(name, known)} There are "
            raise UnknownProperty(f"{message}{', '.join(known)}.".replace("  ", " "))
    before = source.redaction
    everything = rules if before is None else before.and_also(rules)
    recordings = source.recordings
    if isinstance(recordings, RedactedRecordings):
        recordings = recordings.plain
    return replace(
        source,
        scan=_Scan(source, rules),
        properties={
            name: kind
            for name, kind in source.properties.items()
            if name not in rules.properties
        },
        recordings=recordings and RedactedRecordings(recordings, everything),
        redaction=everything,
        again=source.again and _again(source.again, rules),
        person=None,
        # Counted before; names of events may say what the patterns take out.
        known=None if rules.patterns else source.known,
    )


def _again(plain: Callable[[], Source], rules: Redaction) -> Callable[[], Source]:
    return lambda: redacted(plain(), rules)


class RedactedRecordings:
    """Recordings of which parts are taken out as they are read."""

    def __init__(self, plain: Recordings, rules: Redaction) -> None:
        """Wrap recordings; nothing is read yet."""
        self.plain = plain
        self.rules = rules
        self._selectors = [Selector.parse(text) for text in rules.selectors]
        self._patterns = rules.compiled()
        self._marks: dict[str, list[frozenset[int]]] = {}
        self._taken: dict[str, frozenset[str]] = {}

    def extent(self, replay_id: str) -> tuple[int, int]:
        """Return its newest length in ms and number of segments."""
        return self.plain.extent(replay_id)

    def catalogue(self) -> pl.DataFrame:
        """Return one row per replay; addresses are searched for patterns."""
        scrub = Scrub(patterns=self._patterns)
        found = self.plain.catalogue()
        texts = [name for name in ("first_page", "agent") if name in found.columns]
        return found.with_columns(
            pl.Series(
                name,
                [None if one is None else scrub.text(one) for one in found[name]],
                dtype=pl.String,
            )
            for name in texts
        ).with_columns(
            pl.Series(
                "urls",
                [
                    None if urls is None else [scrub.text(one) for one in urls]
                    for urls in found["urls"]
                ],
                dtype=pl.List(pl.String),
            )
        )

    def segment(self, replay_id: str, index: int) -> bytes:
        """Return one deflated segment, with the parts taken out."""
        events = orjson.loads(zlib.decompress(self.plain.segment(replay_id, index)))
        marks = self._marked(replay_id)
        scrub = Scrub(patterns=self._patterns)
        walk = Walk(scrub.see, marked=marks[index] if index < len(marks) else ())
        walk.events(events)
        return zlib.compress(orjson.dumps(events), _LEVEL)

    def stored(self, replay_id: str) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield what is kept of a recording, with the parts taken out.

        What was kept aside shows no page, so no selector can be matched in it: it is
        left out where there are selectors.
        """
        index = 0
        for note, packed in self.plain.stored(replay_id):
            if note["playable"]:
                yield note, self.segment(replay_id, index)
                index += 1
            elif not self._selectors:
                events = orjson.loads(zlib.decompress(packed))
                Walk(Scrub(patterns=self._patterns).see).events(events)
                yield note, zlib.compress(orjson.dumps(events), _LEVEL)

    def summary(self, replay_id: str) -> dict[str, object]:
        """Return what panels show, with the parts taken out.

        A label of a click may be the text of a marked element: one that shares a word
        with it is masked whole.
        """
        scrub = Scrub(patterns=self._patterns)
        hidden = {
            word for text in self.taken_out(replay_id) for word in _words_of(text)
        }

        def changed(value: Any) -> Any:  # noqa: ANN401 - JSON
            if isinstance(value, str):
                return scrub.text(value)
            if isinstance(value, list):
                return [changed(item) for item in value]
            if isinstance(value, dict):
                new = {name: changed(item) for name, item in value.items()}
                for name in ("label", "title"):
                    said = new.get(name)
                    if isinstance(said, str) and hidden & _words_of(said):
                        new[name] = mask_text(said)
                return new
            return value

        found: dict[str, object] = changed(dict(self.plain.summary(replay_id)))
        return found

    def taken_out(self, replay_id: str) -> frozenset[str]:
        """Return the strings that were taken out of one recording, to prove it."""
        known = self._taken.get(replay_id)
        if known is None:
            known = self._taken[replay_id] = self._collected(replay_id)
        return known

    def _collected(self, replay_id: str) -> frozenset[str]:
        found: set[str] = set()

        def see(place: Place, name: str, text: str, *, marked: bool) -> str:
            if place == "style":
                return text
            if marked and name not in STRUCTURE and text[:5].lower() != "data:":
                found.add(text.strip())
            for pattern in self._patterns:
                found.update(one[0] for one in pattern.finditer(text))
            return text

        marks = self._marked(replay_id)
        for index in range(self._segments(replay_id)):
            packed = self.plain.segment(replay_id, index)
            walk = Walk(see, marked=marks[index] if index < len(marks) else ())
            walk.events(orjson.loads(zlib.decompress(packed)))
        return frozenset(one for one in found if one.strip("* "))

    def _segments(self, replay_id: str) -> int:
        return len(self._index(replay_id))

    def _index(self, replay_id: str) -> list[dict[str, Any]]:
        segments = self.plain.summary(replay_id).get("segments")
        return segments if isinstance(segments, list) else []

    def _marked(self, replay_id: str) -> list[frozenset[int]]:
        if not self._selectors:
            return []
        known = self._marks.get(replay_id)
        if known is None:
            # Read for this alone: following the page changes what is read.
            stretches = (
                (
                    not one.get("lead"),
                    orjson.loads(zlib.decompress(self.plain.segment(replay_id, index))),
                )
                for index, one in enumerate(self._index(replay_id))
            )
            known = self._marks[replay_id] = marked_nodes(stretches, self._selectors)
        return known


@dataclass(frozen=True, eq=False)
class _Scan:
    """The rows of a source without some properties, patterns taken out of the rest."""

    source: Source
    rules: Redaction

    def __call__(
        self,
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        gone = set(self.rules.properties)
        asked = None if properties is None else [n for n in properties if n not in gone]
        rows = self.source.scan(asked, users, buckets=buckets)
        schema = rows.collect_schema()
        rows = rows.drop([name for name in schema.names() if name in gone])
        texts = [
            name
            for name, kind in schema.items()
            if kind == pl.String
            and name not in gone | set(COLUMNS) - {"event"}
            and name not in _KEYS - {"event"}
        ]
        if not texts or not self.rules.patterns:
            return rows
        scrub = Scrub(patterns=self.rules.compiled())
        change = pl.col(texts).map_elements(scrub.text, return_dtype=pl.String)
        return rows.with_columns(change)


def _words_of(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _listed(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return (given,)
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        found = tuple(given)
        if all(isinstance(one, str) for one in found):
            return found
    raise BadInput(f"{given!r} is neither a text nor a list of texts.")


def _compiled(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise BadInput(f"regex={text!r} cannot be read: {error}.") from error
    if pattern.match("") is not None:
        raise BadInput(
            f"regex={text!r} also matches nothing at all, so it says nothing. Write "
            "what has to be there, with + in place of *."
        )
    return pattern

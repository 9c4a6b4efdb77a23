"""Tell what of a piece is stored already, and put the rest in its place.

What is stored was cleaned, so an event need not read as it came: it is known again by
what cleaning leaves as it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, INCREMENTAL, Event
from replaykit.ingest.rrweb_formats import unpacked
from replaykit.ingest.rrweb_joining import (
    ENDING,
    Content,
    content,
    standing,
    woven,
)
from replaykit.ingest.rrweb_json import dumps, parsed
from replaykit.replays.dom import Page
from replaykit.replays.event_data import EventData
from replaykit.replays.keyframes import View
from replaykit.replays.reassemble import AsItCame
from replaykit.replays.reducer import BROKEN
from replaykit.replays.sanitise import Sanitiser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replaykit.ingest.rrweb import Chunk
    from replaykit.ingest.rrweb_elements import Later

#: The place of a stored event, and its data.
Other: TypeAlias = "tuple[int, Any]"

_GONE: Final = object()
#: Of one time so many events of one shape are looked at closely.
_ALIKE: Final = 100
_SNAPSHOT: Final = b"snapshot"
#: Lists of what an event changes.
_LISTS: Final = ("removes", "adds", "texts", "attributes")


@dataclass
class Compared:
    """What a piece has that is not stored, by place, and whether it has all else."""

    new: list[int] = field(default_factory=list)
    complete: bool = True


class Comparing:
    """Compares what is stored of a recording with a piece of it.

    Parameters
    ----------
    found
        The events of the piece, in time order.
    sanitiser
        Cleans as the piece will be cleaned.
    exact
        Whether what is stored was cleaned by the same rules.
    """

    def __init__(
        self, found: Sequence[Event | Later], sanitiser: Sanitiser, *, exact: bool
    ) -> None:
        """Compare nothing yet."""
        self._found = found
        self._sanitiser = sanitiser
        self._exact = exact

    def compared(self, stored: Iterable[Event]) -> Compared:
        """Tell what is new; what is stored comes in time order."""
        result = Compared()
        for same_time, places in self._together(stored):
            if not same_time:
                result.new += places
            elif not places:
                result.complete = False
            else:
                twins = self._twins(same_time, [self._found[at] for at in places])
                fresh = zip(places, twins, strict=True)
                result.new += [place for place, twin in fresh if twin is None]
                result.complete &= {*twins} >= {*range(len(same_time))}
        return result

    def united(
        self, stored: Iterable[Event], chunks: Iterable[Chunk]
    ) -> Iterator[Event]:
        """Yield what is stored and what is new, in time order.

        `chunks` say when the pieces began and ended that are stored.
        """
        spans = [(chunk.first, chunk.last) for chunk in chunks]
        first, last = self._found[0].timestamp, self._found[-1].timestamp
        for same_time, places in self._together(stored):
            more = [self._found[place] for place in places]
            if not same_time:
                yield from unpacked(more)
                continue
            twins = self._twins(same_time, more) if more else []
            if None not in twins:
                yield from same_time
                continue
            at = same_time[0].timestamp
            # Where one piece ended and another began, nobody knows which is whose.
            edges = (standing(at, *span) for span in spans if at in span)
            rank = max(edges, default=ENDING)
            ranks = [rank] * len(same_time)
            fresh = list(unpacked(more))
            yield from woven(same_time, fresh, twins, ranks, standing(at, first, last))

    def _together(self, stored: Iterable[Event]) -> Iterator[tuple[list[Event], range]]:
        """Yield what is stored of one time with the places of what was found of it.

        What was found between two such times comes at once, and nothing stored with it.
        """
        found = self._found
        done, size = 0, len(found)
        for at, events in groupby(stored, key=lambda event: event.timestamp):
            begin = done
            while done < size and found[done].timestamp < at:
                done += 1
            if done > begin:
                yield [], range(begin, done)
            begin = done
            while done < size and found[done].timestamp == at:
                done += 1
            yield list(events), range(begin, done)
        if done < size:
            yield [], range(done, size)

    def _twins(
        self, stored: list[Event], more: list[Event | Later]
    ) -> list[int | None]:
        """Return the place of each event of a time among those stored of it."""
        one, other = stored[0], more[0]
        if len(stored) == len(more) == 1 and isinstance(other, Event):  # as most are
            same = one.type == other.type and bytes(one.data) == bytes(other.data)
            if same:
                return [0]
        known: dict[Content, int] = {}
        for place, event in enumerate(stored):
            known.setdefault(content(event), place)
        twins = [known.get(content(event)) for event in more]
        others = _others(stored, {*twins})
        for at, event in enumerate(unpacked(more) if others else ()):
            if twins[at] is None:
                twins[at] = self._cleaned(event, others)
        return twins

    def _cleaned(self, event: Event, others: Mapping[bytes, list[Other]]) -> int | None:
        """Return the place of what an event became by being cleaned, if it is there."""
        if event.type == FULL_SNAPSHOT:  # there is one of a time at most
            return next((place for place, _ in others.get(_SNAPSHOT, ())), None)
        if event.type != INCREMENTAL:
            return None
        try:
            came = parsed(event.data)
            # By one who knows nothing of the page, nor of other rules.
            cleaner = self._sanitiser.another() if self._exact else Sanitiser()
            reader = EventData(cleaner, Page(), View())
            _, _, written = reader.read(event)
            if written is None:
                return None
            clean = parsed(written.data)
            for place, stored in others.get(_shape(clean), ()):
                if _tells(stored, came, clean, exact=self._exact):
                    return place
        except BROKEN:
            pass
        return None


def _others(stored: list[Event], known: set[int | None]) -> dict[bytes, list[Other]]:
    """Return events by their shapes that may have read otherwise before cleaning.

    That is those but `known` places, and what is kept as it came.
    """
    others: dict[bytes, list[Other]] = {}
    for place, event in enumerate(stored):
        if place in known or isinstance(event, AsItCame):
            continue
        if event.type == FULL_SNAPSHOT:
            others.setdefault(_SNAPSHOT, []).append((place, None))
        elif event.type == INCREMENTAL:
            with suppress(*BROKEN):
                data = parsed(event.data)
                alike = others.setdefault(_shape(data), [])
                if len(alike) < _ALIKE:
                    alike.append((place, data))
    return others


def _shape(data: Any) -> bytes:  # noqa: ANN401 - whatever came
    """Return what cleaning leaves of the data of an event, be it of any source."""
    named = [
        (one.get("parentId"), one.get("id"), one.get("index"))
        for key in _LISTS
        for one in data.get(key) or ()
    ]
    added = [one["node"]["id"] for one in data.get("adds") or () if "node" in one]
    return dumps([data["source"], data.get("id"), data.get("styleId"), named, added])


def _tells(stored: object, came: object, clean: object, *, exact: bool) -> bool:
    """Tell whether stored data are those that came, but for what was cleaned.

    What is cleaned may depend on the page, so each part is as it came or clean. If it
    is not known how it was cleaned (`exact` is false), such parts do not matter.

    Examples
    --------
    >>> came = {"id": 4, "src": "https://cdn.test/a.png"}
    >>> clean = {"id": 4}
    >>> _tells({"id": 4}, came, clean, exact=True)
    True
    >>> supplied = {"id": 4, "src": "data:image/png,"}
    >>> _tells(supplied, came, clean, exact=True)
    False
    >>> _tells(supplied, came, clean, exact=False)
    True
    >>> _tells({"id": 5}, came, clean, exact=False)
    False
    """
    if came == clean:
        return stored == came
    parts: Iterable[tuple[object, ...]] = ()
    if isinstance(stored, dict) and isinstance(came, dict) and isinstance(clean, dict):
        keys = {**stored, **came, **clean}
        parts = (tuple(d.get(k, _GONE) for d in (stored, came, clean)) for k in keys)
    elif (
        isinstance(stored, list)
        and isinstance(came, list)
        and isinstance(clean, list)
        and len(stored) == len(came) == len(clean)
    ):
        parts = zip(stored, came, clean, strict=True)
    else:
        return not exact or stored in (came, clean)
    return all(_tells(*part, exact=exact) for part in parts)

"""Tell what of a piece is stored already, and put the rest in its place.

What is stored was cleaned, so an event need not read as it came: it is known again by
what cleaning leaves as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, INCREMENTAL, Event
from replaykit.ingest.rrweb_formats import unpacked
from replaykit.ingest.rrweb_joining import (
    ENDING,
    Content,
    content,
    standing,
    woven,
)
from replaykit.ingest.rrweb_json import parsed
from replaykit.replays.dom import Page
from replaykit.replays.event_data import EventData
from replaykit.replays.keyframes import View
from replaykit.replays.reassemble import AsItCame
from replaykit.replays.reducer import BROKEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replaykit.ingest.rrweb import Chunk
    from replaykit.ingest.rrweb_elements import Later
    from replaykit.replays.sanitise import Sanitiser

_GONE: Final = object()
#: Of one time so many events are looked at closely.
_LOOKED_AT: Final = 100


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
        # Cleaned ones, which may read otherwise than they came.
        others = {
            place: one
            for place, one in enumerate(stored)
            if place not in twins and not isinstance(one, AsItCame)
        }
        for at, event in enumerate(unpacked(more) if others else ()):
            if twins[at] is None:
                twins[at] = self._cleaned(event, others, known)
        return twins

    def _cleaned(
        self, event: Event, others: Mapping[int, Event], known: Mapping[Content, int]
    ) -> int | None:
        """Return the place of what an event became by being cleaned, if it is there."""
        if event.type == FULL_SNAPSHOT:  # there is one of a time at most
            shown = (at for at, one in others.items() if one.type == FULL_SNAPSHOT)
            return next(shown, None)
        if event.type != INCREMENTAL:
            return None
        try:
            came = parsed(event.data)
            # By one who knows nothing of the page.
            reader = EventData(self._sanitiser.another(), Page(), View())
            _, _, written = reader.read(event)
            if written is None:
                return None
            place = known.get(content(written))
            if self._exact and place in others:
                return place
            clean = parsed(written.data)
            for at, one in islice(others.items(), _LOOKED_AT):
                if one.type == INCREMENTAL and _tells(
                    parsed(one.data), came, clean, exact=self._exact
                ):
                    return at
        except BROKEN:
            pass
        return None


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

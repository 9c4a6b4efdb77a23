"""Put pieces of one recording together: each event once, in its place.

Pieces overlap, come twice and are cut anywhere, also between two events of one
millisecond. What tells the order within a millisecond are events that two pieces share,
and whether a piece ends there or begins.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import Later
from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, Again, Event
from replaykit.ingest.rrweb_formats import unpacked
from replaykit.ingest.rrweb_json import dumps, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

Found: TypeAlias = "Event | Later"
#: What an event says: its type and its data.
Content: TypeAlias = "tuple[int, bytes]"
T = TypeVar("T")

#: How the events of a time stand in their piece: last or within it, alone, or first.
ENDING, ALONE, BEGINNING = range(3)


def joined(pieces: Sequence[list[Found]]) -> list[Found]:
    """Return the events of all pieces in time order, those once that several have.

    Events of one time that no two pieces share are in the order of the pieces, those of
    one that ends then before those of one that begins.

    Parameters
    ----------
    pieces
        The events of each, in time order; none is empty.

    Examples
    --------
    >>> import msgspec
    >>> a, b, c, d = (Event(3, t, msgspec.Raw(b'"%d"' % n))
    ...               for n, t in enumerate((1, 2, 2, 3)))
    >>> joined([[b, c, d], [a, b]]) == [a, b, c, d]
    True
    >>> joined([[c, d], [a, b]]) == [a, b, c, d]
    True
    """
    events: list[Found] = []
    cluster: list[list[Found]] = []
    end = 0.0
    for piece in sorted(pieces, key=lambda p: (p[0].timestamp, p[-1].timestamp)):
        if cluster and piece[0].timestamp > end:
            events += _entangled(cluster)
            cluster = []
        end = max(end, piece[-1].timestamp) if cluster else piece[-1].timestamp
        cluster.append(piece)
    return events + _entangled(cluster)


def _entangled(pieces: Sequence[list[Found]]) -> list[Found]:
    """Join pieces of which each shares times with another."""
    if len(pieces) == 1:
        return pieces[0]
    spans = [(piece[0].timestamp, piece[-1].timestamp) for piece in pieces]
    tagged = [(event, number) for number, piece in enumerate(pieces) for event in piece]
    tagged.sort(key=lambda pair: pair[0].timestamp)
    joint: list[Found] = []
    for at, same_time in groupby(tagged, key=lambda pair: pair[0].timestamp):
        runs = [
            (standing(at, *spans[number]), [event for event, _ in pairs])
            for number, pairs in groupby(same_time, key=itemgetter(1))
        ]
        joint += runs[0][1] if len(runs) == 1 else _once_each(runs)
    return joint


def standing(at: float, first: float, last: float) -> int:
    """Tell how the events of a time stand in a piece that spans these times."""
    if first < at:
        return ENDING
    return ALONE if at == last else BEGINNING


def _once_each(runs: list[tuple[int, list[Found]]]) -> list[Found]:
    """Join what several pieces have of one time."""
    runs.sort(key=itemgetter(0))
    rank, joint = runs[0]
    ranks = [rank] * len(joint)
    known = {content(event): place for place, event in enumerate(joint)}
    for rank, run in runs[1:]:
        twins = [known.get(content(event)) for event in run]
        joint = woven(joint, run, twins, ranks, rank)
        ranks = woven(ranks, [rank] * len(run), twins, ranks, rank)
        known = {content(event): place for place, event in enumerate(joint)}
    return joint


def woven(
    first: Sequence[T],
    more: Sequence[T],
    twins: Sequence[int | None],
    ranks: Sequence[int],
    rank: int,
) -> list[T]:
    """Return what is in either of two runs of one time, in an order that suits both.

    Parameters
    ----------
    first, more
        The runs.
    twins
        For each of `more`, the place in `first` of the same, if it is there.
    ranks
        How each of `first` stands in its piece.
    rank
        How those of `more` stand in theirs.

    Examples
    --------
    >>> woven("ace", "bcd", [None, 1, None], [ENDING] * 3, ENDING)
    ['a', 'b', 'c', 'e', 'd']
    >>> woven("c", "ab", [None, None], [BEGINNING], ENDING)
    ['a', 'b', 'c']
    >>> woven("bc", "ac", [None, 1], [BEGINNING] * 2, ENDING)
    ['a', 'b', 'c']
    """
    places: list[int | None] = []
    reached = -1
    for twin in twins:
        if twin is not None and twin > reached:
            reached = twin
            places.append(twin)
        else:
            places.append(None)
    before: list[list[T]] = [[] for _ in range(len(first) + 1)]
    following: int | None = None
    fresh: list[T] = []
    for place, twin, one in zip(
        reversed(places), reversed(twins), reversed(more), strict=True
    ):
        if twin is None:
            fresh.append(one)
        elif place is not None:
            before[_slot(following, place, ranks, rank)] += reversed(fresh)
            fresh = []
            following = place
    before[_slot(following, -1, ranks, rank)] += reversed(fresh)
    whole = []
    for place, one in enumerate(first):
        whole += [*before[place], one]
    return whole + before[-1]


def _slot(following: int | None, after: int, ranks: Sequence[int], rank: int) -> int:
    """Return the place before which to put what comes between two that are shared."""
    end = len(ranks) if following is None else following
    return next((at for at in range(after + 1, end) if ranks[at] > rank), end)


def content(event: Found) -> Content:
    """Return what two events have in common that say the same, however written."""
    one = next(iter(unpacked([event]))) if isinstance(event, Later) else event
    if one.type < FULL_SNAPSHOT:  # which say nothing but that they were
        return one.type, b""
    try:
        again = b" %d" % one.again if isinstance(one, Again) else b""
        return one.type, dumps(parsed(one.data)) + again
    except (BadRecording, TypeError, ValueError, RecursionError):
        # As it is kept, even if it is no text.
        return one.type, bytes(one.data).decode(errors="backslashreplace").encode()

"""Open the last segment of a stored recording again, with the page as it left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from replaykit.ingest.rrweb_events import META, Event
from replaykit.replays.keyframes import Segment, View, snapshot_size
from replaykit.replays.reassemble import events_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.replays.stage import Stage


@dataclass(frozen=True)
class ReducerState:
    """How a reducer stood at the end, beside the page and what is carried with it."""

    start: int | float
    last: int | float
    events: int
    snapshots: int
    snapshot_at: int | float | None
    problems: dict[str, int]
    warnings: dict[str, int]
    view: View
    #: How many nodes there were.
    nodes: int
    #: Bytes of the last segment's keyframe.
    head_size: int
    #: When the Meta event was after which nothing came.
    meta_at: int | float | None


def reopened(
    stage: Stage, state: ReducerState, note: Mapping[str, Any], text: bytes
) -> tuple[Segment, Event | None]:
    """Return a segment as it was before it was closed, and a Meta event that waits.

    The stage, empty so far, gets the page of the segment's keyframe, and then what its
    events make of it.

    Parameters
    ----------
    stage
        Where to show it.
    state
        How things stood when it was closed.
    note, text
        What was stored of the segment.

    Raises
    ------
    BadRecording
        If the text is not a list of events.
    KeyError, TypeError, ValueError, IndexError
        If it is no segment that ended so.
    """
    events = events_of(text)
    lead: int = note["lead"]
    metas = [(place, data) for place, data in note.get("metas", ())]
    timestamp = events[1].timestamp
    # The first segment shows its snapshot before it was taken.
    since = timestamp if note["genuine"] is None else note["genuine"][1]
    # What was before the first snapshot found no page yet.
    early: int = note.get("early", 0)
    for event in events[lead : lead + early]:
        stage.repeat(event, event.timestamp)
    stage.show(events[1].data, events[2:lead], since)
    meta: Event | None = None
    if state.meta_at is not None:  # which was taken for a change of the size
        events.pop()
        meta = Event(META, state.meta_at, msgspec.Raw(metas.pop()[1].encode()))
    head = text[: state.head_size]
    segment = Segment(
        note["start"],
        timestamp,
        genuine=note["genuine"],
        lead=lead,
        nodes=note["nodes"],
        head_size=len(head),
        carried=len(head) - snapshot_size(events[0], events[1]),
        last=timestamp,
        head=[head],
        early=early,
        metas=metas,
    )
    for at, event in enumerate(events[lead:]):
        if at >= early:
            segment.added += stage.repeat(event, event.timestamp)
        segment.append(event)
    return segment, meta

"""Write one recording: its segments as they come, then its summary and its row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb import holes_between
from replaykit.ingest.rrweb_events import counted
from replaykit.replays.reassemble import Original, recorded_events
from replaykit.replays.reducer import COPIES, Reducer
from replaykit.replays.resuming import VERSION, Ended, Saved
from replaykit.replays.summary import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from replaykit.ingest.rrweb import RawRecording
    from replaykit.ingest.rrweb_events import Event
    from replaykit.replays.keyframes import Segment
    from replaykit.replays.resuming import Reading
    from replaykit.replays.sanitise import Sanitiser
    from replaykit.store.recording_shelves import Draft
    from replaykit.store.recordings import Held, Row

#: Shorter recordings have the status `short` (`spec/replay.md` 1).
SHORT_MS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(timestamp: float) -> datetime:
    """Return a time in ms since 1970 as a datetime."""
    return _EPOCH + timedelta(milliseconds=timestamp)


class Storing:
    """A recording on its way into a draft.

    Parameters
    ----------
    draft
        What it is written to.
    reading
        What was read, to be known again when there is more of it.
    sanitiser
        Cleans it.
    """

    def __init__(self, draft: Draft, reading: Reading, sanitiser: Sanitiser) -> None:
        """Start before the first event."""
        self.draft = draft
        self.reading = reading
        self.sanitiser = sanitiser
        self.problems: Counter[str] = Counter()
        self._observer = Observer()
        self._reducer = Reducer(sanitiser, self._observer)
        self._places: list[list[float]] = []
        self._asides = 0
        self._originals: list[Original] = []

    def resume(self, held: Held, saved: Saved) -> None:
        """Go on with what is stored, where it ended.

        Raises
        ------
        BadRecording
            If that cannot be done, and the draft is of no use.
        """
        ended = saved.ended
        if ended is None:
            raise BadRecording("The page at the end of the recording is not known.")
        last = held.resume(self.draft)
        self._observer.resume(ended.observed, held.summary())
        self._reducer.resume(ended.reducer, last.note, last.text)
        self.sanitiser.resume(saved.cleaned, ended.labelled)
        self._originals = list(saved.originals)
        for note, size in held.segments()[:-1]:
            self._place(note, size)

    def again(self, held: Held, saved: Saved | None) -> Iterator[Event]:
        """Return what is stored, and count in what nothing is stored of."""
        if saved is None:
            return counted(recorded_events(held.parts()))
        self.sanitiser.reread(saved.cleaned)
        if saved.copies:
            self._reducer.problems[COPIES] = saved.copies
        return counted(recorded_events(held.parts(), saved.originals))

    def feed(self, events: Iterable[Event]) -> None:
        """Read events in order, and write each segment that is full."""
        for segment in self._reducer.feed(events):
            self._write(segment)

    def finish(self, raw: RawRecording, stamp: datetime) -> Row:
        """Write the rest; return the row of the catalogue.

        Raises
        ------
        BadRecording
            If there was no event.
        """
        reducer, observer, reading = self._reducer, self._observer, self.reading
        if reducer.start is None:
            raise BadRecording("The recording has no event that can be read.")
        ended = self._ended()
        for segment in reducer.finish():
            self._write(segment)
        self.problems = reading.problems + reducer.problems + reducer.page.warnings
        reducer.page.clear()
        summary = self._summary()
        saved = Saved(
            VERSION,
            reading.salt,
            reading.blocks,
            reading.chunks,
            dict(reading.problems),
            reducer.problems[COPIES],
            self._originals,
            self.sanitiser.state(),
            ended,
        )
        size = self.draft.writer.finish(summary, {"files": raw.files}, saved.pack())
        return {
            "replay_id": raw.identity.replay_id,
            "user_id": raw.identity.user_id,
            "device_id": raw.identity.device_id,
            "session_id": raw.identity.session_id,
            "start": moment(reducer.start),
            "end": moment(reducer.last),
            "length_ms": int(reducer.length),
            "events": reducer.events,
            "first_page": summary["pages"][0]["url"] if summary["pages"] else None,
            "urls": "\n".join(observer.urls) or None,
            "width": summary["width"],
            "height": summary["height"],
            **summary["counts"],
            "segments": len(self._places),
            "bytes": size,
            "status": summary["status"],
            "ingested": stamp,
            "activity": summary["activity"],
            "agent": summary["agent"],
            "network": " ".join(self.sanitiser.hosts) or None,
        }

    def _ended(self) -> Ended | None:
        """Return how things stand, to be asked before the rest is written."""
        state = self._reducer.state()
        if state is None:
            return None
        return Ended(self._observer.state(), state, self.sanitiser.labelled)

    def removed(self) -> dict[str, int]:
        """Return what the sanitiser took out, counted."""
        return {what: count for what, count in self.sanitiser.removed.items() if count}

    def _write(self, segment: Segment) -> None:
        note: dict[str, Any] = {
            "start": segment.start,
            "end": segment.end,
            "events": segment.events,
            "nodes": segment.nodes,
            "lead": segment.lead,
            "genuine": segment.genuine,
            "playable": segment.playable,
        }
        if segment.early:
            note["early"] = segment.early
        if segment.metas:
            note["metas"] = segment.metas
        part = len(self._places) if segment.playable else ~self._asides
        self._originals.extend(Original.of(part, kept) for kept in segment.originals)
        writer = self.draft.writer
        if segment.playable:
            size = writer.segment(segment.parts, note, known=len(segment.head))
            self._place(note, size)
        else:
            writer.segment(segment.parts, note, aside=True)
            self._asides += 1

    def _place(self, note: Mapping[str, Any], size: int) -> None:
        # Playing on from the segment before leaves out what only repeats the state.
        lead = 0 if note["genuine"] else note["lead"]
        self._places.append([note["start"], note["end"], size, lead])

    def _summary(self) -> dict[str, Any]:
        reducer, sanitiser = self._reducer, self.sanitiser
        self._observer.gaps = gaps = self._gaps()
        summary = self._observer.summary(reducer.length, self.problems)
        summary["status"], summary["status_detail"] = _status(reducer, gaps)
        summary["removed"] = self.removed()
        summary["allow_network"] = hosts = sanitiser.hosts
        if hosts:
            loads = f"allowed to load from the network: {', '.join(hosts)}"
            summary["warnings"].insert(0, loads)
        summary["missing"] = sanitiser.missing[:200]
        summary["start_ms"] = reducer.start
        summary["length_ms"] = reducer.length
        summary["segments"] = [
            {"start": start, "end": end, "bytes": size, "lead": lead}
            for start, end, size, lead in self._places
        ]
        return summary

    def _gaps(self) -> list[tuple[float, float]]:
        """Return the stretches of which something is known to be missing."""
        reducer = self._reducer
        start = reducer.start or 0.0
        holes = holes_between(self.reading.chunks)
        gaps = [(before - start, after - start) for before, after in holes]
        if (
            reducer.snapshot_at
            and reducer.problems["changes before the first snapshot"]
        ):
            gaps.insert(0, (0.0, reducer.snapshot_at))
        return gaps


def _status(
    reducer: Reducer, gaps: list[tuple[float, float]]
) -> tuple[str, str | None]:
    """Return the status word of `spec/replay.md` 1 and a sentence for it."""
    if not reducer.snapshots:
        return "no_snapshot", (
            "No full snapshot was recorded, so there is no page to show. "
            "Its events can still be listed."
        )
    if gaps:
        lost = sum(end - begin for begin, end in gaps) / 1000
        return (
            "gaps",
            f"{len(gaps)} stretches, {lost:,.0f} s in all, were not recorded.",
        )
    if reducer.length < SHORT_MS:
        return "short", "Shorter than 10 seconds."
    return "ok", None

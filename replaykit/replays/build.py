"""Make recordings playable: read, clean, cut into segments, sum up, store."""

from __future__ import annotations

import gc
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadInput, BadRecording
from replaykit.ingest.rrweb import RawRecording, Unread, groups, in_memory, read
from replaykit.ingest.rrweb_identity import identity
from replaykit.progress import over
from replaykit.replays.assets import AssetMap, Assets
from replaykit.replays.reassemble import recorded_events, together
from replaykit.replays.reducer import Reducer
from replaykit.replays.sanitise import Sanitiser
from replaykit.replays.summary import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from replaykit.store.recording_shelves import Draft
    from replaykit.store.recordings import Batch, Recordings, Row

#: Shorter recordings have the status `short` (`spec/replay.md` 1).
SHORT_MS: Final = 10_000
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class RecordingReport:
    """What an ingest of recordings did.

    Attributes
    ----------
    added, replaced, unchanged
        Numbers of recordings.
    skipped
        File -> why it could not be read.
    problems
        What was wrong inside recordings that were read, counted.
    removed
        What the sanitiser took out, counted.
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    events: int = 0
    bytes: int = 0
    replay_ids: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)

    def __repr__(self) -> str:
        """Return the report as a few lines of words."""
        head = (
            f"{self.added:,} recordings added, {self.replaced:,} replaced, "
            f"{self.unchanged:,} unchanged · {self.events:,} events · "
            f"{self.bytes / 1e6:,.1f} MB"
        )
        lines = [head]
        odd = {k: v for k, v in self.statuses.items() if k != "ok"}
        if odd:
            lines.append("status: " + _counted(odd))
        if self.problems:
            lines.append("found: " + _counted(self.problems))
        if self.removed:
            lines.append("taken out: " + _counted(self.removed))
        lines.extend(f"skipped {file}: {why}" for file, why in self.skipped.items())
        return "\n".join(lines)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))


def add_recordings(
    store: Recordings,
    source: str | Path | Iterable[str | Path],
    *,
    device: str | None = None,
    user: str | None = None,
    assets: AssetMap | None = None,
    allow_network: Iterable[str] = (),
    progress: bool = True,
    now: datetime | None = None,
) -> RecordingReport:
    """Read every recording that `source` names into the store, in one commit.

    Adding the same files again changes nothing; a file that has grown replaces what it
    gave before.

    Parameters
    ----------
    store
        Where the recordings go.
    source
        A file, folder, pattern, zip archive, or a list of these.
    device, user
        Whose they are, where the files do not say.
    assets
        Files to show in place of what was not recorded: a folder laid out like the
        site, or a mapping of address to file or `data:` address.
    allow_network
        Hosts whose addresses are left in. The catalogue and the player name them.
    progress
        Show a bar while reading.
    now
        The time of ingestion; by default the clock.

    Raises
    ------
    MissingFile
        If a path does not exist or a pattern matches nothing.
    """
    report = RecordingReport()
    supplied = Assets(assets)
    hosts = tuple(sorted({host.strip().lower() for host in allow_network}))
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise BadInput(
                f"allow_network={host!r} is not the name of a host. Give names alone, "
                "such as 'cdn.shop.test'."
            )
    salt = f" {supplied.fingerprint()} {hosts}" if supplied or hosts else ""
    found = groups(source, salt=salt)
    stamp = now if now is not None else datetime.now(UTC)
    with store.batch() as batch, _fewer_collections():
        known = batch.digests()
        for group in over(found, "recordings", unit="file", shown=progress):
            if group.digest in known:
                report.unchanged += 1
                continue
            for item in read(group, device=device, user=user):
                if isinstance(item, Unread):
                    report.skipped[item.file] = item.reason
                    continue
                sanitiser = Sanitiser(supplied, hosts)
                _store(batch, item, sanitiser, report, stamp)
    return report


def add_events(
    store: Recordings,
    replay_id: str,
    events: Iterable[dict[str, Any]],
    *,
    now: datetime | None = None,
) -> RecordingReport:
    """Store a recording whose rrweb events are already in memory.

    Examples
    --------
    >>> from replaykit.store.recordings import Recordings
    >>> meta = {"href": "https://shop.test/", "width": 800, "height": 600}
    >>> events = [{"type": 4, "data": meta, "timestamp": 1717225200000}]
    >>> add_events(Recordings(), "d1/1717225200000", events).statuses
    Counter({'no_snapshot': 1})
    """
    raw = in_memory(identity(replay_id), events)
    report = RecordingReport()
    with store.batch() as batch:
        _store(batch, raw, Sanitiser(), report, now or datetime.now(UTC))
    return report


def _store(
    batch: Batch,
    raw: RawRecording,
    sanitiser: Sanitiser,
    report: RecordingReport,
    stamp: datetime,
) -> None:
    known = batch.row(raw.identity.replay_id)
    if known is not None:
        if raw.digest in known["digest"].split():
            report.unchanged += 1
            return
        if not _covers(raw, known):
            _join(batch, raw, known)
    draft = batch.draft()
    try:
        row = write_recording(draft, raw, sanitiser, report, stamp)
    except BadRecording as error:
        batch.give_up(draft)
        for name in raw.files or (raw.identity.replay_id,):
            report.skipped[name] = str(error)
        return
    batch.put(draft, row, raw.digest)
    if known is None:
        report.added += 1
    else:
        report.replaced += 1
    report.events += row["events"]
    report.bytes += row["bytes"]
    report.replay_ids.append(row["replay_id"])
    report.statuses[row["status"]] += 1


def _covers(raw: RawRecording, known: Row) -> bool:
    """Tell whether a recording holds all that is stored, as a grown file does."""
    return bool(
        _moment(raw.first) <= known["start"]
        and _moment(raw.last) >= known["end"]
        and raw.count >= known["events"]
    )


def _join(batch: Batch, raw: RawRecording, known: Row) -> None:
    """Put a piece of a recording together with what is stored of it."""
    stored = recorded_events(batch.stored(raw.identity.replay_id))
    raw.events = together(stored, raw.events)
    raw.digest = f"{known['digest']} {raw.digest}"


def _moment(timestamp: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=timestamp)


def write_recording(
    draft: Draft,
    raw: RawRecording,
    sanitiser: Sanitiser | None,
    report: RecordingReport,
    stamp: datetime,
) -> Row:
    """Write one recording's segments and summary; return its catalogue row."""
    observer = Observer()
    reducer = Reducer(sanitiser, observer)
    places: list[list[float]] = []
    for produced in (reducer.feed(raw.events), reducer.finish()):
        for segment in produced:
            note = {
                "start": segment.start,
                "end": segment.end,
                "events": segment.events,
                "nodes": segment.nodes,
                "lead": segment.lead,
                "genuine": segment.genuine,
                "playable": segment.playable,
            }
            if not segment.playable:
                draft.writer.segment(segment.parts, note, aside=True)
                continue
            size = draft.writer.segment(segment.parts, note, known=len(segment.head))
            # Playing on from the segment before leaves out what only repeats the state.
            lead = 0 if segment.genuine else segment.lead
            places.append([segment.start, segment.end, size, lead])
    if reducer.start is None:
        message = "The recording has no event that can be read."
        raise BadRecording(message)
    reducer.page.clear()
    problems = raw.problems + reducer.problems + reducer.page.warnings
    observer.gaps = _gaps(raw, reducer)
    summary = observer.summary(reducer.length, problems)
    removed = (
        {} if sanitiser is None else {k: v for k, v in sanitiser.removed.items() if v}
    )
    status, detail = _status(reducer, observer.gaps)
    summary["status"] = status
    summary["status_detail"] = detail
    summary["removed"] = removed
    summary["allow_network"] = hosts = [] if sanitiser is None else sanitiser.hosts
    if hosts:
        loads = f"allowed to load from the network: {', '.join(hosts)}"
        summary["warnings"].insert(0, loads)
    summary["missing"] = [] if sanitiser is None else list(sanitiser.missing)[:200]
    summary["start_ms"] = reducer.start
    summary["length_ms"] = reducer.length
    summary["segments"] = [
        {"start": start, "end": end, "bytes": size, "lead": lead}
        for start, end, size, lead in places
    ]
    size = draft.writer.finish(summary, {"files": raw.files})
    report.problems.update(problems)
    report.removed.update(removed)
    return {
        "replay_id": raw.identity.replay_id,
        "user_id": raw.identity.user_id,
        "device_id": raw.identity.device_id,
        "session_id": raw.identity.session_id,
        "start": _moment(reducer.start),
        "end": _moment(reducer.last),
        "length_ms": int(reducer.length),
        "events": reducer.events,
        "first_page": summary["pages"][0]["url"] if summary["pages"] else None,
        "urls": "\n".join(observer.urls) or None,
        "width": summary["width"],
        "height": summary["height"],
        **summary["counts"],
        "segments": len(places),
        "bytes": size,
        "status": status,
        "ingested": stamp,
        "activity": summary["activity"],
        "agent": summary["agent"],
        "network": " ".join(hosts) or None,
    }


def _gaps(raw: RawRecording, reducer: Reducer) -> list[tuple[float, float]]:
    """Return the stretches of which something is known to be missing."""
    start = reducer.start or 0.0
    gaps = [(before - start, after - start) for before, after in raw.holes]
    if reducer.snapshot_at and reducer.problems["changes before the first snapshot"]:
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


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Hold the cycle collector back: it would scan millions of dicts for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

"""Make recordings playable: read, clean, cut into segments, sum up, store."""

from __future__ import annotations

import gc
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadInput, BadRecording
from replaykit.ingest.archives import archives
from replaykit.ingest.rrweb import RawRecording, Unread, groups, in_memory, read
from replaykit.ingest.rrweb_identity import identity
from replaykit.progress import over
from replaykit.replays.adding import Adding
from replaykit.replays.assets import AssetMap, Assets
from replaykit.replays.sanitise import Sanitiser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from replaykit.store.recordings import Batch, Recordings

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


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

    Adding the same files again changes nothing. What has grown, be it a file or by a
    piece of its own, is read on from where it ended (`replays.resuming`). Pieces may
    overlap and come in any order: each event is stored once (`replays.adding`).

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
    stamp = now if now is not None else datetime.now(UTC)
    with archives(), store.batch() as batch, _fewer_collections():
        found = groups(source, salt=salt)
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
                _store(batch, item, sanitiser, report, stamp, salt=salt)
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
    *,
    salt: str = "",
) -> None:
    known = batch.row(raw.identity.replay_id)
    try:
        adding = Adding(batch, raw, sanitiser, salt)
        storing, whole = adding.storing(known)
        if storing is None:
            report.unchanged += 1
            return
        row = storing.finish(raw, stamp)
    except BadRecording as error:
        batch.give_up()
        for name in raw.files or (raw.identity.replay_id,):
            report.skipped[name] = str(error)
        return
    earlier = [] if whole or known is None else [known["digest"]]
    batch.put(storing.draft, row, " ".join([*earlier, raw.digest]))
    if known is None:
        report.added += 1
    else:
        report.replaced += 1
    report.events += row["events"]
    report.bytes += row["bytes"]
    report.replay_ids.append(row["replay_id"])
    report.statuses[row["status"]] += 1
    report.problems.update(storing.problems)
    report.removed.update(storing.removed())


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

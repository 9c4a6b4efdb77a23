"""What one recording is made of, and what is wrong with it."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
import polars as pl

from replaykit.ingest.rrweb_elements import REFUSED
from replaykit.ingest.rrweb_events import INCREMENTAL
from replaykit.replays.reassemble import recorded_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replaykit.ingest.rrweb_events import Event
    from replaykit.replays.scene import Stored

Severity: TypeAlias = Literal["broken", "missing", "note"]
"""Nothing to play; something of the page is not as it was; worth knowing."""

#: rrweb's names of event types and of incremental sources.
_TYPES: Final = {
    0: "page loaded",
    1: "window loaded",
    2: "full snapshot",
    4: "meta",
    5: "custom",
    6: "plugin",
}
_SOURCES: Final = {
    0: "mutation",
    1: "mouse move",
    2: "mouse interaction",
    3: "scroll",
    4: "viewport",
    5: "input",
    6: "touch move",
    7: "media",
    8: "style rule",
    9: "canvas",
    10: "font",
    11: "log",
    12: "drag",
    13: "style declaration",
    14: "selection",
    15: "adopted style sheet",
    16: "custom element",
}
_LARGEST: Final = 10
_KINDS_SHOWN: Final = 8


class _Sourced(msgspec.Struct):
    """What tells the kind of an incremental event."""

    source: int


_SOURCE: Final = msgspec.json.Decoder(_Sourced)
#: A mutation is called oversized from so many bytes or added nodes on.
_OVERSIZED_BYTES: Final = 1_000_000
_OVERSIZED_NODES: Final = 10_000
#: Silence of this length is worth a line: a sleeping tab, or a lost chunk.
_SILENCE_MS: Final = 30 * 60_000
_SKEW_MS: Final = 2_000
_MUTATION: Final = 0

_FINDINGS: Final[dict[str, pl.DataType]] = {
    "severity": pl.String(),
    "finding": pl.String(),
    "t_ms": pl.Int64(),
    "end_ms": pl.Int64(),
    "count": pl.Int64(),
    "bytes": pl.Int64(),
    "detail": pl.String(),
}
_KINDS: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(),
    "events": pl.Int64(),
    "bytes": pl.Int64(),
    "share": pl.Float64(),
}
_EVENTS: Final[dict[str, pl.DataType]] = {
    "t_ms": pl.Int64(),
    "kind": pl.String(),
    "bytes": pl.Int64(),
    "added_nodes": pl.Int64(),
}


@dataclass(frozen=True, eq=False, repr=False)
class Anatomy:
    """One recording explained; displays as a short report.

    Attributes
    ----------
    replay_id
        Which recording.
    status
        Its status in the catalogue.
    headline
        Its length, size and number of events in one line.
    table
        What was found, worst first: `severity` String (`Severity`), `finding` String,
        `t_ms` and `end_ms` Int64 (ms from the first event; null where it is about the
        whole), `count` Int64, `bytes` Int64 (null where it has no size), `detail`
        String.
    by_kind
        What takes the room: `kind` String, `events` Int64, `bytes` Int64 (of JSON),
        `share` Float64 (percent), the largest first.
    largest
        The ten largest events: `t_ms`, `kind`, `bytes`, `added_nodes`.
    """

    replay_id: str
    status: str
    headline: str
    table: pl.DataFrame
    by_kind: pl.DataFrame
    largest: pl.DataFrame

    def __repr__(self) -> str:
        """Return the report as a few lines of words."""
        lines = [f"{self.replay_id} · {self.status} · {self.headline}"]
        lines.extend(
            f"{row['severity']:>8}  {_sentence(row)}"
            for row in self.table.iter_rows(named=True)
        )
        if not self.table.height:
            lines.append("nothing is missing or odd")
        shares = [
            f"{row['kind']} {row['share']:.0f} % ({row['events']:,})"
            for row in self.by_kind.head(5).iter_rows(named=True)
        ]
        lines.append("made of: " + ", ".join(shares))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the report as tables; nothing in it comes unescaped."""
        found = _html(
            ["", "finding", "at"],
            [
                [row["severity"], _sentence(row, at=False), _at(row)]
                for row in self.table.iter_rows(named=True)
            ],
        )
        kinds = _html(
            ["kind", "events", "JSON", "share"],
            [
                [
                    row["kind"],
                    f"{row['events']:,}",
                    _size(row["bytes"]),
                    f"{row['share']:.1f} %",
                ]
                for row in self.by_kind.head(_KINDS_SHOWN).iter_rows(named=True)
            ],
        )
        large = _html(
            ["largest events", "at", "JSON", "nodes added"],
            [
                [row["kind"], _at(row), _size(row["bytes"]), f"{row['added_nodes']:,}"]
                for row in self.largest.iter_rows(named=True)
            ],
        )
        head = escape(f"{self.replay_id} · {self.status} · {self.headline}")
        return f"<p><b>{head}</b></p>{found or '<p>Nothing is odd.</p>'}{kinds}{large}"


def report(found: Anatomy) -> dict[str, Any]:
    """Return an anatomy as the player shows it, in plain numbers and words.

    Examples
    --------
    >>> from replaykit.replays.build import add_events
    >>> from replaykit.store.recordings import Recordings
    >>> meta = {"href": "https://shop.test/", "width": 800, "height": 600}
    >>> stored = Recordings()
    >>> _ = add_events(stored, "d1/7", [{"type": 4, "data": meta, "timestamp": 7_000}])
    >>> shown = report(anatomy(stored, "d1/7", stored.summary("d1/7")))
    >>> [row["severity"] for row in shown["findings"]], shown["kinds"][0]["events"]
    (['broken'], 1)
    """
    return {
        "headline": found.headline,
        "findings": [
            {
                "severity": row["severity"],
                "text": _sentence(row, at=False),
                "t": row["t_ms"],
                "at": _at(row),
            }
            for row in found.table.iter_rows(named=True)
        ],
        "kinds": found.by_kind.head(_KINDS_SHOWN).to_dicts(),
    }


def anatomy(
    recordings: Stored,
    replay_id: str,
    summary: Mapping[str, Any],
    *,
    skew_ms: int = 0,
    stored_bytes: int = 0,
) -> Anatomy:
    """Explain one stored recording; see `Anatomy`.

    Parameters
    ----------
    recordings
        The store.
    replay_id
        Which recording.
    summary
        What was written with it.
    skew_ms
        How far the clock of its events differs from the recorder's.
    stored_bytes
        What it takes on disk.

    Examples
    --------
    >>> from replaykit.replays.build import add_events
    >>> from replaykit.store.recordings import Recordings
    >>> meta = {"href": "https://shop.test/", "width": 800, "height": 600}
    >>> stored = Recordings()
    >>> _ = add_events(stored, "d1/7", [{"type": 4, "data": meta, "timestamp": 7_000}])
    >>> found = anatomy(stored, "d1/7", stored.summary("d1/7"))
    >>> found.table["finding"].to_list()
    ['no full snapshot']
    """
    walked = _walk(recorded_events(recordings.stored(replay_id)))
    total = sum(walked.bytes.values())
    kinds = [
        (kind, walked.events[kind], size, size * 100 / total if total else 0.0)
        for kind, size in walked.bytes.most_common()
    ]
    rows = [
        *_wholes(summary, skew_ms),
        *_stretches(summary, walked),
        *_oversized(walked),
        *_assets(summary),
    ]
    order = {"broken": 0, "missing": 1, "note": 2}
    rows.sort(key=lambda row: order[row[0]])
    stored = f" · {_size(stored_bytes)} stored" if stored_bytes else ""
    return Anatomy(
        replay_id,
        str(summary["status"]),
        f"{_clock(summary['length_ms'])} · {sum(walked.events.values()):,} events · "
        f"{_size(total)} JSON{stored} · {walked.snapshots:,} snapshots in "
        f"{len(summary['segments']):,} segments",
        pl.DataFrame(rows, schema=_FINDINGS, orient="row"),
        pl.DataFrame(kinds, schema=_KINDS, orient="row"),
        pl.DataFrame(
            sorted(
                ((t, kind, size, added) for size, t, kind, added in walked.largest),
                key=lambda row: -row[2],
            ),
            schema=_EVENTS,
            orient="row",
        ),
    )


@dataclass
class _Walked:
    """A recording as counted on the way through it."""

    events: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    largest: list[tuple[int, int, str, int]] = field(default_factory=list)
    silences: list[tuple[int, int]] = field(default_factory=list)
    snapshots: int = 0


Finding: TypeAlias = tuple[
    str, str, int | None, int | None, int | None, int | None, str
]


def _walk(events: Iterator[Event]) -> _Walked:
    walked = _Walked()
    start = last = None
    for event in events:
        if start is None or last is None:
            start = last = event.timestamp
        if event.timestamp - last >= _SILENCE_MS:
            walked.silences.append((int(last - start), int(event.timestamp - start)))
        last = event.timestamp
        data = bytes(event.data)
        kind = _kind(event, data)
        size = len(data)
        walked.events[kind] += 1
        walked.bytes[kind] += size
        walked.snapshots += event.type == 2
        heap = walked.largest
        if len(heap) < _LARGEST or size > heap[0][0]:
            entry = (size, int(event.timestamp - start), kind, _added(data))
            (heapq.heappush if len(heap) < _LARGEST else heapq.heapreplace)(heap, entry)
    return walked


def _kind(event: Event, data: bytes) -> str:
    if event.type != INCREMENTAL:
        return _TYPES.get(event.type, f"type {event.type}")
    try:
        source = _SOURCE.decode(data).source
    except REFUSED:
        return "odd event"
    return _SOURCES.get(source, f"source {source}")


def _added(data: bytes) -> int:
    """Count the nodes that an event adds: elements and texts name themselves."""
    return data.count(b'"tagName":') + data.count(b'"textContent":')


def _wholes(summary: Mapping[str, Any], skew_ms: int) -> Iterator[Finding]:
    """Yield what is true of the recording as a whole."""
    if summary["status"] == "no_snapshot":
        detail = str(summary["status_detail"])
        yield "broken", "no full snapshot", None, None, None, None, detail
    if abs(skew_ms) >= _SKEW_MS:
        detail = (
            f"events are {abs(skew_ms) / 1000:,.1f} s "
            f"{'ahead of' if skew_ms > 0 else 'behind'} the recorder's clock; the "
            "player shifts them back"
        )
        yield "note", "clock skew", None, None, None, None, detail
    for line in summary["warnings"]:
        what, _, count = line.rpartition(": ")
        number = int(count.replace(",", "")) if count.replace(",", "").isdigit() else 1
        severity = "note" if line.startswith(("duplicate", "allowed")) else "missing"
        yield severity, what or line, None, None, number, None, ""


def _stretches(summary: Mapping[str, Any], walked: _Walked) -> Iterator[Finding]:
    """Yield stretches without data, and those without events."""
    for begin, end in summary["gaps"]:
        detail = f"{(end - begin) / 1000:,.0f} s were not recorded or are lost"
        yield "missing", "gap", int(begin), int(end), 1, None, detail
    for begin, end in walked.silences:
        detail = "nothing was recorded: a sleeping tab, or a lost upload"
        yield "note", "silence", begin, end, 1, None, detail


def _oversized(walked: _Walked) -> Iterator[Finding]:
    for size, t, kind, added in sorted(walked.largest, reverse=True):
        large = size >= _OVERSIZED_BYTES or added >= _OVERSIZED_NODES
        if kind == _SOURCES[_MUTATION] and large:
            detail = f"one event adds {added:,} nodes; playing it takes a while"
            yield "note", "oversized mutation", t, t, added, size, detail


def _assets(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what was taken out, and which files a recording only names."""
    for what, count in sorted(summary["removed"].items()):
        yield "note", f"taken out: {what}", None, None, count, None, ""
    missing = summary["missing"]
    if missing:
        shown = ", ".join(str(address)[:80] for address in missing[:3])
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        detail = f"{shown}{more}; add_replays(…, assets=folder) can supply them"
        yield "missing", "missing files", None, None, len(missing), None, detail


def _sentence(row: Mapping[str, Any], *, at: bool = True) -> str:
    words = str(row["finding"])
    if row["count"] is not None and row["count"] != 1:
        words += f" ({row['count']:,})"
    if at and row["t_ms"] is not None:
        words += f" at {_at(row)}"
    return f"{words}: {row['detail']}" if row["detail"] else words


def _at(row: Mapping[str, Any]) -> str:
    if row["t_ms"] is None:
        return ""
    end = row.get("end_ms")
    until = f" to {_clock(end)}" if end is not None and end != row["t_ms"] else ""
    return _clock(row["t_ms"]) + until


def _clock(ms: float) -> str:
    minutes, seconds = divmod(int(ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{seconds:02}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _html(heads: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th style='text-align:left'>{escape(h)}</th>" for h in heads)
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in row)
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

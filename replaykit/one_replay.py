"""What the player shows of one replay: its person, its clock, its events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from replaykit.errors import UnknownReplay
from replaykit.replays.anatomy import Anatomy, anatomy
from replaykit.rows_as_json import epoch_ms, events_of, properties_of

if TYPE_CHECKING:
    from replaykit.source import Source


def session(
    source: Source,
    replay_id: str,
    *,
    matched: dict[str, Any] | None = None,
    because: str | None = None,
) -> dict[str, Any]:
    """Return all that the player shows of one replay, but its segments.

    Parameters
    ----------
    source
        Where the replay lies.
    replay_id
        The replay.
    matched
        A row of `matched_replays`: where to open, and which rows are charted.
    because
        A sentence that says why this replay is offered.
    """
    row = source.replay(replay_id)
    recordings = source.recordings
    if recordings is None:  # source.replay has found it, so there are some
        raise AssertionError
    summary = dict(recordings.summary(replay_id))
    events, shift_ms = _events_beside(source, row, charted_rows(matched))
    return {
        **summary,
        "replay": replay_id,
        "user": row["user_id"] or row["device_id"] or "(unknown)",
        "country": row.get("country"),
        "agent": _agent(row),
        "start_ms": epoch_ms(row["start"]),
        "length_ms": row["length_ms"],
        "status": row["status"],
        **_why_not(source, row),
        **opening(matched, because),
        "shift_ms": shift_ms,
        "events": events,
    }


def opening(matched: dict[str, Any] | None, because: str | None) -> dict[str, Any]:
    """Return what a session says of who asks: where it opens, how it fits, and why."""
    return {
        "opened_t": matched["matched_at"] if matched else None,
        "match": matched.get("match") if matched else None,
        "because": because,
    }


def charted_rows(matched: dict[str, Any] | None) -> set[str]:
    """Return the ids of the rows that a match is about."""
    return set(matched.get("matched_because") or ()) if matched else set()


def explain(source: Source, replay_id: str) -> Anatomy:
    """Explain one recording: what is missing, what is odd, what takes the room.

    Parameters
    ----------
    source
        Where the replay lies.
    replay_id
        The replay.

    Raises
    ------
    UnknownReplay
        If there is no such replay.
    """
    row = source.replay(replay_id)
    if source.recordings is None:
        raise UnknownReplay(f"No replay {replay_id!r}: there are no recordings.")
    _, shift_ms = _events_beside(source, row, set())
    return anatomy(
        source.recordings,
        replay_id,
        {**source.recordings.summary(replay_id), "status": row["status"]},
        skew_ms=shift_ms,
        stored_bytes=row["bytes"],
    )


def _why_not(source: Source, row: dict[str, Any]) -> dict[str, str]:
    """Say why a replay that has expired cannot be played, and since when."""
    if row["status"] != "expired":
        return {}
    days = source.kept_days(row["ingested"])
    detail = f"Ingested on {row['ingested']:%d %b %Y}; kept playable for {days} days."
    return {"status_detail": detail}


def _agent(row: dict[str, Any]) -> str | None:
    known = [row.get("agent"), row.get("device_family"), row.get("os_name")]
    words = list(dict.fromkeys(str(word) for word in known if word))
    return ", ".join(words[:2]) or None


def _events_beside(
    source: Source, replay: dict[str, Any], charted: set[str]
) -> tuple[dict[str, Any], int]:
    """Return the rows of the replay's session and what happened meanwhile.

    Offsets are `event_time` minus the first recorded timestamp. The recorder's clock
    is the client's; when `event_time` was adjusted, the session's median adjustment is
    taken off again (`spec/replay.md` 5).
    """
    empty: dict[str, list[Any]] = {
        key: [] for key in ("id", "t", "name", "props", "state", "charted")
    }
    if replay["user"] is None:
        return empty, 0
    rows = events_of(source, replay["user"])
    meanwhile = pl.col("time").is_between(replay["start"], replay["end"])
    if replay["session_id"] is None:
        margin = timedelta(minutes=5)
        rows = rows.filter(
            pl.col("time").is_between(replay["start"] - margin, replay["end"] + margin)
        )
        out = pl.lit(value=False)
    else:
        mine = pl.col("session_id") == replay["session_id"]
        rows = rows.filter(mine.fill_null(value=False) | meanwhile)
        out = ~mine.fill_null(value=False)
    skew = (rows["time"] - rows["client_time"]).dt.total_milliseconds().median()
    shift_ms = round(float(skew)) if isinstance(skew, int | float) else 0
    start_ms = epoch_ms(replay["start"])
    t = pl.col("time").dt.epoch("ms") - start_ms - shift_ms
    # Beside the rows, not in them: a property may be called `t` or `state`.
    state = (
        pl.when(out)
        .then(3)
        .when(t < 0)
        .then(1)
        .when(t > replay["length_ms"])
        .then(2)
        .otherwise(0)
    )
    beside = rows.select(t=t, state=state)
    ids = [str(row) for row in rows["row"]]
    return {
        "id": ids,
        "t": beside["t"].to_list(),
        "name": rows["event"].to_list(),
        "props": properties_of(rows),
        "state": beside["state"].to_list(),
        "charted": [int(row in charted) for row in ids],
    }, shift_ms

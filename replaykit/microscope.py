"""What stands behind a point: its users, their streams, and the replays to watch.

A point is given as a *population*: one row per unit with `user`, the window `start` to
`end`, the moment `at` at which a replay should open, and the `rows` that were charted
(`spec/inspect.md` 1). Everything here is a function of a source and a population.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import polars as pl

from replaykit.errors import UnknownUser
from replaykit.replays.matching import match
from replaykit.schema import BUILT_INS, COLUMNS, REPLAY_ID, TIME

if TYPE_CHECKING:
    from replaykit.source import Source

POPULATION: Final[dict[str, pl.DataType]] = {
    "user": pl.Int32(),
    "start": TIME,
    "end": TIME,
    "at": TIME,
    "rows": pl.List(pl.Int64()),
}

#: Rows shown around the window of a point (`spec/inspect.md` 3).
ROWS_BEFORE: Final = 25
ROWS_FROM_START: Final = 50

#: Signals of a recording that lists show as marks, gravest first.
_SIGNALS: Final = {
    "error": "errors",
    "request": "failed_requests",
    "rage": "rage_clicks",
    "dead": "dead_clicks",
}
_PLAYABLE: Final = ("ok", "gaps", "short")


def matched_replays(source: Source, population: pl.DataFrame) -> pl.DataFrame:
    """Return the replays that show the charted rows of a population, best first.

    One row per (unit, session, replay): the catalogue's columns, `match` (`covering`,
    `overlapping`, `time`), `matched_at` (ms from the replay's first event: where to
    open it), `matched_exactly` (false when that moment lies outside the recording and
    its nearest end is given), `matched_because` (ids of the charted rows, as text),
    `unit` (the population's row, oldest moment first) and `holds_moment` (the unit's
    own moment is in it). Rules: `spec/replay.md` 3, `settled.md` 14.
    """
    catalogue = source.catalogue.filter(
        pl.col("user").is_not_null() & pl.col("status").is_in(_PLAYABLE)
    )
    oldest_first = population.sort("at", "user", maintain_order=True)
    units = oldest_first.with_row_index("unit").join(catalogue, on="user", how="semi")
    charted = units.select("unit", "user", "at", pl.col("rows").alias("row")).explode(
        "row"
    )
    queries = (
        charted.join(source.recorded_rows, on=["user", "row"])
        .sort("time", "row")
        .group_by("unit", "user", "at", "session_id", maintain_order=True)
        .agg(first=pl.col("time").min(), last=pl.col("time").max(), because="row")
    )
    found = match(queries, catalogue)
    inside = pl.col("at").is_between("start", "end")
    moment = pl.when(inside).then("at").otherwise("first")
    clipped = moment.clip(pl.col("start"), pl.col("end"))
    return found.with_columns(
        matched_at=(clipped - pl.col("start")).dt.total_milliseconds(),
        matched_exactly=moment.is_between("start", "end"),
        matched_because=pl.col("because").cast(pl.List(pl.String)),
        holds_moment=inside,
    ).drop("because", "first", "last", "at")


def watchlist(source: Source, population: pl.DataFrame) -> pl.DataFrame:
    """Return each replay once, at its best match, the oldest moments first.

    Of several replays of one unit, the one that holds its moment comes first.
    """
    order = {"covering": 0, "overlapping": 1, "time": 2}
    return (
        matched_replays(source, population)
        .with_columns(rank=pl.col("match").replace_strict(order, return_dtype=pl.Int8))
        .sort(
            "holds_moment",
            "rank",
            "unit",
            "matched_at",
            descending=[True, False, False, False],
        )
        .unique("replay_id", keep="first", maintain_order=True)
        .sort(
            "unit",
            "holds_moment",
            "rank",
            "start",
            descending=[False, True, False, False],
        )
        .drop("rank")
    )


def list_rows(replays: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows that replay lists draw, from rows of the catalogue."""
    return [
        {
            "replay": row["replay_id"],
            "user": row["user_id"] or row["device_id"] or "(unknown)",
            "start_ms": _epoch_ms(row["start"]),
            "length_ms": row["length_ms"],
            "country": row.get("country"),
            "signals": signals(row),
            "activity": list(row.get("activity") or ()),
            "first_page": _path(row["first_page"] or ""),
            "status": row["status"],
        }
        for row in replays.iter_rows(named=True)
    ]


def _path(url: str) -> str:
    """Return what tells pages of one site apart: path and query."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.path or '/'}{query}"


def signals(row: dict[str, Any]) -> list[str]:
    """Name the kinds of trouble a catalogue row counts, gravest first."""
    return [kind for kind, column in _SIGNALS.items() if (row.get(column) or 0) > 0]


def users_page(
    source: Source,
    population: pl.DataFrame,
    *,
    with_replays: bool,
    offset: int,
    limit: int,
) -> dict[str, Any]:
    """Return one page of a point's users, in the order of their moment."""
    watch = watchlist(source, population)
    per_user = watch.group_by("user").agg(
        replays=pl.len(),
        country=pl.col("country").drop_nulls().first(),
        signals=pl.struct(*(_SIGNALS[kind] for kind in _SIGNALS)),
    )
    people = (
        population.sort("at", "user")
        .group_by("user", maintain_order=True)
        .agg(first=pl.col("at").min())
    )
    people = people.join(
        per_user,
        on="user",
        how="inner" if with_replays else "left",
        maintain_order="left",
    )
    page = people.slice(offset, limit)
    countries = _countries(source, page.filter(pl.col("country").is_null())["user"])
    names = source.user_ids(page["user"])
    rows = [
        {
            "user": name,
            "country": row["country"] or countries.get(row["user"]),
            "replays": row["replays"] or 0,
            "first_ms": _epoch_ms(row["first"]),
            "signals": _union_of_signals(row["signals"] or []),
        }
        for name, row in zip(names, page.iter_rows(named=True), strict=True)
    ]
    return {"total": people.height, "rows": rows}


def _union_of_signals(rows: list[dict[str, Any]]) -> list[str]:
    kinds = {kind for row in rows for kind in signals(row)}
    return [kind for kind in _SIGNALS if kind in kinds]


def _countries(source: Source, users: pl.Series) -> dict[int, str]:
    if "country" not in source.properties or users.is_empty():
        return {}
    found = (
        source.scan(("country",), users)
        .group_by("user")
        .agg(pl.col("country").drop_nulls().first())
        .collect()
    )
    return dict(found.drop_nulls().iter_rows())


def stream(source: Source, population: pl.DataFrame, user_id: str) -> dict[str, Any]:
    """Return a user's rows around the window of a point, by session, oldest first.

    All rows inside the window, up to 25 before it, and rows after it until 50 from the
    window's start are shown (`spec/inspect.md` 3).
    """
    user = source.user(user_id)
    units = population.filter(pl.col("user") == user)
    if units.is_empty():
        raise UnknownUser(f"User {user_id!r} does not belong to this point.")
    start, end = units["start"].min(), units["end"].max()
    charted = set(units["rows"].explode().drop_nulls().to_list())
    rows = events_of(source, user)
    place = (
        pl.when(pl.col("time") < start)
        .then(0)
        .when(pl.col("time") <= end)
        .then(1)
        .otherwise(2)
    )
    places = rows.select(place=place).to_series()
    before = rows.filter(places == 0).tail(ROWS_BEFORE)
    within = rows.filter(places == 1)
    room = max(0, ROWS_FROM_START - within.height)
    after = rows.filter(places == 2).head(room)
    shown = pl.concat([before, within, after])
    watch = {
        row["session_id"]: row
        for row in watchlist(source, units).sort("matched_at").iter_rows(named=True)
    }
    others = source.catalogue.filter(pl.col("user") == user)
    return {
        "user": user_id,
        "before": before.height,
        "within": within.height,
        "after": after.height,
        "sessions": _sessions_of(shown, watch, others),
        "rows": {
            "id": [str(row) for row in shown["row"]],
            "time_ms": shown["time"].dt.epoch("ms").to_list(),
            "name": shown["event"].to_list(),
            "props": [properties(row) for row in shown.iter_rows(named=True)],
            "charted": [int(row in charted) for row in shown["row"]],
            "place": [0] * before.height + [1] * within.height + [2] * after.height,
            "out_of_session": [int(value is None) for value in shown["session_id"]],
        },
    }


def _sessions_of(
    shown: pl.DataFrame,
    watch: dict[int | None, dict[str, Any]],
    others: pl.DataFrame,
) -> list[dict[str, Any]]:
    """Split rows in time order into runs of one session, with the replay of each."""
    runs = (
        shown.select("session_id", "time")
        .with_row_index("position")
        .with_columns(run=pl.col("session_id").rle_id())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("session_id").first(),
            first_row=pl.col("position").min(),
            rows=pl.len(),
            start=pl.col("time").min(),
            end=pl.col("time").max(),
        )
    )
    sessions = []
    for run in runs.iter_rows(named=True):
        session = run["session_id"]
        replay = None if session is None else watch.get(session)
        recorded = (
            others.filter(pl.col("session_id") == session).sort("start")
            if session is not None
            else others.clear()
        )
        chosen = replay or next(recorded.iter_rows(named=True), None)
        playable = chosen is not None and chosen["status"] in _PLAYABLE
        sessions.append(
            {
                "session": None if session is None else str(session),
                "start_ms": _epoch_ms(run["start"]),
                "length_ms": _epoch_ms(run["end"]) - _epoch_ms(run["start"]),
                "replay": chosen["replay_id"] if chosen and playable else None,
                "match": replay["match"] if replay else None,
                "at_t": replay["matched_at"] if replay else (0 if playable else None),
                "opens": bool(replay and replay["holds_moment"]),
                "first_row": run["first_row"],
                "rows": run["rows"],
            }
        )
    return sessions


def events_of(source: Source, user: int) -> pl.DataFrame:
    """Return all rows of one user with all properties, in time order.

    What tells the rows apart comes first; what is known of the person and the device
    on every row (the country, the platform) comes last.
    """
    found = source.scan(None, (user,)).sort("time", "row").collect()
    rows = source.with_sessions(found)
    others = [name for name in rows.columns if name not in COLUMNS]
    standing = {
        name
        for name in others
        if name in BUILT_INS
        or name == REPLAY_ID
        or rows[name].drop_nulls().len() > rows.height // 2
    }
    others.sort(key=lambda name: name in standing)
    return rows.select(*COLUMNS, *others)


def properties(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a row beside the canonical columns, as plain JSON."""
    return {
        name: _plain(value)
        for name, value in row.items()
        if name not in COLUMNS and value is not None
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | bool):
        return value
    return str(value)


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
    events, shift_ms = _events_beside(
        source, row, set(matched["matched_because"]) if matched else set()
    )
    return {
        **summary,
        "replay": replay_id,
        "user": row["user_id"] or row["device_id"] or "(unknown)",
        "country": row.get("country"),
        "agent": _agent(row),
        "start_ms": _epoch_ms(row["start"]),
        "length_ms": row["length_ms"],
        "status": row["status"],
        **_why_not(source, row),
        "opened_t": matched["matched_at"] if matched else None,
        "match": matched["match"] if matched else None,
        "because": because,
        "shift_ms": shift_ms,
        "events": events,
    }


def _why_not(source: Source, row: dict[str, Any]) -> dict[str, str]:
    """Say why a replay that has expired cannot be played, and since when."""
    if row["status"] != "expired":
        return {}
    days = source.retention_days
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
    start_ms = _epoch_ms(replay["start"])
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
        "props": [properties(row) for row in rows.iter_rows(named=True)],
        "state": beside["state"].to_list(),
        "charted": [int(row in charted) for row in ids],
    }, shift_ms


def _epoch_ms(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)


def to_json(value: object) -> str:
    """Serialise a reply in the one form in which replies are compared and stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

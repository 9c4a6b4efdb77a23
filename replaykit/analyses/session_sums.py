"""What a chart of sessions adds up, piece by piece.

Plain sessions of rows in order are cut and summed in one pass (`session_kernel`);
where properties, events inside them or rules beyond a pause matter, the sessions of a
piece are listed and then added up. Either way only sums leave the piece.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from replaykit.analyses.distinct import distinct_rows, grouped
from replaykit.analyses.segments import keep_cohort, members
from replaykit.analyses.session_rules import LONGEST
from replaykit.engine import gathered
from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from replaykit.analyses.grid import Grid
    from replaykit.analyses.session_query import SessionsQuery

    Ranges = Sequence[tuple[float, float]]

#: The `bucket_at` of all sessions together, in whichever bucket they are.
ALL: Final = -1

_TIME: Final = pl.col("time")


def session_sums(query: SessionsQuery, segment: int, ranges: Ranges) -> pl.DataFrame:
    """Return the sums of a segment's sessions, those longer than a day left out.

    `b0`.., `i`, `bucket_at` (`ALL`, or one of `ranges`), `n` sessions, their `length`
    (us) and, of an event counted inside them, `_counted`.
    """
    if list(query.segments.values())[segment].needs_users:
        return summed(query, query.formed(segment), ranges)
    bare = replace(query, log=query.log.bare)
    return query.log.run(
        partial(_summed_piece, query=bare, segment=segment, ranges=tuple(ranges))
    )


def summed(query: SessionsQuery, formed: pl.DataFrame, ranges: Ranges) -> pl.DataFrame:
    """Add up sessions as `session_sums` returns them."""
    formed = formed.filter(pl.col("length") <= LONGEST)
    at = [*(f"b{k}" for k in range(len(query.by))), "i"]
    sums = [pl.len().cast(pl.Int64).alias("n"), pl.col("length").sum()]
    if query.counting is not None:
        sums.append(pl.col("_counted").sum())
    parts = [grouped(formed, at, *sums).with_columns(bucket_at=_bucket(ALL))]
    for k in range(len(ranges)):
        inside = formed.filter(in_bucket(query, ranges, k))
        parts.append(grouped(inside, at, *sums).with_columns(bucket_at=_bucket(k)))
    return pl.concat(parts)


def in_bucket(query: SessionsQuery, ranges: Ranges, k: int) -> pl.Expr:
    """Return the condition that a session is in the k-th bucket of a distribution.

    Of lengths in seconds `[low, high)`, of counted events both ends included.
    """
    low, high = ranges[k]
    if query.counting is not None:
        return pl.col("_counted").is_between(low, high)
    return (pl.col("length") / 1e6).is_between(low, high, closed="left")


def _bucket(k: int) -> pl.Expr:
    return pl.lit(k, dtype=pl.Int32)


def _summed_piece(
    lf: pl.LazyFrame, query: SessionsQuery, segment: int, ranges: Ranges
) -> pl.DataFrame:
    found = _in_one_pass(lf, query, segment, ranges) if query.is_plain else None
    if found is None:
        return summed(query, query.form(lf, segment), ranges)
    return found


class _Runs(NamedTuple):
    """Neighbouring rows of one session: whose, when they begin, and how long.

    The runs of one session share its `session`, and follow each other.
    """

    user: NDArray[np.int32]
    session: NDArray[np.int64]
    start: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def _in_one_pass(
    lf: pl.LazyFrame, query: SessionsQuery, segment: int, ranges: Ranges
) -> pl.DataFrame | None:
    """Return the sums of plain sessions; None where rows do not stand in order."""
    from replaykit.analyses.session_kernel import (  # noqa: PLC0415 - numba
        summed_sessions,
    )
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    rows, rule = query.rows(lf, segment), query.rule
    columns = ["user", "time", "client_time"]
    if rule is None:
        rows = rows.filter(pl.col("session_id").is_not_null())
        columns.append("session_id")
    frame = _together(gathered(rows.select(columns)))
    if not _in_order(frame):
        return None
    runs = _by_ids(frame) if rule is None else _by_pauses(frame, rule.timeout or "")
    counts, lengths, cells = summed_sessions(
        frozen(runs.user),
        frozen(runs.session),
        frozen(runs.start),
        frozen(runs.first),
        frozen(runs.last),
        frozen(_edges(query.grid)),
        *_range(query.grid),
        LONGEST,
        frozen(np.array([low for low, _ in ranges], np.float64)),
        frozen(np.array([high for _, high in ranges], np.float64)),
    )
    some = np.flatnonzero(counts)
    parts = [_sums(some, ALL, counts[some], lengths[some])]
    for k in range(len(ranges)):
        inside = np.flatnonzero(cells[:, k])
        # What the sessions of one bucket last together, nobody asks.
        parts.append(_sums(inside, k, cells[inside, k], np.zeros(len(inside))))
    return pl.concat(parts)


def _by_ids(frame: pl.DataFrame) -> _Runs:
    user, session = _users(frame), _numbers(frame, "session_id")
    other = (user[1:] != user[:-1]) | (session[1:] != session[:-1])
    heads = np.flatnonzero(np.append(len(user) > 0, other))
    runs = _runs(frame, heads, session[heads])
    order = _order(runs.user, runs.session)
    if not len(order):
        return runs
    return _Runs(
        runs.user[order],
        runs.session[order],
        runs.start[order],
        runs.first[order],
        runs.last[order],
    )


def _order(user: NDArray[np.int32], session: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order that puts runs of one session together; empty if they are.

    Sessions of one user may interleave: not their rows are sorted, but the runs, and
    only of those users whose ids ever fall, for as long as they rise none recurs.
    """
    another = user[1:] != user[:-1]
    falls = ~another & (session[1:] < session[:-1])
    if not falls.any():
        return np.zeros(0, np.int64)
    whose = np.append(0, np.cumsum(another))
    mixed = np.zeros(whose[-1] + 1, np.bool_)
    mixed[whose[1:][falls]] = True
    at = np.flatnonzero(mixed[whose])
    order = np.arange(len(user))
    order[at] = at[np.lexsort((session[at], whose[at]))]
    return order


def _by_pauses(frame: pl.DataFrame, timeout: str) -> _Runs:
    from replaykit.analyses.rows_kernel import pauses  # noqa: PLC0415 - numba

    time = _numbers(frame, "time")
    heads = pauses(_users(frame), time, microseconds(timeout))
    # Each run is a session, and its place tells it from the others of its user.
    return _runs(frame, heads, heads)


def _runs(
    frame: pl.DataFrame, heads: NDArray[np.int64], session: NDArray[np.int64]
) -> _Runs:
    """Return the runs that begin at `heads`."""
    user, time = _users(frame)[heads], _numbers(frame, "time")
    start = time[heads]
    if not len(heads):
        return _Runs(user, session, start, start, start)
    if "client_time" not in frame.columns:
        last = time[np.append(heads[1:], len(time)) - 1]
        return _Runs(user, session, start, start, last)
    known = frame.select(pl.coalesce("client_time", "time").to_physical())
    clock = known.to_series().to_numpy()
    low, high = np.minimum.reduceat(clock, heads), np.maximum.reduceat(clock, heads)
    return _Runs(user, session, start, low, high)


def _sums(
    at: NDArray[np.int64], k: int, n: NDArray[np.int64], length: NDArray[np.generic]
) -> pl.DataFrame:
    kinds = {
        "i": pl.Int32(),
        "n": pl.Int64(),
        "length": pl.Int64(),
        "bucket_at": pl.Int32(),
    }
    columns = {"i": at, "n": n, "length": length, "bucket_at": np.full(len(at), k)}
    return pl.DataFrame(columns).cast(pl.Schema(kinds))


def _together(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in one chunk, as arrays are; without client times if none is known.

    Each look at a column as an array would put its chunks together anew.
    """
    clock = frame["client_time"]
    if clock.null_count() == len(clock):
        frame = frame.drop("client_time")
    return frame.rechunk()


def _in_order(frame: pl.DataFrame) -> bool:
    """Return whether rows stand by user and time, as those of a project mostly do."""
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba

    if frame.schema["user"] != pl.Int32:
        return False
    time = _numbers(frame, "time")
    return in_order(_users(frame), time, time)


def _users(frame: pl.DataFrame) -> NDArray[np.int32]:
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    return frozen(frame["user"].to_numpy())


def _numbers(frame: pl.DataFrame, name: str) -> NDArray[np.int64]:
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    return frozen(frame[name].to_physical().to_numpy())


def _edges(grid: Grid) -> NDArray[np.int64]:
    """Return the starts of the intervals and the last one's end; they are gapless."""
    return pl.concat([grid.starts, grid.ends.tail(1)]).to_physical().to_numpy()


def _range(grid: Grid) -> tuple[int, int]:
    """Return the range of moments that take part, in microseconds."""
    moments = pl.Series([grid.since, grid.span.end], dtype=grid.starts.dtype)
    since, until = moments.to_physical()
    return since, until


def active_users(query: SessionsQuery, segment: int) -> pl.DataFrame:
    """Return the `users` with an active event: per `i`, and in the range (`whole`)."""
    grid = query.grid
    one = list(query.segments.values())[segment]
    if not one.needs_users:
        bare = replace(query, log=query.log.bare)
        found = query.log.run(partial(_active_piece, query=bare, segment=segment))
        # Where nobody was active, a value per user is unknown, not zero.
        some = found.filter(pl.col("users") > 0)
        return some.group_by("whole", "i").agg(pl.col("users").sum())
    pairs = query.log.collect(lambda lf: _active(query.rows(lf, segment), grid))
    users = keep_cohort(pairs.sort("user", "i"), one, grid)
    if one.kind != "any":
        kept = members(query.log, grid, one.kind)
        users = users.join(kept, on=["user", "i"], how="semi")
    return _counted(users)


def _active(rows: pl.LazyFrame, grid: Grid) -> pl.LazyFrame:
    """Return the distinct (`user`, `i`) of the rows in the range."""
    inside = rows.filter(grid.holds(_TIME))
    return inside.select("user", grid.index(_TIME).alias("i")).unique()


def _counted(users: pl.DataFrame) -> pl.DataFrame:
    """Return `whole`, `i` and the number of `users` of distinct (`user`, `i`)."""
    parts = []
    for whole in (False, True):
        at = pl.lit(0, dtype=pl.Int32) if whole else pl.col("i")
        distinct = distinct_rows(users.with_columns(i=at), ["user", "i"])
        many = distinct.group_by("i").agg(users=pl.len().cast(pl.Int64))
        parts.append(many.select(pl.lit(value=whole).alias("whole"), "i", "users"))
    return pl.concat(parts)


def _active_piece(lf: pl.LazyFrame, query: SessionsQuery, segment: int) -> pl.DataFrame:
    """Return `whole`, `i` and `users`, which pieces of whole users add up."""
    from replaykit.analyses.session_kernel import (  # noqa: PLC0415 - numba
        users_per_interval,
    )
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    rows = query.rows(lf, segment).select("user", "time")
    frame = gathered(rows).rechunk()
    if not _in_order(frame):
        users = _active(frame.lazy(), query.grid).collect().sort("user", "i")
        return _counted(users)
    counts, overall = users_per_interval(
        _users(frame),
        _numbers(frame, "time"),
        frozen(_edges(query.grid)),
        *_range(query.grid),
    )
    at = np.flatnonzero(counts)
    points = pl.DataFrame({"whole": False, "i": at, "users": counts[at]})
    once = pl.DataFrame({"whole": [True], "i": [0], "users": [overall]})
    kinds = pl.Schema({"whole": pl.Boolean(), "i": pl.Int32(), "users": pl.Int64()})
    return pl.concat([points.cast(kinds), once.cast(kinds)])

"""What a session is: rows of one id, or rows cut by rules of our own.

Only active events form sessions. A session belongs wholly to the interval in which it
starts, and one that lasts longer than a day is left out (`spec/sessions.md` 1 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from replaykit.analyses.properties import find_property
from replaykit.errors import BadInput
from replaykit.query import as_step
from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.query import Step

LengthFrom: TypeAlias = Literal["client time", "session id"]
"""Where a length starts: at the first event's client time, or at the session's id."""

LENGTHS_FROM: Final[tuple[LengthFrom, ...]] = ("client time", "session id")

#: Sessions longer than this are left out of every measure; exactly a day stays.
LONGEST: Final = 86_400_000_000

#: The column that tells the sessions of a rule apart while they are formed.
_NUMBER: Final = "_session"


@dataclass(frozen=True, eq=False)
class SessionRule:
    """A definition of sessions of our own; all given conditions hold together.

    Parameters
    ----------
    timeout
        A gap longer than this (strictly) opens a new session.
    same
        A property: rows of different values never share a session, even interleaved.
    starts_with
        Only this event opens a session; rows that would open one otherwise are in none.
    ends_with
        This event closes the session it belongs to.

    Examples
    --------
    >>> SessionRule(timeout="30m").timeout
    '30m'
    """

    timeout: str | None = None
    same: str | None = None
    starts_with: Step | str | None = None
    ends_with: Step | str | None = None

    def __post_init__(self) -> None:
        """Refuse a rule without a condition, and a timeout of no time."""
        if self.timeout is not None:
            microseconds(self.timeout)
        given = (self.timeout, self.same, self.starts_with, self.ends_with)
        if all(one is None for one in given):
            raise BadInput(
                "A SessionRule needs a condition, for example SessionRule('30m'): "
                "timeout=, same=, starts_with= or ends_with=."
            )


def sessionized(
    rows: pl.LazyFrame, rule: SessionRule | None
) -> tuple[pl.LazyFrame, list[str]]:
    """Return the rows that are in a session, and the columns that tell sessions apart.

    `rows` are active, canonical and already filtered: filters come before sessions, so
    they change lengths and counts. With a rule, `session_id` is the time of the
    session's first row in milliseconds.
    """
    if rule is None:
        return rows.filter(pl.col("session_id").is_not_null()), ["user", "session_id"]
    stream = ["user"]
    if rule.same is not None:
        stream.append(find_property(rule.same, rows.collect_schema().names()))
    opens = [
        (pl.col(name).ne_missing(pl.col(name).shift())) | (pl.int_range(pl.len()) == 0)
        for name in stream
    ]
    starts = pl.lit(value=True)
    if rule.timeout is not None:
        opens.append(_after_gap(rule.timeout))
    if rule.starts_with is not None:
        starts = as_step(rule.starts_with).predicate()
        opens.append(starts)
    if rule.ends_with is not None:
        # The end event belongs to the session it closes: the row after it opens.
        ended = as_step(rule.ends_with).predicate().shift()
        opens.append(ended.fill_null(value=False))
    cut = (
        rows.sort(*stream, "time", "row", nulls_last=True)
        .with_columns(_opens=pl.any_horizontal(opens), _starts=starts)
        .with_columns(pl.col("_opens").cum_sum().cast(pl.Int64).alias(_NUMBER))
    )
    # What is opened by anything but the start event is in no session.
    inside = cut.filter(pl.col("_starts").first().over(_NUMBER))
    first = pl.col("time").min().over(_NUMBER).dt.epoch("ms")
    return inside.drop("_opens", "_starts").with_columns(session_id=first), [_NUMBER]


def _after_gap(timeout: str) -> pl.Expr:
    gap = pl.col("time").diff() > pl.duration(microseconds=microseconds(timeout))
    return gap.fill_null(value=False)


def aggregated(
    rows: pl.LazyFrame,
    keys: Sequence[str],
    length_from: LengthFrom,
    extra: Sequence[pl.Expr] = (),
) -> pl.DataFrame:
    """Return one line per session: who, when, how long (us), how many events."""
    time = pl.col("time")
    moment = pl.coalesce("client_time", "time").dt.epoch("us")
    begin = moment.min()
    aggregates: list[pl.Expr] = [
        pl.col(name).first() for name in ("user", "session_id") if name not in keys
    ]
    aggregates += [time.min().alias("start"), time.max().alias("end")]
    if length_from == "session id":
        begin = pl.col("session_id").first() * 1_000
    aggregates += [
        (moment.max() - begin).alias("length"),
        pl.len().cast(pl.Int64).alias("events"),
        *extra,
    ]
    found = rows.group_by(keys).agg(aggregates)
    return found.drop(_NUMBER, strict=False).collect(engine="streaming")


def runs(
    rows: pl.LazyFrame, rule: SessionRule | None, length_from: LengthFrom
) -> pl.DataFrame | None:
    """Return what `aggregated` does, found at the edges of neighbouring rows.

    In data in time order a session is one run of neighbouring rows, and its numbers
    stand at the run's ends: no grouping of all rows is needed. Only sessions that
    interleave with another of their user occupy several runs, and are put together.
    None where a rule needs more than neighbours.
    """
    if rule is not None and (rule.timeout is None or _needs_more(rule)):
        return None
    names = ["user", "time", "client_time", *(["session_id"] if rule is None else [])]
    lines = rows.select(names)
    if rule is None:
        lines = lines.filter(pl.col("session_id").is_not_null())
    frame = lines.collect(engine="streaming")
    if frame.is_empty():
        return None
    if not in_order(frame):
        frame = frame.sort("user", "time")
    opens = pl.col("user").ne_missing(pl.col("user").shift())
    if rule is None:
        opens |= pl.col("session_id") != pl.col("session_id").shift()
    else:
        opens |= _after_gap(rule.timeout or "")
    heads = frame.select(opens.fill_null(value=True).arg_true()).to_series()
    tails = (
        pl.concat([heads.slice(1), pl.Series([frame.height], dtype=heads.dtype)]) - 1
    )
    first, last = frame[heads], frame["time"].gather(tails)
    low, high = first["time"].to_physical(), last.to_physical()
    if frame["client_time"].null_count() < frame.height:
        moment = frame.select(pl.coalesce("client_time", "time").to_physical())
        clock = moment.to_series().to_numpy()
        low = pl.Series(np.minimum.reduceat(clock, heads.to_numpy()))
        high = pl.Series(np.maximum.reduceat(clock, heads.to_numpy()))
    found = (
        first.select("user", "time")
        .rename({"time": "start"})
        .with_columns(
            end=last, low=low, high=high, events=(tails - heads + 1).cast(pl.Int64)
        )
    )
    session = first["session_id"] if rule is None else first["time"].dt.epoch("ms")
    found = found.with_columns(session_id=session)
    if rule is None:
        found = _joined(found)
    begin = (
        pl.col("session_id") * 1_000 if length_from == "session id" else pl.col("low")
    )
    return found.with_columns(length=pl.col("high") - begin).drop("low", "high")


def _needs_more(rule: SessionRule) -> bool:
    others = (rule.same, rule.starts_with, rule.ends_with)
    return any(one is not None for one in others)


def _joined(found: pl.DataFrame) -> pl.DataFrame:
    """Put sessions together that occupy several runs."""
    user, session = pl.col("user"), pl.col("session_id")
    # Ids are start times: as long as they rise within a user, none of them recurs.
    falls = (user == user.shift()) & (session <= session.shift())
    mixed = found.filter(falls.fill_null(value=False)).select("user").unique()
    if mixed.is_empty():
        return found
    apart = found.join(mixed, on="user", how="anti")
    together = (
        found.join(mixed, on="user", how="semi")
        .group_by("user", "session_id")
        .agg(
            pl.col("start", "low").min(),
            pl.col("end", "high").max(),
            pl.col("events").sum(),
        )
    )
    return pl.concat([apart, together.select(apart.columns)])


def in_order(frame: pl.DataFrame) -> bool:
    """Return whether rows stand in the order of user and time.

    Examples
    --------
    >>> in_order(pl.DataFrame({"user": [1, 1, 2], "time": [5, 6, 1]}))
    True
    """
    user, time = pl.col("user"), pl.col("time")
    back = (user < user.shift()) | ((user == user.shift()) & (time < time.shift()))
    return not frame.select(back.any()).item()


def edge_value(expr: pl.Expr, which: Literal["first", "last"]) -> pl.Expr:
    """Return a session's first or last value that is not null, in time order."""
    known = expr.sort_by("time", "row").drop_nulls()
    return known.first() if which == "first" else known.last()

"""What a session is: rows of one id, or rows cut by rules of our own.

Only active events form sessions. A session belongs wholly to the interval in which it
starts, and one that lasts longer than a day is left out (`spec/sessions.md` 1 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from replaykit.analyses.properties import find_property
from replaykit.engine import gathered
from replaykit.errors import BadInput
from replaykit.query import as_step
from replaykit.schema import readable
from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.query import Step

LengthFrom: TypeAlias = Literal["client time", "session id"]
"""Where a length starts: at the first event's client time, or at the session's id."""

LENGTHS_FROM: Final[tuple[LengthFrom, ...]] = ("client time", "session id")

#: Sessions longer than this are left out of every measure; exactly a day stays.
LONGEST: Final = 86_400_000_000

_US: Final = pl.Int64


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

    @property
    def is_a_pause(self) -> bool:
        """Whether nothing but a timeout cuts."""
        return self.same is None and self.starts_with is None and self.ends_with is None


class Cut(NamedTuple):
    """Rows in which every session is one run of neighbours, and where runs begin."""

    frame: pl.DataFrame
    heads: pl.Series
    ids: pl.Series | None = None

    @property
    def tails(self) -> pl.Series:
        """The position of the last row of each session."""
        if self.heads.is_empty():
            return self.heads
        end = pl.Series([self.frame.height], dtype=self.heads.dtype)
        return pl.concat([self.heads.slice(1), end]) - 1


def cut_into_sessions(
    rows: pl.LazyFrame,
    rule: SessionRule | None,
    columns: Sequence[str | pl.Expr] = ("row", "client_time"),
) -> Cut:
    """Return the rows that are in a session, session by session in time order.

    `rows` are active, canonical and already filtered: filters come before sessions, so
    they change lengths and counts. In data in time order nothing needs to be sorted
    but the rows of users whose sessions interleave.

    Parameters
    ----------
    rows
        The rows.
    rule
        The rule; None goes by session id.
    columns
        What else is needed of them. Without `row`, rows of the same time stand in any
        order; without `client_time`, lengths are in event time.
    """
    if rule is not None:
        return _by_rule(rows, rule, columns)
    lines = rows.filter(pl.col("session_id").is_not_null())
    lines = lines.select("user", "time", "session_id", *columns)
    frame = _in_time_order(gathered(lines))
    user, session = pl.col("user"), pl.col("session_id")
    # Ids are start times: as long as they never fall within a user, none recurs.
    falls = (user == user.shift()) & (session < session.shift())
    mixed = frame.lazy().filter(falls).select("user").collect(engine="streaming")
    mixed = mixed.unique()
    if not mixed.is_empty():
        apart = frame.join(mixed, on="user", how="anti", maintain_order="left")
        together = frame.join(mixed, on="user", how="semi")
        order = ["user", "session_id", *_order(frame)[1:]]
        frame = pl.concat([apart, together.sort(order)])
    opens = (user != user.shift()) | (session != session.shift())
    return Cut(frame, _positions(frame, opens.fill_null(value=True)))


def _by_rule(
    rows: pl.LazyFrame, rule: SessionRule, columns: Sequence[str | pl.Expr]
) -> Cut:
    marks: list[pl.Expr] = []
    if rule.same is not None:
        same = find_property(rule.same, readable(rows))
        marks.append(pl.col(same).alias("_same"))
    for name, step in (("_starts", rule.starts_with), ("_ends", rule.ends_with)):
        if step is not None:
            marks.append(as_step(step).predicate().alias(name))
    if marks and "row" not in columns:
        # Which of two rows of one time comes first decides who opens a session.
        columns = ["row", *columns]
    lines = rows.select("user", "time", *columns, *marks)
    # In one chunk: arrays and gathers would each put it together anew.
    frame = gathered(lines).rechunk()
    if rule.timeout is not None and not marks and _are_in_order(frame):
        return _by_pauses(frame, rule.timeout)
    if rule.same is None:
        frame = _in_time_order(frame)
    else:
        order = ["user", "_same", *_order(frame)[1:]]
        frame = frame.sort(order, nulls_last=True)
    frame = frame.with_columns(_opens=_opens(rule))
    if rule.starts_with is not None:
        # What is opened by anything but the start event is in no session.
        begun = pl.when("_opens").then(pl.col("_starts")).forward_fill()
        frame = frame.filter(begun)
    opened = pl.when("_opens").then(pl.col("time").dt.epoch("ms"))
    frame = frame.with_columns(session_id=opened.forward_fill())
    heads = _positions(frame, pl.col("_opens"))
    return Cut(frame.drop("_opens", "_same", "_starts", "_ends", strict=False), heads)


def _are_in_order(frame: pl.DataFrame) -> bool:
    """Return whether rows of a project stand by user and time, as they mostly do."""
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    if frame.schema["user"] != pl.Int32:
        return False
    time = frozen(frame["time"].to_physical().to_numpy())
    row = frozen(frame["row"].to_numpy()) if "row" in frame.columns else time
    return in_order(frozen(frame["user"].to_numpy()), time, row)


def _by_pauses(frame: pl.DataFrame, timeout: str) -> Cut:
    """Cut rows in order where a user pauses for longer than the timeout."""
    from replaykit.analyses.rows_kernel import pauses  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    heads = pauses(
        frozen(frame["user"].to_numpy()),
        frozen(frame["time"].to_physical().to_numpy()),
        microseconds(timeout),
    )
    begun = frame["time"].gather(heads).dt.epoch("ms")
    return Cut(frame, pl.Series(heads), begun.alias("session_id"))


def _opens(rule: SessionRule) -> pl.Expr:
    """Return whether a row opens a session; rows stand stream by stream, in order."""
    opens = pl.col("user").ne_missing(pl.col("user").shift())
    opens |= pl.int_range(pl.len()) == 0
    if rule.same is not None:
        opens |= pl.col("_same").ne_missing(pl.col("_same").shift())
    if rule.timeout is not None:
        gap = pl.duration(microseconds=microseconds(rule.timeout))
        opens |= (pl.col("time").diff() > gap).fill_null(value=False)
    if rule.starts_with is not None:
        opens |= pl.col("_starts")
    if rule.ends_with is not None:
        # The end event belongs to the session it closes: the row after it opens.
        opens |= pl.col("_ends").shift().fill_null(value=False)
    return opens


def _positions(frame: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    found = frame.lazy().select(condition.arg_true().cast(_US))
    return found.collect(engine="streaming").to_series()


def _order(frame: pl.DataFrame) -> list[str]:
    return [name for name in ("user", "time", "row") if name in frame.columns]


def _in_time_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort by user, time and row (if it is there), unless the rows stand so already."""
    back: pl.Expr = pl.lit(value=False)
    for name in reversed(_order(frame)):
        column, before = pl.col(name), pl.col(name).shift()
        back = (column < before) | ((column == before) & back)
    disordered = frame.lazy().select(back.any()).collect(engine="streaming").item()
    return frame.sort(_order(frame)) if disordered else frame


def summarised(cut: Cut, length_from: LengthFrom) -> pl.DataFrame:
    """Return one line per session: who, when, how long (us), how many events.

    `nth` numbers the sessions of a user in the order of the cut: a cut of fewer users
    gives each of their sessions the same number.
    """
    frame, heads, tails = cut.frame, cut.heads, cut.tails
    first, last = frame["time"].gather(heads), frame["time"].gather(tails)
    session = frame["session_id"].gather(heads) if cut.ids is None else cut.ids
    low, high = first.to_physical(), last.to_physical()
    timed = "client_time" in frame.columns
    if timed and frame["client_time"].null_count() < frame.height:
        clock = frame.select(pl.coalesce("client_time", "time").to_physical())
        edges, times = heads.to_numpy(), clock.to_series().to_numpy()
        low = pl.Series(np.minimum.reduceat(times, edges))
        high = pl.Series(np.maximum.reduceat(times, edges))
    begin = low
    if length_from == "session id":
        begin = session * 1_000
    at = pl.int_range(pl.len(), dtype=pl.Int64)
    other = pl.col("user").ne_missing(pl.col("user").shift()) | (at == 0)
    earliest = pl.when(other).then(at).forward_fill()
    found = pl.DataFrame(
        {
            "user": frame["user"].gather(heads),
            "session_id": session,
            "start": first,
            "end": last,
            "length": (high - begin).cast(_US),
            "events": tails - heads + 1,
        }
    )
    return found.with_columns(nth=at - earliest)


def edge_values(cut: Cut, name: str, which: Literal["first", "last"]) -> pl.Series:
    """Return each session's first or last value of a column that is not null."""
    values = cut.frame[name]
    known = pl.when(values.is_not_null()).then(pl.int_range(len(values)))
    if which == "first":
        near = cut.frame.select(known.backward_fill()).to_series().gather(cut.heads)
        outside = near > cut.tails
    else:
        near = cut.frame.select(known.forward_fill()).to_series().gather(cut.tails)
        outside = near < cut.heads
    picked = pl.select(pl.when(~outside).then(near)).to_series()
    return values.gather(picked).alias(name)


def hits(cut: Cut, name: str) -> pl.Series:
    """Return in how many rows of each session a condition holds."""
    if cut.heads.is_empty():
        return pl.Series(name, [], dtype=_US)
    running = cut.frame[name].cast(_US).cum_sum()
    before = running.gather(cut.heads) - cut.frame[name].gather(cut.heads).cast(_US)
    return (running.gather(cut.tails) - before).alias(name)


def row_ids(cut: Cut, chosen: pl.Series, most: int | None = None) -> pl.DataFrame:
    """Return the row ids of the chosen sessions (their positions), in time order."""
    heads, tails = cut.heads.gather(chosen), cut.tails.gather(chosen)
    stops = tails + 1
    if most is not None:
        stops = pl.select(pl.min_horizontal(stops, heads + most)).to_series()
    spans = pl.DataFrame({"at": chosen, "from": heads, "to": stops})
    listed = spans.select("at", k=pl.int_ranges("from", "to")).explode("k")
    ids = listed.with_columns(rows=cut.frame["row"].gather(listed["k"]))
    return ids.group_by("at", maintain_order=True).agg("rows")

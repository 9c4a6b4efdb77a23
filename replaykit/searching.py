"""Which replays meet a condition on what their people did and had meanwhile.

A property of a replay is the set of values on its events. A positive condition holds
when some value meets it; a negative one (`!=`, `~`) also holds when the property is
missing, and with several values when some other value is among them (`spec/replay.md`
6). Conditions are joined by `&` and `|` replay by replay: what must hold on one and the
same event is a step, `rk.event("Add to cart", pl.col("price") > 20)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput, UnknownProperty, did_you_mean
from replaykit.query import as_step, check_events
from replaykit.schema import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replaykit.query import Step
    from replaykit.source import Source

#: `user` in a condition is the public id; inside, users are numbered.
_PUBLIC_ID: Final = "user"

#: People are named in a scan only when they are fewer than this part of everybody.
_FEW: Final = 0.25

_SESSION: Final = ["user", "session_id"]


def check_names(source: Source, conditions: Iterable[pl.Expr]) -> None:
    """Refuse properties that the data do not hold.

    Raises
    ------
    UnknownProperty
        With what exists, and the nearest match.
    """
    known = {*COLUMNS, *source.properties}
    for name in {name for one in conditions for name in one.meta.root_names()} - known:
        listed = ", ".join(sorted(source.properties)) or "none"
        message = f"No property {name!r}. {did_you_mean(name, known)} There are "
        raise UnknownProperty(f"{message}{listed}.".replace("  ", " "))


def with_event(source: Source, found: pl.DataFrame, given: str | Step) -> pl.DataFrame:
    """Keep the replays during which somebody did an event.

    Parameters
    ----------
    source
        Where the events lie.
    found
        Rows of the catalogue.
    given
        An event, or a step whose conditions hold on one and the same event.
    """
    step = as_step(given)
    check_events([step], dict(source.names.iter_rows()))
    condition = step.predicate()
    check_names(source, [condition])
    hits = _of_replays(source, found, condition.meta.root_names(), condition)
    return found.join(hits, on="replay_id", how="semi", maintain_order="left")


def meeting(source: Source, found: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Keep the replays that meet a condition on the values of their events.

    Parameters
    ----------
    source
        Where the events lie.
    found
        Rows of the catalogue.
    condition
        A polars condition; its parts joined by `&` and `|` are asked one by one.
    """
    if not isinstance(condition, pl.Expr):
        raise BadInput(
            f"where={condition!r} is not a condition. Write pl.col('plan') == 'pro'."
        )
    check_names(source, [condition])
    return _meeting(source, found, condition)


def _meeting(source: Source, found: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    sides = _sides(condition)
    if sides is not None and condition.meta.eq(sides[0] & sides[1]):
        first = _meeting(source, found, sides[0])
        return _meeting(source, first, sides[1])
    if sides is not None and condition.meta.eq(sides[0] | sides[1]):
        either = pl.concat(
            _meeting(source, found, side).select("replay_id") for side in sides
        )
        return found.join(either, on="replay_id", how="semi", maintain_order="left")
    names = condition.meta.root_names()
    if not names:
        raise BadInput(f"where={condition} reads no property.")
    if set(names) == {_PUBLIC_ID}:
        return _of_people(found, condition)
    asked = missing_passes(condition)
    if len(set(names)) > 1:
        hits = _of_replays(source, found, names, asked)
        return found.join(hits, on="replay_id", how="semi", maintain_order="left")
    return _of_property(source, found, names[0], asked)


def _of_property(
    source: Source, found: pl.DataFrame, name: str, asked: pl.Expr
) -> pl.DataFrame:
    """Keep the replays with a value that passes, or with none where that passes."""
    known = pl.col(name).is_not_null()
    hits = _of_replays(source, found, [name], known & asked)
    kept = [found.join(hits, on="replay_id", how="semi").select("replay_id")]
    dtype = source.scan([name]).collect_schema()[name]
    nothing = pl.DataFrame({name: [None]}, schema={name: dtype})
    if nothing.select(asked.alias("met"))["met"].item() is True:
        valued = _of_replays(source, found, [name], known)
        kept.append(found.join(valued, on="replay_id", how="anti").select("replay_id"))
    either = pl.concat(kept)
    return found.join(either, on="replay_id", how="semi", maintain_order="left")


def _of_people(found: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Keep the replays of people whose public id meets a condition."""
    ids = found.select("replay_id", pl.col("user_id").alias(_PUBLIC_ID))
    hits = ids.filter(missing_passes(condition))
    return found.join(hits, on="replay_id", how="semi", maintain_order="left")


def _of_replays(
    source: Source, found: pl.DataFrame, names: Sequence[str], condition: pl.Expr
) -> pl.DataFrame:
    """Return the ids of replays with an event that meets a condition.

    An event is the replay's when it is of the same person and session; with no session
    to go by, when it happened while the replay ran.
    """
    properties = sorted({name for name in names if name not in COLUMNS})
    people = found["user"].drop_nulls().unique()
    few = people.len() < _FEW * source.directory.height
    rows = source.scan(properties, people if few else None).filter(condition)
    timed = (
        found if source.sessionless else found.filter(pl.col("session_id").is_null())
    )
    ids: list[pl.DataFrame] = []
    if timed.height < found.height:
        lazy = rows.select(_SESSION).drop_nulls().unique()
        sessions = lazy.collect(engine="streaming")
        named = found.select("replay_id", *_SESSION)
        ids.append(named.join(sessions, on=_SESSION, how="semi").select("replay_id"))
    running = timed.select("replay_id", "user", "start", "end").drop_nulls("user")
    if running.height:
        times = rows.select("user", "time").join(
            running.lazy().select("user").unique(), on="user", how="semi"
        )
        ids.append(_while_running(running, times.collect(engine="streaming")))
    return pl.concat(ids) if ids else found.clear().select("replay_id")


def _while_running(running: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """Return the replays that ran at one of the times of their person, at least."""
    next_one = running.sort("start").join_asof(
        times.sort("time").rename({"time": "hit"}),
        left_on="start",
        right_on="hit",
        by="user",
        strategy="forward",
        check_sortedness=False,
    )
    return next_one.filter(pl.col("hit") <= pl.col("end")).select("replay_id")


def missing_passes(condition: pl.Expr) -> pl.Expr:
    """Let a missing value pass negative comparisons, as `is not` does.

    Examples
    --------
    >>> frame = pl.DataFrame({"plan": ["pro", None]})
    >>> frame.select(missing_passes(pl.col("plan") != "pro"))["plan"].to_list()
    [False, True]
    >>> frame.select(missing_passes(~(pl.col("plan") == "pro")))["plan"].to_list()
    [False, True]
    """
    sides = _sides(condition)
    if sides is not None:
        left, right = sides
        if condition.meta.eq(left != right):
            return left.ne_missing(right)
        if condition.meta.eq(left & right):
            return missing_passes(left) & missing_passes(right)
        if condition.meta.eq(left | right):
            return missing_passes(left) | missing_passes(right)
    inner = condition.meta.pop()
    if len(inner) == 1 and condition.meta.eq(~inner[0]):
        return ~missing_passes(inner[0]).fill_null(value=False)
    return condition


def _sides(condition: pl.Expr) -> tuple[pl.Expr, pl.Expr] | None:
    """Return what stands left and right of an operator, or nothing."""
    parts = condition.meta.pop()
    return (parts[1], parts[0]) if len(parts) == 2 else None

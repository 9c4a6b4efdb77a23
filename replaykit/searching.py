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

#: Where a replay stands among the rows that are searched.
_PLACE: Final = "#place"


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
    replays = _placed(found)
    names = condition.meta.root_names()
    (hits,) = _of_replays(source, replays, names, condition)
    return found[hits.unique().sort()]


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
    return found[_meeting(source, _placed(found), condition)[_PLACE].sort()]


def _placed(found: pl.DataFrame) -> pl.DataFrame:
    """Return what replays are told apart by, with their places in the catalogue."""
    return found.select(*_SESSION, "user_id", "start", "end").with_row_index(_PLACE)


def _meeting(source: Source, found: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    sides = _sides(condition)
    if sides is not None and condition.meta.eq(sides[0] & sides[1]):
        first = _meeting(source, found, sides[0])
        return _meeting(source, first, sides[1])
    if sides is not None and condition.meta.eq(sides[0] | sides[1]):
        either = pl.concat(_meeting(source, found, side) for side in sides)
        return either.unique(_PLACE)
    names = condition.meta.root_names()
    if not names:
        raise BadInput(f"where={condition} reads no property.")
    if set(names) == {_PUBLIC_ID}:
        return _of_people(found, condition)
    asked = missing_passes(condition)
    if len(set(names)) > 1:
        (hits,) = _of_replays(source, found, names, asked)
        return _at(found, hits)
    return _of_property(source, found, names[0], asked)


def _at(found: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
    """Keep the replays of some places."""
    return found.join(places.to_frame(), on=_PLACE, how="semi")


def _of_property(
    source: Source, found: pl.DataFrame, name: str, asked: pl.Expr
) -> pl.DataFrame:
    """Keep the replays with a value that passes, or with none where that passes."""
    known = pl.col(name).is_not_null()
    dtype = source.scan([name]).collect_schema()[name]
    nothing = pl.DataFrame({name: [None]}, schema={name: dtype})
    met = known & asked.fill_null(value=False)
    if nothing.select(asked.alias("met"))["met"].item() is not True:
        (hits,) = _of_replays(source, found, [name], met)
        return _at(found, hits)
    # All replays but those whose every value fails.
    hits, others = _of_replays(source, found, [name], met, known & ~met)
    failing = others.to_frame().join(hits.to_frame(), on=_PLACE, how="anti")
    return found.join(failing, on=_PLACE, how="anti")


def _of_people(found: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Keep the replays of people whose public id meets a condition."""
    ids = found.select(_PLACE, pl.col("user_id").alias(_PUBLIC_ID))
    return _at(found, ids.filter(missing_passes(condition))[_PLACE])


def _of_replays(
    source: Source, found: pl.DataFrame, names: Sequence[str], *conditions: pl.Expr
) -> list[pl.Series]:
    """Return, by condition, the places of replays with an event that meets it.

    An event is the replay's when it is of the same person and session; with no session
    to go by, when it happened while the replay ran. All conditions are read at once.
    """
    properties = sorted({name for name in names if name not in COLUMNS})
    people = found["user"].drop_nulls().unique()
    few = people.len() < _FEW * source.directory.height
    rows = source.scan(properties, people if few else None)
    met = [f"#{number}" for number in range(len(conditions))]
    flags = [one.alias(name) for one, name in zip(conditions, met, strict=True)]
    rows = rows.filter(pl.any_horizontal(conditions)).with_columns(flags)
    timed = (
        found if source.sessionless else found.filter(pl.col("session_id").is_null())
    )
    places: list[list[pl.Series]] = [[found[_PLACE].clear()] for _ in met]
    if timed.height < found.height:
        for own, hits in zip(places, _of_sessions(found, rows, met), strict=True):
            own.append(hits)
    running = timed.select(_PLACE, "user", "start", "end").drop_nulls("user")
    if running.height:
        times = rows.select("user", "time", *met).join(
            running.lazy().select("user").unique(), on="user", how="semi"
        )
        hits_at = times.collect(engine="streaming")
        for own, name in zip(places, met, strict=True):
            at = hits_at.filter(name).select("user", "time")
            own.append(_while_running(running, at))
    return [pl.concat(own) for own in places]


def _of_sessions(
    found: pl.DataFrame, rows: pl.LazyFrame, met: Sequence[str]
) -> list[pl.Series]:
    """Return, by flag, the places of replays whose session has a row with the flag."""
    named = found.select(_PLACE, *_SESSION).drop_nulls()
    if named.is_empty():
        return [named[_PLACE] for _ in met]
    key = _packed(named)
    if key is None:
        keys, rows = _SESSION, rows.drop_nulls(_SESSION)
    else:
        keys, (packed, inside) = ["#key"], key
        named = named.select(_PLACE, packed.alias("#key"))
        rows = rows.filter(inside).with_columns(packed.alias("#key"))
    # Rows of one session mostly follow each other: then one of them is enough.
    own = [*keys, *met]
    again = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in own)
    rows = rows.select(own).filter(~again.fill_null(value=False))
    hits = rows.collect(engine="streaming")
    return [
        named.join(hits.filter(name).select(keys), on=keys, how="semi")[_PLACE]
        for name in met
    ]


def _packed(named: pl.DataFrame) -> tuple[pl.Expr, pl.Expr] | None:
    """Return a person and session as one number, and where that number is theirs.

    One number is joined several times faster than two; None where it would not fit.
    """
    user, session = named["user"], named["session_id"]
    low, high, first, last = (
        int(str(bound))
        for bound in (session.min(), session.max(), user.min(), user.max())
    )
    width = last - first + 1
    if (high - low + 1) * width >= 2**63 or not -(2**63) < low < 2**62:
        return None
    number = pl.col("user").cast(pl.Int64) - first
    inside = pl.col("session_id").is_between(low, high)
    inside &= pl.col("user").is_between(first, last)
    return (pl.col("session_id") - low) * width + number, inside


def _while_running(running: pl.DataFrame, times: pl.DataFrame) -> pl.Series:
    """Return the places of replays that ran at one of their person's times or more."""
    next_one = running.sort("start").join_asof(
        times.sort("time").rename({"time": "hit"}),
        left_on="start",
        right_on="hit",
        by="user",
        strategy="forward",
        check_sortedness=False,
    )
    return next_one.filter(pl.col("hit") <= pl.col("end"))[_PLACE]


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

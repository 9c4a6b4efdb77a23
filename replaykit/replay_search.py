"""The search of replays: all that is asked for must hold, and the newest come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import polars as pl

from replaykit import searching, timeline
from replaykit.errors import BadInput, check_option
from replaykit.progress import over
from replaykit.query import Step
from replaykit.rows_as_json import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta

    from replaykit.source import Source
    from replaykit.users import Users

Signal: TypeAlias = Literal["rage", "dead", "error", "request"]
"""A kind of trouble in a recording."""

Pages: TypeAlias = "list[dict[str, str]]"

#: Reading more recordings than this shows a bar.
_MANY: Final = 500

Moment: TypeAlias = "str | date | datetime | None"
Bound: TypeAlias = "str | timedelta | None"


def find(
    source: Source,
    replays: pl.DataFrame,
    *,
    last: str | None,
    between: tuple[Moment, Moment] | None,
    cohort: Users | str | None,
    event: str | Step | Sequence[str | Step] | None,
    where: pl.Expr | Sequence[pl.Expr] | None,
    duration: str | tuple[Bound, Bound] | None,
    signals: Signal | Sequence[Signal] | None,
    url: str | None,
) -> pl.DataFrame:
    """Return the rows of a catalogue that `Replays.search` keeps, newest first.

    What the catalogue alone tells is looked at first: events are read of the rest.
    """
    found = _started(source, replays, last, between)
    if cohort is not None:
        people = source.members_of(cohort)
        found = found.filter(pl.col("user").is_in(people.implode()))
    for kind in [signals] if isinstance(signals, str) else signals or ():
        check_option("signals", kind, SIGNALS)
        found = found.filter(pl.col(SIGNALS[kind]) > 0)
    if duration is not None:
        found = _lasting(found, duration)
    if url is not None:
        found = _visiting(source, found, url)
    for step in [event] if isinstance(event, str | Step) else event or ():
        found = searching.with_event(source, found, step)
    for condition in [where] if isinstance(where, pl.Expr | str) else where or ():
        found = searching.meeting(source, found, condition)
    return _newest_first(found)


def _visiting(source: Source, found: pl.DataFrame, url: str) -> pl.DataFrame:
    """Keep the replays of which any page has this in its address."""
    if not isinstance(url, str):
        raise BadInput(f"url={url!r} is no text. Write a part of it: url='/basket'.")
    part = url.lower()
    seen = pl.element().str.to_lowercase().str.contains(part, literal=True)
    met = found.select(pl.col("urls").list.eval(seen).list.any()).to_series()
    unknown = found.filter(met.is_null())["replay_id"]
    # Recordings added before addresses were listed: what each shows tells.
    read = _addresses(source, unknown)
    named = [one for one in unknown if any(part in url for url in read[one])]
    return found.filter(met.fill_null(value=False) | found["replay_id"].is_in(named))


def _addresses(source: Source, replays: pl.Series) -> dict[str, list[str]]:
    """Return the addresses that recordings show, in small letters; read once each."""
    held = source.addresses
    left = [one for one in replays if one not in held]
    for replay in over(left, "recordings", unit="replay", shown=len(left) > _MANY):
        pages = source.recordings.summary(replay)["pages"] if source.recordings else []
        held[replay] = [one["url"].lower() for one in cast("Pages", pages)]
    return held


def _newest_first(found: pl.DataFrame) -> pl.DataFrame:
    """Sort replays; a catalogue in order already is only looked through."""
    start, name = pl.col("start"), pl.col("replay_id")
    later = (start.shift() > start) | (
        (start.shift() == start) & (name.shift() <= name)
    )
    if found.select(later.slice(1).fill_null(value=False).all()).item():
        return found
    return found.sort(["start", "replay_id"], descending=[True, False])


def _started(
    source: Source,
    found: pl.DataFrame,
    last: str | None,
    between: tuple[Moment, Moment] | None,
) -> pl.DataFrame:
    """Keep the replays that start in a range."""
    if last is not None and between is not None:
        raise BadInput("Give last= or between=, not both.")
    if last is not None:
        span = timeline.last(last, source.now(), source.zone)
        return found.filter(span.holds(pl.col("start")))
    if between is None:
        return found
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise BadInput(
            f"between={between!r} is no pair. Write two dates, or None for an open "
            "side: between=('2026-03-01', '2026-03-31')."
        )
    span = timeline.between(*between, source.zone)
    return found.filter(span.holds(pl.col("start")))


def _lasting(
    found: pl.DataFrame,
    duration: str | tuple[Bound, Bound],
) -> pl.DataFrame:
    """Keep the replays of a length, bounds included."""
    low, high = duration if isinstance(duration, tuple | list) else (duration, None)
    length = pl.col("length_ms") * 1000
    if low is not None:
        found = found.filter(length >= timeline.microseconds(low))
    if high is not None:
        found = found.filter(length <= timeline.microseconds(high))
    return found

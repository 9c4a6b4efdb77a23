"""Two groups of people, and what each did on the screen: from sets to a result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import timeline
from replaykit.added_events import FIRST_ROW, with_events
from replaykit.analyses.contrast import contrast
from replaykit.errors import BadInput
from replaykit.query import as_step, check_events
from replaykit.replays.happenings import facts
from replaykit.results.differences import FACT, Differences, Facts
from replaykit.schema import COLUMNS
from replaykit.searching import check_names
from replaykit.wording import duration_words

if TYPE_CHECKING:
    from replaykit.query import Step
    from replaykit.source import Source
    from replaykit.users import Users

_OF_REPLAY: Final = ("replay_id", "session_id", "user", "user_id", "start", "end")


def differences(
    mine: Users,
    others: Users,
    *,
    after: str | Step | None,
    within: str | None,
    messages: str,
    at_least: int,
    progress: bool,
) -> Differences:
    """Compare what two groups of one source did; see `Users.differences`."""
    source = mine.within.source
    both = mine & others
    if both:
        raise BadInput(
            f"{both.count():,} users are in both groups. Compare with the rest: "
            "(a - b).differences(b)."
        )
    if within is not None and after is None:
        raise BadInput(f"within={within!r} counts from an event; name it with after=.")
    replays = pl.concat(
        [
            mine.replays.frame.select(_OF_REPLAY).with_columns(own=pl.lit(value=True)),
            others.replays.frame.select(_OF_REPLAY).with_columns(
                own=pl.lit(value=False)
            ),
        ]
    )
    looked_at = _looked_at(source, replays, after, within)
    sides = [looked_at.filter(own=own)["user"].unique() for own in (True, False)]
    for name, people in zip((mine.label, others.label), sides, strict=True):
        if people.is_empty():
            where = "" if after is None else f" in a replay that holds {_name(after)}"
            raise BadInput(f"Nobody was recorded of {name!r}{where}.")
    recordings = source.recordings
    if recordings is None:
        raise BadInput("There are no recordings here: add some with add_replays.")
    ids = looked_at["replay_id"].unique(maintain_order=True)
    happened = (
        facts(recordings, ids, messages=messages, progress=progress)
        .join(looked_at, on="replay_id")
        .filter(pl.col("time").is_between("start", "end"))
    )
    table = contrast(happened.select("user", *FACT), *sides, at_least=at_least)
    told = happened.join(table.select(FACT), on=FACT, how="semi", nulls_equal=True)
    joined, rows = _as_events(source, told)
    return Differences(
        replace(mine.within, source=joined, people=None),
        Facts(table, rows),
        (mine.label, others.label),
        (sides[0].len(), sides[1].len()),
        _words(after, within),
    )


def _looked_at(
    source: Source, replays: pl.DataFrame, after: str | Step | None, within: str | None
) -> pl.DataFrame:
    """Return what is looked at of each replay: all, or what follows an event in it."""
    if after is None:
        return replays
    step = as_step(after)
    check_events([step], dict(source.names.iter_rows()))
    condition = step.predicate()
    check_names(source, [condition])
    names = [name for name in condition.meta.root_names() if name not in COLUMNS]
    people = replays["user"].unique()
    rows = source.scan(names, people).filter(condition).select("user", "time").collect()
    first = (
        replays.join(rows, on="user")
        .filter(pl.col("time").is_between("start", "end"))
        .group_by("replay_id", maintain_order=True)
        .agg(first=pl.col("time").min())
    )
    found = replays.join(first, on="replay_id", maintain_order="left")
    found = found.with_columns(start="first").drop("first")
    if within is None:
        return found
    until = pl.col("start") + pl.duration(microseconds=timeline.microseconds(within))
    return found.with_columns(end=pl.min_horizontal("end", until))


def _as_events(source: Source, happened: pl.DataFrame) -> tuple[Source, pl.DataFrame]:
    """Join happenings to the events, so that streams show them; return their rows."""
    ordered = happened.sort("time", "replay_id", maintain_order=True)
    known, mark, number = source.names["event"].implode(), "recorded", 1
    while True:
        names = pl.concat_str("kind", pl.lit(" "), "what", pl.lit(f" · {mark}"))
        named = ordered.select(event=names)["event"]
        if not named.is_in(known).any():
            break
        number += 1
        mark = f"recorded {number}"
    told = ordered.select("time", "session_id", "selector", user="user_id")
    joined = with_events(source, named, told)
    first = FIRST_ROW + source.added
    rows = ordered.select(
        "user",
        "time",
        "start",
        "end",
        "own",
        *FACT,
        row=pl.int_range(first, first + pl.len(), dtype=pl.Int64),
    )
    return joined, rows


def _words(after: str | Step | None, within: str | None) -> str:
    if after is None:
        return "whole replays"
    words = f"after {_name(after)}"
    return words if within is None else f"{words}, within {duration_words(within)}"


def _name(step: str | Step) -> str:
    return as_step(step).label

"""Whose recording it is: the person and the session that the events name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from replaykit.schema import REPLAY_ID, session_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence


def name_sessions(catalogue: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Fill in sessions that are words or short numbers, where the events know them.

    A file called `checkout-7f3a.json`, `d1_checkout-7f3a.json` or `ana_7.json` names
    its session in words (`spec/capture.md` 2). Only the events can say whether a part
    of a name is a session, so names are read against them.

    Examples
    --------
    >>> files = {"replay_id": ["ana_7", "x"], "device_id": None, "session_id": None}
    >>> catalogue = pl.DataFrame(files, schema_overrides={"session_id": pl.Int64})
    >>> name_sessions(catalogue, pl.Series([7])).rows()
    [('ana_7', 'ana', 7), ('x', None, None)]
    """
    unnamed = catalogue.filter(pl.col("session_id").is_null())["replay_id"].unique()
    read = pl.DataFrame(
        [(name, *reading) for name in unnamed for reading in _readings(name)],
        schema={"replay_id": pl.String, "_device": pl.String, "_word": pl.String},
        orient="row",
    )
    read = read.with_columns(_session=session_numbers(read["_word"]))
    known = read.filter(pl.col("_session").is_in(sessions.drop_nulls().implode()))
    first = known.unique("replay_id", keep="first", maintain_order=True).drop("_word")
    return (
        catalogue.join(first, on="replay_id", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("device_id", "_device").alias("device_id"),
            pl.coalesce("session_id", "_session").alias("session_id"),
        )
        .drop("_device", "_session")
    )


def _readings(name: str) -> list[tuple[str | None, str]]:
    """Read a name as a session, or as a device and a session."""
    found: list[tuple[str | None, str]] = [(None, name)]
    for bar in "/_":
        head, _, tail = name.rpartition(bar)
        if head and tail:
            found.append((head, tail))
    return found


def owners(
    catalogue: pl.DataFrame,
    rows: pl.LazyFrame,
    directory: pl.DataFrame,
    context: Sequence[str],
) -> pl.DataFrame:
    """Return the catalogue with `user` and what is known of the person's device.

    The first that holds: the events of one device and session are theirs, or name the
    replay by id; the recording names a user, or a device whose events are theirs; its
    device, or the whole name of its file, is a public id; or all events of its session
    are of one person.

    Parameters
    ----------
    catalogue
        One row per replay: `replay_id`, `device_id`, `session_id`, `user_id`, …
    rows
        Events: `user`, `device_id`, `session_id`, the context, and the replay id.
    directory
        `user` and `user_id`.
    context
        Properties of the rows to show beside a replay.
    """
    named = REPLAY_ID in rows.collect_schema().names()
    sessions = catalogue["session_id"].drop_nulls().unique()
    named_by = pl.coalesce("device_id", "replay_id")
    devices = catalogue.select(named_by).to_series().unique()
    mine = pl.col("session_id").is_in(sessions.implode())
    if named:
        mine |= pl.col(REPLAY_ID).is_in(catalogue["replay_id"].implode())
    known = [
        pl.col("user").first(),
        *(pl.col(name).drop_nulls().first() for name in context),
    ]
    found = rows.filter(mine).collect()
    wanted = ["user", *context]
    by_session = found.group_by("device_id", "session_id").agg(known)
    joined = catalogue.drop("user", "user_id", strict=False).join(
        by_session, on=["device_id", "session_id"], how="left"
    )
    if named:
        by_id = found.drop_nulls(REPLAY_ID).rename({REPLAY_ID: "replay_id"})
        by_id = by_id.group_by("replay_id").agg(known)
        joined = _fill(joined, by_id, on="replay_id", columns=wanted)
    if joined["user"].null_count() == 0:
        return joined
    public = directory.select("user", "user_id").unique("user_id")
    by_public = catalogue.select("replay_id", "user_id").join(public, on="user_id")
    joined = _fill(joined, by_public, on="replay_id", columns=["user"])
    by_device = (
        rows.filter(pl.col("device_id").is_in(devices.implode()))
        .group_by("device_id")
        .agg(pl.col("user").min(), people=pl.col("user").n_unique())
        .filter(people=1)
        .collect()
    )
    by_name = public.rename({"user_id": "_name"})
    joined = joined.with_columns(_name=named_by)
    for people in (by_device.rename({"device_id": "_name"}), by_name):
        joined = _fill(joined, people, on="_name", columns=["user"])
    joined = joined.drop("_name")
    alone = (
        found.group_by("session_id")
        .agg(*known, people=pl.col("user").n_unique())
        .filter(people=1)
    )
    return _fill(joined, alone, on="session_id", columns=wanted)


def sessions_meanwhile(catalogue: pl.DataFrame, rows: pl.LazyFrame) -> pl.DataFrame:
    """Give recordings that name no session the one that most of what they show is of.

    Ties go to the session that comes first.
    """
    lost = catalogue.filter(
        pl.col("session_id").is_null() & pl.col("user").is_not_null()
    ).select("replay_id", "user", "start", "end")
    if lost.is_empty():
        return catalogue
    meanwhile = (
        rows.filter(pl.col("user").is_in(lost["user"].unique().implode()))
        .filter(pl.col("session_id").is_not_null())
        .select("user", "session_id", "time")
        .join(lost.lazy(), on="user")
        .filter(pl.col("time").is_between("start", "end"))
        .group_by("replay_id", _session="session_id")
        .agg(shown=pl.len(), first=pl.col("time").min())
        .sort(["shown", "first", "_session"], descending=[True, False, False])
        .unique("replay_id", keep="first", maintain_order=True)
        .select("replay_id", "_session")
        .collect()
    )
    return (
        catalogue.join(meanwhile, on="replay_id", how="left", maintain_order="left")
        .with_columns(pl.col("session_id").fill_null(pl.col("_session")))
        .drop("_session")
    )


def _fill(
    left: pl.DataFrame, right: pl.DataFrame, *, on: str, columns: list[str]
) -> pl.DataFrame:
    """Fill nulls of `columns` from `right`, matched by `on`, where nobody is known."""
    joined = left.join(right.select(on, *columns), on=on, how="left", suffix="_other")
    other = {name: f"{name}_other" for name in columns}
    # What is shown of a device belongs to the person: both come from one match.
    nobody = pl.col("user").is_null()
    return joined.with_columns(
        pl.when(nobody).then(other[name]).otherwise(name).alias(name)
        for name in columns
    ).drop(other.values())

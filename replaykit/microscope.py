"""What stands behind a point: its users, their streams, and the replays to watch.

A point is given as a *population*: one row per unit with `user`, the window `start` to
`end`, the moment `at` at which a replay should open, and the `rows` that were charted
(`spec/inspect.md` 1). Everything here is a function of a source and a population.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import UnknownUser, check_option
from replaykit.replays.matching import match
from replaykit.rows_as_json import SIGNALS, epoch_ms, events_of, properties_of, signals
from replaykit.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

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

#: Up to so many events, a page of users is worth a look at the events.
_LOOKED_UP: Final = 2_000_000

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
        charted.join(
            # Of all who were recorded, few are behind a point.
            source.recorded_rows.join(charted, on="user", how="semi"),
            on=["user", "row"],
        )
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
            maintain_order=True,
        )
        .unique("replay_id", keep="first", maintain_order=True)
        .sort(
            "unit",
            "holds_moment",
            "rank",
            "start",
            descending=[False, True, False, False],
            maintain_order=True,
        )
        .drop("rank")
    )


@dataclass(frozen=True, eq=False)
class Behind:
    """The people behind one point; what was found of them is found once.

    Attributes
    ----------
    source
        Where their events and replays lie.
    population
        One row per unit (`POPULATION`).
    """

    source: Source
    population: pl.DataFrame

    def over(self, source: Source) -> Behind:
        """Return the same people, read from a part of the events that holds theirs."""
        same = Behind(source, self.population)
        if "watch" in self.__dict__:
            same.__dict__["watch"] = self.watch
        return same

    @property
    def rows_held(self) -> int:
        """How many rows of tables this keeps in memory."""
        held = self.__dict__.values()
        return sum(one.height for one in held if isinstance(one, pl.DataFrame))

    @cached_property
    def watch(self) -> pl.DataFrame:
        """The replays to watch, each at its best match."""
        return watchlist(self.source, self.population)

    @cached_property
    def _recorded(self) -> pl.DataFrame:
        """How many replays each user has here, where they are, and what went wrong."""
        columns = list(SIGNALS.values())
        return self.watch.group_by("user").agg(
            pl.col("country").drop_nulls().first(),
            *(pl.col(name).sum() for name in columns),
            replays=pl.len(),
        )

    @cached_property
    def _people(self) -> pl.DataFrame:
        """Each user once, in the order of their first moment."""
        people = _first_moments(self.population)
        return people.join(self._recorded, on="user", how="left", maintain_order="left")

    @cached_property
    def _recorded_people(self) -> pl.DataFrame:
        """Those of `_people` with a replay to watch, often few of them."""
        units = self.population.join(self._recorded, on="user", how="semi")
        people = _first_moments(units)
        return people.join(self._recorded, on="user", how="left", maintain_order="left")

    @property
    def recorded_users(self) -> int:
        """The number of users with a replay to watch."""
        return self._recorded.height

    def users_page(
        self,
        *,
        with_replays: bool,
        offset: int,
        limit: int,
        kinds: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Return one page of the users, in the order of their moment.

        Parameters
        ----------
        with_replays
            Only users with a replay to watch.
        offset, limit
            Which of them.
        kinds
            Only users in whose replays all these signals are.
        """
        recorded = with_replays or bool(kinds)
        people = self._recorded_people if recorded else self._people
        for kind in kinds:
            check_option("signal", kind, SIGNALS)
            people = people.filter(pl.col(SIGNALS[kind]) > 0)
        page = people.slice(offset, limit)
        unknown = page.filter(pl.col("country").is_null())["user"]
        countries = _countries(self.source, unknown)
        names = self.source.user_ids(page["user"])
        rows = [
            {
                "user": name,
                "country": row["country"] or countries.get(row["user"]),
                "replays": row["replays"] or 0,
                "first_ms": epoch_ms(row["first"]),
                "signals": signals(row),
            }
            for name, row in zip(names, page.iter_rows(named=True), strict=True)
        ]
        return {"total": people.height, "rows": rows}

    def csv(self) -> bytes:
        """Return the users and the latest value of every property, as a CSV file."""
        people = self._people["user"]
        table = latest_values(self.source, people, list(self.source.properties))
        return flat(table).write_csv().encode()

    def stream(self, user_id: str) -> dict[str, Any]:
        """Return a user's rows around the window of the point (`stream`)."""
        user = self.source.user(user_id)
        watch = self.watch.filter(pl.col("user") == user)
        return stream(self.source, self.population, user_id, watch)


def _first_moments(population: pl.DataFrame) -> pl.DataFrame:
    """Return each user once with their first moment, in its order."""
    people = population.group_by("user").agg(first=pl.col("at").min())
    return people.sort("first", "user")


def _countries(source: Source, users: pl.Series) -> dict[int, str]:
    """Look up where people are who were not recorded; a large source is not read."""
    known = "country" in source.properties
    if not known or users.is_empty() or source.rows > _LOOKED_UP:
        return {}
    found = (
        source.scan(("country",), users)
        .group_by("user")
        .agg(pl.col("country").drop_nulls().first())
        .collect()
    )
    return dict(found.drop_nulls().iter_rows())


def stream(
    source: Source,
    population: pl.DataFrame,
    user_id: str,
    watch: pl.DataFrame | None = None,
) -> dict[str, Any]:
    """Return a user's rows around the window of a point, by session, oldest first.

    All rows inside the window, up to 25 before it, and rows after it until 50 from the
    window's start are shown (`spec/inspect.md` 3). `watch` is this user's part of the
    point's watchlist, where that is known already.
    """
    user = source.user(user_id)
    units = population.filter(pl.col("user") == user)
    if units.is_empty():
        raise UnknownUser(f"User {user_id!r} does not belong to this point.")
    charted = set(units["rows"].explode().drop_nulls().to_list())
    rows = events_of(source, user)
    times = rows["time"]
    # Both ends of a window belong to it.
    first = times.search_sorted(units["start"].sort().head(1), "left")[0]
    last = times.search_sorted(units["end"].sort().tail(1), "right")[0]
    before, within = min(first, ROWS_BEFORE), last - first
    after = min(rows.height - last, max(0, ROWS_FROM_START - within))
    shown = rows.slice(first - before, before + within + after)
    others = source.catalogue.filter(pl.col("user") == user)
    if watch is None:
        # Most people were never recorded, and matching costs more than all the rest.
        watch = units.clear() if others.is_empty() else watchlist(source, units)
    found = {}
    if not watch.is_empty():
        best_last = watch.sort("matched_at", maintain_order=True)
        found = {row["session_id"]: row for row in best_last.iter_rows(named=True)}
    sessions = shown["session_id"].to_list()
    time_ms = shown["time"].dt.epoch("ms").to_list()
    return {
        "user": user_id,
        "before": before,
        "within": within,
        "after": after,
        "sessions": _sessions_of(sessions, time_ms, found, others),
        "rows": {
            "id": [str(row) for row in shown["row"]],
            "time_ms": time_ms,
            "name": shown["event"].to_list(),
            "props": properties_of(shown),
            "charted": [int(row in charted) for row in shown["row"]],
            "place": [0] * before + [1] * within + [2] * after,
            "out_of_session": [int(session is None) for session in sessions],
        },
    }


def _sessions_of(
    sessions: Sequence[int | None],
    time_ms: Sequence[int],
    watch: dict[int | None, dict[str, Any]],
    others: pl.DataFrame,
) -> list[dict[str, Any]]:
    """Split rows in time order into runs of one session, with the replay of each."""
    recorded: dict[int | None, dict[str, Any]] = {}
    for row in others.sort("start").iter_rows(named=True):
        recorded.setdefault(row["session_id"], row)
    heads = []
    position = 0
    for session, run in groupby(sessions):
        rows = sum(1 for _ in run)
        start, end = time_ms[position], time_ms[position + rows - 1]
        replay = None if session is None else watch.get(session)
        chosen = replay or (None if session is None else recorded.get(session))
        playable = chosen is not None and chosen["status"] in _PLAYABLE
        heads.append(
            {
                "session": None if session is None else str(session),
                "start_ms": start,
                "length_ms": end - start,
                "replay": chosen["replay_id"] if chosen and playable else None,
                "match": replay["match"] if replay else None,
                "at_t": replay["matched_at"] if replay else (0 if playable else None),
                "opens": bool(replay and replay["holds_moment"]),
                "first_row": position,
                "rows": rows,
            }
        )
        position += rows
    return heads


def latest_values(
    source: Source, people: pl.Series, names: Sequence[str]
) -> pl.DataFrame:
    """Return the latest value of properties of some users, with their public ids.

    The latest is that of the user's last event with a value, in all of time.
    """
    values = (
        source.scan(names, people)
        .sort("user", "time", "row")
        .group_by("user", maintain_order=True)
        .agg(pl.col(name).drop_nulls().last() for name in names)
        .collect()
    )
    rows = people.to_frame("user").join(
        values, on="user", how="left", maintain_order="left"
    )
    ids = source.user_ids(rows["user"]).alias("user")
    return rows.select(ids, *names)


def flat(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table without lists, which have no form in a CSV file."""
    lists = [name for name, kind in table.schema.items() if isinstance(kind, pl.List)]
    return table.with_columns(
        pl.col(name).cast(pl.List(pl.String)).list.join("|") for name in lists
    )

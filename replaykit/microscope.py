"""What stands behind a point: its users, their streams, and the replays to watch.

A point is given as a *population* (`watchlists.POPULATION`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import check_option
from replaykit.point_streams import Stream, stream_of
from replaykit.rows_as_json import SIGNALS, epoch_ms, signals
from replaykit.watchlists import watchlist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replaykit.source import Source

#: Up to so many events, a page of users is worth a look at the events.
_LOOKED_UP: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class Behind:
    """The people behind one point; what was found of them is found once.

    Whoever looks for replays meets those alone who were recorded, often few among
    many: everybody is found when somebody asks for everybody.

    Attributes
    ----------
    source
        Where their events and replays lie.
    everybody
        Returns one row per unit (`POPULATION`).
    of_recorded
        Returns the same, of at least all users who were ever recorded; by default of
        everybody.
    counted
        The number of users, where it is known without finding them.
    """

    source: Source
    everybody: Callable[[], pl.DataFrame]
    of_recorded: Callable[[], pl.DataFrame | None] = lambda: None
    counted: int | None = None
    #: The stream that was looked at last: its further pages are of the same rows.
    _streams: dict[str, Stream] = field(default_factory=dict)

    @cached_property
    def population(self) -> pl.DataFrame:
        """One row per unit (`POPULATION`)."""
        return self.everybody()

    @cached_property
    def recorded(self) -> pl.DataFrame:
        """One row per unit, of at least all users who were ever recorded."""
        found = self.of_recorded()
        return self.population if found is None else found

    def first_people(self, most: int) -> pl.Series:
        """Return the first users by their moment, and the first with replays."""
        people = (self._people, self._recorded_people)
        return pl.concat([one["user"].head(most) for one in people])

    @property
    def users(self) -> int:
        """The number of users."""
        if self.counted is not None:
            return self.counted
        return self.population["user"].n_unique()

    @cached_property
    def watch(self) -> pl.DataFrame:
        """The replays to watch, each at its best match."""
        return watchlist(self.source, self.recorded)

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
        units = self.recorded.join(self._recorded, on="user", how="semi")
        people = _first_moments(units)
        return people.join(self._recorded, on="user", how="left", maintain_order="left")

    def over(self, source: Source) -> Behind:
        """Return the same people, read from a part of the events that holds theirs."""
        same = Behind(
            source, lambda: self.population, lambda: self.recorded, self.counted
        )
        known = self.__dict__.items()
        found = {name: one for name, one in known if isinstance(one, pl.DataFrame)}
        same.__dict__.update(found)
        return same

    @property
    def rows_held(self) -> int:
        """How many rows of tables this keeps in memory."""
        held = self.__dict__.values()
        return sum(one.height for one in held if isinstance(one, pl.DataFrame))

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

    def stream(
        self, user_id: str, *, offset: int = 0, limit: int | None = None
    ) -> dict[str, Any]:
        """Return a user's rows around the window of the point, page by page.

        Parameters
        ----------
        user_id
            Their public id.
        offset, limit
            Which of the rows; all of them by default.
        """
        if user_id not in self._streams:
            user = self.source.user(user_id)
            recorded = self.source.catalogue["user"].eq(user).any()
            units = self.recorded if recorded else self.population
            self._streams.clear()
            watch = self.watch.filter(pl.col("user") == user)
            self._streams[user_id] = stream_of(self.source, units, user_id, watch)
        return self._streams[user_id].page(offset, limit)


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

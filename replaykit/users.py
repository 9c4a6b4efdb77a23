"""Users behind a number: a set that remembers why each is here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import microscope
from replaykit.cohort_rules import join
from replaykit.errors import BadInput
from replaykit.replay_list import Replays
from replaykit.widgets import Player
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from replaykit.cohort_rules import Joint, Rule
    from replaykit.handles import Events
    from replaykit.replies import Watching


_JOINTS: Final = {"and": " and ", "or": " or ", "not": ", not "}


@dataclass(frozen=True, eq=False, repr=False)
class Users:
    """Users behind a number; they behave like a set, and know why they are here.

    `a - b`, `a & b`, `a | b` keep the windows and moments of the left side.
    """

    within: Events
    population: pl.DataFrame
    label: str = "users"
    rule: Rule | None = None

    def count(self) -> int:
        """Return the number of distinct users."""
        return self.population["user"].n_unique()

    def __len__(self) -> int:
        """Return the number of distinct users."""
        return self.count()

    @property
    def ids(self) -> pl.Series:
        """Public ids, each once, in the order of their first moment."""
        index = self.population.sort("at", "user")["user"].unique(maintain_order=True)
        return self.within.source.user_ids(index).alias("user")

    @property
    def table(self) -> pl.DataFrame:
        """One row per unit: `user` String, `start`, `end`, `at` Datetime UTC."""
        ids = self.within.source.user_ids(self.population["user"]).alias("user")
        return self.population.select(ids, "start", "end", "at").sort("at", "user")

    def __iter__(self) -> Iterator[str]:
        """Yield public ids."""
        return iter(self.ids)

    def __contains__(self, user: object) -> bool:
        """Say whether a public id is among them."""
        return user in set(self.ids)

    def __and__(self, other: Users) -> Users:
        """Keep those who are in both."""
        kept = self.population.join(self._same(other), on="user", how="semi")
        return self._joined("and", other, kept)

    def __sub__(self, other: Users) -> Users:
        """Keep those who are not in the other."""
        kept = self.population.join(self._same(other), on="user", how="anti")
        return self._joined("not", other, kept)

    def __or__(self, other: Users) -> Users:
        """Keep those who are in either."""
        added = self._same(other).join(self.population, on="user", how="anti")
        everyone = pl.concat([self.population, added])
        return self._joined("or", other, everyone)

    def _joined(self, joint: Joint, other: Users, population: pl.DataFrame) -> Users:
        label = f"{self.label}{_JOINTS[joint]}{other.label}"
        return Users(self.within, population, label, join(joint, self.rule, other.rule))

    def _same(self, other: Users) -> pl.DataFrame:
        if not isinstance(other, Users):
            raise BadInput(
                f"Users combine with Users, not with a {type(other).__name__}. For ids "
                "of your own write events.filter(user=[…]).everyone()."
            )
        mine, theirs = self.within.source, other.within.source
        if mine is theirs:
            return other.population
        named = other.population.with_columns(
            user_id=theirs.user_ids(other.population["user"])
        ).drop("user")
        directory = mine.directory.select("user", "user_id")
        return named.join(directory, on="user_id").select(*microscope.POPULATION)

    @staticmethod
    def nobody() -> pl.DataFrame:
        """Return the population of a point with nobody behind it."""
        return pl.DataFrame(schema=microscope.POPULATION)

    def overlap(self, other: Users) -> pl.DataFrame:
        """Count who is in one of two sets of users, and in both.

        Returns
        -------
        DataFrame
            One row: `only_first`, `both`, `only_second` Int64, and `jaccard` Float64,
            those in both among those in either (null when nobody is).
        """
        mine = set(self.population["user"])
        theirs = set(self._same(other)["user"])
        # Users of another source who are unknown here are only in the second.
        second = other.count()
        both = len(mine & theirs)
        either = len(mine) + second - both
        return pl.DataFrame(
            {
                "only_first": [len(mine) - both],
                "both": [both],
                "only_second": [second - both],
                "jaccard": pl.Series(
                    [both / either if either else None], dtype=pl.Float64
                ),
            }
        )

    def latest(self, *properties: str) -> pl.DataFrame:
        """Return the latest value of properties: `user` String, and each property.

        The latest is that of the user's last event with a value, in all of time.

        Parameters
        ----------
        properties
            Names; all properties when none is given.
        """
        source = self.within.source
        names = properties or tuple(source.properties)
        replace(self.within, people=None).check_columns(names)
        people = self.population["user"].unique().sort()
        return microscope.latest_values(source, people, names)

    def write_csv(self, path: str | PathLike[str], *properties: str) -> int:
        """Write the ids to a CSV file, and return how many.

        Parameters
        ----------
        path
            The file. Ids alone have no header, as a cohort reads them.
        properties
            Latest values to write beside each id, under a header.
        """
        table = self.latest(*properties) if properties else self.ids.to_frame()
        table = microscope.flat(table)
        table.write_csv(Path(path), include_header=bool(properties))
        return table.height

    @property
    def events(self) -> Events:
        """All rows of these users, in the range and filters they were found with."""
        index = self.population["user"].unique().sort()
        return replace(self.within, people=index)

    @property
    def replays(self) -> Replays:
        """The replays that show what these users were found for, in their order.

        `matched_at` is where to open each, `matched_because` the rows it shows.
        """
        found = microscope.watchlist(self.within.source, self.population)
        return Replays(self.within.source, found, self.label)

    def watching(self) -> Watching:
        """Return what a player plays."""
        return self.replays.watching()

    def watch(self) -> Player:
        """Open the player on these users' replays, each at its moment."""
        return Player(self)

    def __repr__(self) -> str:
        """Say how many, and why."""
        return f"{count_words(self.count(), 'user')}: {self.label}"

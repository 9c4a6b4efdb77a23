"""Users behind a number: a set that remembers why each is here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from replaykit import microscope
from replaykit.errors import BadInput
from replaykit.replay_list import Replays
from replaykit.widgets import Player
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.handles import Events
    from replaykit.replies import Watching


@dataclass(frozen=True, eq=False, repr=False)
class Users:
    """Users behind a number; they behave like a set, and know why they are here.

    `a - b`, `a & b`, `a | b` keep the windows and moments of the left side.
    """

    within: Events
    population: pl.DataFrame
    label: str = "users"

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
        return replace(self, population=kept, label=f"{self.label} and {other.label}")

    def __sub__(self, other: Users) -> Users:
        """Keep those who are not in the other."""
        kept = self.population.join(self._same(other), on="user", how="anti")
        return replace(self, population=kept, label=f"{self.label}, not {other.label}")

    def __or__(self, other: Users) -> Users:
        """Keep those who are in either."""
        added = self._same(other).join(self.population, on="user", how="anti")
        everyone = pl.concat([self.population, added])
        return replace(
            self, population=everyone, label=f"{self.label} or {other.label}"
        )

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

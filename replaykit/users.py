"""Users behind a number: a set that remembers why each is here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import microscope, watchlists
from replaykit.cohort_rules import join
from replaykit.errors import BadInput
from replaykit.replay_list import Replays
from replaykit.replays.happenings import MESSAGES
from replaykit.results.on_screen import differences
from replaykit.widgets.showing import Watched
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from replaykit.cohort_rules import Joint, Rule
    from replaykit.handles import Events
    from replaykit.query import Step
    from replaykit.replies import Watching
    from replaykit.results.differences import Differences


_JOINTS: Final = {"and": " and ", "or": " or ", "not": ", not "}


@dataclass(frozen=True, eq=False, repr=False)
class Users(Watched):
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
        return named.join(directory, on="user_id").select(*watchlists.POPULATION)

    @staticmethod
    def nobody() -> pl.DataFrame:
        """Return the population of a point with nobody behind it."""
        return pl.DataFrame(schema=watchlists.POPULATION)

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
        found = watchlists.watchlist(self.within.source, self.population)
        return Replays(self.within.source, found, self.label)

    def watching(self) -> Watching:
        """Return what a player plays."""
        return self.replays.watching()

    def differences(
        self,
        others: Users,
        *,
        after: str | Step | None = None,
        within: str | None = None,
        messages: str = MESSAGES,
        at_least: int = 2,
        progress: bool = True,
    ) -> Differences:
        """Find what these users did on the screen and others did not, or the reverse.

        Both groups' replays are read: what people clicked (also in rage, or in vain),
        typed into and saw, what pages told them, the errors and failed requests they
        met. Whoever did a thing at least once counts for it; those who were not
        recorded are on neither side. Displays as a chart whose dots open.

        Parameters
        ----------
        others
            The group to compare with. Nobody is in both: `a - b`, `b`.
        after
            Look only at what comes after this event in a replay, as reaching further
            shows further pages: the step after which people were lost, say. Replays
            without it are left out.
        within
            Look only so long after it, bound included; `"2m"`.
        messages
            A CSS selector of the elements in which pages tell something.
        at_least
            Facts of fewer people, of both groups together, are left out.
        progress
            Show bars while reading.

        Returns
        -------
        Differences
            `.table`: `kind`, `what`, `selector` String; `users`, `other_users` Int64;
            `share`, `other_share` Float64 (of the recorded people of each group);
            `points`, `low`, `high` Float64 (difference in percentage points, its 95 %
            interval); `p_value` (Fisher's exact test), `q_value` (adjusted for the
            number of lines, Benjamini-Hochberg). The least likely by chance first.
            `.point(line)` opens who did it, at their first time.

        Raises
        ------
        BadInput
            If somebody is in both groups, or nobody of one was recorded.
        UnknownEvent
            If `after` names no event.

        Examples
        --------
        >>> import replaykit as rk
        >>> shop = rk.demo()
        >>> checkout = shop.events.funnel("Checkout Started", "Purchase", within="1d")
        >>> lost, won = checkout.dropped(after=1), checkout.reached(2)
        >>> found = lost.differences(won, after="Checkout Started", progress=False)
        >>> found.table["kind"][0]
        'saw page'
        >>> found.point(0, side="others").count() == found.table["other_users"][0]
        True
        """
        here = replace(others, within=self.within, population=self._same(others))
        return differences(
            self,
            here,
            after=after,
            within=within,
            messages=messages,
            at_least=at_least,
            progress=progress,
        )

    def __repr__(self) -> str:
        """Say how many, and why."""
        return f"{count_words(self.count(), 'user')}: {self.label}"

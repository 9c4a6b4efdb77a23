"""Several projects seen as one: events together, replays project by project."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import BadInput, UnknownReplay
from replaykit.handles import Events
from replaykit.lookup import Person, find_person
from replaykit.replay_list import Replays
from replaykit.source import Source
from replaykit.twins import table_twin
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from replaykit.project import Project
    from replaykit.widgets import View

#: The property that says which project a row or a replay is of.
PROJECT: Final = "project"


@dataclass(frozen=True, eq=False, repr=False)
class Portfolio:
    """A read-only union of projects; made by `rk.portfolio`.

    A user id in two projects is one user, and event types of one name are one event;
    properties are those of the project that sent them, and `project` names it. Replays
    stay the project's: they are listed beside each other and never joined
    (`spec/inspect.md` 5, `spec/replay.md` 8).
    """

    projects: tuple[Project, ...]
    titles: tuple[str, ...]

    @property
    def events(self) -> Events:
        """All events of all projects, ready for a question; `project` is a property."""
        return Events(self.source)

    @property
    def replays(self) -> Replays:
        """All recordings, newest first; the column `project` says whose each is."""
        return Replays(self.source, self.source.catalogue)

    def user(self, given: str) -> Person:
        """Look a person up by any id; their stream runs through all projects."""
        return find_person(self.source, given)

    def profiles(self, given: str) -> pl.DataFrame:
        """Return the latest properties of a person as each project knows them.

        Returns
        -------
        DataFrame
            One row per project that knows them: `project` String, then each property.
        """
        user = self.user(given).user
        rows = self.source.scan(None, (user,)).sort("time", "row").collect()
        known = [name for name in self.source.properties if name != PROJECT]
        latest = rows.group_by(PROJECT, maintain_order=True).agg(
            pl.col(name).drop_nulls().last() for name in known
        )
        return latest.select(PROJECT, *(n for n in known if n in latest.columns))

    def playlist(self, given: str) -> Replays:
        """Return the replays of one person in all projects, the earliest first."""
        mine = self.user(given).replays
        frame = mine.frame.sort("start", "replay_id")
        return Replays(self.source, frame, f"{given}, by time")

    @property
    def table(self) -> pl.DataFrame:
        """One row per project: `project`, `events`, `users`, `replays`."""
        rows = [
            (
                title,
                one.source.rows,
                one.source.directory.height,
                one.source.catalogue.height,
            )
            for title, one in zip(self.titles, self.projects, strict=True)
        ]
        names = [PROJECT, "events", "users", "replays"]
        return pl.DataFrame(rows, schema=names, orient="row")

    @cached_property
    def source(self) -> Source:
        """The state of all projects that handles taken now are pinned to."""
        sources = [one.source for one in self.projects]
        known = [source.directory.select("user", "user_id") for source in sources]
        ids = pl.concat(one.select("user_id") for one in known).unique(
            maintain_order=True
        )
        directory = ids.with_row_index("user").select(
            pl.col("user").cast(pl.Int32), "user_id"
        )
        numbers = [
            one.rename({"user": "theirs"})
            .join(directory, on="user_id")
            .select("theirs", "user")
            for one in known
        ]
        known_properties: dict[str, str] = {PROJECT: "String"}
        for source in sources:
            known_properties = {**source.properties, **known_properties}

        def scan(
            properties: Iterable[str] | None,
            users: Iterable[int] | None = None,
            *,
            buckets: Iterable[int] | None = None,
        ) -> pl.LazyFrame:
            del buckets  # those of a portfolio's projects have nothing in common
            names = None if properties is None else list(properties)
            chosen = None if users is None else pl.Series(users, dtype=pl.Int32)
            parts = [
                self._rows(place, names, numbers[place], chosen)
                for place in range(len(sources))
            ]
            return pl.concat(parts, how="diagonal_relaxed")

        union = Source(
            scan=scan,
            people=lambda: directory,
            properties=known_properties,
            recordings=_Shelves(self.titles, sources),
            zone=sources[0].zone,
            now=lambda: max(source.now() for source in sources),
            title=" and ".join(self.titles),
            week_start=sources[0].week_start,
            quarter_start=sources[0].quarter_start,
        )
        # Each project knows whose its recordings are; only the numbers are new.
        parts = [
            source.catalogue.rename({"user": "theirs"})
            .join(numbers[place], on="theirs", how="left")
            .drop("theirs")
            .with_columns(
                pl.lit(self.titles[place]).alias(PROJECT),
                _shelved("replay_id", place, union.recordings),
            )
            for place, source in enumerate(sources)
        ]
        catalogue = pl.concat(parts, how="diagonal_relaxed")
        order = ["start", "replay_id"]
        union.__dict__["catalogue"] = catalogue.sort(order, descending=[True, False])
        return union

    def _rows(
        self,
        place: int,
        names: list[str] | None,
        numbers: pl.DataFrame,
        users: pl.Series | None,
    ) -> pl.LazyFrame:
        """Return rows of one project under the numbers of the portfolio."""
        source = self.projects[place].source
        if users is not None:
            numbers = numbers.filter(pl.col("user").is_in(users.implode()))
        own = None if names is None else [n for n in names if n in source.properties]
        theirs = None if users is None else numbers["theirs"]
        rows = source.scan(own, theirs).rename({"user": "theirs"})
        count = len(self.projects)
        known = rows.join(numbers.lazy(), on="theirs").drop("theirs")
        numbered = known.with_columns(row=pl.col("row") * count + place)
        if names is None or PROJECT in names:
            title = pl.lit(self.titles[place]).alias(PROJECT)
            numbered = numbered.with_columns(title)
        return numbered.select("user", pl.exclude("user"))

    @cached_property
    def widget(self) -> View:
        """The list of all recordings, with its search; one per portfolio."""
        return self.replays.widget

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython
        return self.replays._repr_mimebundle_(**kwargs)

    def _repr_html_(self) -> str:
        return table_twin(repr(self), self.table.columns, self.table.rows())

    def __repr__(self) -> str:
        """Say which projects, and how many recordings."""
        replays = count_words(self.source.catalogue.height, "replay")
        return f"{' · '.join(self.titles)} · {replays}"


class _Shelves:
    """The recordings of several projects under ids that are told apart."""

    def __init__(self, titles: tuple[str, ...], sources: list[Source]) -> None:
        self._sources = sources
        ids = [set(source.catalogue["replay_id"]) for source in sources]
        self._of: dict[str, tuple[int, str]] = {}
        self.names: list[dict[str, str]] = []
        for place, mine in enumerate(ids):
            others = set().union(*(one for k, one in enumerate(ids) if k != place))
            names = {
                one: f"{titles[place]}/{one}" if one in others else one for one in mine
            }
            self.names.append(names)
            self._of |= {name: (place, one) for one, name in names.items()}

    def catalogue(self) -> pl.DataFrame:
        """Return nothing: the portfolio joins the catalogues that know their people."""
        return pl.DataFrame(schema={"replay_id": pl.String})

    def segment(self, replay_id: str, index: int) -> bytes:
        """Return one segment, from the project that holds it."""
        source, own = self._find(replay_id)
        assert source.recordings is not None  # noqa: S101 - it lists the replay
        return source.recordings.segment(own, index)

    def stored(self, replay_id: str) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield all that is kept of a recording, from the project that holds it."""
        source, own = self._find(replay_id)
        assert source.recordings is not None  # noqa: S101 - it lists the replay
        return source.recordings.stored(own)

    def summary(self, replay_id: str) -> dict[str, object]:
        """Return the summary written with a recording."""
        source, own = self._find(replay_id)
        assert source.recordings is not None  # noqa: S101 - it lists the replay
        return source.recordings.summary(own)

    def extent(self, replay_id: str) -> tuple[int, int]:
        """Return the newest length and number of segments of a recording."""
        source, own = self._find(replay_id)
        assert source.recordings is not None  # noqa: S101 - it lists the replay
        return source.recordings.extent(own)

    def _find(self, replay_id: str) -> tuple[Source, str]:
        if replay_id not in self._of:
            raise UnknownReplay(f"No replay {replay_id!r} in these projects.")
        place, own = self._of[replay_id]
        return self._sources[place], own


def _shelved(column: str, place: int, shelves: object) -> pl.Expr:
    assert isinstance(shelves, _Shelves)  # noqa: S101 - made a few lines above
    names = shelves.names[place]
    return pl.col(column).replace(list(names), list(names.values()))


def portfolio(*projects: Project) -> Portfolio:
    """See several projects as one, reading only.

    Parameters
    ----------
    projects
        Two or more projects of one time zone.

    Returns
    -------
    Portfolio
        `.events`, `.replays`, `.user(id)`, `.playlist(id)` over all of them.

    Raises
    ------
    BadInput
        If there are fewer than two, one is given twice, or their time zones differ.

    Examples
    --------
    >>> import tempfile
    >>> import replaykit as rk
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     web, app = rk.create(f"{folder}/web.rk"), rk.create(f"{folder}/app.rk")
    ...     print(rk.portfolio(web, app))
    web.rk · app.rk · 0 replays
    """
    if len(projects) < 2:
        raise BadInput("A portfolio is made of two projects or more.")
    folders = [str(one.folder) for one in projects]
    if len(set(folders)) < len(folders):
        raise BadInput(f"A project stands twice in {', '.join(folders)}.")
    zones = {one.tz for one in projects}
    if len(zones) > 1:
        raise BadInput(
            f"The projects count days in different zones: {', '.join(sorted(zones))}. "
            "A portfolio needs one."
        )
    titles = [one.title or one.folder.name for one in projects]
    if len(set(titles)) < len(titles):
        titles = folders
    return Portfolio(tuple(projects), tuple(titles))

"""What a widget may ask, and how it is answered from Python.

The front end asks by kind and parameters; the same questions are answered by a live
kernel here, and by a capsule of ready answers in a shared page. The kinds and the shape
of each reply are declared in `widgets/js/protocol.ts`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from replaykit import one_replay
from replaykit.errors import BadInput, UnknownOption, UnknownReplay
from replaykit.microscope import Behind
from replaykit.replays.anatomy import report
from replaykit.rows_as_json import list_rows, to_json
from replaykit.search_query import fields_of, read_query, values_of
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from replaykit.source import Source
    from replaykit.timeline import Span

STATIC: Final = Path(__file__).parent / "widgets" / "static"

#: Parts of the front end that are sent when they are first needed.
MODULES: Final = ("plotly", "views")

#: A page of rows is never longer than this, whatever the front end asks for.
MOST_ROWS: Final = 500

#: So many points of one widget stay open in memory.
KEPT_POINTS: Final = 8


class Reply(NamedTuple):
    """A JSON part and its binary parts."""

    data: dict[str, Any]
    buffers: tuple[bytes, ...] = ()


class SideTable(Protocol):
    """A table of another system, on the clock of a replay."""

    def beside(self, replay: Mapping[str, Any], shift_ms: int) -> dict[str, Any]:
        """Return the rows around one replay, as its panel shows them."""
        ...


class Answers(Protocol):
    """Anything that can answer the questions of a widget."""

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer one question, or raise a `ReplayKitError`."""
        ...


def key_of(kind: str, params: Mapping[str, Any]) -> str:
    """Return the name under which a capsule keeps the answer to a question.

    Examples
    --------
    >>> key_of("users", {"offset": 0, "key": "funnel"})
    'users {"key":"funnel","offset":0}'
    """
    return f"{kind} {to_json(dict(params))}"


@lru_cache(maxsize=2)
def module_source(kind: str) -> bytes:
    """Return the deflated source of a part of the front end, as it asks for it.

    Parameters
    ----------
    kind
        `"plotly"`, the chart library; `"views"`, all views but the player.
    """
    return zlib.compress(bundle_file(f"{kind}.js").read_bytes(), 6)


def bundle_file(name: str) -> Path:
    """Return a file of the built front end, or say how to build it."""
    path = STATIC / name
    if not path.exists():
        raise BadInput(
            f"The front end ({name}) has not been built in this checkout. "
            "pip install -e . builds it."
        )
    return path


@dataclass(frozen=True, eq=False)
class Watching:
    """A list of replays to watch, with the reason for each.

    Parameters
    ----------
    source
        Where the replays lie.
    replays
        Rows of the catalogue, in the order of the playlist. `matched_at`, `match` and
        `matched_because` are used where present.
    because
        A sentence that says what these replays have in common.
    tables
        Tables of other systems, each a panel beside the events.
    """

    source: Source
    replays: pl.DataFrame
    because: str | None = None
    tables: Sequence[SideTable] = ()
    _seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def _matched(self) -> dict[str, dict[str, Any]]:
        if "matched_at" not in self.replays.columns:
            return {}
        return {row["replay_id"]: row for row in self.replays.iter_rows(named=True)}

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer `session`, `segment`, `playlist` and `anatomy`."""
        match kind:
            case "session":
                return Reply(self.session(text_in(params, "replay")))
            case "segment":
                return self._segment(
                    text_in(params, "replay"), count_in(params, "index")
                )
            case "playlist":
                rows = list_rows(self.replays)
                return Reply({"total": len(rows), "rows": rows})
            case "anatomy":
                found = one_replay.explain(self.source, text_in(params, "replay"))
                return Reply(report(found))
            case _:
                return _unknown(kind, ("session", "segment", "playlist", "anatomy"))

    def session(self, replay: str) -> dict[str, Any]:
        """Return what the player shows of one replay; the last one is kept."""
        if replay not in self._seen:
            matched = self._matched.get(replay)
            answer = one_replay.session(
                self.source,
                replay,
                matched=matched,
                because=self.because if matched else None,
            )
            if self.tables:
                row, shift = self.source.replay(replay), answer["shift_ms"]
                answer["tables"] = [one.beside(row, shift) for one in self.tables]
            self._seen.clear()
            self._seen[replay] = answer
        return self._seen[replay]

    def _segment(self, replay: str, index: int) -> Reply:
        if self.source.recordings is None:
            raise UnknownReplay(f"No replay {replay!r}: there are no recordings.")
        row = self.source.replay(replay)
        if row["status"] == "expired":
            days = self.source.kept_days(row["ingested"])
            raise UnknownReplay(
                f"Replay {replay!r} has expired: recordings are kept for {days} days."
            )
        body = self.source.recordings.segment(replay, index)
        return Reply({"replay": replay, "index": index}, (body,))


class Point(NamedTuple):
    """What a head line and a code line say of one point."""

    title: str
    subtitle: str
    code: str


class Followed(NamedTuple):
    """Another result that a point leads to, and the call that gives it."""

    title: str
    code: str
    answers: Microscope


@dataclass(frozen=True, eq=False)
class Microscope:
    """A chart whose points open into users, streams and replays."""

    source: Source
    chart: Callable[[], dict[str, Any]]
    population: Callable[[str], pl.DataFrame]
    describe: Callable[[str], Point]
    follow: Callable[[str, str], Followed] | None = None
    drivers: Callable[[str], pl.DataFrame] | None = None
    keep: Callable[[str, str], int] | None = None
    _open: dict[str, Behind] = field(default_factory=dict)
    _followed: dict[str, Followed] = field(default_factory=dict)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer every question of a result widget.

        With `within` the question is asked of a result that a point led to.
        """
        if "within" in params:
            name, inner = inside(params)
            return self._result_of(name).answer(kind, inner)
        match kind:
            case "chart":
                return Reply(self.chart())
            case "plotly":
                return Reply({}, (module_source(kind),))
            case "point":
                key = text_in(params, "key")
                return Reply(self.about(key, self.behind(key)))
            case "users":
                return Reply(
                    self.behind(text_in(params, "key")).users_page(
                        with_replays=bool(params.get("with_replays")),
                        offset=count_in(params, "offset"),
                        limit=min(count_in(params, "limit"), MOST_ROWS),
                        kinds=texts_in(params, "signals"),
                    )
                )
            case "stream":
                behind = self.behind(text_in(params, "key"))
                return Reply(behind.stream(text_in(params, "user")))
            case "session" | "segment" | "playlist" | "anatomy":
                return self._watching(params.get("point")).answer(kind, params)
            case _:
                return self._beyond(kind, params)

    def _beyond(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer what leads on from a point: other results, a cohort, its drivers."""
        match kind:
            case "follow":
                return self._follow(text_in(params, "key"), text_in(params, "where"))
            case "cohort":
                return self._keep(text_in(params, "key"), text_in(params, "name"))
            case "csv":
                return Reply({}, (self.behind(text_in(params, "key")).csv(),))
            case "drivers":
                return Reply(self._drivers(text_in(params, "key")))
            case _:
                known = ("chart", "point", "users", "stream", "session", "segment")
                return _unknown(kind, (*known, "follow", "cohort", "csv", "drivers"))

    def _keep(self, key: str, name: str) -> Reply:
        """Save the users of a point as a cohort of the project."""
        if self.keep is None or self.source.keep_cohort is None:
            raise UnknownOption("Only a project keeps cohorts; this is a frame alone.")
        users = self.keep(key, name)
        call = self.describe(key).code.partition(" = ")[2]
        whole = call.split(".")[-1].startswith(("reached(", "dropped("))
        code = f"shop.cohorts.save({name!r}, {call}{'' if whole else '.users'})"
        return Reply({"users": users, "code": code})

    def _follow(self, key: str, where: str) -> Reply:
        if self.follow is None:
            raise UnknownOption("A point of this chart leads nowhere else.")
        name = to_json([key, where])
        if name not in self._followed:
            self._followed[name] = self.follow(key, where)
            while len(self._followed) > KEPT_POINTS:
                self._followed.pop(next(iter(self._followed)))
        found = self._followed[name]
        return Reply({"within": name, "title": found.title, "code": found.code})

    def _result_of(self, name: str) -> Microscope:
        if name not in self._followed:
            key, where = json.loads(name)
            self._follow(key, where)
        return self._followed[name].answers

    def _drivers(self, key: str) -> dict[str, Any]:
        """Return the strongest drivers of a funnel's point, as rows of a table."""
        if self.drivers is None:
            raise UnknownOption("Only the steps of a funnel have conversion drivers.")
        table = self.drivers(key)
        _, step, outcome, *_ = key.split("|")
        tab = "dropped" if outcome == "dropped" else "converted"
        code = f'funnel.drivers(first={int(step) - 1}, last={step}, tab="{tab}")'
        columns = ["event", "correlation", "did_share", "frequency"]
        shown = table.select(columns).head(MOST_ROWS)
        return {
            "code": code,
            "total": table.height,
            "rows": shown.fill_nan(None).to_dicts(),
        }

    def behind(self, key: str) -> Behind:
        """Return who is behind a point, kept while it is among the last opened."""
        if key not in self._open:
            self._open[key] = Behind(self.source, self.population(key))
            while len(self._open) > KEPT_POINTS:
                self._open.pop(next(iter(self._open)))
        return self._open[key]

    def over(self, source: Source) -> Microscope:
        """Return the same answers, read from another state of the same events."""
        opened = {
            key: Behind(source, behind.population) for key, behind in self._open.items()
        }
        return replace(self, source=source, _open=opened)

    def about(self, key: str, behind: Behind) -> dict[str, Any]:
        """Return what the head of a point says of its population."""
        return {
            "key": key,
            **self.describe(key)._asdict(),
            "users": behind.population["user"].n_unique(),
            "users_with_replays": behind.recorded_users,
            "replays": behind.watch.height,
        }

    def _watching(self, key: object) -> Watching:
        if not isinstance(key, str) or not key:
            return Watching(self.source, self.source.catalogue)
        watch = self.behind(key).watch
        return Watching(self.source, watch, self.describe(key).title)


@dataclass(frozen=True, eq=False)
class Home:
    """A list of captured sessions, newest first, and the search of it.

    Attributes
    ----------
    source
        Where the replays lie.
    facts
        Counts to show above the list, for a range.
    within
        The range that `"7d"` names.
    last
        The range shown first; empty for all.
    search
        Returns rows of the catalogue for the options of `replays.search`.
    title
        What stands above the list.
    call
        How the list is written in code.
    watching
        What a player plays, if not the whole catalogue.
    """

    source: Source
    facts: Callable[[str], Iterable[tuple[str, str]]]
    within: Callable[[str], Span]
    last: str
    search: Callable[[dict[str, Any]], pl.DataFrame]
    title: str = ""
    call: str = "shop.replays"
    watching: Watching | None = None
    _found: dict[str, pl.DataFrame] = field(default_factory=dict)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer `home`, `sessions`, `search`, and what a player asks."""
        match kind:
            case "search":
                return self._search(params)
            case "fields":
                return Reply({"fields": fields_of(self.source)})
            case "values":
                name = text_in(params, "name")
                return Reply({"values": values_of(self.source, name)})
            case "home":
                last = str(params.get("last") or self.last)
                rows = self.replays(last)
                facts = [
                    {"value": value, "label": label}
                    for value, label in self.facts(last)
                ]
                return Reply(
                    {
                        "title": self.title or self.source.title,
                        "zone": self.source.zone,
                        "last": last,
                        "span": self.span(last),
                        "facts": facts,
                        "total": rows.height,
                        "rows": list_rows(rows.head(100)),
                    }
                )
            case "sessions":
                last = str(params.get("last") or self.last)
                rows = self.replays(last)
                offset, limit = count_in(params, "offset"), count_in(params, "limit")
                page = rows.slice(offset, min(limit, MOST_ROWS))
                return Reply({"total": rows.height, "rows": list_rows(page)})
            case _:
                watching = self.watching or Watching(self.source, self.source.catalogue)
                return watching.answer(kind, params)

    def _search(self, params: Mapping[str, Any]) -> Reply:
        """Search as the filter bar asks; the last searches are kept for their pages."""
        query = params.get("query")
        if not isinstance(query, dict):
            raise UnknownOption(f"query must be an object, not {query!r}.")
        options, arguments = read_query(self.source, query)
        code = f"{self.call}.search({arguments})"
        name = to_json(query)
        if name not in self._found:
            self._found[name] = self.search(options)
            while len(self._found) > KEPT_POINTS:
                self._found.pop(next(iter(self._found)))
        rows = self._found[name]
        offset, limit = count_in(params, "offset"), count_in(params, "limit")
        page = rows.slice(offset, min(limit, MOST_ROWS))
        return Reply({"total": rows.height, "code": code, "rows": list_rows(page)})

    def replays(self, last: str) -> pl.DataFrame:
        """Return the replays that start in the last days, newest first."""
        return self.search({"last": last} if last else {})

    def span(self, last: str) -> str:
        """Name the range shown, and say where recordings are when it holds none."""
        if not last:
            return "all time"
        words = span_words(self.within(last))
        newest = self.source.catalogue["start"].max()
        if self.replays(last).is_empty() and isinstance(newest, datetime):
            return f"{words} holds none; the newest is of {newest:%d %b %Y}"
        return words


def _unknown(kind: str, known: Iterable[str]) -> Reply:
    listed = ", ".join(known)
    raise UnknownOption(f"Nothing is asked by the name {kind!r} here, only {listed}.")


def inside(params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the result that a question is asked of, and the question there.

    `within` is the way to a result that a point led to, the first one first.
    """
    way = params["within"]
    first, *further = [way] if isinstance(way, str) else texts_in(params, "within")
    inner = {key: value for key, value in params.items() if key != "within"}
    return first, {**inner, **({"within": further} if further else {})}


def text_in(params: Mapping[str, Any], name: str) -> str:
    """Read a text of a question."""
    value = params.get(name)
    if not isinstance(value, str):
        raise UnknownOption(f"{name} must be a text, not {value!r}.")
    return value


def count_in(params: Mapping[str, Any], name: str) -> int:
    """Read a whole number of a question, 0 where it is left out."""
    value = params.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnknownOption(f"{name} must be a whole number from 0, not {value!r}.")
    return value


def texts_in(params: Mapping[str, Any], name: str) -> list[str]:
    """Read a list of texts of a question, empty where it is left out."""
    value = params.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UnknownOption(f"{name} must be a list of texts, not {value!r}.")
    return value

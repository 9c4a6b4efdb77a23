"""What a chart's points are asked: who is behind them, and where they lead."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from replaykit.errors import UnknownOption
from replaykit.replies.asked import (
    KEPT_POINTS,
    KEPT_ROWS,
    MOST_ROWS,
    Reply,
    count_in,
    inside,
    module_source,
    text_in,
    texts_in,
    unknown,
)
from replaykit.replies.tiles import Tiles
from replaykit.replies.watching import KINDS, Watching
from replaykit.rows_as_json import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from replaykit.microscope import Behind
    from replaykit.source import Source


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
    find: Callable[[str], Behind]
    describe: Callable[[str], Point]
    follow: Callable[[str, str], Followed] | None = None
    drivers: Callable[[str], pl.DataFrame] | None = None
    keep: Callable[[str, str], int] | None = None
    _open: dict[str, Behind] = field(default_factory=dict)
    _followed: dict[str, Followed] = field(default_factory=dict)
    _played: dict[str, Watching] = field(default_factory=dict)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer every question of a result widget.

        With `within` the question is asked of a result that a point led to.
        """
        if "person" in params:
            return self.watched().answer(kind, params)
        if "within" in params:
            name, inner = inside(params)
            return self._result_of(name).answer(kind, inner)
        match kind:
            case "chart":
                self.source.prepare()
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
                return Reply(self._stream(params))
            case one if one in KINDS:
                return self.watched(params.get("point")).answer(kind, params)
            case _:
                return self._beyond(kind, params)

    def _stream(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of a user's stream; `whole` is what a shared page asks for."""
        return self.behind(text_in(params, "key")).stream(
            text_in(params, "user"),
            offset=count_in(params, "offset"),
            limit=None if params.get("whole") else MOST_ROWS,
        )

    def _beyond(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer what leads on from a point: other results, a cohort, its drivers."""
        match kind:
            case "follow":
                return self._follow(text_in(params, "key"), text_in(params, "where"))
            case "cohort":
                return self._keep(text_in(params, "key"), text_in(params, "name"))
            case "csv":
                return Reply({}, (self.behind(text_in(params, "key")).csv(),))
            case "mosaic":
                watching = self.watched(params.get("point"))
                return Tiles(watching).answer(kind, params)
            case "drivers":
                return Reply(self._drivers(text_in(params, "key")))
            case _:
                known = ("chart", "point", "users", "stream", "session", "segment")
                return unknown(kind, (*known, "follow", "cohort", "csv", "drivers"))

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
        """Return who is behind a point, kept while it is small or among the last."""
        if key not in self._open:
            self._open[key] = self.find(key)
            rows = [behind.rows_held for behind in self._open.values()]
            while len(rows) > KEPT_POINTS and sum(rows) > KEPT_ROWS:
                self._open.pop(next(iter(self._open)))
                rows.pop(0)
        return self._open[key]

    def over(self, source: Source) -> Microscope:
        """Return the same answers, read from another state of the same events."""
        opened = {key: behind.over(source) for key, behind in self._open.items()}
        return replace(self, source=source, _open=opened, _played={})

    def about(self, key: str, behind: Behind) -> dict[str, Any]:
        """Return what the head of a point says of its population."""
        return {
            "key": key,
            **self.describe(key)._asdict(),
            "users": behind.users,
            "users_with_replays": behind.recorded_users,
            "replays": behind.watch.height,
        }

    def watched(self, key: object = None) -> Watching:
        """Return the replays of a point; with no point, all there are."""
        name = key if isinstance(key, str) else ""
        if name not in self._played:
            if name:
                watch = self.behind(name).watch
                made = Watching(self.source, watch, self.describe(name).title)
            else:
                made = Watching(self.source, self.source.catalogue)
            self._played[name] = made
            while len(self._played) > KEPT_POINTS:
                self._played.pop(next(iter(self._played)))
        return self._played[name]

"""What all results share: a table, a chart, a widget, and points that open."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from replaykit.bundle import POINTS, bundle_of_result, with_bundle
from replaykit.charts.labels import NONE
from replaykit.errors import BadInput, UnknownPoint, check_option, did_you_mean
from replaykit.microscope import Behind
from replaykit.points import Group, PointKey, parse_key
from replaykit.replies import Followed, Microscope
from replaykit.replies import Point as PointWords
from replaykit.results.opened import FOLLOWS, Call, Follow, Opened
from replaykit.travelling import saved_form
from replaykit.twins import table_twin
from replaykit.widgets.showing import view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from replaykit import timeline
    from replaykit.questions.asking import Asking
    from replaykit.widgets import View


class Answer(Protocol):
    """What the pure functions of `analyses` return."""

    @property
    def table(self) -> pl.DataFrame:
        """The numbers."""
        ...

    def population(self, key: Any) -> pl.DataFrame:  # noqa: ANN401 - each its own
        """Who stands behind one of them (`watchlists.POPULATION`)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Result(ABC):
    """What all results share: a table, a chart, a widget, and points."""

    events: Asking
    answer: Answer

    #: What was asked, where the question keeps it.
    asked: ClassVar[Call | None] = None

    @abstractmethod
    def chart(self) -> go.Figure:
        """Return a plain plotly figure of the table, yours to change."""

    @abstractmethod
    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""

    @property
    def table(self) -> pl.DataFrame:
        """The numbers, as documented by the method that asked."""
        return self.answer.table

    def open(self, key: PointKey) -> Opened:
        """Open a point by its key, as a click does."""
        population = self.answer.population(key)
        title = self.describe(key).title
        return Opened(self.events.users(population, title), self, key)

    def points(self, *keys: str) -> Opened:
        """Open several points at once, as a box drawn around them does.

        Parameters
        ----------
        keys
            Their keys, as the chart's `customdata` holds them.
        """
        if not keys:
            raise UnknownPoint("No point is named; the chart's customdata holds them.")
        parts = [self.answer.population(parse_key(key)) for key in keys]
        units = pl.concat(parts).unique(
            ["user", "start", "end", "at"], keep="first", maintain_order=True
        )
        return Opened(self.events.users(units, _many(keys)), self)

    # ── display ───────────────────────────────────────────────────────────────
    @cached_property
    def _figure(self) -> go.Figure:
        return self.chart()

    def _chart_reply(self) -> dict[str, Any]:
        figure = self._figure.to_plotly_json()
        about = figure["layout"].get("meta") or {}
        return {
            "figure": _plain(figure),
            "title": about.get("title", ""),
            "note": about.get("note", ""),
            "height": figure["layout"].get("height", 360),
        }

    @cached_property
    def _microscope(self) -> Microscope:
        return Microscope(
            self.events.source,
            self._chart_reply,
            self._behind,
            self._words,
            self._followed,
            lambda key: self._opened(key).drivers(),
            self._keep,
        )

    def _opened(self, key: str) -> Opened:
        """Open what a click names: a point, or a list of points as JSON."""
        if key.startswith("["):
            return self.points(*json.loads(key))
        return self.open(parse_key(key))

    def _behind(self, key: str) -> Behind:
        """Return who is behind a point; who was recorded is found first."""
        source = self.events.source
        if key.startswith("["):
            return Behind(source, lambda: self._opened(key).users.population)
        point = parse_key(key)
        return Behind(
            source,
            lambda: self.open(point).users.population,
            lambda: self._recorded(point),
            self._counted(point),
        )

    def _recorded(self, _key: PointKey) -> pl.DataFrame | None:
        """Return the units of a point who were recorded, if there is a short way."""
        return None

    def _counted(self, _key: PointKey) -> int | None:
        """Return how many users a point names, if the table tells it."""
        return None

    def _keep(self, key: str, name: str) -> int:
        """Save the users of a point as a cohort; return how many."""
        users = self._opened(key).users
        keep = self.events.source.keep_cohort
        if keep is None:
            raise BadInput("Only a project keeps cohorts; this is a frame alone.")
        keep(name, users)
        return users.count()

    def _words(self, key: str) -> PointWords:
        if not key.startswith("["):
            return self.describe(parse_key(key))
        keys = json.loads(key)
        code = f"points = result.points({', '.join(map(repr, keys))})"
        return PointWords(_many(keys), "selected together", code)

    def _followed(self, key: str, where: str) -> Followed:
        """Answer what a menu of the microscope asks: another result of the point."""
        check_option("where", where, FOLLOWS)
        word: Follow = next(one for one in FOLLOWS if one == where)
        found = self._opened(key).follow(word)
        name, _, call = self._words(key).code.partition(" = ")
        if call.split(".")[-1].startswith(("reached(", "dropped(", "converted(")):
            step = getattr(parse_key(key), "step", 1)
            outcome = getattr(parse_key(key), "outcome", "reached")
            call = f'funnel.point({step}, outcome="{outcome}")'
        words = {"zoom": "Zoomed in", "only": "This series alone"}
        words |= {"without": "Without this series", "journeys": "Their journeys"}
        code = f"{call or name}.{word}()"
        return Followed(words[word], code, found._microscope)  # noqa: SLF001 - a sibling

    @cached_property
    def widget(self) -> View:
        """The widget that this result displays as; one per result."""
        zone = self.events.source.zone
        return view_of(self._microscope, kind="result", zone=zone)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython
        return with_bundle(
            self.widget._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            self._twin(),
            repr(self),
        )

    def _display_(self) -> View:
        """Show the widget in marimo."""
        return self.widget

    def _keys(self) -> list[str]:
        """Return the keys of the chart's points, each once."""
        return list(dict.fromkeys(_keys_in(self._chart_reply()["figure"]["data"])))

    def _twin(self) -> str:
        about = self._chart_reply()
        head = " · ".join(filter(None, (about["title"], about["note"])))
        return table_twin(head, self.table.columns, self.table.rows())

    def _replaykit_share_(
        self, points: int = POINTS
    ) -> tuple[Microscope, dict[str, Any]]:
        scope, keys = self._microscope, self._keys()
        return scope, bundle_of_result(type(self).__name__, scope, keys, points)

    def __repr__(self) -> str:
        """Show the table."""
        return f"{type(self).__name__}\n{self.table}"


def _many(keys: Sequence[str]) -> str:
    return f"{len(keys)} points" if len(keys) > 1 else "1 point"


def _keys_in(traces: Sequence[dict[str, Any]]) -> list[str]:
    """Collect the keys that a figure's traces carry, nodes and links included."""
    found: list[str] = []
    for trace in traces:
        parts = [trace, trace.get("node") or {}, trace.get("link") or {}]
        for part in parts:
            found += _strings(part.get("customdata"))
    return found


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list | tuple):
        return [text for item in value for text in _strings(item)]
    return []


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Turn what plotly holds (tuples, arrays, times) into plain JSON values."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def interval_at(starts: pl.Series, moment: datetime, every: timeline.Interval) -> int:
    """Return the start, in epoch ms, of the interval that holds a moment."""
    known = starts.unique().sort()
    before = known.filter(known.dt.epoch("ms") <= moment.timestamp() * 1000)
    if before.is_empty():
        raise UnknownPoint(
            f"{moment:%Y-%m-%d %H:%M} UTC lies before the result's first interval."
        )
    # Intervals of a result follow each other, so only the last one can be left.
    after = before.tail(1).to_frame("at").select(pl.col("at").dt.offset_by(every))
    if before.len() == known.len() and moment >= after.item():
        raise UnknownPoint(
            f"{moment:%Y-%m-%d %H:%M} UTC lies after the result's last interval."
        )
    return int(before.dt.epoch("ms")[-1])


def group_of(table: pl.DataFrame, by: Sequence[str], given: object) -> Group:
    """Read `by=` of `.point(…)`: one value, or one per grouping.

    A missing value is called "(none)", as charts call it, or None inside a tuple.
    """
    if not by:
        if given is None:
            return ()
        raise UnknownPoint(f"This result has no groups; by={given!r} names one.")
    known = {_labels(row): row for row in table.select(by).unique().rows()}
    values = given if isinstance(given, tuple | list) else (given,)
    if given is not None and _labels(values) in known:
        return known[_labels(values)]
    listed = sorted({" · ".join(labels) for labels in known})
    hint = "" if given is None else did_you_mean(" · ".join(_labels(values)), listed)
    message = (
        f"This result is grouped by {', '.join(by)}; by= names one value of each, "
        f"not {given!r}. {hint} There is {', '.join(listed[:10]) or 'none'}"
    )
    more = f" and {len(listed) - 10:,} more." if len(listed) > 10 else "."
    raise UnknownPoint(" ".join((message + more).split()))


def _labels(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(NONE if value is None else str(value) for value in values)


def group_words(group: Group) -> str:
    """Name a group as charts do."""
    return ", ".join(_labels(group))


def group_code(group: Group) -> str:
    """Return the argument of a call that names a group, after a comma."""
    if not group:
        return ""
    labels = _labels(group)
    return f", by={(labels[0] if len(labels) == 1 else labels)!r}"


def moment_words(time_ms: int, zone: str) -> tuple[str, str]:
    """Name the start of an interval for a reader, and for `at=`.

    Examples
    --------
    >>> moment_words(1_772_323_200_000, "UTC")
    ('1 Mar 2026', '2026-03-01')
    >>> moment_words(1_792_890_000_000, "Europe/Paris")
    ('25 Oct 2026, 02:00', '2026-10-25 02:00+01:00')
    """
    local = datetime.fromtimestamp(time_ms / 1000, ZoneInfo(zone))
    words = f"{local.day} {local:%b %Y}"
    if (local.hour, local.minute, local.fold) == (0, 0, 0):
        return words, f"{local:%Y-%m-%d}"
    # The second of two equal hours is told by its offset.
    offset = local.isoformat()[-6:] if local.fold else ""
    return f"{words}, {local:%H:%M}", f"{local:%Y-%m-%d %H:%M}{offset}"

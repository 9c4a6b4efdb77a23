"""One number of a result, opened: who is behind it, and where to look next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.properties import OTHER, label
from replaykit.errors import UnknownOption
from replaykit.points import FunnelKey, RetentionKey, SegmentationKey, SessionsKey
from replaykit.query import event
from replaykit.widgets.showing import Watched

if TYPE_CHECKING:
    from replaykit.points import PointKey
    from replaykit.query import Step
    from replaykit.questions.asking import Asking
    from replaykit.replay_list import Replays
    from replaykit.replies import Watching
    from replaykit.results.journeys import Journeys
    from replaykit.results.result import Result
    from replaykit.users import Users

Follow: TypeAlias = Literal["zoom", "only", "without", "journeys"]
"""Where a point leads to: its interval in finer steps; the chart with its series alone,
or without it; what its users did next."""

FOLLOWS: Final = ("zoom", "only", "without", "journeys")

#: The next finer interval of each unit.
_FINER: Final = {"y": "1mo", "q": "1w", "mo": "1d", "w": "1d", "d": "1h", "h": "1m"}


@dataclass(frozen=True, eq=False)
class Call:
    """The question that a result answers, so that it can be asked again."""

    name: str
    data: tuple[Any, ...]
    options: dict[str, Any]

    def again(self, events: Asking, *data: Any, **options: Any) -> Any:  # noqa: ANN401
        """Ask it of other events, with other data or options."""
        asked = {**self.options, **options}
        return getattr(events, self.name)(*(data or self.data), **asked)


@dataclass(frozen=True, eq=False, repr=False)
class Opened(Watched):
    """One number of a result, opened: its users, their replays."""

    users: Users
    result: Result | None = None
    key: PointKey | None = None

    @property
    def replays(self) -> Replays:
        """The replays of these users that show the point."""
        return self.users.replays

    def watching(self) -> Watching:
        """Return what a player plays."""
        return self.users.watching()

    def count(self) -> int:
        """Return the number of users."""
        return self.users.count()

    # ── where to look next ────────────────────────────────────────────────────
    def journeys(self, **options: Any) -> Journeys:  # noqa: ANN401 - of events.journeys
        """Follow these users on: from the charted event, or where they were lost.

        Users lost in a funnel are followed from the last step they reached, those who
        converted from the step before to the step.

        Parameters
        ----------
        options
            As in `events.journeys`, instead of what the point suggests.
        """
        asked = {**self._anchor(), **options}
        found: Journeys = self.users.events.journeys(**asked)
        return found

    def drivers(self, **options: Any) -> pl.DataFrame:  # noqa: ANN401 - of the funnel
        """Return what goes with converting up to this step of a funnel, or with not.

        Parameters
        ----------
        options
            As in `funnel.drivers`.

        Raises
        ------
        UnknownOption
            If the point is none of a funnel, or is its first step.
        """
        key, ask = self.key, getattr(self.result, "drivers", None)
        if not isinstance(key, FunnelKey) or ask is None:
            raise UnknownOption("Only the steps of a funnel have conversion drivers.")
        if key.step == 1:
            raise UnknownOption("Everybody reached the first step: nothing drives it.")
        tab = "dropped" if key.outcome == "dropped" else "converted"
        asked = {"first": key.step - 1, "last": key.step, "tab": tab, **options}
        found: pl.DataFrame = ask(**asked)
        return found

    def zoom(self) -> Result:
        """Ask the same of the point's interval alone, in the next finer steps."""
        key, (call, result) = self.key, self._asked()
        time_ms = getattr(key, "time_ms", -1)
        every = call.options.get("every", "1d")
        unit = str(every).lstrip("0123456789")
        if not isinstance(key, SegmentationKey | SessionsKey) or time_ms < 0:
            raise UnknownOption("Only a point of an interval can be zoomed into.")
        if unit not in _FINER or "time" not in result.table.columns:
            raise UnknownOption(f"There is no finer interval than {every!r} here.")
        span = result.events.span
        start = datetime.fromtimestamp(time_ms / 1000, UTC)
        local = pl.select(
            pl.lit(start).dt.convert_time_zone(span.tz).dt.offset_by(str(every))
        )
        end = local.to_series().dt.convert_time_zone("UTC")[0]
        if span.end is not None:
            end = min(end, span.end)
        if span.start is not None:
            start = max(start, span.start)
        inside = replace(result.events, span=replace(span, start=start, end=end))
        zoomed: Result = call.again(inside, every=_FINER[unit])
        return zoomed

    def only(self) -> Result:
        """Ask the same for this series alone."""
        return self._series(keep=True)

    def without(self) -> Result:
        """Ask the same without this series."""
        return self._series(keep=False)

    def follow(self, where: Follow) -> Result:
        """Return the result that one of the words of `Follow` leads to."""
        found: Result = getattr(self, where)()
        return found

    def _asked(self) -> tuple[Call, Result]:
        call = None if self.result is None else self.result.asked
        if call is None or self.result is None:
            raise UnknownOption("What was asked here cannot be asked again from it.")
        return call, self.result

    def _series(self, *, keep: bool) -> Result:
        call, result = self._asked()
        group = getattr(self.key, "group", ())
        if group:
            narrowed = _narrowed(result, group, keep=keep)
            chosen: Result = call.again(narrowed)
            return chosen
        key = self.key
        if not isinstance(key, SegmentationKey) or len(call.data) < 2:
            raise UnknownOption("This chart has a single series.")
        mine = call.data[key.event]
        others = [one for i, one in enumerate(call.data) if i != key.event]
        asked: Result = call.again(result.events, *([mine] if keep else others))
        return asked

    def _anchor(self) -> dict[str, Any]:
        """Return where the journeys of these users begin, and end."""
        call, _ = self._asked()
        match self.key:
            case FunnelKey(step, "dropped", _):
                return {"start": call.data[step - 2]}
            case FunnelKey(step, _, _) if step > 1:
                return {"start": call.data[step - 2], "end": call.data[step - 1]}
            case FunnelKey():
                return {"start": call.data[0]}
            case SegmentationKey(number, _, _) if call.name == "segmentation":
                return {"start": call.data[number]}
            case SessionsKey():
                return {"start": _any(), "within": "session", "count": "sessions"}
            case RetentionKey() if "start" in call.options:
                return {"start": call.options["start"]}
            case _:
                ends = {k: call.options.get(k) for k in ("start", "end")}
                named = {k: v for k, v in ends.items() if v is not None}
                return named or {"start": _any()}

    def __repr__(self) -> str:
        """Say how many, and why."""
        return repr(self.users)


def _any() -> Step:
    return event("*")


def _narrowed(result: Result, group: tuple[str | None, ...], *, keep: bool) -> Asking:
    """Return the events whose groupings have these values, or have not."""
    call = result.asked
    by = [] if call is None else call.options.get("by") or []
    columns = [by] if isinstance(by, str | pl.Expr) else list(by)
    if len(columns) != len(group) or OTHER in group:
        raise UnknownOption(
            "This series stands for several groups; only one of its own can be kept or "
            "left out."
        )
    schema = result.events.rows(_names(columns)).collect_schema()
    met = []
    for column, value in zip(columns, group, strict=True):
        expr = pl.col(column) if isinstance(column, str) else column
        read = label(expr, pl.DataFrame(schema=schema).select(expr).dtypes[0])
        met.append(expr.is_null() if value is None else read.eq_missing(value))
    condition = pl.all_horizontal(met)
    added = condition if keep else ~condition
    return replace(result.events, segment=(*result.events.segment, added))


def _names(columns: list[Any]) -> set[str]:
    exprs = [pl.col(one) if isinstance(one, str) else one for one in columns]
    return {name for one in exprs for name in one.meta.root_names()}

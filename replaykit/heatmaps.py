"""The heat map of a page as an answer: a table, a chart, and who it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit.charts.heat import click_chart, scroll_chart, selector_chart
from replaykit.errors import BadInput, check_option, did_you_mean
from replaykit.replays import heat

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from replaykit.replays.heat import PageMatch

HeatKind: TypeAlias = Literal["clicks", "selectors", "scroll"]
"""What a heat map counts: places clicked, elements clicked, depths seen."""

HEAT_KINDS: Final = ("clicks", "selectors", "scroll")


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """What visitors of a page clicked, or how far down they saw it.

    Attributes
    ----------
    page
        The page asked for.
    kind
        What is counted.
    table
        `"clicks"`: `x`, `y` Float64 (px on the page), `clicks` Int64, most first.
        `"selectors"`: `rank` Int64, `selector` String, `clicks`, `users` Int64.
        `"scroll"`: `depth_px` Float64, `users` Int64, `pct` Float64.
    rows
        What was counted: one row per click or per view of the page, with `replay_id`
        and `time_ms`, so that any of it can be watched.
    users
        Distinct people; a recording of nobody known counts as one.
    average_fold
        Mean of the users' mean window height in px; of `"scroll"` only.
    """

    page: str
    kind: HeatKind
    table: pl.DataFrame
    rows: pl.DataFrame
    users: int
    average_fold: float | None = None

    def chart(self) -> go.Figure:
        """Draw the table as a plain plotly Figure."""
        people = "1 user" if self.users == 1 else f"{self.users:,} users"
        if self.kind == "scroll":
            return scroll_chart(
                self.table,
                fold=self.average_fold,
                title=f"How far down {self.page} is seen",
                note=people,
            )
        note = f"{self.rows.height:,} clicks of {people}"
        draw = click_chart if self.kind == "clicks" else selector_chart
        return draw(self.table, title=f"Clicks on {self.page}", note=note)

    def __repr__(self) -> str:
        """Return what was counted, and the table."""
        fold = (
            ""
            if self.average_fold is None
            else f" · average fold {self.average_fold:,.0f} px"
        )
        return f"{self.kind} on {self.page} · {self.users:,} users{fold}\n{self.table}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython
        shown: dict[str, Any] = dict(self.chart()._repr_mimebundle_(**kwargs))
        return {**shown, "text/plain": repr(self)}


def heatmap(
    rows: pl.DataFrame,
    page: str,
    kind: HeatKind,
    *,
    match: PageMatch,
    bin_px: int,
    window: tuple[int, int] | None,
) -> Heatmap:
    """Count rows of clicks, or of views for `"scroll"`; see `Replays.heatmap`.

    Parameters
    ----------
    rows
        `replay_id`, `user`, `url`, `viewport_width` and what the kind counts.
    page, kind, match, bin_px, window
        As in `Replays.heatmap`.

    Raises
    ------
    BadInput
        If no row is on such a page.
    UnknownOption
        If `kind` or `match` is no such word.
    """
    check_option("kind", kind, HEAT_KINDS)
    seen = rows.filter(heat.on_page(page, match))
    if rows.height and not seen.height:
        urls = rows["url"].drop_nulls().value_counts(sort=True)["url"]
        hint = did_you_mean(page, urls) or f"Seen most often: {urls[0]!r}."
        raise BadInput(
            f"No {'view' if kind == 'scroll' else 'click'} on a page that matches "
            f"{page!r} (match={match!r}). {hint}"
        )
    if window is not None:
        seen = seen.filter(pl.col("viewport_width").is_between(*window))
    people = seen.with_columns(user=pl.coalesce("user", "replay_id"))
    users = people["user"].n_unique()
    if kind == "scroll":
        table = heat.scroll_map(people)
        return Heatmap(page, kind, table, seen, users, heat.average_fold(people))
    if kind == "selectors":
        return Heatmap(page, kind, heat.selector_map(people), seen, users)
    table = heat.click_map(seen, bin_px=bin_px)
    return Heatmap(page, kind, table, seen, users)

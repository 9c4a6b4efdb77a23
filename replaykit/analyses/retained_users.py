"""The users of one cell of a retention table: those who came back, and the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.point_users import MOST_ROWS
from replaykit.analyses.properties import NONE, label
from replaykit.engine import gathered
from replaykit.errors import UnknownPoint, check_option, did_you_mean
from replaykit.timeline import localize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.retention import RetentionAnswer
    from replaykit.analyses.retention_query import RetentionQuery
    from replaykit.points import RetentionKey


def retained_users(
    answer: RetentionAnswer, key: RetentionKey, group: Sequence[str | None] = ()
) -> pl.DataFrame:
    """Return one line per user of the cell (`RetentionAnswer.population`)."""
    query = answer.query
    check_option("outcome", key.outcome, ("retained", "lost"))
    if not 0 <= key.offset < len(answer.brackets):
        raise UnknownPoint(
            f"There is no offset {key.offset}; the table has {len(answer.brackets)}, "
            "counted from 0."
        )
    starts = _starts_of(answer, key, group)
    first, end = answer.brackets[key.offset]
    lf = query.log.opened.whole
    rows = query.returns(lf, pl.col("row")).filter(
        pl.col("user").is_in(starts["user"].unique().implode())
    )
    returns = gathered(rows)
    code, later = pl.col("code"), pl.col("code_right")
    pairs = starts.join(returns, on="user").filter(
        later >= code, pl.col("time_right") >= pl.col("time")
    )
    index = (later - code) // query.rule.size
    inside = {
        "on": index == first,
        "on or after": index >= first,
        "on or before": index <= first,
        "custom": index.is_between(first, end, closed="left"),
    }[answer.measure]
    back = pairs.filter(inside).sort("user", "time_right", "row")
    if key.outcome == "retained":
        found = back.group_by("user", maintain_order=True).agg(
            pl.col("time").min().alias("start"),
            pl.col("code").min(),
            at=pl.col("time_right").first(),
            rows=pl.col("row").unique(maintain_order=True).head(MOST_ROWS),
        )
        found = ended(query, found, end)
    else:
        found = _lost(query, starts.join(back, on="user", how="anti"), end)
    return found.select("user", "start", "end", "at", "rows").sort("user")


def _starts_of(
    answer: RetentionAnswer, key: RetentionKey, group: Sequence[str | None]
) -> pl.DataFrame:
    query = answer.query
    if len(group) != len(query.keys):
        raise UnknownPoint(
            f"This result is grouped by {', '.join(answer.groups) or 'nothing'}; "
            f"{len(group)} values were given."
        )
    starts = query.starts(query.log.opened)
    for name, value in zip(query.keys, group, strict=True):
        starts = starts.filter(pl.col(name) == (NONE if value is None else value))
    if key.cohort == "all":
        # Only cohorts whose cell is complete are in the row of all.
        _, end = answer.brackets[key.offset]
        complete = query.complete().filter(pl.col("last") >= end - 1)
        return starts.join(complete, on="i", how="semi")
    known = answer.cohorts.filter(pl.col("time").is_not_null())
    at = known.filter(cohort=key.cohort)["time"]
    if at.is_empty():
        hint = did_you_mean(key.cohort, known["cohort"].to_list())
        raise UnknownPoint(
            f"There is no cohort {key.cohort!r}. {hint} The column 'cohort' of the "
            "table lists them."
        )
    labels = query.grid.labels()
    return starts.filter(pl.col("i") == labels.filter(time=at[0])["i"][0])


def ended(query: RetentionQuery, found: pl.DataFrame, end: int) -> pl.DataFrame:
    """Add `end`: when the index is over for the user's first start, or the return."""
    found = found.with_columns(end=_over(query, end))
    if "at" not in found.columns:
        return found
    later = pl.max_horizontal("end", pl.col("at") + pl.duration(microseconds=1))
    return found.with_columns(end=later)


def _over(query: RetentionQuery, end: int) -> pl.Expr:
    """Return the moment, in UTC, from which on a return has index `end` or more."""
    rule = query.rule
    if rule.unit in {"1m", "1h"}:
        length = 60_000_000 if rule.unit == "1m" else 3_600_000_000
        begun = rule.calendar.start_of(pl.col("start"), rule.unit)
        return begun + pl.duration(microseconds=end * rule.size * length)
    code = pl.col("code").cast(pl.Int64) + end * rule.size
    if rule.unit in {"1d", "1w"}:
        civil = code.cast(pl.Int32).cast(pl.Date)
    elif rule.unit == "1y":
        civil = pl.date(code, 1, 1)
    else:
        civil = pl.date((code - 1) // 12, (code - 1) % 12 + 1, 1)
    moment = localize(civil.cast(pl.Datetime("us")), rule.calendar.tz)
    return moment.dt.convert_time_zone("UTC")


def _lost(query: RetentionQuery, starts: pl.DataFrame, end: int) -> pl.DataFrame:
    """Describe users without a counted return by their last session in the window."""
    firsts = starts.group_by("user").agg(
        pl.col("time").min().alias("start"), pl.col("code").min()
    )
    firsts = ended(query, firsts, end)
    users = firsts["user"].implode()
    mine = query.log.opened.whole.filter(pl.col("user").is_in(users))
    seen = mine.filter(pl.col("active") & pl.col("session_id").is_not_null())
    sessions = (
        seen.group_by("user", "session_id")
        .agg(pl.col("time").min().alias("began"))
        .collect(engine="streaming")
    )
    inside = sessions.join(firsts, on="user").filter(
        pl.col("began") >= pl.col("start"), pl.col("began") < pl.col("end")
    )
    last = inside.group_by("user").agg(pl.col("began").max())
    began = start_rows(query, mine, starts)
    found = firsts.join(last, on="user", how="left").join(began, on="user", how="left")
    return found.with_columns(at=pl.coalesce("began", "start"))


def start_rows(
    query: RetentionQuery, mine: pl.LazyFrame, starts: pl.DataFrame
) -> pl.DataFrame:
    """Return the row ids of the users' starts that the cell was counted from."""
    time = pl.col("time")
    met = pl.lit(value=True) if query.start is None else query.start.predicate()
    conditions = [met, *query.segment.where]
    groups = [
        label(one.expr, one.dtype).alias(key)
        for key, one in zip(query.keys, query.by, strict=True)
    ]
    rows = mine.filter(query.grid.holds(time), *conditions).select(
        "user",
        "row",
        "time",
        *groups,
        i=query.grid.index(time),
        code=query.rule.code(time),
    )
    on = ["user", "i", "code", *query.keys]
    found = rows.collect().join(starts, on=on, how="semi").sort("user", "time", "row")
    # A new user's start is one row, the first; other rows may share its code.
    most = 1 if query.start is None else MOST_ROWS
    return found.group_by("user", maintain_order=True).agg(
        rows=pl.col("row").head(most)
    )

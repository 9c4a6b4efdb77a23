"""The blocks of the specification about recordings: masking, clicks, matching, sync."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from replaykit.replays.inactivity import inactive_periods, is_activity
from replaykit.replays.masking import LEVELS, decide
from replaykit.replays.matching import match
from replaykit.replays.offsets import clock, current, offset_ms, place
from replaykit.replays.sampling import is_sampled, sample_fraction, xxhash32
from replaykit.replays.signals import Click, rage_clicks
from tests.spec.blocks import answers, block

START_MS = 1719842400000
LENGTH_MS = 600_000


@answers("rep.sample")
def test_sample(expected):
    rates = ("0.25", "0.5", "0.9")
    got = [
        {
            "session_id": row["session_id"],
            "xxhash32": str(xxhash32(row["session_id"].encode())),
            "fraction": f"{sample_fraction(row['session_id']):.6f}",
            **{
                f"in_{rate}": "yes"
                if is_sampled(row["session_id"], float(rate))
                else "no"
                for rate in rates
            },
        }
        for row in _first_columns("rep.sample", "session_id")
    ]
    assert got == expected


@answers("rep.mask.expected")
def test_masking(expected):
    got = [
        {
            "row": str(number),
            **{
                level: decide(
                    row["element"],
                    level=level,
                    kind=row["type"] or "",
                    autocomplete=row["autocomplete"] or "",
                    own=(row["own"] or "").split(),
                    ancestors=(row["ancestors"] or "").split(),
                )
                for level in LEVELS
            },
        }
        for number, row in enumerate(block("rep.mask"), 1)
    ]
    assert got == expected


@answers("rep.rage.expected")
def test_rage_clicks(expected):
    rows = block("rep.clicks")
    clicks = [
        Click(float(r["t_ms"]), r["element"], float(r["x"]), float(r["y"]))
        for r in rows
    ]
    got = [
        {
            "rows": f"{rows[run.first]['row']}-{rows[run.first + run.clicks - 1]['row']}",
            "element": run.element,
            "begin_ms": f"{run.begin:.0f}",
            "end_ms": f"{run.end:.0f}",
            "clicks": str(run.clicks),
        }
        for run in rage_clicks(clicks)
    ]
    assert got == expected


@answers("rep.inactive.expected")
def test_inactive_periods(expected):
    rows = block("rep.inactive.events")
    active = [
        float(r["t_ms"])
        for r in rows
        if is_activity(int(r["type"]), int(r["source"] or -1))
    ]
    got = [
        {"start_ms": f"{start:.0f}", "end_ms": f"{end:.0f}"}
        for start, end in inactive_periods(active, float(rows[-1]["t_ms"]))
    ]
    assert got == expected


@answers("rep.match")
def test_match(expected):
    replays = pl.DataFrame(block("rep.replays")).with_columns(
        pl.col("start", "end").map_elements(
            _time, return_dtype=pl.Datetime("us", "UTC")
        ),
        pl.col("session_id").cast(pl.Int64),
    )
    keys = ["query", "user", "session_id", "first_event", "last_event"]
    rows = _first_columns("rep.match", *keys)
    queries = pl.DataFrame(rows).select(
        "query",
        "user",
        session_id=pl.col("session_id").cast(pl.Int64).replace(-1, None),
        first=pl.col("first_event").map_elements(
            _time, return_dtype=pl.Datetime("us", "UTC")
        ),
        last=pl.col("last_event").map_elements(
            _time, return_dtype=pl.Datetime("us", "UTC")
        ),
    )
    found = match(queries, replays)
    columns = {
        "covering": "covering",
        "overlapping": "overlapping only",
        "time": "time-based extra",
    }
    got = [
        {
            **row,
            **{
                column: " ".join(
                    found.filter(query=row["query"], match=kind)["replay_id"]
                )
                or "-"
                for kind, column in columns.items()
            },
        }
        for row in rows
    ]
    assert got == expected


@answers("rep.offset")
def test_offset(expected):
    got = []
    for row in _first_columns("rep.offset", "event", "event_time_ms"):
        offset = offset_ms(int(row["event_time_ms"]), START_MS)
        within = place(offset, LENGTH_MS) == "within"
        got.append(
            {
                **row,
                "offset_ms": str(offset),
                "clock": clock(offset) if within else None,
                "in_replay": "yes" if within else "no",
            }
        )
    assert got == expected


@answers("rep.cursor")
def test_cursor(expected):
    names = [row["event"] for row in _first_columns("rep.offset", "event")]
    offsets = [
        offset_ms(int(row["event_time_ms"]), START_MS)
        for row in _first_columns("rep.offset", "event_time_ms")
    ]
    got = []
    for row in _first_columns("rep.cursor", "player_ms"):
        at = current(offsets, int(row["player_ms"]), LENGTH_MS)
        got.append({**row, "highlighted event": None if at < 0 else names[at]})
    assert got == expected


def _first_columns(name, *columns):
    """Read the columns of an answer block that are questions, unspoiled."""
    import csv

    from tests.spec.blocks import texts

    rows = csv.DictReader(texts()[name].splitlines())
    return [{column: row[column] or None for column in columns} for row in rows]


def _time(text):
    return datetime.fromisoformat(text)

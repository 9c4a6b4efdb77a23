"""The answer blocks of `model.md`, through public names."""

from __future__ import annotations

import polars as pl

import replaykit as rk
from tests.exports import event, export
from tests.spec.asked import log_of, moment
from tests.spec.blocks import answers, block

NY = "America/New_York"
CELLS = {"<empty>": "", "(none)": None}
OPERATORS = (
    *("is", "is not", "contains", "does not contain", "starts with", "<", ">="),
    *("does not start with", "set contains", "set does not contain", "set is"),
    "set is not",
)


def events_with(values, dtype=pl.String):
    """One event per value of the property `p`, of a user of its own."""
    count = len(values)
    return rk.events(
        pl.DataFrame(
            {
                "user": [str(at) for at in range(count)],
                "time": ["2024-03-01T10:00:00Z"] * count,
                "event": ["A"] * count,
                "p": pl.Series(values, dtype=dtype),
            }
        )
    )


def condition(text):
    """Read `is not US|ten AND is B` as a condition on `p`."""
    clauses = []
    for part in text.split(" AND "):
        word = max((one for one in OPERATORS if part.startswith(f"{one} ")), key=len)
        clauses.append(("p", word, *part[len(word) + 1 :].split("|")))
    return rk.where(*clauses[0]) if len(clauses) == 1 else rk.where_all(*clauses)


def met(events, expression):
    """Return 1 or 0 per value, in order."""
    chosen = set(events.filter(expression).everyone())
    return [str(int(user in chosen)) for user in map(str, range(events.source.rows))]


@answers("model.filters.scalar")
def test_filters_of_scalars(expected):
    columns = [column for column in expected[0] if column != "operator"]
    events = events_with([CELLS.get(column, column) for column in columns])
    for row in expected:
        got = met(events, condition(row["operator"]))
        assert got == [row[column] for column in columns], row


@answers("model.filters.array")
def test_filters_of_arrays(expected):
    columns = [column for column in expected[0] if column != "operator"]
    lists = [None if c == "(none)" else c.strip("[]").split() for c in columns]
    events = events_with(lists, pl.List(pl.String))
    for row in expected:
        got = met(events, condition(row["operator"]))
        assert got == [row[column] for column in columns], row


#: The globs as the block has them: a spoilt pattern may still match.
GLOBS = (
    *("/org/*/chart/*", "/org/*/chart/*", "/org/**/chart/*", "blog*", "**blog**"),
    *("*[0-9]", "*[0-9]", "[!a-z]*", "[!a-z]*", "c???t*"),
)
VALUES = (
    *("/org/7/chart/9", "/org/7/x/chart/9", "/org/7/x/chart/9"),
    *("www.example.com/blogs/3", "www.example.com/blogs/3"),
    *("step4", "steps", "Alpha", "alpha", "charts"),
)


@answers("model.glob")
def test_globs(expected):
    asked = [(row["pattern"], row["value"]) for row in expected]
    assert asked == list(zip(GLOBS, VALUES, strict=True))
    for row in expected:
        events = events_with([row["value"]])
        matches = met(events, rk.where("p", "glob match", row["pattern"]))
        assert matches == [row["match"]], row
        others = met(events, rk.where("p", "glob does not match", row["pattern"]))
        assert others != matches


@answers("model.users.expected")
def test_active_and_new_users(expected):
    events = log_of("model.users").between("2024-05-01", "2024-05-03")

    def asked(name, measure, kind):
        segments = {kind: kind}
        return events.segmentation(name, measure=measure, segments=segments)

    acts = events.filter(active=True)
    found = {
        "active users": acts.segmentation("*"),
        "any-event users": asked("*", "uniques", "any"),
        "new users": asked("*", "uniques", "new"),
        "Play totals (any users)": asked("Play", "totals", "any"),
        "Play totals (new users)": asked("Play", "totals", "new"),
        "Play totals (active users)": asked("Play", "totals", "active"),
    }
    assert set(expected[0]) == {"day", *found}
    for name, answer in found.items():
        days = answer.table["time"].dt.strftime("%Y-%m-%d").to_list()
        assert days == [row["day"] for row in expected]
        got = [str(value) for value in answer.table["value"]]
        assert got == [row[name] for row in expected], name


def assigned(rows):
    """Follow the four rules row by row: each row's id, and who was merged into whom."""
    anonymous, last, known, merged, given = {}, {}, {}, {}, []
    count = 0
    for row in rows:
        device, user = row["device_id"], row["user_id"]
        own = anonymous.get(device)
        if user is None:
            at = known[last[device]] if device in last else own
            if at is None:
                count += 1
                at = anonymous[device] = count
        else:
            only_anonymous = own is not None and device not in last
            if user not in known:
                if not only_anonymous:
                    count += 1
                known[user] = own if only_anonymous else count
            elif only_anonymous:
                merged[own] = known[user]
            at, last[device] = known[user], user
        given.append(at)
    return given, merged


@answers("model.identity.expected")
def test_identity(expected, tmp_path):
    rows = block("model.identity")
    given, merged = assigned(rows)
    assert expected == [
        {
            "row": row["row"],
            "assigned_id": str(at),
            "canonical_id": str(merged.get(at, at)),
        }
        for row, at in zip(rows, given, strict=True)
    ]
    shop = rk.create(tmp_path / "shop.rk")
    acts = [
        event(int(row["row"]), f"row {row['row']}", row["user_id"], row["device_id"])
        for row in rows
    ]
    shop.add_events(export(tmp_path / "in", acts), progress=False)
    found = shop.events.collect().sort("time")
    assert found["event"].to_list() == [f"row {row['row']}" for row in expected]
    # The ids differ; numbered by their first row they are those of the block.
    numbers = {}
    for user in found["user"]:
        numbers.setdefault(user, str(len(numbers) + 1))
    got = [numbers[user] for user in found["user"]]
    assert got == [row["canonical_id"] for row in expected]
    assert shop.events.everyone().count() == 3


@answers("model.buckets")
def test_intervals(expected):
    columns = {
        "day UTC": ("1d", {}),
        "day NY": ("1d", {"tz": NY}),
        "hour NY": ("1h", {"tz": NY}),
        "week NY Mon": ("1w", {"tz": NY}),
        "week NY Sun": ("1w", {"tz": NY, "week_start": "sunday"}),
        "month NY": ("1mo", {"tz": NY}),
        "quarter NY": ("1q", {"tz": NY}),
        "quarter NY Feb": ("1q", {"tz": NY, "quarter_start": 2}),
    }
    assert set(expected[0]) == {"event_time", *columns}
    names = [f"row {at}" for at in range(len(expected))]
    table = pl.DataFrame(
        {
            "user": ["ana"] * len(expected),
            "time": [row["event_time"] for row in expected],
            "event": names,
        }
    )
    for column, (every, options) in columns.items():
        events = rk.events(table, **options)
        form = "%Y-%m-%dT%H:%M%z" if every == "1h" else "%Y-%m-%d"
        for name, row in zip(names, expected, strict=True):
            found = events.segmentation(name, measure="totals", every=every).table
            here = found.filter(pl.col("value") == 1)["time"]
            assert here.dt.strftime(form).to_list() == [row[column]], (row, column)


@answers("model.ranges")
def test_ranges(expected):
    table = pl.DataFrame(
        {"user": ["ana"], "time": ["2024-03-10T10:00:00Z"], "event": ["A"]}
    )
    events = rk.events(table, now=moment("2024-03-14T15:20:00Z"))
    ranges = {
        "last 7 days": events.last("7d"),
        "last 7 days; exclude incomplete": events.last("7d", exclude_incomplete=True),
        "last 7 days; offset 1 day": events.last("7d", offset="1d"),
        "last 2 weeks": events.last("2w"),
        "since 2024-03-01": events.since("2024-03-01"),
        "between 2024-03-01 and 2024-03-03": events.between("2024-03-01", "2024-03-03"),
    }
    assert [row["range"] for row in expected] == list(ranges)
    for row in expected:
        span = ranges[row["range"]].span
        assert (span.start, span.end) == (moment(row["start"]), moment(row["end"]))

"""Slow, obvious counts over rows as dictionaries: what the analyses must equal.

A row is {"user", "time", "event", "active", "country", "price", "session_id",
"client_time", "row"}. Nothing here is shared with the package but zone data.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def day_of(time, tz):
    return time.astimezone(ZoneInfo(tz)).date()


def days_between(first, last):
    return [first + timedelta(days=k) for k in range((last - first).days + 1)]


def label(value):
    if value is None:
        return "(none)"
    return (
        str(int(value))
        if isinstance(value, float) and value.is_integer()
        else str(value)
    )


def in_days(rows, days, tz):
    wanted = set(days)
    return [row for row in rows if day_of(row["time"], tz) in wanted]


def new_on(rows, tz):
    """The day of each user's first event ever, active or not."""
    first = {}
    for row in rows:
        first[row["user"]] = min(first.get(row["user"], row["time"]), row["time"])
    return {user: day_of(time, tz) for user, time in first.items()}


def value_of(measure, mine, everybody):
    """The value of one point: `mine` its charted rows, `everybody` all of its rows."""
    users = {row["user"] for row in mine}
    prices = [row["price"] for row in mine if row["price"] is not None]
    if measure == "uniques":
        return len(users)
    if measure == "totals":
        return len(mine)
    if measure == "active":
        base = {row["user"] for row in everybody if row["active"]}
        return 100 * len(users) / len(base) if base else None
    if measure == "average":
        return len(mine) / len(users) if users else None
    if measure == "sum":
        return sum(prices)
    if measure == "mean":
        return mean(prices) if prices else None
    if measure == "median":
        return median(prices) if prices else None
    if measure == "min":
        return min(prices) if prices else None
    if measure == "max":
        return max(prices) if prices else None
    if measure == "distinct":
        return len(set(prices))
    if measure == "distinct per user":
        pairs = {
            (row["user"], row["price"]) for row in mine if row["price"] is not None
        }
        owners = {user for user, _ in pairs}
        return len(pairs) / len(owners) if owners else None
    raise AssertionError(measure)


def segmentation(rows, name, measure, days, tz, *, kind="any", by=None):
    """{(group, day): value} and {group: value over the range}; missing points are absent."""
    first = new_on(rows, tz)
    active_on = {
        (row["user"], day_of(row["time"], tz)) for row in rows if row["active"]
    }
    inside = in_days(rows, days, tz)

    def kept(row, window):
        if kind == "new":
            return first[row["user"]] in window
        if kind == "active":
            return any((row["user"], day) in active_on for day in window)
        return True

    points, totals = {}, {}
    charted = [row for row in inside if row["event"] == name]
    groups = {label(row[by]) if by else None for row in charted} or (
        set() if by else {None}
    )
    for group in groups:
        mine = [row for row in charted if by is None or label(row[by]) == group]
        for day in days:
            at = [
                row
                for row in mine
                if day_of(row["time"], tz) == day and kept(row, {day})
            ]
            everybody = [
                row
                for row in inside
                if day_of(row["time"], tz) == day and kept(row, {day})
            ]
            points[group, day] = value_of(measure, at, everybody)
        whole = set(days)
        totals[group] = value_of(
            measure,
            [row for row in mine if kept(row, whole)],
            [row for row in inside if kept(row, whole)],
        )
    return points, totals


def rolling_uniques(rows, name, days, size, tz):
    found = {}
    for day in days:
        window = {day - timedelta(days=k) for k in range(size)}
        found[day] = len(
            {
                row["user"]
                for row in rows
                if row["event"] == name and day_of(row["time"], tz) in window
            }
        )
    return found


def cumulative_uniques(rows, name, days, tz):
    return {
        day: len(
            {
                row["user"]
                for row in rows
                if row["event"] == name and days[0] <= day_of(row["time"], tz) <= day
            }
        )
        for day in days
    }


def frequency(rows, name, days, tz):
    """{(times, day): users}."""
    found = Counter()
    for day in days:
        per_user = Counter(
            row["user"] for row in in_days(rows, [day], tz) if row["event"] == name
        )
        found.update((times, day) for times in per_user.values())
    return found


def sessions(rows):
    """Sessions by id: (user, id) -> {"start", "end", "length_us", "rows"}."""
    found = defaultdict(list)
    for row in rows:
        if row["active"] and row["session_id"] is not None:
            found[row["user"], row["session_id"]].append(row)
    return {key: described(mine) for key, mine in found.items()}


def described(mine):
    clocks = [row["client_time"] or row["time"] for row in mine]
    ordered = sorted(mine, key=lambda row: (row["time"], row["row"]))
    return {
        "start": ordered[0]["time"],
        "end": ordered[-1]["time"],
        "length": max(clocks) - min(clocks),
        "rows": [row["row"] for row in ordered],
        "country": next(
            (row["country"] for row in ordered if row["country"] is not None), None
        ),
    }


def own_sessions(rows, *, timeout=None, same=None, starts=None, ends=None):
    """Sessions by rule, as lists of row ids, walking each stream row by row."""
    streams = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["time"], row["row"])):
        if row["active"]:
            streams[row["user"], row[same] if same else None].append(row)
    found = []
    for stream in streams.values():
        current, before = None, None
        for row in stream:
            opens = before is None
            if before is not None and timeout is not None:
                opens |= row["time"] - before["time"] > timeout
            if starts is not None:
                opens |= row["event"] == starts
            if ends is not None and before is not None:
                opens |= before["event"] == ends
            if opens:
                current = [] if starts is None or row["event"] == starts else None
                if current is not None:
                    found.append(current)
            if current is not None:
                current.append(row["row"])
            before = row
    return sorted(found)


def retention(rows, start, back, days, now, *, measure, counting):
    """{(day, k): (returned users, users, incomplete)} and {k: (returned, users)}; UTC days."""

    def index(at, later):
        if counting == "calendar":
            return (later.date() - at.date()).days
        hour = {"minute": 0, "second": 0, "microsecond": 0}
        return (later.replace(**hour) - at.replace(**hour)) // DAY

    def over(day, k):
        if counting == "calendar":
            return midnight(day) + (k + 1) * DAY <= now
        return midnight(day) + timedelta(hours=23) + (k + 1) * DAY <= now

    begun = [k for k in range(400) if midnight(days[0]) + k * DAY < now]
    cells = {}
    for day in days:
        starters = {
            row["user"]
            for row in rows
            if row["event"] == start and row["time"].date() == day
        }
        for k in begun:
            returned = set()
            for first in rows:
                if first["event"] != start or first["time"].date() != day:
                    continue
                for later in rows:
                    if later["event"] != back or later["user"] != first["user"]:
                        continue
                    if not first["time"] <= later["time"] < now:
                        continue
                    at = index(first["time"], later["time"])
                    if (measure == "on" and at == k) or (
                        measure == "on or after" and at >= k
                    ):
                        returned.add(first["user"])
            if starters:
                cells[day, k] = (returned, starters, not over(day, k))
    overall = {}
    for k in begun:
        done = [cell for (_, at), cell in cells.items() if at == k and not cell[2]]
        overall[k] = (
            set().union(*(cell[0] for cell in done)),
            set().union(*(cell[1] for cell in done)),
        )
    return cells, overall


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

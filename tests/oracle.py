"""Slow, obvious versions of the path analyses: every path is listed, the best is kept.

Rows are plain dicts in any order. Nothing here is shared with the toolkit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

Row = dict[str, object]
Test = Callable[[Row], bool]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENERATED = {"session_start", "session_end", "[Amplitude] Replay Captured"}


@dataclass
class Occurrence:
    """Rows of one event type in one tick that satisfy the same steps."""

    tick: int
    kind: str
    steps: frozenset[int]
    rows: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)

    def row_for(self, step: int) -> Row:
        return self.entries[0] if step == 0 else self.rows[0]


@dataclass
class FunnelQuestion:
    """A funnel, with steps as plain functions."""

    steps: list[Test]
    window: int  # ticks
    unit: int  # microseconds in a tick
    order: str = "this"
    enters: Test = lambda row: True
    # (test, first step, last step), steps counted from 1
    exclude: list[tuple[Test, int, int]] = field(default_factory=list)
    exact_scope: str = "active"

    def tick(self, row: Row) -> int:
        return micros(row) // self.unit


def micros(row: Row) -> int:
    return (row["time"] - EPOCH) // timedelta(microseconds=1)


def ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["time"], row["row"]))


def occurrences(rows: list[Row], ask: FunnelQuestion) -> list[Occurrence]:
    found: dict[tuple[int, str, frozenset[int]], Occurrence] = {}
    for row in ordered(rows):
        steps = frozenset(k for k, test in enumerate(ask.steps) if test(row))
        if not steps:
            continue
        key = (ask.tick(row), row["event"], steps)
        one = found.setdefault(key, Occurrence(*key))
        one.rows.append(row)
        if 0 in steps and ask.enters(row):
            one.entries.append(row)
    return list(found.values())


def broken_gap(
    rows: list[Row],
    ask: FunnelQuestion,
    gap: int,
    first: int,
    second: int,
    path_ticks: set[int],
) -> bool:
    """Whether an event that breaks the gap (after step `gap`, from 1) lies inside it."""
    for row in rows:
        tick = ask.tick(row)
        if not min(first, second) < tick < max(first, second) or tick in path_ticks:
            continue
        for test, i, j in ask.exclude:
            if test(row) and i <= gap < j:
                return True
        if ask.order == "exact" and (
            ask.exact_scope == "all"
            or (row["active"] and row["event"] not in GENERATED)
        ):
            return True
    return False


def paths_of(
    rows: list[Row], ask: FunnelQuestion, depth: int
) -> Iterator[tuple[Occurrence, ...]]:
    """List every path of a depth."""
    known = occurrences(rows, ask)

    def extend(path: tuple[Occurrence, ...]) -> Iterator[tuple[Occurrence, ...]]:
        step = len(path)
        if step == depth:
            yield path
            return
        for one in known:
            if step not in one.steps or any(one is taken for taken in path):
                continue
            if step == 0 and not one.entries:
                continue
            ticks = [taken.tick for taken in path] + [one.tick]
            if ask.order == "any":
                if max(ticks) - min(ticks) > ask.window:
                    continue
            elif step:
                before = path[-1].tick
                if one.tick < before or one.tick - path[0].tick > ask.window:
                    continue
                if broken_gap(rows, ask, step, before, one.tick, set()):
                    continue
            yield from extend((*path, one))

    for path in extend(()):
        ticks = {one.tick for one in path}
        if ask.order == "any" and broken_gap(
            rows, ask, 1, min(ticks), max(ticks), ticks
        ):
            continue
        yield path


def chosen_path(rows: list[Row], ask: FunnelQuestion) -> list[Row]:
    """Return the longest path; then the earliest entered; then the earliest steps."""
    for depth in range(len(ask.steps), 0, -1):
        best = min(
            (
                (
                    [one.tick for one in path],
                    [rank(one.row_for(k)) for k, one in enumerate(path)],
                    [one.row_for(k) for k, one in enumerate(path)],
                )
                for path in paths_of(rows, ask, depth)
            ),
            key=lambda found: found[:2],
            default=None,
        )
        if best is not None:
            return best[2]
    return []


def rank(row: Row) -> tuple[object, object]:
    return row["time"], row["row"]


def all_paths(rows: list[Row], ask: FunnelQuestion) -> list[list[Row]]:
    """Follow every attempt: a row extends the deepest open path, oldest entry first."""
    paths: list[list[Row]] = []
    closed: set[int] = set()
    known = occurrences(rows, ask)
    ticks = sorted({ask.tick(row) for row in rows})
    for now in ticks:
        here = [one for one in known if one.tick == now]
        here.sort(key=lambda one: (min(one.steps), rank(one.rows[0])))
        for one in here:
            able = [
                number
                for number, path in enumerate(paths)
                if number not in closed
                and len(path) in one.steps
                and now - ask.tick(path[0]) <= ask.window
            ]
            if able:
                deepest = max(able, key=lambda i: (len(paths[i]), -i))
                paths[deepest].append(one.rows[0])
            elif one.entries:
                paths.append([one.entries[0]])
        # An event that breaks a gap closes the paths inside it, but not those that
        # took a step in its tick.
        for number, path in enumerate(paths):
            last = ask.tick(path[-1])
            if number not in closed and broken_gap(
                rows, ask, len(path), last, now + 1, set()
            ):
                closed.add(number)
    return paths


def by_user(rows: Iterable[Row], *names: str) -> dict[tuple[object, ...], list[Row]]:
    units: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        key = (row["user"], *(row[name] for name in names))
        if None not in key:
            units.setdefault(key, []).append(row)
    return units


def sequences(
    rows: Iterable[Row], length: int, *names: str
) -> list[tuple[list[str], int]]:
    """Count what directly follows each other, the most frequent first."""
    times: dict[tuple[str, ...], int] = {}
    for unit in by_user(rows, *names).values():
        events = [str(row["event"]) for row in ordered(unit)]
        for first in range(len(events) - length + 1):
            path = tuple(events[first : first + length])
            times[path] = times.get(path, 0) + 1
    ranked = sorted(times.items(), key=lambda one: (-one[1], one[0]))
    return [(list(path), n) for path, n in ranked]


@dataclass
class JourneyQuestion:
    """A journey, with events as plain functions."""

    start: Test | None = None
    end: Test | None = None
    enters: Test = lambda row: True
    inside: Test = lambda row: True  # the charted period
    visible: Test = lambda row: bool(row["active"])
    label: Callable[[Row], str] = lambda row: str(row["event"])
    window: int | None = None  # microseconds; None is the session
    count: str = "users"
    collapse: bool = False
    through: list[Test] = field(default_factory=list)


def journey_paths(
    rows: list[Row], ask: JourneyQuestion
) -> list[tuple[Row, list[tuple[str, Row]], bool]]:
    """Return each path: its anchor, its labelled nodes, whether it reached the end."""
    forward = ask.start is not None
    anchor_event = ask.start if forward else ask.end
    found = []
    for _, group in groupby(
        sorted(ordered(rows), key=lambda row: row["user"]), key=lambda row: row["user"]
    ):
        mine = list(group)
        anchors = [
            row
            for row in mine
            if anchor_event(row) and ask.enters(row) and ask.inside(row)
        ]
        if ask.window is None or ask.count == "sessions":
            anchors = [row for row in anchors if row["session_id"] is not None]
        if ask.count == "users":
            anchors = anchors[:1]
        if ask.count == "sessions":
            firsts: dict[object, Row] = {}
            for row in anchors:
                firsts.setdefault(row["session_id"], row)
            anchors = list(firsts.values())
        for anchor in anchors:
            path = one_path(mine, anchor, anchor_event, ask, forward=forward)
            if path is not None:
                found.append((anchor, *path))
    return found


def one_path(
    rows: list[Row],
    anchor: Row,
    anchor_event: Test,
    ask: JourneyQuestion,
    *,
    forward: bool,
) -> tuple[list[tuple[str, Row]], bool] | None:
    line = rows if forward else rows[::-1]
    line = line[next(i for i, row in enumerate(line) if row is anchor) :]
    nodes: list[tuple[str, Row]] = []
    held = [False] * len(ask.through)
    ended = False
    for row in line:
        away = abs(micros(row) - micros(anchor))
        if ask.window is None:
            if row["session_id"] != anchor["session_id"] or not ask.inside(row):
                continue
        elif away > ask.window:
            break
        if ask.count == "paths" and row is not anchor and anchor_event(row):
            break
        held = [h or test(row) for h, test in zip(held, ask.through, strict=True)]
        is_end = forward and ask.end is not None and ask.end(row)
        if ask.visible(row) or anchor_event(row) or is_end:
            label = ask.label(row)
            if ask.collapse and nodes and nodes[-1][0] == label:
                if not forward and len(nodes) > 1:
                    nodes[-1] = (label, row)
            else:
                nodes.append((label, row))
        if is_end and row is not anchor:
            ended = True
            break
    return (nodes, ended) if all(held) else None

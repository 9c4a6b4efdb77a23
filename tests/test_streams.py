"""A person's stream finds the same replays alone and as one of all behind a point."""

import polars as pl
import pytest

from replaykit.microscope import Behind
from replaykit.point_streams import stream_of
from tests.test_matching_laws import EVENTS, points, source_of, world


def told(seed: int) -> int:
    frame, tapes = world(seed)
    if set(frame["event"]) != set(EVENTS):
        return 0
    events = source_of(frame, tapes)
    compared = 0
    for point in points(events):
        population = point.users.population
        behind = Behind(events.source, lambda units=population: units)
        for user in events.source.user_ids(population["user"].unique()):
            alone = stream_of(events.source, population, user).page()
            assert behind.stream(user) == alone, (seed, user)
            compared += check(events, population, user, alone)
    return compared


def check(events, population: pl.DataFrame, user_id: str, found: dict) -> int:
    """Compare the rows and runs of a stream with a plain reading of the log."""
    user = events.source.user(user_id)
    rows = [
        (row["time"], row["row"], row["session_id"])
        for row in events.source.scan(()).collect().to_dicts()
        if row["user"] == user
    ]
    units = population.filter(pl.col("user") == user).to_dicts()
    start, end = min(u["start"] for u in units), max(u["end"] for u in units)
    before = [row for row in sorted(rows) if row[0] < start][-25:]
    within = [row for row in sorted(rows) if start <= row[0] <= end]
    after = [row for row in sorted(rows) if row[0] > end][: max(0, 50 - len(within))]
    shown = [*before, *within, *after]
    assert found["rows"]["id"] == [str(row) for _, row, _ in shown]
    assert (found["before"], found["within"], found["after"]) == (
        len(before),
        len(within),
        len(after),
    )
    runs: list[list] = []
    for time, _, session in shown:
        if not runs or runs[-1][0] != session:
            runs.append([session, time, time, 0])
        runs[-1][2] = time
        runs[-1][3] += 1
    told = [
        (
            None if session is None else str(session),
            round(first.timestamp() * 1000),
            round(last.timestamp() * 1000) - round(first.timestamp() * 1000),
            count,
        )
        for session, first, last, count in runs
    ]
    heads = ("session", "start_ms", "length_ms", "rows")
    assert [tuple(one[name] for name in heads) for one in found["sessions"]] == told
    return len(shown)


@pytest.mark.parametrize("block", range(2))
def test_a_stream_alone_equals_the_stream_behind_its_point(block):
    assert sum(told(seed) for seed in range(block * 5, block * 5 + 5)) > 0

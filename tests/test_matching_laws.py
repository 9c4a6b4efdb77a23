"""Matching events to replays equals a slow, obvious search, on random logs."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit.rows_as_json import SIGNALS
from replaykit.watchlists import matched_replays, watchlist
from tests.eventlog import TIME

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
EVENTS = ["Search", "Add", "Buy"]


class Tapes:
    """Recordings that are a catalogue alone."""

    def __init__(self, rows):
        self.rows = rows

    def catalogue(self):
        return self.rows

    def segment(self, replay_id, index):
        raise NotImplementedError

    def summary(self, replay_id):
        raise NotImplementedError


def world(seed):
    """A random log and catalogue: ties, interleaved sessions, gaps, other statuses."""
    rng = random.Random(seed)
    users = [f"u{n}" for n in range(rng.randint(1, 5))]
    rows = []
    for user in users:
        for _ in range(rng.randint(1, 12)):
            rows.append(
                {
                    "user": user,
                    "time": START + timedelta(seconds=rng.randint(0, 60)),
                    "event": rng.choice(EVENTS),
                    "session": rng.choice([None, 1, 2, 3]),
                }
            )
    rng.shuffle(rows)
    schema = {"user": pl.String, "time": TIME, "event": pl.String, "session": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema)
    tapes = []
    for number in range(rng.randint(0, 8)):
        begin = START + timedelta(seconds=rng.randint(-5, 55))
        length = rng.randint(0, 40)
        tapes.append(
            {
                "replay_id": f"r{number}",
                "user_id": rng.choice([*users, "stranger"]),
                "session_id": rng.choice([1, 2, 3, 9]),
                "start": begin,
                "end": begin + timedelta(seconds=length),
                "length_ms": length * 1000,
                "status": rng.choice(["ok", "ok", "gaps", "short", "no_snapshot"]),
            }
        )
    return frame, tapes


def source_of(frame, tapes):
    events = rk.events(frame, session="session")
    ids = dict(events.source.directory.select("user_id", "user").iter_rows())
    rows = [
        {**tape, "user": ids.get(tape["user_id"]), "device_id": None, "country": None}
        for tape in tapes
    ]
    schema = {
        "replay_id": pl.String,
        "user": pl.Int32,
        "user_id": pl.String,
        "device_id": pl.String,
        "session_id": pl.Int64,
        "start": TIME,
        "end": TIME,
        "length_ms": pl.Int64,
        "status": pl.String,
        "country": pl.String,
    }
    catalogue = pl.DataFrame(rows, schema=schema)
    source = replace(events.source, recordings=Tapes(catalogue))
    # Whose a recording is, is told elsewhere; here it is given.
    source.__dict__["catalogue"] = catalogue
    events.__dict__["source"] = source
    return type(events)(source)


def naive(events, population):
    """For each unit and session of charted rows, every replay and how it fits."""
    rows = {
        (user, row): (time, session)
        for user, row, time, session in events.source.scan(())
        .select("user", "row", "time", "session_id")
        .collect()
        .iter_rows()
    }
    tapes = events.source.catalogue.to_dicts()
    found = set()
    for unit in population.to_dicts():
        by_session = {}
        for row in unit["rows"]:
            time, session = rows[unit["user"], row]
            by_session.setdefault(session, []).append((time, row))
        for session, charted in by_session.items():
            first, last = min(charted)[0], max(charted)[0]
            for tape in tapes:
                playable = tape["status"] in {"ok", "gaps", "short"}
                if tape["user"] != unit["user"] or not playable:
                    continue
                same = session is not None and tape["session_id"] == session
                spans = tape["start"] <= first and last <= tape["end"]
                touches = tape["start"] <= last and first <= tape["end"]
                if same and spans:
                    kind = "covering"
                elif same and touches:
                    kind = "overlapping"
                elif spans and not same:
                    kind = "time"
                else:
                    continue
                inside = tape["start"] <= unit["at"] <= tape["end"]
                moment = unit["at"] if inside else first
                clipped = min(max(moment, tape["start"]), tape["end"])
                at = round((clipped - tape["start"]).total_seconds() * 1000)
                because = tuple(sorted(str(row) for _, row in charted))
                exact = tape["start"] <= moment <= tape["end"]
                key = (unit["user"], unit["at"], tape["replay_id"], kind)
                found.add((*key, at, exact, because))
    return found


def matched(events, population):
    columns = ["replay_id", "match", "matched_at", "matched_exactly", "matched_because"]
    units = population.sort("at", "user", maintain_order=True).with_row_index("unit")
    table = matched_replays(events.source, population).join(
        units.select("unit", "at"), on="unit"
    )
    return {
        (user, at, replay, kind, ms, exact, tuple(sorted(because)))
        for user, at, replay, kind, ms, exact, because in table.select(
            "user", "at", *columns
        ).iter_rows()
    }


def points(events):
    """Points of every kind of question, the lost as well as the converted."""
    funnel = events.funnel("Search", "Add", within="30s")
    yield funnel.point(1)
    yield funnel.point(2)
    yield funnel.point(2, outcome="dropped")
    for name in EVENTS:
        yield events.segmentation(name, every="1h").point(name)
    yield events.sessions().point()
    yield events.retention(start="Search", every="1h").point(
        cohort="2026-03-01 09:00", index=0
    )


def compare(seed):
    frame, tapes = world(seed)
    if set(frame["event"]) != set(EVENTS):
        return 0
    events = source_of(frame, tapes)
    compared = 0
    for point in points(events):
        population = point.users.population
        expected = naive(events, population)
        assert matched(events, population) == expected, seed
        listed = watchlist(events.source, population)
        assert set(listed["replay_id"]) == {one[2] for one in expected}, seed
        assert listed["replay_id"].is_unique().all(), seed
        # Each replay stands at a best match of its own: nothing fits better.
        order = {"covering": 0, "overlapping": 1, "time": 2}
        for row in listed.iter_rows(named=True):
            fits = [one for one in expected if one[2] == row["replay_id"]]
            holding = [one for one in fits if row["start"] <= one[1] <= row["end"]]
            best = min(order[one[3]] for one in holding or fits)
            assert order[row["match"]] == best, seed
        compared += len(expected)
    return compared


@pytest.mark.parametrize("block", range(4))
def test_matching_equals_the_naive_search(block):
    assert sum(compare(seed) for seed in range(block * 8, block * 8 + 8)) > 0


@pytest.mark.long
@pytest.mark.parametrize("block", range(8))
def test_matching_equals_the_naive_search_on_many_logs(block):
    first = 1000 + block * 25
    assert sum(compare(seed) for seed in range(first, first + 25)) > 0


FUNNELS = {
    "plain": {},
    "any": {"order": "any"},
    "exact": {"order": "exact"},
    "excluded": {"exclude": "Help"},
    "held": {"hold": "plan"},
    "grouped": {"by": "plan"},
    "at a step": {"by_step": (2, "plan")},
    "new": {"new_users": "any day"},
    "new that day": {"new_users": "first day"},
    "every attempt": {"count": "totals"},
    "by the millisecond": {"resolution": "1ms"},
}


@pytest.fixture(scope="module")
def recorded_few(tmp_path_factory):
    """A project on disk of whose people about a third were recorded."""
    rng = random.Random(11)
    rows = [
        {
            "user": f"u{user}",
            "time": START + timedelta(milliseconds=rng.randint(0, 3 * 86_400_000)),
            "event": rng.choice([*EVENTS, "Help"]),
            "session": f"s{rng.randint(1, 3)}",
            "plan": rng.choice(["pro", "free", None]),
        }
        for user in range(90)
        for _ in range(rng.randint(1, 25))
    ]
    shop = rk.create(tmp_path_factory.mktemp("few") / "shop.rk")
    shop.add_events(pl.DataFrame(rows), session="session", progress=False)
    source = shop.source
    begun = (
        source.scan(())
        .group_by("user", "session_id")
        .agg(start=pl.col("time").min(), end=pl.col("time").max())
        .collect()
        .filter(pl.col("user") % 3 == 0)
        .sort("user", "session_id")
    )
    length = (pl.col("end") - pl.col("start")).dt.total_milliseconds()
    catalogue = begun.with_columns(
        replay_id=pl.format("r{}-{}", "user", "session_id"),
        user_id=source.user_ids(begun["user"]),
        device_id=pl.lit(None, pl.String),
        length_ms=length,
        status=pl.lit("ok"),
        country=pl.lit(None, pl.String),
        **{column: pl.lit(0) for column in SIGNALS.values()},
    )
    source = replace(source, recordings=Tapes(catalogue))
    source.__dict__["catalogue"] = catalogue
    return type(shop.events)(source)


@pytest.mark.parametrize("narrowed", [False, True])
@pytest.mark.parametrize("options", FUNNELS.values(), ids=FUNNELS)
def test_a_point_opens_the_same_among_the_recorded(recorded_few, options, narrowed):
    """A click that looks at those who were recorded finds what everybody's would."""
    events = recorded_few.between("2026-03-01", "2026-03-04")
    if narrowed:
        events = events.filter(pl.col("plan").is_not_null()).between(
            "2026-03-01", "2026-03-02"
        )
        events = events.users_who("Add").events
    funnel = events.funnel("Search", "Add", "Buy", within="1d", **options)
    quick = 0
    for key in funnel._keys():
        behind = funnel._microscope.find(key)
        everybody = behind.population
        assert behind.users == everybody["user"].n_unique(), key
        quick += behind.recorded.height < everybody.height
        # Which row of the population a unit is, differs; which unit comes first, not.
        expected = watchlist(events.source, everybody).drop("unit")
        assert_frame_equal(behind.watch.drop("unit"), expected)
        people = behind.users_page(with_replays=True, offset=0, limit=500)
        assert {one["user"] for one in people["rows"]} == set(behind.watch["user_id"])
        alone = replace(behind, of_recorded=lambda: None, counted=None)
        for user in events.source.user_ids(everybody["user"].unique().head(5)):
            assert behind.stream(user) == alone.stream(user)
    reads = {"by", "by_step", "hold"} & set(options) or narrowed
    assert bool(quick) != bool(reads), "which of them take the short way"

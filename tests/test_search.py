"""Searching replays: the specification's queries, and what cannot be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.schema import REPLAY_ID
from tests.recordings import session as recorded
from tests.spec.blocks import answers, block
from tests.test_project import write_export


def moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(at):
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def ms(at):
    return int(at.timestamp() * 1000)


def record(folder, name, at, length_s):
    """Write a recording that starts at a moment and lasts so long."""
    events = recorded(length=length_s * 1000, step=max(500, length_s * 250))
    shift = ms(at) - events[0]["timestamp"]
    moved = [{**event, "timestamp": event["timestamp"] + shift} for event in events]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(moved))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The project of block `rep.search`: one user and one session per replay."""
    folder = tmp_path_factory.mktemp("search")
    rows = []
    for row in block("rep.search"):
        at = moment(row["start"])
        record(
            folder / "recordings",
            f"{row['replay']}_{ms(at)}",
            at,
            int(row["duration_s"]),
        )
        plans = (row["plans"] or "").split("|")
        names = row["events"].split("|")
        for number, name in enumerate(names):
            plan = plans[min(number, len(plans) - 1)] or None
            rows.append(
                {
                    "event_type": name,
                    "event_time": stamp(at + timedelta(seconds=number)),
                    "user_id": f"user of {row['replay']}",
                    "device_id": row["replay"],
                    "session_id": ms(at),
                    "$insert_id": f"{row['replay']}-{number}",
                    "country": row["country"],
                    "user_properties": {} if plan is None else {"plan": plan},
                }
            )
        # A second value where the block lists more values than events.
        for plan in plans[len(names) :]:
            rows.append(
                {
                    **rows[-1],
                    "$insert_id": f"{row['replay']}-{plan}",
                    "user_properties": {"plan": plan},
                }
            )
    shop = rk.create(folder / "shop.rk", tz="America/New_York")
    shop.add_events(write_export(folder / "events.json.gz", rows), progress=False)
    shop.add_replays(folder / "recordings", progress=False)
    return shop


COUNTRY, PLAN = pl.col("country"), pl.col("plan")

QUERIES = {
    "between 2024-07-02 and 2024-07-02; project tz America/New_York": {
        "between": ("2024-07-02", "2024-07-02")
    },
    "country is not US": {"where": COUNTRY != "US"},
    "country is not US AND country is not (none)": {
        "where": (COUNTRY != "US") & COUNTRY.is_not_null()
    },
    "event Error": {"event": "Error"},
    "event Error AND duration >= 60 s": {"event": "Error", "duration": "60s"},
    "plan is not pro": {"where": PLAN != "pro"},
}


def found(replays):
    return " ".join(name.split("/")[0] for name in replays["replay_id"])


@answers("rep.search.expected")
def test_the_queries_of_the_specification(expected, searched):
    got = [
        {
            "query": row["query"],
            "replays newest first": found(
                searched.replays.search(**QUERIES[row["query"]])
            ),
        }
        for row in expected
    ]
    assert got == expected


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (COUNTRY.is_null(), "r3"),
        (~(PLAN == "pro"), "r5 r4 r3 r2"),
        ([COUNTRY != "US", PLAN == "free"], "r5 r2"),
        ((PLAN == "pro") & (PLAN == "free"), "r4"),
        ((PLAN == "pro") | (COUNTRY == "UK"), "r5 r4 r1"),
        (pl.col("user") == "user of r2", "r2"),
        (pl.col("user") != "user of r2", "r5 r4 r3 r1"),
        (PLAN.str.starts_with("fr"), "r5 r4 r2"),
        (pl.col("event") == "Buy", "r1"),
    ],
)
def test_a_property_of_a_replay_is_the_set_of_its_values(where, names, searched):
    assert found(searched.replays.search(where=where)) == names


def test_conditions_of_a_step_hold_on_one_event(searched):
    step = rk.event("Error", PLAN == "free")
    assert found(searched.replays.search(event=step)) == "r4"
    assert found(searched.replays.search(event=["Error", "Page Viewed"])) == "r3"


def test_users_and_saved_cohorts_narrow(searched):
    paying = searched.events.users_whose(plan="pro", when="any")
    assert found(searched.replays.search(cohort=paying)) == "r4 r1"
    searched.cohorts.save("Paying", paying, overwrite=True)
    assert found(searched.replays.search(cohort="Paying")) == "r4 r1"


def test_a_frame_without_sessions_is_searched_by_time(tmp_path):
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    record(tmp_path / "recordings", "ana", start, 60)
    frame = pl.DataFrame(
        {
            "user": ["ana", "ana", "ben"],
            "time": [start + timedelta(seconds=s) for s in (10, 4000, 10)],
            "event": ["Search", "Buy", "Buy"],
        }
    )
    everyone = rk.events(frame, replays=tmp_path / "recordings").everyone()
    assert len(everyone.replays.search(event="Search")) == 1
    assert len(everyone.replays.search(event="Buy")) == 0


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        (
            {"where": pl.col("plam") == "x"},
            errors.UnknownProperty,
            "Did you mean 'plan'",
        ),
        ({"event": "Eror"}, errors.UnknownEvent, "Did you mean 'Error'"),
        ({"cohort": "Nobody"}, errors.UnknownCohort, "No cohort 'Nobody'"),
        ({"cohort": 7}, errors.BadInput, "is not Users"),
        ({"where": "plan"}, errors.BadInput, "is not a condition"),
        ({"last": "7d", "between": ("a", "b")}, errors.BadInput, "not both"),
        ({"signals": "rge"}, errors.UnknownOption, "Did you mean 'rage'"),
        ({"duration": "long"}, errors.BadDuration, "long"),
    ],
)
def test_what_cannot_be_asked_is_said(query, error, words, searched):
    with pytest.raises(error, match=words):
        searched.replays.search(**query)


@answers("rep.captured.expected")
def test_captured_replays_are_counted_by_both_rules(expected):
    rows = block("rep.captured")
    frame = pl.DataFrame(rows).rename({"replay_id": REPLAY_ID})
    events = rk.events(frame, session="session_id")
    said = "[Amplitude] Replay Captured"
    counted = dict(events.captured().iter_rows())
    named = rk.event("*", pl.col(REPLAY_ID).is_not_null())
    by_charts = {
        "TOTALS(Replay Captured)": events.segmentation(said, measure="totals").total,
        "PROPCOUNT(Replay Captured by replay id)": events.formula(
            "PROPCOUNT(A)", said, of={"A": REPLAY_ID}
        ).total,
        "sessions containing any event with replay id is not (none)": (
            events.sessions(containing=named).table["value"].sum()
        ),
        "all sessions": events.sessions().table["value"].sum(),
    }
    words = (
        "captured events",
        "captured replays",
        "sessions with a replay id",
        "sessions",
    )
    for row, word in zip(expected, words, strict=True):
        charted = by_charts[row["method"]]
        if isinstance(charted, pl.DataFrame):
            charted = charted["value"].sum()
        assert (counted[word], charted) == (int(row["value"]), int(row["value"])), row


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Three recordings, of one, two and very many pages."""
    shop = rk.create(tmp_path_factory.mktemp("visited") / "shop.rk")
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    folder = tmp_path_factory.mktemp("pages")
    for name, pages in {
        "one": ["https://shop.example/"],
        "two": ["https://shop.example/", "https://shop.example/Basket?id=7"],
        "many": [f"https://shop.example/p/{number}" for number in range(6_000)],
    }.items():
        events = recorded(length=20_000, step=5_000)
        shift = ms(at) - events[0]["timestamp"]
        events = [{**one, "timestamp": one["timestamp"] + shift} for one in events]
        meta = next(one for one in events if one["type"] == 4)
        meta["data"]["href"] = pages[0]
        step = 15_000 / len(pages)
        events += [
            {
                "type": 4,
                "data": {**meta["data"], "href": url},
                "timestamp": ms(at) + 1_000 + round(number * step),
            }
            for number, url in enumerate(pages[1:])
        ]
        events.sort(key=lambda one: one["timestamp"])
        (folder / f"{name}.json").write_text(json.dumps(events))
    shop.add_replays(folder, progress=False)
    return shop


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("shop.example", {"one", "two", "many"}),
        ("/BASKET", {"two"}),
        ("?id=7", {"two"}),
        ("/p/5999", {"many"}),
        (".*", set()),
        ("shop.example/\nhttps", set()),
    ],
)
def test_a_url_is_looked_for_on_every_page(visited, url, names):
    assert set(visited.replays.search(url=url)["replay_id"]) == names


def test_a_url_is_found_in_recordings_that_listed_none(visited):
    """A catalogue of an earlier version holds no addresses."""
    source = visited.source
    old = source.catalogue.with_columns(urls=pl.lit(None, pl.List(pl.String)))
    replays = replace(visited.replays, frame=old)
    assert set(replays.search(url="/basket")["replay_id"]) == {"two"}


def test_a_url_must_be_text(visited):
    with pytest.raises(errors.BadInput, match="url=7 is no text"):
        visited.replays.search(url=7)

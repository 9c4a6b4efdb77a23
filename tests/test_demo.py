"""The packaged sample and the population: what they promise to hold."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from replaykit.demoshop import aims, stories
from replaykit.demoshop.itinerary import itinerary
from replaykit.demoshop.people import PHONES
from replaykit.demoshop.population import (
    INACTIVE,
    PROPERTIES,
    population,
    write_population,
)
from replaykit.demoshop.sample import SAMPLE, recorded_events, recorded_replays
from replaykit.demoshop.visitors import NOW, RECORDED_DAYS, VISITORS

META, FULL, INCREMENTAL, PLUGIN = 4, 2, 3, 6
MUTATION, CLICK, TOUCH_MOVE = 0, 2, 6
REPLAY_ID = "[Amplitude] Session Replay ID"


@dataclass
class Recording:
    name: str
    events: list[dict[str, Any]]
    rows: list[dict[str, Any]]

    @property
    def length_s(self) -> float:
        return (self.events[-1]["timestamp"] - self.events[0]["timestamp"]) / 1000

    @property
    def phone(self) -> bool:
        return self.rows[0]["device_type"] == "Phone"

    @property
    def names(self) -> list[str]:
        return [row["event_type"] for row in self.rows]

    def plugin(self, name: str) -> list[dict[str, Any]]:
        return [
            event["data"]["payload"]
            for event in self.events
            if event["type"] == PLUGIN and event["data"]["plugin"] == name
        ]

    def requests(self) -> list[dict[str, Any]]:
        return [r for p in self.plugin("rrweb/network@1") for r in p["requests"]]

    def errors(self) -> list[str]:
        console = self.plugin("rrweb/console@1")
        return [c["payload"][0] for c in console if c["level"] == "error"]

    def rage_clicks(self) -> int:
        """Runs of four clicks on one element within a second, as capture.md 7."""
        clicks = [
            (event["timestamp"], event["data"]["id"])
            for event in self.events
            if event["type"] == INCREMENTAL
            and event["data"]["source"] == 2
            and event["data"]["type"] == CLICK
        ]
        return sum(
            len({element for _, element in clicks[at : at + 4]}) == 1
            and clicks[at + 3][0] - clicks[at][0] < 1000
            for at in range(len(clicks) - 3)
        )

    def dead_clicks(self, attribute: str) -> int:
        """Clicks on elements with the attribute that change nothing for 3 s."""
        marked = {
            add["node"]["id"]
            for event in self.events
            if event["type"] == INCREMENTAL and event["data"]["source"] == MUTATION
            for add in event["data"]["adds"]
            if attribute in add["node"].get("attributes", {})
        }
        changes = [
            event["timestamp"]
            for event in self.events
            if event["type"] == INCREMENTAL and event["data"]["source"] == MUTATION
        ]
        return sum(
            not any(0 <= moment - event["timestamp"] <= 3000 for moment in changes)
            for event in self.events
            if event["type"] == INCREMENTAL
            and event["data"]["source"] == 2
            and event["data"]["type"] == CLICK
            and event["data"]["id"] in marked
        )


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    with gzip.open(recorded_events(), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def recordings(rows) -> list[Recording]:
    of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["session_id"] != -1:
            of.setdefault(f"{row['device_id']}_{row['session_id']}", []).append(row)
    with zipfile.ZipFile(recorded_replays()) as archive:
        return [
            Recording(
                name.removesuffix(".json"),
                json.loads(archive.read(name)),
                sorted(
                    of[name.removesuffix(".json")],
                    key=lambda row: (row["event_time"], row["event_id"]),
                ),
            )
            for name in archive.namelist()
        ]


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return population(5_000)


# -- the sample ----------------------------------------------------------------------


def test_sample_is_small_enough_to_ship():
    assert sum(file.stat().st_size for file in SAMPLE.iterdir()) <= 4_000_000


def test_there_are_at_least_60_sessions_of_30_visitors(recordings):
    assert len(recordings) >= 60
    assert len({one.rows[0]["amplitude_id"] for one in recordings}) >= 30


def test_the_sample_is_the_itinerary(recordings):
    planned = {
        f"{v.device_id}_{round(v.start.timestamp() * 1000)}" for v in itinerary()
    }
    assert {one.name for one in recordings} == planned


def test_sessions_last_from_half_a_minute_to_twenty_minutes(recordings):
    lengths = [one.length_s for one in recordings]
    assert min(lengths) >= 30
    assert max(lengths) <= 20 * 60
    assert sum(length > 5 * 60 for length in lengths) >= 5


def test_about_half_come_on_a_phone_and_swipe(recordings):
    phones = [one for one in recordings if one.phone]
    assert 0.4 < len(phones) / len(recordings) < 0.65
    for one in phones:
        kinds = {
            event["data"]["source"]
            for event in one.events
            if event["type"] == INCREMENTAL
        }
        assert TOUCH_MOVE in kinds, one.name


def test_every_recording_can_be_played(recordings):
    for one in recordings:
        kinds = Counter(event["type"] for event in one.events)
        assert kinds[META] >= 1, one.name
        assert kinds[META] == kinds[FULL], one.name
        times = [event["timestamp"] for event in one.events]
        assert times == sorted(times), one.name


def test_recordings_hold_several_pages_by_load_and_by_history(recordings):
    loads = [sum(e["type"] == META for e in one.events) for one in recordings]
    assert sum(count >= 2 for count in loads) > len(recordings) / 2
    moves = [len(one.plugin("amplitude/url-tracking@1")) for one in recordings]
    assert sum(count >= 2 for count in moves) > len(recordings) / 2


def test_everything_happened_in_the_last_ten_days(rows, recordings):
    begin = NOW - timedelta(days=RECORDED_DAYS)
    for row in rows:
        moment = datetime.fromisoformat(row["event_time"]).replace(tzinfo=UTC)
        assert begin <= moment < NOW
    for one in recordings:
        assert one.events[-1]["timestamp"] < NOW.timestamp() * 1000


def test_nothing_typed_is_in_any_byte(rows):
    secrets = [
        aims.PASSWORD, aims.CARD, aims.CARD.replace(" ", ""), aims.DECLINED,
        aims.EXPIRY, aims.STREET, "post.example", "Hafenstadt", "Q. Visitor",
    ]  # fmt: skip
    with zipfile.ZipFile(recorded_replays()) as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    texts.append(json.dumps(rows))
    for secret in secrets:
        assert not any(secret in text for text in texts), secret


def test_a_text_is_masked_and_a_block_is_blocked(recordings):
    snapshots = [json.dumps(one.events) for one in recordings]
    assert any('"rr-mask"' in text and "******" in text for text in snapshots)
    assert any('"rr_width"' in text for text in snapshots)
    assert not any("4415 0082 7716" in text for text in snapshots)


def test_events_carry_the_id_of_their_recording(recordings):
    for one in recordings:
        device, session = one.name.rsplit("_", 1)
        assert all(
            row["event_properties"][REPLAY_ID] == f"{device}/{session}"
            for row in one.rows
        )
        assert one.names.count("[Amplitude] Replay Captured") == 1


def test_no_two_rows_share_an_insert_id(rows):
    assert len({(row["device_id"], row["$insert_id"]) for row in rows}) == len(rows)
    assert len({row["uuid"] for row in rows}) == len(rows)


def test_some_visitors_log_in_on_the_way(recordings):
    midway = [
        one
        for one in recordings
        if one.rows[0]["user_id"] is None and one.rows[-1]["user_id"] is not None
    ]
    assert len(midway) >= 8
    assert all("Log In" in one.names or "Sign Up" in one.names for one in midway)


def test_a_coupon_on_a_phone_breaks_paying(recordings):
    broken = [one for one in recordings if one.phone and "Coupon Rejected" in one.names]
    checkouts = [
        one for one in recordings if one.phone and "Address Entered" in one.names
    ]
    assert len(broken) >= 4
    assert 0.2 < len(broken) / len(checkouts) < 0.5
    for one in broken:
        refused = [r for r in one.requests() if r["name"].endswith("/api/coupon")]
        assert [r["status"] for r in refused] == [422]
        assert any(
            "TypeError: Cannot read properties of null" in e for e in one.errors()
        )
        assert one.rage_clicks() >= 1
    assert sum("Purchase" in one.names for one in broken) <= 2


def test_nobody_else_rages(recordings):
    calm = [one for one in recordings if "Coupon Rejected" not in one.names]
    assert sum(one.rage_clicks() > 0 for one in calm) == 0


def test_coupons_work_on_desktops(recordings):
    used = [
        one for one in recordings if not one.phone and "Coupon Applied" in one.names
    ]
    assert len(used) >= 2
    assert all("Purchase" in one.names and not one.errors() for one in used)


def test_a_search_of_several_words_is_slow_and_people_leave(recordings):
    shown = [
        row["event_properties"]
        for one in recordings
        for row in one.rows
        if row["event_type"] == "Search Results Shown"
    ]
    slow = [p for p in shown if " " in p["query"]]
    assert len(slow) >= 2
    assert all(p["latency_ms"] >= 4_000 for p in slow)
    assert all(p["latency_ms"] < 2_000 for p in shown if " " not in p["query"])
    gone = [
        one
        for one in recordings
        if one.names.count("Search Submitted") > one.names.count("Search Results Shown")
    ]
    assert len(gone) >= 2


def test_the_size_picker_is_missorted_and_leads_to_removals(recordings):
    removed = [
        row["event_properties"]
        for one in recordings
        for row in one.rows
        if row["event_type"] == "Remove from Cart"
    ]
    assert sum(p["size"] == "XL" for p in removed) >= 3


def test_the_size_guide_is_a_dead_link(recordings):
    assert sum(one.dead_clicks("data-guide") > 0 for one in recordings) >= 2


def test_visitors_without_an_account_have_no_user_id(rows):
    known = dict(VISITORS.select("device_id", "known").iter_rows())
    for row in rows:
        if known.get(row["device_id"]) is False:
            assert row["user_id"] is None


# -- the population ------------------------------------------------------------------


def test_the_same_arguments_draw_the_same_people(people):
    assert population(300).equals(population(300))
    assert not population(300).equals(population(300, seed=8))
    assert people.equals(population(5_000))


def test_five_thousand_users_are_about_200_000_events(people):
    assert people["user"].n_unique() >= 4_980
    assert 36 * 5_000 < len(people) < 46 * 5_000


def test_the_frame_is_canonical_and_sorted(people):
    wanted = {
        "user": pl.Int32,
        "user_id": pl.String,
        "time": pl.Datetime("us", "UTC"),
        "event": pl.String,
        "active": pl.Boolean,
        "session_id": pl.Int64,
        "row": pl.Int64,
        "device_id": pl.String,
        "client_time": pl.Datetime("us", "UTC"),
    }
    assert dict(people.schema) == {**wanted, **PROPERTIES}
    assert people.select("user", "time").equals(
        people.select("user", "time").sort("user", "time")
    )
    assert people["row"].to_list() == list(range(len(people)))
    assert people["time"].max() < NOW
    assert people["user"].null_count() == people["user_id"].null_count() == 0


def test_a_session_is_one_visit_of_one_person(people):
    inside = people.filter(pl.col("session_id").is_not_null())
    sessions = inside.group_by("user", "session_id").agg(
        pl.col("time").min().dt.epoch("ms").alias("first"),
        pl.col("device_id").n_unique(),
    )
    assert (sessions["first"] == sessions["session_id"]).all()
    assert sessions["device_id"].max() == 1
    pauses = inside.select(
        pl.col("time").diff().over("user", "session_id").dt.total_minutes().max()
    ).item()
    assert pauses < 30


def test_only_servers_act_outside_of_sessions(people):
    outside = people.filter(pl.col("session_id").is_null())
    assert set(outside["event"]) == {"Order Shipped", *INACTIVE}
    assert set(people.filter(~pl.col("active"))["event"]) == set(INACTIVE)


def test_paying_breaks_with_the_release_on_phones_with_a_coupon(people):
    checkouts = (
        people.filter(
            pl.col("event").is_in(["Address Entered", "Purchase"])
            | pl.col("coupon").is_not_null()
        )
        .group_by("user", "session_id")
        .agg(
            phone=(pl.col("device_type") == "Phone").first(),
            since=(pl.col("version_name") == stories.VERSIONS[1]).first(),
            coupon=pl.col("event").str.starts_with("Coupon").any(),
            bought=(pl.col("event") == "Purchase").any(),
        )
    )
    share = {
        key: (len(part), part["bought"].mean())
        for key, part in checkouts.group_by("phone", "since", "coupon")
    }
    assert len(share) == 8
    broken = share.pop((True, True, True))
    assert broken[0] > 100
    assert broken[1] < 0.15
    for key, (_, bought) in share.items():
        assert bought > 0.7, key


def test_slow_searches_lose_people(people):
    asked = people.filter(pl.col("event") == "Search Submitted")
    shown = people.filter(pl.col("event") == "Search Results Shown")
    slow = pl.col("query").str.contains(" ")
    lost = [
        1 - len(shown.filter(which)) / len(asked.filter(which))
        for which in (slow, ~slow)
    ]
    assert lost[0] > 0.3
    assert lost[1] < 0.05
    assert shown.filter(slow)["latency_ms"].min() >= stories.SLOW_MS[0]


def test_missorted_sizes_are_taken_out_of_the_cart(people):
    per_product = (
        people.filter(pl.col("event").is_in(["Add to Cart", "Remove from Cart"]))
        .group_by("product")
        .agg(
            (pl.col("event") == "Remove from Cart").sum()
            / (pl.col("event") == "Add to Cart").sum()
        )
        .sort("event")
    )
    assert set(per_product["product"].tail(3)) == {
        "Waffle cotton robe", "Linen pyjama set", "Merino house cardigan",
    }  # fmt: skip
    assert per_product["event"][-3] > 2 * per_product["event"][-4]


def test_recorded_visitors_are_in_the_population_until_they_are_recorded(people, rows):
    recorded = people.filter(
        pl.col("user") < len(VISITORS), pl.col("session_id").is_not_null()
    )
    assert recorded["time"].max() < NOW - timedelta(days=RECORDED_DAYS)
    assert recorded["user"].n_unique() >= 15
    ids = set(people.filter(pl.col("user") < len(VISITORS))["user_id"])
    assert ids <= set(VISITORS["user_id"])
    assert {row["user_id"] for row in rows} - {None} <= set(VISITORS["user_id"])
    assert {row["device_id"] for row in rows} - {None} <= set(
        VISITORS["device_id"]
    ) | set(VISITORS["second_device_id"].drop_nulls())


def test_events_have_the_same_names_and_properties_in_both(people, rows):
    internal = {"[Amplitude] Replay Captured"}
    recorded = {row["event_type"] for row in rows} - internal
    drawn = set(people["event"])
    assert recorded <= drawn
    assert drawn - recorded <= set(INACTIVE)
    properties = {name for row in rows for name in row["event_properties"]}
    assert {n for n in properties if not n.startswith("[")} <= set(PROPERTIES)


def test_a_big_population_is_written_in_files_of_whole_people(tmp_path):
    files = write_population(tmp_path, events=600_000)
    frames = [pl.read_parquet(file) for file in files]
    assert len(files) == 2
    assert 500_000 < sum(map(len, frames)) < 700_000
    assert frames[0]["user"].max() < frames[1]["user"].min()
    assert frames[1]["row"][0] == len(frames[0])


@pytest.mark.browser
@pytest.mark.slow
def test_a_visit_can_be_recorded_again():
    from replaykit.demoshop.record import record

    visit = next(v for v in itinerary() if v.aim == "coupon" and v.device < len(PHONES))
    (recorded,) = record([visit], workers=1)
    one = Recording(recorded.name, recorded.events, recorded.rows)
    assert one.rage_clicks() >= 1
    assert any("TypeError" in error for error in one.errors())

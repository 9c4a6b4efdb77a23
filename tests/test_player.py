"""The player from Python: its traits, its frame, tables of other systems beside it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pandas as pd
import polars as pl
import pytest

import replaykit as rk
from replaykit.errors import (
    BadDuration,
    BadInput,
    UnknownOption,
    UnknownProperty,
    UnknownReplay,
)


@pytest.fixture(scope="module")
def shop():
    return rk.demo()


@pytest.fixture
def player(shop):
    return rk.Player(shop.replays)


def test_the_first_questions_are_answered_with_the_widget(shop, player):
    state = player.get_state()["_opening"]
    asked = {one["kind"]: one for one in state}
    assert set(asked) == {"session", "segment", "playlist"}
    for one in state:
        reply = player._reply(one["kind"], one["params"])
        assert one["data"] == reply.data
        assert one["buffers"] == list(reply.buffers)


def test_the_opening_segment_is_that_of_the_position(shop, player):
    frame = shop.replays.frame.sort("length_ms")
    player.session = frame["replay_id"][-1]
    segments = player._reply("session", {"replay": player.session}).data["segments"]
    assert len(segments) > 2
    starts = [one["start"] for one in segments]
    for index, start in enumerate(starts):
        for t in (start - 0.5, start, start + 0.5):
            player.time_ms = max(0, int(t + 0.5))
            (first,) = (
                one["params"]["index"]
                for one in player.get_state("_opening")["_opening"]
                if one["kind"] == "segment"
            )
            # A page at t is made by what came strictly before it.
            before = [i for i, one in enumerate(starts) if one < player.time_ms]
            assert first == (before[-1] if before else 0), (index, t)


def test_several_segments_come_in_the_order_asked_for(player):
    replay = player.session
    alone = [
        player._reply("segment", {"replay": replay, "index": one}).buffers[0]
        for one in (1, 0)
    ]
    asked = {"replay": replay, "indexes": [1, 0]}
    assert list(player._reply("segments", asked).buffers) == alone


@pytest.mark.parametrize("indexes", [None, 3, [-1], ["0"], [True]])
def test_segments_are_asked_for_by_whole_numbers(player, indexes):
    with pytest.raises(UnknownOption):
        player._reply("segments", {"replay": player.session, "indexes": indexes})


def inside(player):
    return player.events.filter(state="recorded")


def test_the_frame_holds_times_and_properties(shop, player):
    events = player.events
    assert events.columns[:6] == ["t", "time", "event", "state", "row", "charted"]
    assert events.schema["time"] == pl.Datetime("us", shop.tz)
    start = shop.replays["start"][0]
    offsets = events["time"].dt.convert_time_zone("UTC") - start
    assert (offsets - events["t"]).abs().max() < timedelta(seconds=1)
    bought = events.filter(event="Purchase")
    assert bought["revenue"].null_count() == 0


def test_every_event_of_the_frame_is_a_moment_to_seek(player):
    for time, t in inside(player).select("time", "t").unique("t").iter_rows():
        player.seek(time)
        assert abs(player.time_ms - t / timedelta(milliseconds=1)) <= 1
        player.seek(time.replace(tzinfo=None))
        assert abs(player.time_ms - t / timedelta(milliseconds=1)) <= 1


def test_a_moment_may_be_written_out(player):
    time, t = inside(player).select("time", "t").row(5)
    player.seek(str(time.replace(tzinfo=None)))
    assert abs(player.time_ms - t / timedelta(milliseconds=1)) <= 1


def test_event_and_window_follow_the_position_without_a_front_end(player):
    rows = inside(player)
    ms = rows["t"].dt.total_milliseconds().to_list()
    seen = []
    player.observe(lambda change: seen.append(change["new"]), "window")
    for asked in [0, *ms, *(one - 1 for one in ms if one), ms[-1] + 60_000]:
        player.seek(ms=asked)
        at = player.time_ms
        passed = [i for i, one in enumerate(ms) if one <= at]
        assert player.event == (rows["row"][passed[-1]] if passed else "")
        recent = [rows["event"][i] for i in passed if ms[i] >= at - 10_000]
        assert [one["event"] for one in player.window["events"]] == recent
    assert seen
    assert all(after != before for before, after in pairwise(seen))


def test_the_window_says_which_page_is_on_screen(shop, player):
    pages = player._watching.session(player.session)["pages"]
    for page in pages:
        player.seek(ms=page["t"] + 1)
        assert player.window["url"] == page["url"]
        assert player.window["title"] == page["title"]
    player.session = shop.replays["replay_id"][1]
    assert player.window["url"].startswith("https://")


def test_an_unknown_session_is_refused_by_name(player):
    before = player.session
    with pytest.raises(UnknownReplay, match="nope"):
        player.session = "nope"
    assert player.session == before


def test_the_window_cannot_be_written(player):
    with pytest.raises(Exception, match="read-only"):
        player.window = {}


def test_thresholds_of_inactive_time(shop):
    assert rk.Player(shop.replays).inactive_ms == 10_000
    assert rk.Player(shop.replays, inactive="1m").inactive_ms == 60_000
    with pytest.raises(BadInput, match="threshold of 10 s"):
        rk.Player(shop.replays, inactive="5s")
    with pytest.raises(BadDuration):
        rk.Player(shop.replays, inactive="soon")


class TestTables:
    """A frame of another system is shown beside whoever is on screen."""

    @pytest.fixture
    def start(self, shop):
        return shop.replays["start"][0]

    def beside(self, shop, **tables):
        player = rk.Player(shop.replays, tables=tables)
        return player._watching.session(player.session)["tables"]

    def test_rows_stand_on_the_clock_with_their_place(self, shop, start):
        length = timedelta(milliseconds=shop.replays["length_ms"][0])
        moments = [
            start - timedelta(seconds=1),
            start,
            start + length,
            start + length + timedelta(milliseconds=1),
        ]
        frame = pl.DataFrame({"time": moments, "n": [1, 2, 3, 4]}).sample(
            fraction=1, shuffle=True, seed=1
        )
        [table] = self.beside(shop, deploys=frame)
        assert table["state"] == [1, 0, 0, 2]
        assert table["rows"] == [[1], [2], [3], [4]]
        assert table["t"][:2] == [-1000, 0]
        assert table["total"] == 2

    def test_only_the_person_on_screen(self, shop, start):
        someone, other = shop.replays["user"][0], "somebody else"
        frame = pl.DataFrame(
            {"user": [someone, other, someone], "opened": [start] * 3, "n": [1, 2, 3]}
        )
        [table] = self.beside(shop, tickets=frame)
        assert table["columns"] == ["user", "n"]
        assert [row[1] for row in table["rows"]] == [1, 3]

    def test_only_the_replay_on_screen(self, shop, start):
        one, other = shop.replays["replay_id"][:2]
        frame = pl.DataFrame({"replay_id": [one, other], "at": [start, start]})
        [table] = self.beside(shop, notes=frame)
        assert len(table["rows"]) == 1

    def test_twenty_five_on_either_side(self, shop, start):
        seconds = [*range(-60, 0), *(10**6 + s for s in range(60))]
        moments = [start + timedelta(seconds=s) for s in seconds]
        [table] = self.beside(shop, log=pl.DataFrame({"time": moments}))
        assert table["state"] == [1] * 25 + [2] * 25
        assert table["t"][0] == -25_000
        assert len(table["rows"]) == 50

    def test_naive_moments_and_dates_are_read_in_the_projects_zone(self, shop, start):
        civil = pl.Series([start]).dt.convert_time_zone(shop.tz)
        naive = civil.dt.replace_time_zone(None)
        [table] = self.beside(shop, log=pl.DataFrame({"time": naive}))
        assert table["t"] == [0]
        [table] = self.beside(shop, log=pl.DataFrame({"day": civil.dt.date()}))
        midnight = civil.dt.truncate("1d")[0]
        assert table["t"] == [(midnight - start) / timedelta(milliseconds=1)]

    def test_pandas_frames_and_odd_values(self, shop, start):
        frame = pd.DataFrame(
            {
                "time": [pd.Timestamp(start)] * 2,
                "big": [2**60, 1],
                "x": [float("nan"), 1.5],
                "when": [pd.Timestamp(start), pd.NaT],
            }
        )
        [table] = self.beside(shop, log=frame)
        assert table["columns"] == ["big", "x", "when"]
        assert table["rows"][0][0] == str(2**60)
        assert table["rows"][1][:2] == [1, 1.5]
        assert isinstance(table["rows"][0][2], str)
        assert table["rows"][1][2] is None

    @pytest.mark.parametrize(
        ("frame", "says"),
        [
            ({"a": [1]}, "has none"),
            (
                {"opened": [datetime(2026, 3, 1)], "closed": [datetime(2026, 3, 1)]},
                "opened, closed",
            ),
        ],
    )
    def test_a_frame_without_a_moment_says_what_it_has(self, shop, frame, says):
        with pytest.raises(UnknownProperty, match=says):
            rk.Player(shop.replays, tables={"tickets": frame})

    def test_what_is_no_frame_is_refused(self, shop):
        with pytest.raises(BadInput):
            rk.Player(shop.replays, tables={"tickets": 5})
        with pytest.raises(BadInput, match="by name"):
            rk.Player(shop.replays, tables=[pl.DataFrame()])

    def test_they_are_saved_with_the_notebook(self, shop, start):
        from replaykit.bundle import answers_of, bundle_of_player

        frame = pl.DataFrame({"time": [start], "subject": ["Where is it?"]})
        player = rk.Player(shop.replays[:3], tables={"tickets": frame})
        saved = bundle_of_player(player._watching)
        again = answers_of(saved, player._watching.source)
        for replay in player.replays:
            assert (
                again.answer("session", {"replay": replay}).data["tables"]
                == player._watching.session(replay)["tables"]
            )


def test_notes_are_a_frame_in_the_order_of_the_player(shop):
    player = rk.Player(shop.replays)
    ids = player.replays
    player.note("late", ms=9_000.4)
    player.session = ids[1]
    player.note("  second  ", ms=3)
    player.session = ids[0]
    player.time_ms = 2_000
    player.note("early")
    notes = player.notes
    assert notes.columns == ["replay_id", "user", "time_ms", "time", "text"]
    assert notes["text"].to_list() == ["early", "late", "second"]
    assert notes["time_ms"].to_list() == [2_000, 9_000, 3]
    start = shop.replays["start"][0]
    assert notes["time"][0] == start + timedelta(seconds=2)
    assert notes["user"][0] == shop.replays["user"][0]
    again = rk.Player(shop.replays, notes=notes)
    assert again.notes.equals(notes)


def test_notes_of_picked_replays_carry_their_weight(shop):
    few = shop.replays.pick(2)
    player = few.watch()
    player.note("typical")
    assert player.notes["stands_for"].to_list() == [few["stands_for"][0]]


def test_notes_that_cannot_be(shop):
    player = rk.Player(shop.replays)
    with pytest.raises(BadInput, match="not blank"):
        player.note("  ")
    with pytest.raises(BadInput, match="2,000 is the most"):
        player.note("x" * 2_001)
    with pytest.raises(UnknownProperty, match="text is missing"):
        rk.Player(shop.replays, notes={"replay_id": ["a"], "time_ms": [1]})
    assert player.notes.is_empty()

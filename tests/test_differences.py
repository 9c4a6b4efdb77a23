"""What one group did on the screen and another did not."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import comb

import polars as pl
import pytest
from recordings import (
    START,
    add,
    click,
    console,
    element,
    meta,
    mutation,
    snapshot,
    text,
)

import replaykit as rk
from replaykit.analyses.contrast import benjamini_hochberg, contrast, fisher, newcombe
from replaykit.errors import BadInput, UnknownEvent, UnknownOption, UnknownPoint
from replaykit.points import parse_key

BEGIN = datetime.fromtimestamp(START / 1000, UTC)


def exact(a, n, b, m):
    """Add up the tables that are no more likely, in whole numbers."""
    did = a + b
    ways = {
        k: comb(n, k) * comb(m, did - k)
        for k in range(max(0, did - m), min(did, n) + 1)
    }
    likely = sum(w for w in ways.values() if w <= ways[a])
    return float(Fraction(likely, comb(n + m, did)))


def test_fisher_equals_whole_numbers():
    rng = random.Random(5)
    for _ in range(300):
        n, m = rng.randint(1, 60), rng.randint(1, 60)
        a, b = rng.randint(0, n), rng.randint(0, m)
        assert fisher(a, n, b, m) == pytest.approx(exact(a, n, b, m), rel=1e-6)


def test_intervals_hold_the_difference_and_mirror():
    rng = random.Random(6)
    for _ in range(300):
        n, m = rng.randint(1, 90), rng.randint(1, 90)
        a, b = rng.randint(0, n), rng.randint(0, m)
        low, high = newcombe(a, n, b, m)
        assert -1 - 1e-12 <= low <= a / n - b / m <= high <= 1 + 1e-12
        assert newcombe(b, m, a, n) == pytest.approx((-high, -low))


def test_adjusted_p_values_are_the_least_over_all_larger_ranks():
    rng = random.Random(7)
    values = [rng.random() ** 3 for _ in range(40)]
    ordered = sorted(values)
    for value, adjusted in zip(values, benjamini_hochberg(values), strict=True):
        later = range(ordered.index(value), 40)
        assert adjusted == pytest.approx(min(ordered[i] * 40 / (i + 1) for i in later))
    assert benjamini_hochberg([]) == []


def test_contrast_counts_people_once_and_only_those_of_the_groups():
    rng = random.Random(8)
    did = [(rng.randrange(30), rng.choice("ABCDE")) for _ in range(200)]
    facts = pl.DataFrame(did, schema=["user", "what"], orient="row")
    mine, others = range(10), range(10, 25)
    table = contrast(facts, pl.Series(mine), pl.Series(others), at_least=1)
    for row in table.iter_rows(named=True):
        who = {user for user, what in did if what == row["what"]}
        assert row["users"] == len(who & set(mine))
        assert row["other_users"] == len(who & set(others))
        points = 100 * (row["users"] / 10 - row["other_users"] / 15)
        assert row["points"] == pytest.approx(points)
    assert table["p_value"].is_sorted()


def recording(number, *more):
    """A visit: a page with a button, then whatever else happened."""
    start = number * 3_600_000
    events = [
        meta(start, "https://shop.test/cart/12345?q=1"),
        snapshot(start + 10, element("button", 7, text("Pay €12", 8))),
        *more,
        mutation(start + 60_000, adds=[]),
    ]
    return [{**e, "timestamp": e["timestamp"]} for e in events]


def alert(t, words):
    node = element("p", 50, role="alert")
    return mutation(t, adds=[add(4, node), add(50, text(words, 51))])


@pytest.fixture
def shop(tmp_path):
    """Six visitors: who is told that the card was declined leaves, who pays stays."""
    project = rk.create(tmp_path / "shop.rk", tz="UTC")
    rows, folder = [], tmp_path / "recordings"
    folder.mkdir()
    for number in range(6):
        t0, buys = number * 3_600_000, number >= 3
        more = [click(t0 + 2_000, 7), click(t0 + 40_000, 7)]
        if not buys:
            more = [*more[:1], alert(t0 + 3_000, f"Card {number} declined"), *more[1:]]
        if number == 5:
            more.append(console(t0 + 41_000, "error", "Oops <b>17"))
        start = START + t0
        (folder / f"d{number}_{start}.json").write_text(
            json.dumps(
                {
                    "device_id": f"d{number}",
                    "session_id": start,
                    "events": recording(number, *more),
                }
            )
        )
        names = ["Cart", "Pay", "Bought"] if buys else ["Cart", "Pay"]
        for second, name in enumerate(names):
            moment = BEGIN + timedelta(milliseconds=t0 + 1_000 + 30_000 * second)
            rows.append((f"u{number}", f"d{number}", start, moment, name))
    frame = pl.DataFrame(
        rows, schema=["user", "device", "visit", "time", "event"], orient="row"
    )
    project.add_events(frame, device="device", session="visit")
    project.add_replays(folder)
    return project


@pytest.fixture
def groups(shop):
    funnel = shop.events.funnel("Cart", "Bought", within="1d")
    return funnel.dropped(after="Cart"), funnel.reached("Bought")


def told(found):
    return {
        (row["kind"], row["what"]): (row["users"], row["other_users"])
        for row in found.table.iter_rows(named=True)
    }


def test_what_pages_told_only_the_lost_is_found(groups):
    lost, won = groups
    found = lost.differences(won, at_least=1, progress=False)
    assert found.recorded == (3, 3)
    assert told(found) == {
        ("clicked", "Pay €12"): (3, 3),
        ("saw page", "/cart/*"): (3, 3),
        ("was told", "Card # declined"): (3, 0),
        ("met error", "Oops <b>#"): (0, 1),
        ("dead clicked", "Pay €12"): (3, 3),
    }
    first = found.table.row(0, named=True)
    assert (first["what"], first["points"]) == ("Card # declined", 100)
    assert first["p_value"] == pytest.approx(exact(3, 3, 0, 3))


def test_every_dot_opens_exactly_its_people_at_their_first_time(groups):
    lost, won = groups
    found = lost.differences(won, at_least=1, progress=False)
    for key in found._keys():
        opened = found.open(parse_key(key))
        line = found.table.row(opened.key.line, named=True)
        column = "users" if opened.key.side == "these" else "other_users"
        assert opened.count() == line[column]
        assert opened.replays.height == line[column]
        assert set(opened.replays["match"]) <= {"covering"}
    point = found.point("Card # declined")
    assert point.replays["matched_at"].to_list() == [3_000] * 3
    assert point.users.ids.to_list() == ["u0", "u1", "u2"]
    page = found._microscope.answer("stream", {"key": "diff|0|these", "user": "u1"})
    rows = page.data["rows"]
    assert [n for n, c in zip(rows["name"], rows["charted"], strict=True) if c] == [
        "was told Card # declined · recorded"
    ]


def test_only_what_follows_an_event_counts(groups):
    lost, won = groups
    found = lost.differences(won, after="Pay", within="20s", at_least=1, progress=False)
    # The message came before, the second click within, the error later than that.
    assert told(found) == {
        ("clicked", "Pay €12"): (3, 3),
        ("dead clicked", "Pay €12"): (3, 3),
        ("met error", "Oops <b>#"): (0, 1),
    }
    assert found.note == "after Pay, within 20 seconds"
    short = lost.differences(won, after="Pay", within="5s", at_least=1, progress=False)
    assert told(short) == {}
    assert short.chart().data[1].x == ()


def test_differences_of_what_was_opened(groups):
    lost, won = groups
    first = lost.differences(won, at_least=1, progress=False)
    again = first.point("Card # declined").users.differences(
        first.point("Oops <b>#", side="others").users, at_least=1, progress=False
    )
    assert again.recorded == (3, 1)
    assert told(again)["was told", "Card # declined"] == (3, 0)
    assert again.point("Card # declined").replays.height == 3


def test_wrong_calls_say_what_to_do(groups, shop):
    lost, won = groups
    with pytest.raises(BadInput, match=r"3 users are in both groups"):
        (lost | won).differences(won, progress=False)
    with pytest.raises(UnknownEvent, match="Did you mean 'Pay'"):
        lost.differences(won, after="Pya", progress=False)
    with pytest.raises(BadInput, match="name it with after="):
        lost.differences(won, within="5s", progress=False)
    with pytest.raises(BadInput, match="Nobody was recorded"):
        lost.differences(won, after="Bought", progress=False)
    found = lost.differences(won, at_least=1, progress=False)
    with pytest.raises(UnknownPoint, match="Did you mean"):
        found.point("Card declined")
    with pytest.raises(UnknownPoint, match="several lines"):
        found.point("Pay €12")
    assert found.point("Pay €12", kind="clicked").count() == 3
    with pytest.raises(UnknownOption):
        found.point(0, side="mine")
    with pytest.raises(UnknownPoint, match="Line 99 of 5"):
        found.point(99)


def test_hostile_texts_stay_text(groups):
    lost, won = groups
    chart = lost.differences(won, at_least=1, progress=False).chart()
    shown = chart.layout.yaxis.ticktext
    assert "met error Oops &lt;b&gt;#" in shown
    assert all("<b>" not in text for text in (*shown, *chart.data[2].hovertext))

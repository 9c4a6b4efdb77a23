"""Replays side by side: which, and where the moment that they share is in each."""

from __future__ import annotations

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.bundle import MIME
from replaykit.widgets import Mosaic, Player


@pytest.fixture(scope="module")
def shop():
    return rk.demo()


def page(mosaic, **params):
    return mosaic._answers.answer("mosaic", params).data


def test_tiles_are_aligned_at_an_event(shop):
    """The first of its rows in each recording, told without the widget."""
    mosaic = shop.replays.watch(at="Add to Cart", tiles=6)
    assert isinstance(mosaic, Mosaic)
    shown = page(mosaic)
    assert shown["anchor"] == "Add to Cart"
    holding = shop.replays.search(event="Add to Cart")
    assert shown["total"] == len(holding)
    expected = holding["replay_id"].head(6).to_list()
    assert [tile["replay"] for tile in shown["tiles"]] == expected == mosaic.replays
    rows = shop.source.scan(()).filter(event="Add to Cart").collect()
    for tile in shown["tiles"]:
        row = shop.source.replay(tile["replay"])
        times = rows.filter(
            pl.col("user") == row["user"],
            pl.col("time").is_between(row["start"], row["end"]),
        )["time"]
        first = (times.min() - row["start"]).total_seconds() * 1000
        # The recorder's clock may differ from the server's by a constant.
        shift = mosaic._tiles.watching.session(tile["replay"])["shift_ms"]
        assert abs(tile["anchor_t"] - (first - shift)) <= 1


def test_a_condition_of_the_step_counts(shop):
    dear = rk.event("Add to Cart", pl.col("price") > 80)
    mosaic = shop.replays.watch(at=dear, tiles=9)
    prices = dict(shop.source.scan(["price"]).select("row", "price").collect().rows())
    for tile in page(mosaic)["tiles"]:
        events = mosaic._tiles.watching.session(tile["replay"])["events"]
        at = events["t"].index(tile["anchor_t"])
        assert prices[int(events["id"][at])] > 80


def test_the_lost_stand_where_they_were_lost(shop):
    funnel = shop.events.funnel("Add to Cart", "Checkout Started", within="1d")
    lost = funnel.dropped(after=1)
    mosaic = lost.watch(tiles=4)
    moments = dict(lost.replays.table.select("replay_id", "matched_at").iter_rows())
    for tile in page(mosaic)["tiles"]:
        assert tile["anchor_t"] == moments[tile["replay"]]
    assert page(mosaic)["anchor"] == "the charted moment"
    near = page(lost.watch(at="Add to Cart", tiles=4))["tiles"]
    assert all(abs(one["anchor_t"] - moments[one["replay"]]) <= 1000 for one in near)


def test_pages_of_tiles_are_the_whole_list(shop):
    mosaic = shop.replays.watch(tiles=5)
    total = page(mosaic)["total"]
    names = [
        tile["replay"]
        for offset in range(0, total, 5)
        for tile in page(mosaic, offset=offset)["tiles"]
    ]
    playable = shop.replays.table.filter(
        pl.col("status").is_in(["ok", "gaps", "short"])
    )
    assert names == playable["replay_id"].to_list()
    typical = page(mosaic, which="typical")
    assert typical["total"] == len(typical["tiles"]) == 5
    picked = shop.replays.pick(5)["replay_id"].to_list()
    assert [tile["replay"] for tile in typical["tiles"]] == picked


def test_without_tiles_it_is_a_player(shop):
    assert isinstance(shop.replays[:3].watch(), Player)
    data, _ = shop.replays.watch(tiles=2)._repr_mimebundle_()
    assert data[MIME]["widget"] == "player"
    assert data["text/plain"].startswith("Mosaic of 2 of")


@pytest.mark.parametrize("tiles", [0, 10, -1, "9", 2.5, True])
def test_tiles_are_one_to_nine(shop, tiles):
    with pytest.raises(errors.BadInput, match="number from 1 to 9"):
        shop.replays.watch(tiles=tiles)


def test_what_cannot_be_shown_is_said(shop):
    with pytest.raises(errors.UnknownEvent, match="Add to Cart"):
        shop.replays.watch(at="Add to Crt", tiles=4)
    with pytest.raises(errors.UnknownOption, match="typical"):
        shop.replays.watch(tiles=4, which="typcial")
    with pytest.raises(errors.BadInput, match="tiles=9"):
        shop.replays.watch(at="Add to Cart")
    nobody = shop.replays.search(duration=("9h", None))
    with pytest.raises(errors.UnknownReplay, match="None of 0 replays"):
        nobody.watch(tiles=4)

"""What recordings say, as frames: by example, and equal to the catalogue."""

from __future__ import annotations

from copy import deepcopy

import polars as pl
import pytest
from recordings import (
    START,
    add,
    change,
    click,
    console,
    element,
    meta,
    mutation,
    snapshot,
    text,
)

import replaykit as rk
from replaykit.errors import UnknownOption
from replaykit.replays.build import add_events
from replaykit.replays.frames import frame
from replaykit.replays.scene import selector_of
from replaykit.store.recordings import Recordings


def stored(*events):
    recordings = Recordings()
    add_events(recordings, "d1/7", deepcopy(list(events)))
    return recordings


def rows(kind, *events):
    return frame(stored(*events), ["d1/7"], kind, progress=False)


FORM = element(
    "form",
    7,
    element(
        "button", 8, element("b", 9, text("Pay now", 10)), **{"class": "big w-1/2"}
    ),
    element("input", 11, name="card", type="text"),
    id="pay",
)
PAGE = (meta(0), snapshot(10, FORM))


def test_a_click_names_the_button_around_what_was_hit():
    found = rows("clicks", *PAGE, change(50, 3, id=1, x=0, y=300), click(1000, 9, 5, 6))
    row = found.row(0, named=True)
    assert (row["time_ms"], row["action"], row["x"], row["y"]) == (1000, "click", 5, 6)
    assert (row["page_x"], row["page_y"]) == (5, 306)
    assert (row["tag"], row["label"]) == ("button", "Pay now")
    assert row["selector"] == "form#pay > button.big.w-1\\/2"
    assert row["url"] == "https://shop.test/"
    assert row["interactive"]
    assert int(row["time"].timestamp() * 1000) == START + 1000


def test_the_element_is_the_one_at_that_moment():
    swap = mutation(
        500,
        removes=[{"parentId": 8, "id": 9}],
        adds=[add(8, element("b", 12)), add(12, text("Pay again", 13))],
    )
    found = rows("clicks", *PAGE, click(100, 8), swap, click(900, 8))
    assert found["label"].to_list() == ["Pay now", "Pay again"]


def test_rage_and_dead_clicks_are_marked():
    angry = [click(1000 + 100 * k, 8) for k in range(4)]
    found = rows(
        "clicks",
        *PAGE,
        *angry,
        click(9000, 8),
        mutation(9500),
        click(20_000, 4),
        mutation(30_000),
    )
    assert found["rage"].to_list() == [True] * 4 + [False] * 2
    assert found["dead"].to_list() == [True] + [False] * 5


def test_inputs_come_as_recorded():
    found = rows("inputs", *PAGE, change(300, 5, id=11, text="****", isChecked=False))
    assert found.select("time_ms", "name", "value", "checked").rows() == [
        (300, "card", "****", False)
    ]


def test_moves_have_a_row_per_position_at_its_own_time():
    positions = [
        {"x": 1, "y": 2, "id": 8, "timeOffset": -40},
        {"x": 3, "y": 4, "id": 8, "timeOffset": 0},
    ]
    found = rows("moves", *PAGE, change(500, 1, positions=positions))
    assert found.select("time_ms", "x", "y", "touch").rows() == [
        (460, 1.0, 2.0, False),
        (500, 3.0, 4.0, False),
    ]


def test_pages_last_until_the_next_one():
    events = [
        *PAGE,
        meta(4000, "https://shop.test/cart"),
        snapshot(4010, FORM),
        click(9000, 8),
    ]
    assert rows("pages", *events).select("time_ms", "url", "length_ms").rows() == [
        (0, "https://shop.test/", 4000),
        (4000, "https://shop.test/cart", 5000),
    ]


def test_console_and_errors():
    events = [*PAGE, console(100, "log", "a"), console(200, "error", "b")]
    assert rows("console", *events)["level"].to_list() == ["log", "error"]
    assert rows("errors", *events)["text"].to_list() == ["b"]


def test_mutations_are_counted():
    found = rows(
        "mutations",
        *PAGE,
        mutation(
            100, adds=[add(4, element("p", 20))], texts=[{"id": 10, "value": "x"}]
        ),
    )
    assert found.select("added", "removed", "texts", "attributes").row(0) == (
        1,
        0,
        1,
        0,
    )


def test_inactive_stretches_are_those_of_the_player():
    assert rows(
        "inactive", *PAGE, click(1000, 8), click(15_000, 8), mutation(40_000)
    ).select("time_ms", "end_ms").rows() == [
        (1000, 15_000),
        (15_000, 40_000),
    ]


def test_what_came_before_the_first_snapshot_is_read_once():
    found = rows("clicks", meta(0), click(5, 9), snapshot(10, FORM), click(20, 9))
    assert found.select("time_ms", "label").rows() == [(5, ""), (20, "Pay now")]


def test_a_recording_without_a_snapshot_still_says_what_it_knows():
    assert rows("console", meta(0), console(100, "error", "lost"))[
        "text"
    ].to_list() == ["lost"]
    assert rows("clicks", meta(0), click(100, 9))["selector"].to_list() == [None]


def test_every_kind_reads_the_sample_and_none_is_capped_or_reordered():
    replays = rk.demo().replays
    table = replays.table
    clicks = replays.read("clicks", progress=False)
    seen = (
        clicks.filter(pl.col("action") == "click")
        .group_by("replay_id")
        .agg(clicks=pl.len(), dead=pl.col("dead").sum(), rage=pl.col("rage").any())
    )
    both = table.join(seen, on="replay_id", how="left")
    both = both.with_columns(
        pl.col("clicks_right").fill_null(0),
        pl.col("dead").fill_null(0),
        pl.col("rage").fill_null(value=False),
    )
    assert both["clicks"].to_list() == both["clicks_right"].to_list()
    assert both["dead_clicks"].to_list() == both["dead"].to_list()
    assert (both["rage_clicks"] > 0).to_list() == both["rage"].to_list()
    assert both["clicks"].sum() > 500
    errors = replays.read("errors", progress=False)
    assert errors.height == table["errors"].sum() > 0
    network = replays.read("network", progress=False)
    assert network["failed"].sum() == table["failed_requests"].sum() > 0
    pages = replays.read("pages", progress=False)
    assert pages.height == table["pages"].sum()
    inactive = replays.read("inactive", progress=False)
    assert inactive["length_ms"].sum() == pytest.approx(
        table["inactive_ms"].sum(), abs=100
    )
    assert (
        pages["replay_id"].unique(maintain_order=True).to_list()
        == table["replay_id"].to_list()
    )


@pytest.mark.parametrize(
    "kind", ["focus", "touches", "scrolls", "viewports", "media", "mutations"]
)
def test_frames_have_their_schema_even_when_empty(kind):
    empty = frame(Recordings(), [], kind, progress=False)
    full = rk.demo().replays[:2].read(kind, progress=False)
    assert full.drop("user").schema == empty.schema


def test_an_unknown_kind_lists_what_there_is():
    with pytest.raises(UnknownOption, match="clicks"):
        rk.demo().replays.read("click", progress=False)


def test_selectors_escape_what_css_would_misread():
    from replaykit.replays.nodes import Node

    def of(**attributes):
        return selector_of(
            Node({"id": 1, "type": 2, "tagName": "p", "attributes": attributes})
        )

    assert of(id="1a") == "p#\\31 a"
    assert of(**{"class": "md:flex"}) == "p.md\\:flex"
    assert of(id="größe") == "p#größe"
    assert of(id=7) == "p"

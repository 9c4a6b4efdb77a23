"""Every chart draws exactly its table, and shows data as text."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit import charts
from replaykit.analyses.journeys import journeys
from replaykit.charts.labels import cut, label, plain, wrapped
from replaykit.charts.look import GRID, NAMED, SERIES, TEXT
from replaykit.charts.tree import place
from replaykit.points import (
    FunnelKey,
    JourneyKey,
    RetentionKey,
    SegmentationKey,
    SessionsKey,
    parse_key,
)
from tests.browser.bare.opened import (
    FIGURES,
    MARKUP,
    funnel,
    retention,
    segmentation,
    tree,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = "&lt;b&gt;bob&lt;/b&gt; &amp; &#36;x&#36;"


def trend(values, *, incomplete=None, zone="UTC", **columns):
    time = [START + timedelta(days=day) for day in range(len(values))]
    table = pl.DataFrame({"time": time, "value": values, **columns})
    return table.with_columns(
        pl.col("time").dt.convert_time_zone(zone),
        incomplete=pl.Series(incomplete or [False] * len(values)),
    )


# ── labels ───────────────────────────────────────────────────────────────────


@given(st.text())
def test_no_text_from_data_is_markup_entity_or_formula(text):
    shown = plain(text)
    assert "<" not in shown
    assert "$" not in shown
    assert "\n" not in shown
    undone = shown.replace("&#36;", "$").replace("&lt;", "<").replace("&gt;", ">")
    kept = "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text)
    assert undone.replace("&amp;", "&") == kept


@pytest.mark.parametrize("whole", ["🇩🇪", "👩‍💻", "é", "👍🏽"])
def test_a_label_is_never_cut_inside_a_character(whole):
    assert cut(f"a{whole}bcd", 3) == f"a{whole}…"
    assert cut(f"{whole}{whole}", 2) == whole * 2


def test_long_names_are_wrapped_and_then_cut():
    assert wrapped("3 · Checkout Started", 12) == "3 · Checkout<br>Started"
    assert len(wrapped("x" * 500, 12)) == 12


# ── segmentation and sessions ────────────────────────────────────────────────


def test_a_line_holds_the_values_and_the_keys_of_its_rows():
    table = trend([3, 5], event=["Buy", "Buy"], country=["DE", "DE"])
    (line,) = charts.segmentation_chart(
        table, events=["Search", "Buy"], by=["country"]
    ).data
    assert list(line.y) == [3, 5]
    assert list(line.x) == ["2026-03-01T00:00:00", "2026-03-02T00:00:00"]
    assert [parse_key(key) for key in line.customdata] == [
        SegmentationKey(1, ("DE",), round(time.timestamp() * 1000))
        for time in table["time"]
    ]


def test_times_are_drawn_on_the_wall_clock_of_their_zone():
    table = trend([1], event=["Buy"], zone="America/New_York")
    (line,) = charts.segmentation_chart(table).data
    assert line.x[0] == "2026-02-28T19:00:00"


def test_a_bucket_that_is_not_over_is_open_and_reached_by_dots():
    table = trend([4, 5, 6], incomplete=[False, False, True], event=["Buy"] * 3)
    solid, dotted = charts.segmentation_chart(table).data
    assert list(solid.y) == [4, 5, None]
    assert list(dotted.y) == [None, 5, 6]
    assert dotted.line.dash == "dot"
    assert list(dotted.customdata)[:2] == [None, None]
    assert dotted.customdata[2] == solid.customdata[2]


def test_a_name_from_data_is_shown_not_obeyed():
    figure = segmentation()
    assert {trace.name for trace in figure.data} >= {f"{SHOWN} · C1"}
    assert SHOWN in figure.layout.title.text


def test_one_series_needs_no_legend_and_five_hundred_stay_readable():
    one = charts.segmentation_chart(trend([1, 2], event=["Buy"] * 2))
    assert one.layout.showlegend is False
    many = segmentation(250)
    shown = [trace for trace in many.data if trace.showlegend]
    assert len(shown) == NAMED
    assert len({trace.legendgroup for trace in many.data}) == 500
    assert "12 of 500" in many.layout.meta["note"]


def test_colours_come_in_the_same_order_in_every_chart():
    for name in ("segmentation", "funnel"):
        first = min(FIGURES[name]().data, key=lambda trace: trace.meta["series"])
        assert first.marker.color == SERIES[0]


def test_lengths_are_read_in_minutes_and_stay_seconds():
    figure = charts.sessions_chart(trend([252.0, 600.0]), measure="average length")
    (line,) = figure.data
    assert list(line.y) == [252.0, 600.0]
    assert line.text[0] == "4 min 12 s"
    assert "10 min" in figure.layout.yaxis.ticktext
    assert all(isinstance(parse_key(key), SessionsKey) for key in line.customdata)


def test_a_total_by_bucket_becomes_bars_of_the_whole_range():
    table = pl.DataFrame({"event": ["Buy"] * 2, "bucket": ["1", "2"], "value": [9, 4]})
    (bars,) = charts.segmentation_chart(table, by=["bucket"], measure="frequency").data
    assert list(bars.y) == [9, 4]
    assert parse_key(bars.customdata[1]) == SegmentationKey(0, ("2",), -1)


# ── funnel ───────────────────────────────────────────────────────────────────


def test_solid_and_hatched_bars_add_up_to_the_step_before():
    reached, dropped = funnel().data
    assert dropped.marker.pattern.shape == "/"
    for before, after, lost in zip(
        reached.y, reached.y[1:], dropped.y[1:], strict=False
    ):
        assert before == pytest.approx(after + lost)
    assert list(dropped.base) == list(reached.y)


def test_each_bar_names_its_point():
    reached, dropped = funnel().data
    assert parse_key(reached.customdata[0]) == FunnelKey(1, "reached", ())
    assert dropped.customdata[0] is None
    assert parse_key(dropped.customdata[2]) == FunnelKey(3, "dropped", ())


def test_labels_say_count_share_of_step_one_and_of_the_step_before():
    figure = funnel()
    assert "4,118 · 55.4 % of step 2" in figure.layout.xaxis.ticktext[2]
    assert "22.6 % of step 1 · 55.4 % of step 2" in figure.data[0].hovertext[2]
    assert figure.data[1].hovertext[2].startswith("<b>3,313 dropped</b>")
    assert figure.layout.meta["note"] == "12.6 % of 18,204 users convert"


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 9])
def test_names_of_steps_fit_where_the_chart_is_narrowest(steps):
    name = "Checkout Started After Reading The Size Guide Twice"
    rows = [
        {
            "step": step,
            "event": f"{name} {step}",
            "users": 10,
            "share": 1.0,
            "step_share": None if step == 1 else 1.0,
            "dropped_before": 0,
        }
        for step in range(1, steps + 1)
    ]
    columns = ["step", "event", "users", "share", "step_share", "dropped_before"]
    layout = charts.funnel_chart(pl.DataFrame(rows, schema=columns)).layout
    ticks = layout.xaxis.ticktext or ()
    assert len(ticks) == steps
    for tick in ticks:
        longest = max(len(line) for line in tick.split("<br>") if "<span" not in line)
        # Letters of 12 px are some six wide.
        assert 8 <= longest <= (layout.meta["min_width"] - 60) / steps / 6.3


def test_groups_stand_side_by_side_and_an_empty_one_is_no_error():
    rows = [
        {
            "step": step,
            "event": event,
            "plan": plan,
            "users": users,
            "share": users / 10 if plan else None,
            "step_share": None,
            "dropped_before": 0,
        }
        for plan, users in (("pro", 10), (None, 0))
        for step, event in ((1, "Search"), (2, "Buy"))
    ]
    figure = charts.funnel_chart(pl.DataFrame(rows), by=["plan"])
    assert len(figure.data) == 4
    assert {trace.offsetgroup for trace in figure.data} == {"0", "1"}
    assert parse_key(figure.data[2].customdata[0]) == FunnelKey(1, "reached", (None,))


# ── journeys ─────────────────────────────────────────────────────────────────


def test_bands_conserve_flow_and_every_node_has_a_key():
    bands = charts.journeys_tree_chart(tree()).data[0]
    keys = [parse_key(key) for key in bands.node.customdata]
    assert keys == [JourneyKey(node) for node in tree()["node"]]
    leaving = dict.fromkeys(range(len(keys)), 0)
    for source, value in zip(bands.link.source, bands.link.value, strict=True):
        leaving[source] += value
    for at, users in enumerate(tree()["users"]):
        assert leaving[at] in {0, users}
    assert bands.arrangement == "fixed"


def test_backward_journeys_end_at_their_anchor():
    bands = charts.journeys_tree_chart(tree(), backward=True).data[0]
    assert bands.node.x[0] == pytest.approx(0.99)
    assert set(bands.link.target) == {0, 1, 2}


@pytest.mark.parametrize(
    "chart", [charts.journeys_icicle_chart, charts.journeys_sunburst_chart]
)
def test_text_can_be_read_on_every_tile(chart):
    names = [f"E{number}" for number in range(14)]
    table = pl.DataFrame(
        {
            "node": ["0", *(f"0.{number}" for number in range(15))],
            "path": [["E0"], *(["E0", name] for name in [*names, "Other"])],
            "step": [1, *[2] * 15],
            "event": ["E0", *names, "Other"],
            "kind": ["event", *["event"] * 14, "other"],
            "users": [15, *[1] * 15],
            "share": [1.0, *[1 / 15] * 15],
        }
    )
    (tiles,) = chart(table).data
    assert tiles.root.color == tiles.marker.colors[0]
    for text in (tiles.insidetextfont.color, tiles.outsidetextfont.color):
        pairs = list(zip(text, tiles.marker.colors, strict=True))
        assert len(pairs) == table.height
        assert min(contrast(one, ground) for one, ground in pairs) > 4


@pytest.mark.parametrize(
    "chart", [charts.journeys_icicle_chart, charts.journeys_sunburst_chart]
)
def test_tiles_are_the_same_tree(chart):
    (tiles,) = chart(tree()).data
    assert list(tiles["values"]) == tree()["users"].to_list()
    assert tiles.parents[0] == ""
    assert tiles.parents[5] == tiles.ids[1]


def test_a_real_answer_is_drawn_whole():
    rng_paths = ["ABC", "ABD", "AB", "ACB", "AD", "ABCD", "ADAB"]
    frame = pl.DataFrame(
        {
            "user": [user for user, path in enumerate(rng_paths) for _ in path],
            "time": [
                START + timedelta(minutes=at)
                for path in rng_paths
                for at in range(len(path))
            ],
            "event": [name for path in rng_paths for name in path],
        }
    )
    answer = journeys(frame, start="A")
    bands = charts.journeys_tree_chart(answer.table).data[0]
    assert len(bands.node.customdata) == answer.table.height
    # Plotly itself takes one hover text for all; a list fails in it on hover.
    assert isinstance(bands.node.hovertemplate, str)
    assert isinstance(bands.link.hovertemplate, str)
    assert len(bands.meta["node_hovers"]) == len(bands.node.customdata)
    assert len(bands.link.value) == answer.table["parent"].count()
    for node in bands.node.customdata:
        assert isinstance(parse_key(node), JourneyKey)


@given(
    st.lists(
        st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=5
    )
)
def test_nodes_of_a_level_never_overlap_and_stay_inside(splits):
    height, gap = 400.0, 12.0
    parents, levels, sizes = [None], [0], [100.0]
    for level, weights in enumerate(splits):
        for parent in [at for at, one in enumerate(levels) if one == level][:3]:
            for weight in weights:
                parents.append(parent)
                levels.append(level + 1)
                sizes.append(sizes[parent] * weight / sum(weights))
    places = place(parents, levels, sizes, height=height, gap=gap)
    columns = [
        [at for at, one in enumerate(levels) if one == level] for level in set(levels)
    ]
    scale = min(
        max(1.0, height - (len(nodes) - 1) * gap) / sum(sizes[at] for at in nodes)
        for nodes in columns
    )
    for nodes in columns:
        if height - (len(nodes) - 1) * gap < 1:
            continue
        spans = [
            (
                places[at].y * height - sizes[at] * scale / 2,
                places[at].y * height + sizes[at] * scale / 2,
            )
            for at in nodes
        ]
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(spans))
        assert spans[0][0] >= -1
        assert spans[-1][1] <= height + 1


# ── retention ────────────────────────────────────────────────────────────────


def test_cells_hold_the_rates_and_those_to_come_hold_nothing():
    (heat,) = retention().data
    assert heat.z[0][1] == pytest.approx(86)
    assert heat.z[6][2] is None
    assert parse_key(heat.customdata[0][1]) == RetentionKey("2026-03-01", 1)
    assert heat.customdata[6][2] is None
    assert (heat.text[0][1], heat.text[6][1]) == ("86 %", "<i>86 %</i>")


# ── look ─────────────────────────────────────────────────────────────────────


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#212121"])
def test_plain_charts_are_read_on_light_and_dark_pages(page):
    assert all(contrast(colour, page) >= 3 for colour in SERIES)
    assert contrast(TEXT, page) >= 3.7
    assert GRID.startswith("rgba")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_plain_and_carries_what_the_widget_needs(name):
    figure = FIGURES[name]()
    layout = figure.layout
    assert layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert layout.height >= 240
    assert {"title", "note", "min_width", "top"} <= set(layout.meta)
    assert MARKUP not in figure.to_json().replace(layout.meta["title"], "")
    assert label(MARKUP) == SHOWN


def test_an_hour_that_the_clocks_repeat_has_two_places():
    hours = [
        datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(hours=k) for k in range(5)
    ]
    zone = pl.Datetime("us", "Europe/Paris")
    table = pl.DataFrame(
        {
            "event": ["Play"] * 5,
            "time": pl.Series(hours, dtype=pl.Datetime("us", "UTC")).cast(zone),
            "value": range(5),
            "incomplete": [False] * 5,
        }
    )
    (line,) = charts.segmentation_chart(table, every="1h").data
    assert [one[11:16] for one in line.x] == [
        "00:00",
        "01:00",
        "02:00",
        "03:00",
        "04:00",
    ]
    clocks = [moment.partition(", ")[2] for moment in line.hovertext]
    assert clocks[2:4] == ["02:00 (+02:00)", "02:00 (+01:00)"]
    assert "%{hovertext}" in line.hovertemplate
    # Days are no place for it: the day of the change is one point.
    (days,) = charts.segmentation_chart(table[:1], every="1d").data
    assert days.hovertext is None


def test_names_of_a_crowded_tree_do_not_touch():
    nodes = [("0", None, 1, ["A"], 400)]
    for k in range(40):
        nodes.append((f"0.{k}", "0", 2, ["A", f"B{k}"], 10))
        nodes += [(f"0.{k}.0", f"0.{k}", 3, ["A", f"B{k}", "C"], 10)]
        nodes += [(f"0.{k}.0.0", f"0.{k}.0", 4, ["A", f"B{k}", "C", "D"], 10)]
    nodes.sort(key=lambda node: node[2])
    table = pl.DataFrame(
        [(*one, one[3][-1], "event", one[4] / 400) for one in nodes],
        schema=["node", "parent", "step", "path", "users", "event", "kind", "share"],
        orient="row",
    )
    figure = charts.journeys_tree_chart(table)
    node = figure.data[0].node
    inner = figure.layout.height - 72
    rooms = {}
    for name, x, y in zip(node.label, node.x, node.y, strict=True):
        if name:
            # The last two columns share one room.
            rooms.setdefault(min(x, 0.66), []).append(y * inner)
    for heights in rooms.values():
        ordered = sorted(heights)
        assert all(b - a >= 13 for a, b in pairwise(ordered))
    assert sum(bool(name) for name in node.label) > 40

"""The answer blocks of `funnel.md` and `funnel-measures.md`, through public names."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

import replaykit as rk
from tests.spec.asked import agree, log_of, moment
from tests.spec.blocks import answers


def depths(funnel):
    """Depth per user, of those in the funnel."""
    return dict(funnel.paths.select("user", "depth").rows())


def counts(funnel):
    return [str(users) for users in funnel.table["users"]]


def cells(row, *names):
    return [row[name] for name in names]


@answers("fun.simul.depth")
def test_simultaneous_rows(expected):
    events = log_of("fun.simul")
    words = {
        "Any Event": "*",
        "View[page=a]": rk.event("View", page="a"),
        "View[page=b]": rk.event("View", page="b"),
    }
    resolutions = {"second": "1s", "millisecond": "1ms"}
    for row in expected:
        steps = [words.get(word, word) for word in row["funnel"].split(" > ")]
        found = events.funnel(*steps, resolution=resolutions[row["resolution"]])
        for user in "pqrs":
            assert str(depths(found).get(user, 0)) == row[user], (row, user)


def letters(**options):
    events = log_of("fun.events").between("2024-03-01", "2024-03-03")
    return events.funnel("A", "B", "C", **options)


def modes():
    return {
        "this order": letters(),
        "any order": letters(order="any"),
        "exact order": letters(order="exact"),
        "this order; millisecond": letters(resolution="1ms"),
        "this order; exclude X between all": letters(exclude="X"),
        "this order; exclude X between 2 and 3": letters(
            exclude=rk.Exclusion("X", 2, 3)
        ),
        "any order; exclude X": letters(order="any", exclude="X"),
    }


@answers("fun.depth")
def test_depth_per_mode(expected):
    assert [row["user"] for row in expected] == list("abcdefghijkl")
    assert set(expected[0]) == {"user", *modes()}
    for mode, funnel in modes().items():
        found = depths(funnel)
        for row in expected:
            assert str(found.get(row["user"], 0)) == row[mode], (mode, row)


@answers("fun.counts")
def test_counts_per_mode(expected):
    assert [row["mode"] for row in expected] == list(modes())
    for row in expected:
        funnel = modes()[row["mode"]]
        assert counts(funnel) == cells(row, "step1", "step2", "step3")
        share = funnel.table["share"][-1]
        agree({"conversion_pct": 100 * share}, row, ["conversion_pct"])
        named = [str(funnel.reached(step).count()) for step in (1, 2, 3)]
        assert named == counts(funnel)


@answers("fun.paths")
def test_chosen_paths(expected):
    paths = dict(letters().paths.select("user", "times").rows())
    assert [row["user"] for row in expected] == list("abcdefghijkl")
    for row in expected:
        times = [*paths.get(row["user"], []), None, None, None]
        for time, name in zip(times, ("t1", "t2", "t3"), strict=False):
            assert time == (row[name] and moment(row[name])), row


@answers("fun.hold.expected")
def test_held_property(expected):
    events = log_of("fun.hold", lists=("item_id",))
    held = events.funnel("View Item", "Add to Cart", hold="item_id")
    found = held.paths.sort("user", "item_id").select("user", "item_id", "depth")
    assert [(user, item, str(depth)) for user, item, depth in found.rows()] == [
        (row["user"], row["item_id"], row["depth"]) for row in expected
    ]
    assert counts(held) == ["6", "3"]
    assert counts(events.funnel("View Item", "Add to Cart")) == ["3", "3"]


@answers("fun.landing.expected")
def test_grouping_reads_the_chosen_path(expected):
    events = log_of("fun.landing").between("2024-03-01", "2024-03-10")
    parts = {
        "uniques": {},
        "hold session_id": {"hold": "session_id"},
        "no group-by": {},
        "group by step-1 page": {"by": "page"},
        "step-1 filter page is B": {},
    }
    for row in expected:
        words = row["query"].split("; ")
        options = {name: one for word in words for name, one in parts[word].items()}
        view = "View"
        if "step-1 filter page is B" in words:
            view = rk.event("View", page="B")
        table = events.funnel(view, "Register", within="7d", **options).table
        if "by" in options:
            table = table.filter(page=row["group"])
        else:
            assert row["group"] == "all"
        entered, converted = table["users"]
        found = {
            "entered": entered,
            "converted": converted,
            "conversion_pct": 100 * table["share"][-1],
        }
        agree(found, row, list(found))


@answers("fun.step2.expected")
def test_grouping_at_a_later_step(expected):
    funnel = log_of("fun.step2").funnel("View", "Add", "Buy", by_step=(2, "item"))
    found = {
        "(none)" if group is None else group: [str(users) for users in part["users"]]
        for (group,), part in funnel.table.group_by("item", maintain_order=True)
    }
    assert found == {
        row["item at step 2"]: cells(row, "step1", "step2", "step3") for row in expected
    }


# ── measures ──────────────────────────────────────────────────────────────────
def searches(**options):
    events = log_of("fun.totals").between("2024-01-01", "2024-01-03")
    return events.funnel("S", "C", within="7d", **options)


@answers("fun.totals.expected")
def test_uniques_and_totals(expected):
    assert [row["user"] for row in expected] == ["x", "y", "z", "w", "all"]
    for count in ("uniques", "totals"):
        funnel = searches(count=count)
        for row in expected:
            mine = funnel.paths
            if row["user"] == "all":
                found = counts(funnel)
            else:
                mine = mine.filter(user=row["user"])
                found = [str((mine["depth"] >= step).sum()) for step in (1, 2)]
            assert found == cells(row, f"{count} step1", f"{count} step2"), row


@answers("fun.overtime.expected")
def test_conversion_over_time(expected):
    found = searches().over_time()
    for row, line in zip(expected, found.table.iter_rows(named=True), strict=True):
        assert row["entry day"] == f"{line['time']:%Y-%m-%d}"
        values = {
            "entered": line["entered"],
            "converted": line["converted"],
            "conversion_pct": line["share"] * 100,
            "median_time_to_convert_s": line["median_time"].total_seconds(),
        }
        agree(values, row, list(values))
        for outcome in ("entered", "converted"):
            point = found.point(at=row["entry day"], outcome=outcome)
            assert point.count() == line[outcome]


@answers("fun.ttc.expected")
def test_time_to_convert(expected):
    found = searches().time_to_convert()
    assert [(row["user"], row["seconds"]) for row in expected] == [
        (user, f"{time.total_seconds():.0f}")
        for user, time in found.times.sort("user").rows()
    ]
    assert found.median == timedelta(seconds=240)
    assert found.mean == timedelta(seconds=57720)


@answers("fun.ttc.hist")
def test_time_to_convert_in_bins(expected):
    found = searches().time_to_convert(bins=(0, "10m", "2m"))
    for row, line in zip(expected, found.table.iter_rows(named=True), strict=True):
        low, high = line["low"].seconds, line["high"].seconds
        assert row["bucket_s"] == f"[{low} {high})"
        values = {
            "users": line["users"],
            "pct_of_users_in_range": 100 * line["share"],
        }
        agree(values, row, list(values))
        assert found.point(f"{low}s" if low else 0).count() == line["users"]


@answers("fun.frequency.expected")
def test_frequency(expected):
    found = searches().frequency()
    assert [tuple(row.values()) for row in expected] == [
        (user, str(times)) for user, times in found.units.sort("user").rows()
    ]
    assert set(expected[0]) == {"user", "step-1 occurrences before step 2"}
    for times, users, _ in found.table.rows():
        assert found.point(times).count() == users


def people(name, entered, converted):
    """So many users who enter, and of them so many who convert."""
    users = [f"{name}{at}" for at in range(entered)]
    return pl.DataFrame(
        {
            "user": users + users[:converted],
            "time": ["2024-03-01T10:00:00Z"] * entered
            + ["2024-03-01T11:00:00Z"] * converted,
            "event": ["Enter"] * entered + ["Convert"] * converted,
            "group": [name] * (entered + converted),
        }
    )


@answers("fun.significance")
def test_significance(expected):
    for row in expected:
        base = people("base", int(row["n_base"]), int(row["k_base"]))
        variant = people(row["case"], int(row["n_var"]), int(row["k_var"]))
        events = rk.events(pl.concat([base, variant]))
        funnel = events.funnel("Enter", "Convert", by="group")
        table = funnel.significance(baseline="base")
        line = table.filter(variant=row["case"]).row(0, named=True)
        assert row["case"] in {"v1", "v2", "v3", "v4", "v5"}
        found = {
            "var_conv_pct": 100 * line["conversion"],
            "improvement_pct": 100 * line["improvement"],
            "t": line["t"],
            "p_value": line["p_value"],
            "significance_pct": 100 * line["significance"],
        }
        agree(found, row, list(found))
        assert row["significant"] == ("yes" if line["significant"] else "no")
        assert (line["difference"] > 0) == (line["improvement"] > 0)


@answers("fun.optional.expected")
def test_variants(expected):
    events = log_of("fun.optional").between("2024-03-01", "2024-03-03")
    optional = events.funnels("A", "B", "C", "D", optional="B")
    compared = events.funnels("A", "B", "D", compare={2: ["B", "C"]})
    variants = {
        "optional B: with step": optional["with B"],
        "optional B: without step": optional["without B"],
        "combined (B or C) at step 2": events.funnel("A", rk.event("B", "C"), "D"),
        "compare at step 2: B": compared["B"],
        "compare at step 2: C": compared["C"],
    }
    assert [row["variant"] for row in expected] == list(variants)
    for row in expected:
        found = [*counts(variants[row["variant"]]), None][:4]
        assert found == cells(row, "step1", "step2", "step3", "step4"), row
    for funnels in (optional, compared):
        for line in funnels.table.iter_rows(named=True):
            point = funnels.point(line["variant"], line["step"])
            assert point.count() == line["users"]


@answers("fun.drivers.expected")
def test_drivers(expected):
    found = log_of("fun.drivers").funnel("Search", "Buy").drivers()
    lines = {row["event"]: row for row in found.iter_rows(named=True)}
    assert {row["event"] for row in expected} == set(lines)
    for row in expected:
        line = lines[row["event"]]
        time = line["avg_time"]
        values = {
            "did+converted": line["did_converted"],
            "did+dropped": line["did_dropped"],
            "not+converted": line["not_converted"],
            "not+dropped": line["not_dropped"],
            "phi": line["correlation"],
            "frequency": line["frequency"],
            "pct_did (converted)": 100 * line["did_share"],
            "avg_time_between_steps_s": None if time is None else time.total_seconds(),
        }
        assert set(values) == set(row) - {"event"}
        agree(values, row, list(values))


def test_a_spoilt_cell_is_noticed():
    with pytest.raises(AssertionError):
        agree({"users": 1}, {"users": "2.0"}, ["users"])
    with pytest.raises(AssertionError):
        agree({"users": None}, {"users": "0"}, ["users"])

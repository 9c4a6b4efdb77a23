"""The filter bar: what it asks finds the same as the call that it shows."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit import errors
from replaykit.bundle import MIME
from tests.test_search import found, searched  # noqa: F401 - a fixture

FILTERS = [
    [],
    [{"kind": "event", "name": "Error"}],
    [{"kind": "event", "name": "Error"}, {"kind": "event", "name": "Page Viewed"}],
    [{"kind": "property", "name": "country", "op": "is", "values": ["US"]}],
    [{"kind": "property", "name": "country", "op": "is", "values": ["US", "CA"]}],
    [{"kind": "property", "name": "country", "op": "is", "values": ["US", None]}],
    [{"kind": "property", "name": "country", "op": "is", "values": [None]}],
    [{"kind": "property", "name": "country", "op": "is not", "values": ["US"]}],
    [{"kind": "property", "name": "country", "op": "is not", "values": ["US", "CA"]}],
    [{"kind": "property", "name": "country", "op": "is not", "values": ["US", None]}],
    [{"kind": "property", "name": "country", "op": "is not", "values": [None]}],
    [{"kind": "property", "name": "plan", "op": "contains", "values": ["RE"]}],
    [
        {"kind": "property", "name": "country", "op": "is not", "values": ["US"]},
        {"kind": "property", "name": "plan", "op": "is", "values": ["free"]},
    ],
    [{"kind": "duration", "op": ">=", "value": "60s"}],
    [{"kind": "duration", "op": "<=", "value": "60s"}],
    [
        {"kind": "duration", "op": ">=", "value": "30s"},
        {"kind": "duration", "op": "<=", "value": "90s"},
    ],
    [{"kind": "signal", "name": "error"}],
    [{"kind": "url", "name": "SHOP"}],
]

RANGES = [{}, {"between": ["2024-07-02", "2024-07-02"]}, {"last": "90d"}]


def asked(searched, query):  # noqa: F811
    params = {"query": query, "offset": 0, "limit": 100}
    return searched.widget._answers.answer("search", params).data


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("span", RANGES, ids=["all", "between", "last"])
def test_the_call_finds_what_the_bar_found(span, filters, searched):  # noqa: F811
    got = asked(searched, {**span, "filters": filters})
    called = eval(got["code"], {"shop": searched, "pl": pl})
    assert [row["replay"] for row in got["rows"]] == called["replay_id"].to_list()
    assert got["total"] == len(called)


def test_filters_mean_what_the_specification_says(searched):  # noqa: F811
    not_us = {"kind": "property", "name": "country", "op": "is not", "values": ["US"]}
    there = {**not_us, "values": [None]}
    got = asked(searched, {"filters": [not_us, there]})
    assert " ".join(row["replay"].split("/")[0] for row in got["rows"]) == "r5 r2"
    both = {**not_us, "values": ["US", None]}
    again = asked(searched, {"filters": [both]})
    assert [row["replay"] for row in again["rows"]] == [
        r["replay"] for r in got["rows"]
    ]


def test_fields_and_values_are_suggested(searched):  # noqa: F811
    ask = searched.widget._answers.answer
    fields = ask("fields", {}).data["fields"]
    assert {"kind": "event", "name": "Buy", "group": "Event", "note": "1"} in fields
    names = {one["name"]: one for one in fields}
    assert names["country"]["group"] == "User property"
    assert names["plan"]["kind"] == "property"
    values = ask("values", {"name": "country"}).data["values"]
    assert {value for value, _ in values} == {"US", "CA", "UK", None}
    with pytest.raises(errors.UnknownProperty, match="Did you mean 'country'"):
        ask("values", {"name": "contry"})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"filters": "x"}, errors.BadInput),
        ({"filters": [{"kind": "colour"}]}, errors.UnknownOption),
        ({"filters": [{"kind": "event", "name": "Nothing"}]}, errors.UnknownEvent),
        ({"filters": [{"kind": "property", "name": "x"}]}, errors.UnknownProperty),
        (
            {"filters": [{"kind": "property", "name": "plan", "op": "~"}]},
            errors.UnknownOption,
        ),
        ({"filters": [{"kind": "property", "name": "plan"}]}, errors.BadInput),
        ({"filters": [{"kind": "duration", "value": "long"}]}, errors.BadDuration),
    ],
)
def test_what_is_no_search_is_said(query, error, searched):  # noqa: F811
    with pytest.raises(error):
        asked(searched, query)


def test_a_displayed_list_is_saved_as_a_player(searched):  # noqa: F811
    data, _ = searched.replays._repr_mimebundle_()
    assert data[MIME]["widget"] == "player"
    assert len(data[MIME]["replays"]) == 5
    home = searched.replays.widget._answers.answer("home", {"last": ""}).data
    assert (home["total"], home["title"]) == (5, "5 replays")
    assert found(searched.replays[:2]) == "r5 r4"

"""Tables as analysts have them: every odd column name, id and file that we met."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pandas as pd
import polars as pl
import pytest

import replaykit as rk
from replaykit import errors

LOG = pl.DataFrame(
    {
        "uid": ["ana", "ana", "ben", "ben", "eve"],
        "ts": [datetime(2026, 3, 1, 9, minute) for minute in (0, 5, 1, 7, 9)],
        "name": ["Search", "Buy", "Search", "Add", "Search"],
        "price": [None, 12.5, None, 3.0, None],
    }
)
NAMES = {"user": "uid", "time": "ts", "event": "name"}


def open_everything(result):
    """Ask a result's widget all that its clicks can ask."""
    ask = result._microscope.answer
    for key in result._keys():
        point = ask("point", {"key": key}).data
        users = ask("users", {"key": key, "offset": 0, "limit": 500}).data
        assert users["total"] == point["users"]
        for row in users["rows"][:2]:
            ask("stream", {"key": key, "user": row["user"]})


def test_missing_users_do_not_turn_whole_ids_into_fractions():
    frame = LOG.to_pandas().assign(uid=[1, 1, 2, 2, None])
    assert frame["uid"].dtype == "float64"
    assert set(rk.events(frame, **NAMES).collect()["user"]) == {"1", "2"}


def test_ids_that_a_float_has_already_blurred_are_refused():
    frame = LOG.to_pandas().assign(uid=[2**53 + 1, 2**53 + 2, 1, 2, None])
    with pytest.raises(errors.BadInput, match="Int64 or as text"):
        rk.events(frame, **NAMES)


def test_two_columns_of_one_name_are_named():
    frame = LOG.to_pandas()
    twice = pd.concat([frame, frame[["price"]]], axis=1)
    with pytest.raises(errors.BadInput, match="several columns are called price"):
        rk.events(twice, **NAMES)


def test_a_column_that_polars_cannot_hold_is_a_named_error():
    relation = duckdb.sql(
        "select 'ana' uid, now() ts, 'Buy' as name, interval 1 day as pause"
    )
    with pytest.raises(errors.BadInput, match="interval"):
        rk.events(relation, **NAMES)


def test_a_list_of_dicts_is_a_table():
    events = rk.events(LOG.drop_nulls().to_dicts(), **NAMES)
    assert events.collect("price")["price"].to_list() == [12.5, 3.0]


def test_text_split_by_semicolons_is_read(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("uid;ts;name;price\nana;2026-03-01 09:00;Buy;12,5\n")
    assert rk.events(path, **NAMES).collect("price")["price"].to_list() == [12.5]


def test_a_table_without_rows_says_so():
    with pytest.raises(errors.BadInput, match="it has no row"):
        rk.events(LOG.clear(), **NAMES)


def test_any_property_name_survives_a_click():
    taken = ["row", "active", "session_id", "user_id", "t", "place", "position"]
    taken += ["start", "end", "at", "rows", "state", "run", "first_row", "unit"]
    frame = LOG.rename({"uid": "user", "ts": "time", "name": "event"}).with_columns(
        pl.lit("mine").alias(name) for name in taken
    )
    events = rk.events(frame)
    funnel = events.funnel("Search", "Buy", by="place")
    open_everything(funnel)
    open_everything(events.segmentation("Search", by="t"))
    people = funnel.reached("Buy")
    shown = funnel._microscope.answer(
        "stream", {"key": "funnel|2|reached|mine", "user": "ana"}
    ).data
    assert people.count() == 1
    assert shown["rows"]["place"] == [1, 1]
    assert {"t", "place", "position"} <= set(shown["rows"]["props"][0])

"""One recording explained: what is missing, what is odd, what takes the room."""

from __future__ import annotations

import json

import pytest
from recordings import START, add, click, element, meta, mutation, session, snapshot

import replaykit as rk
from replaykit.errors import BadInput, UnknownReplay
from replaykit.replays.anatomy import anatomy
from replaykit.replays.build import add_events
from replaykit.store.recordings import Recordings

ID = "d1/1717225200000"


def explained(events, **known):
    store = Recordings()
    add_events(store, ID, events)
    return anatomy(store, ID, store.summary(ID), **known)


def findings(found):
    return {row["finding"]: row for row in found.table.to_dicts()}


def test_a_sound_recording_has_nothing_to_say():
    found = explained(session())
    assert found.table.height == 0
    assert "nothing is missing" in repr(found)


def test_bytes_by_kind_are_those_of_the_recorded_events():
    events = session()
    found = explained(events)
    rows = {row["kind"]: row for row in found.by_kind.to_dicts()}
    assert {kind: row["events"] for kind, row in rows.items()} == {
        "meta": 1,
        "full snapshot": 1,
        "mutation": 40,
    }
    size = len(json.dumps(events[0]["data"], separators=(",", ":")))
    assert rows["meta"]["bytes"] == size
    assert sum(row["share"] for row in rows.values()) == pytest.approx(100)
    assert found.largest["bytes"].to_list() == sorted(
        found.largest["bytes"], reverse=True
    )


def test_what_is_missing_comes_before_what_is_worth_knowing():
    rows = [add(4, element("p", 1_000 + at)) for at in range(10_500)]
    events = [
        mutation(0, adds=[add(4, element("p", 90))]),
        meta(3_000),
        snapshot(3_010, element("img", 50, src="https://cdn.test/a.png")),
        mutation(5_000, adds=rows),
        mutation(5_001, texts=[{"id": 77_777, "value": "?"}]),
        click(3_000_000, 4),
    ]
    found = explained(events, skew_ms=61_000)
    seen = findings(found)
    assert seen["gap"]["end_ms"] == 3_010
    assert seen["text of an unknown node"]["severity"] == "missing"
    assert "cdn.test/a.png" in seen["missing files"]["detail"]
    assert seen["oversized mutation"]["count"] == 10_500
    assert seen["oversized mutation"]["t_ms"] == 5_000
    assert (seen["silence"]["t_ms"], seen["silence"]["end_ms"]) == (5_001, 3_000_000)
    assert "61.0 s ahead of" in seen["clock skew"]["detail"]
    assert seen["taken out: images"]["count"] == 1
    order = {"broken": 0, "missing": 1, "note": 2}
    ranks = [order[word] for word in found.table["severity"]]
    assert ranks == sorted(ranks)


def test_a_recording_without_a_snapshot_is_broken():
    found = explained([meta(0), click(20_000, 7)])
    assert findings(found)["no full snapshot"]["severity"] == "broken"
    assert "broken" in repr(found)


def test_addresses_of_strangers_stay_text_in_a_notebook():
    evil = "https://a.test/<script>alert(1)</script>.png"
    found = explained([*session(), mutation(21_000, adds=[add(4, image(evil))])])
    assert evil in found.table["detail"][0]
    assert "<script" not in found._repr_html_()


def image(src):
    return element("img", 9_000, src=src)


def test_of_a_project(tmp_path):
    shop = rk.create(tmp_path / "shop.rk")
    path = tmp_path / "d1_1717225200000.json"
    path.write_text(json.dumps(session()))
    shop.add_replays(path, progress=False)
    by_id, by_list = shop.anatomy(ID), shop.anatomy(shop.replays)
    assert repr(by_id) == repr(by_list)
    assert "stored" in by_id.headline
    assert by_id.headline.startswith("0:20 · 42 events")
    assert repr(shop.replays).startswith("1 replay\n")
    shown = shop.replays.watching().answer("anatomy", {"replay": ID}).data
    assert shown["headline"] == by_id.headline
    assert len(shown["findings"]) == by_id.table.height
    assert sum(kind["events"] for kind in shown["kinds"]) == 42
    with pytest.raises(UnknownReplay):
        shop.anatomy("nobody/1")
    path = tmp_path / "d2_1717225200001.json"
    path.write_text(json.dumps([{**e, "timestamp": START + 1} for e in session()]))
    shop.add_replays(path, progress=False)
    with pytest.raises(BadInput, match="holds 2"):
        shop.anatomy(shop.replays)

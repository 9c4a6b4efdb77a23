"""Which of many replays to watch."""

from __future__ import annotations

import random
from collections import Counter
from math import sqrt

import polars as pl
import pytest

import replaykit as rk
from replaykit.analyses.typical import picked
from replaykit.errors import BadInput, UnknownOption


def frame(walks):
    rows = [(path, event) for path, walk in walks.items() for event in walk]
    return pl.DataFrame(rows, schema=["path", "event"], orient="row")


def choose(walks, count, which="typical"):
    return picked(frame(walks), count, which, of=pl.Series(list(walks)))


def affinity(one, two):
    """Add up the roots of the products of two walks' shares of steps, slowly."""
    shares = []
    for walk in (one, two):
        steps = Counter(zip(["(start)", *walk], [*walk, "(end)"], strict=True))
        shares.append({step: n / steps.total() for step, n in steps.items()})
    return sum(sqrt(shares[0][step] * shares[1].get(step, 0)) for step in shares[0])


def some_walks(seed, count=40):
    rng = random.Random(seed)
    return {
        f"r{i}": "".join(rng.choices("SVBH", (4, 3, 2, 1), k=rng.randrange(7)))
        for i in range(count)
    }


@pytest.mark.parametrize("seed", range(8))
def test_typical_paths_stand_for_all_and_are_nearest_to_theirs(seed):
    walks = some_walks(seed)
    found = choose(walks, 5)
    assert found["stands_for"].sum() == len(walks)
    assert found["stands_for"].is_sorted(descending=True)
    chosen = found["path"].to_list()
    assert len(set(chosen)) == len(chosen) == 5
    groups = {path: [] for path in chosen}
    for walk in walks.values():
        alike = [affinity(walk, walks[path]) for path in chosen]
        best = max(alike)
        near = [p for p, a in zip(chosen, alike, strict=True) if a > best - 1e-4]
        if len(near) == 1:
            groups[near[0]].append(best)
    for path, size, mean in found.rows():
        assert len(groups[path]) <= size
        if len(groups[path]) == size:
            assert mean == pytest.approx(sum(groups[path]) / size, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_unusual_paths_are_farthest_from_their_nearest(seed):
    walks = some_walks(seed)
    nearest = {
        path: max(affinity(walk, other) for p, other in walks.items() if p != path)
        for path, walk in walks.items()
    }
    found = choose(walks, 6, "unusual")
    assert found["affinity"].to_list() == pytest.approx(
        sorted(nearest.values())[:6], abs=1e-4
    )
    for path, _, alike in found.rows():
        assert alike == pytest.approx(nearest[path], abs=1e-4)


def test_paths_that_are_the_same_are_one_choice():
    found = choose({"a": "SB", "b": "SB", "c": "SB", "d": "", "e": ""}, 4)
    assert found.rows() == [("a", 3, 1.0), ("d", 2, 1.0)]


def test_order_of_paths_decides_only_between_equals():
    walks = some_walks(3)
    turned = dict(reversed(walks.items()))
    sizes = [choose(each, 4)["stands_for"].sum() for each in (walks, turned)]
    assert sizes == [40, 40]
    assert choose(walks, 4).rows() == choose(walks, 4).rows()


def test_nothing_to_choose_from():
    assert choose({}, 3).rows() == []
    assert choose({"a": "S"}, 3, "unusual").rows() == [("a", 1, 0.0)]
    with pytest.raises(BadInput):
        choose({"a": "S"}, 0)
    with pytest.raises(UnknownOption, match="typical"):
        choose({"a": "S"}, 1, "random")


def test_picked_replays_keep_their_moments_and_play():
    shop = rk.demo()
    lost = shop.events.funnel("Add to Cart", "Purchase", within="1d").dropped(after=1)
    few = lost.replays.pick(3)
    assert few["stands_for"].sum() == len(lost.replays)
    moments = dict(lost.replays.table.select("replay_id", "matched_at").iter_rows())
    for replay, moment in few.table.select("replay_id", "matched_at").iter_rows():
        assert moments[replay] == moment
    assert few.watch().session == few["replay_id"][0]
    assert few.pick(2)["stands_for"].sum() == 3
    assert len(lost.replays.pick(2, "unusual")) == 2


def test_a_list_of_no_replays_stays_empty():
    shop = rk.demo()
    none = shop.replays.search(duration="5h")
    assert len(none.pick(3)) == 0

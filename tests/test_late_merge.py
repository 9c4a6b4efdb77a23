"""A login that arrives late: every question answers as if it had come first."""

from __future__ import annotations

import random
from datetime import timedelta

import polars as pl
import pytest
from exports import START
from polars.testing import assert_frame_equal
from test_engines import NAMES, QUESTIONS

import replaykit as rk
from replaykit.store import Settings, create_store, open_store, plan

DEVICES = 40


def rows():
    """Forty devices, anonymous for weeks; most log in at the end, some on two."""
    chance = random.Random(11)
    events = []
    for device in range(DEVICES):
        minute, visit = chance.randrange(9_000), 0
        for _ in range(chance.randrange(4, 30)):
            minute += chance.choice([1, 3, 50, 900, 3_000])
            visit = minute if chance.random() < 0.3 or not visit else visit
            events.append((minute, device, None, visit))
        if device % 5:
            # Two devices share a person.
            events.append((minute + 1, device, f"person{device // 2}", minute))
    return [
        {
            "time": START + timedelta(minutes=minute),
            "event": chance.choice(NAMES),
            "device_id": f"device{device:02}",
            "user_id": user,
            "session_id": 1_767_225_600_000 + visit * 60_000 + device,
            "insert_id": f"{device}-{number}",
            "user.plan": chance.choice(["pro", "free", None]),
            "builtin.city": chance.choice(["Rome", "Oslo", "Bonn", "Lyon"]),
            "event.price": float(chance.randrange(50)),
        }
        for number, (minute, device, user, visit) in enumerate(events)
    ]


def frame(some):
    kinds = {"user_id": pl.String, "user.plan": pl.String}
    return pl.DataFrame(some, schema_overrides=kinds, infer_schema_length=None)


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """One project that heard of the logins last, in three pieces, and one at once."""
    folder = tmp_path_factory.mktemp("late")
    events = rows()
    anonymous = [row for row in events if row["user_id"] is None]
    logins = [row for row in events if row["user_id"] is not None]
    with pytest.MonkeyPatch.context() as patched:
        # As in a large table: nothing is rewritten but what a merge moves.
        patched.setattr(plan, "SMALL", 0)
        patched.setattr(plan, "_worth_merging", lambda head, arriving: {})
        create_store(folder / "late.rk", Settings(buckets=5))
        for part in (anonymous[::2], anonymous[1::2], logins):
            open_store(folder / "late.rk").append(frame(part))
    create_store(folder / "once.rk", Settings(buckets=5))
    open_store(folder / "once.rk").append(frame(events))
    return folder / "late.rk", folder / "once.rk"


def test_the_merge_moved_people(projects):
    late, once = map(open_store, projects)
    assert late.users == once.users < DEVICES
    assert late.rows == once.rows
    # Each person lies in one partition, although they were two before.
    frame = late.scan().collect()
    assert not late.snapshot.people["merged_into"].is_null().all()
    assert set(frame["user"]) == set(late.directory["user"])


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_answers_as_if_all_had_come_at_once(projects, name):
    late, once = (
        QUESTIONS[name](rk.open(folder, engine="threads").events) for folder in projects
    )
    assert once.height
    by = [
        column
        for column, dtype in once.schema.items()
        if not dtype.is_nested() and not dtype.is_float()
    ]
    assert_frame_equal(late.sort(by), once.sort(by))

"""Who comes when, and what for: the plan of the recorded visits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from replaykit.demoshop.people import PHONES, places
from replaykit.demoshop.visitors import NOW, RECORDED_DAYS, VISITORS

Aim = Literal[
    "buy",
    "coupon",
    "reload",
    "expired",
    "search",
    "slow",
    "left",
    "size",
    "browse",
    "linger",
    "account",
    "help",
    "letter",
]
#: `in`: logged in since an earlier visit; `door`: logs in during this one; `joins`:
#: creates an account in this one; `guest`: stays unknown.
Standing = Literal["in", "door", "joins", "guest"]

#: What people on each kind of device come for, as often as it is listed. Two of five
#: phone checkouts try a coupon here, so that the breakage is met when watching.
_AIMS: Final[dict[bool, dict[Aim, int]]] = {
    True: {
        "buy": 12,
        "coupon": 6,
        "reload": 1,
        "search": 2,
        "slow": 2,
        "left": 2,
        "size": 6,
        "browse": 4,
        "linger": 3,
        "account": 2,
        "help": 1,
    },
    False: {
        "buy": 9,
        "coupon": 3,
        "expired": 1,
        "search": 2,
        "slow": 2,
        "left": 2,
        "size": 5,
        "browse": 4,
        "linger": 4,
        "account": 2,
        "help": 1,
        "letter": 1,
    },
}
#: Visits per person, dealt out in turn.
_VISITS: Final = (1, 2, 1, 3, 2, 2, 1, 3, 2, 4)
#: Aims in which an account may be made on the way.
_PAYING: Final = ("buy", "coupon", "reload", "expired", "account")
_SEED: Final = 42


@dataclass(frozen=True, slots=True)
class Visit:
    """One planned session."""

    number: int
    person: int
    start: datetime
    aim: Aim
    standing: Standing
    phone: bool
    device: int
    device_id: str


def itinerary() -> list[Visit]:
    """Plan every recorded visit; the same plan each time.

    Examples
    --------
    >>> visits = itinerary()
    >>> len(visits), len({visit.person for visit in visits})
    (84, 40)
    """
    rng = random.Random(_SEED)
    drafts: list[tuple[datetime, int, bool]] = []
    for person in VISITORS.iter_rows(named=True):
        offset = places()["utc_offset"][person["place"]]
        count = _VISITS[person["person"] % len(_VISITS)]
        days = sorted(rng.sample(range(RECORDED_DAYS), count))
        for nth, day in enumerate(days):
            second = person["second_device"] is not None and nth % 2 == 1
            drafts.append((_moment(rng, day, offset), person["person"], second))
    drafts.sort()
    bags = {phone: _bag(rng, aims) for phone, aims in _AIMS.items()}
    joined: set[int] = set()
    visits: list[Visit] = []
    for number, (start, index, second) in enumerate(drafts):
        person = VISITORS.row(index, named=True)
        device = person["second_device" if second else "device"]
        phone = device < len(PHONES)
        aim = bags[phone].pop() if bags[phone] else _bag(rng, _AIMS[phone]).pop()
        if aim == "account" and not person["known"]:
            aim = "browse"
        signed = person["known"] and (person["history"] or index in joined)
        standing: Standing = "guest"
        if signed:
            standing = "in" if rng.random() < 0.6 else "door"
        elif person["known"] and aim in _PAYING:
            standing = "joins"
            joined.add(index)
        if aim == "account" and standing == "in":
            standing = "door"
        device_id = person["second_device_id" if second else "device_id"]
        visits.append(
            Visit(number, index, start, aim, standing, phone, device, device_id)
        )
    return visits


def _bag(rng: random.Random, aims: dict[Aim, int]) -> list[Aim]:
    bag = [aim for aim, count in aims.items() for _ in range(count)]
    rng.shuffle(bag)
    return bag


def _moment(rng: random.Random, day: int, utc_offset: int) -> datetime:
    """Pick a waking hour of the visitor's day; the last day ends before `NOW`."""
    hour = rng.choices((8, 10, 12, 13, 15, 17, 19, 20, 21, 22), k=1)[0]
    midnight = NOW.replace(hour=0) - timedelta(days=RECORDED_DAYS - 1 - day)
    start = midnight + timedelta(
        hours=(hour - utc_offset) % 24,
        minutes=rng.randrange(60),
        seconds=rng.randrange(60),
        milliseconds=rng.randrange(1000),
    )
    latest = NOW - timedelta(minutes=40)
    early = timedelta(hours=rng.randrange(1, 9))
    return start if start < latest else start.replace(hour=latest.hour) - early

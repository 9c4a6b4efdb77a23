"""The demo shop at any size: a seeded population with the planted stories.

`population(users=5_000)` is about 200,000 events of 5,000 people over the 75 days
before `NOW`: the shop that the packaged recordings were made in, seen from far enough
that its charts are alive. The recorded visitors are its first people, with the same
ids and devices; what the generator adds for them ends before the recorded days begin.

What to find in it is told, with its numbers, in `replaykit.demoshop.stories`. The shop
also shows a weekday and hour rhythm in each person's own time zone, campaigns (Thursday
mails, a spring sale from day -13), growth, returning and new customers, a paid plan,
events outside any session (`Order Shipped`, from the warehouse) and an inactive event
type (`Newsletter Sent`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.demoshop import stories
from replaykit.demoshop.arrivals import DAYS, draw_sessions, microseconds_of
from replaykit.demoshop.people import PHONES, devices, draw_people, places
from replaykit.demoshop.visitors import NOW, VISITORS
from replaykit.demoshop.visits import Visits
from replaykit.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Event types that are not acts of a user.
INACTIVE: Final = ("Newsletter Sent",)
#: People drawn together; a population is a whole number of chunks, the last one cut.
CHUNK: Final = 12_500
#: Events per person, on average; `write_population` sizes itself by it.
EVENTS_PER_USER: Final = 42

#: Property columns and their types, in order; every one is present, null where absent.
PROPERTIES: Final[dict[str, type[pl.DataType]]] = {
    "platform": pl.String,
    "os_name": pl.String,
    "device_type": pl.String,
    "device_family": pl.String,
    "country": pl.String,
    "region": pl.String,
    "city": pl.String,
    "language": pl.String,
    "version_name": pl.String,
    "plan": pl.String,
    "channel": pl.String,
    "page": pl.String,
    "query": pl.String,
    "results": pl.Float64,
    "latency_ms": pl.Float64,
    "sort": pl.String,
    "product": pl.String,
    "category": pl.String,
    "price": pl.Float64,
    "size": pl.String,
    "quantity": pl.Float64,
    "items": pl.Float64,
    "cart_value": pl.Float64,
    "delivery": pl.String,
    "coupon": pl.String,
    "discount": pl.Float64,
    "reason": pl.String,
    "payment_method": pl.String,
    "revenue": pl.Float64,
    "message": pl.String,
    "status": pl.Float64,
    "method": pl.String,
    "topic": pl.String,
    "carrier": pl.String,
    "campaign": pl.String,
}

_THURSDAY: Final = 3
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR


def population(
    users: int = 5_000, *, end: datetime = NOW, seed: int = 7
) -> pl.DataFrame:
    """Draw the events of `users` people who shop in the `DAYS` before `end`.

    The same arguments give the same frame. Rows are sorted by user and time; `user` is
    dense from 0, `user_id` the public id (the device id for people who never log in).
    The first forty people are the visitors of the packaged recordings; those who are
    new to the shop when they are recorded have no rows here.

    Parameters
    ----------
    users
        How many people; about 40 events each.
    end
        Nothing happens at or after this moment.
    seed
        Other seeds are other people, save for the recorded visitors' identities.

    Examples
    --------
    >>> frame = population(100)
    >>> frame["user_id"].n_unique()  # fourteen are new when they are recorded
    86
    >>> frame.columns[:5]
    ['user', 'user_id', 'time', 'event', 'active']
    """
    chunks = list(_chunks(users, end=end, seed=seed))
    return chunks[0] if len(chunks) == 1 else pl.concat(chunks)


def write_population(
    path: str | Path,
    *,
    events: int = 100_000_000,
    end: datetime = NOW,
    seed: int = 7,
) -> list[Path]:
    """Write about `events` events as Parquet files, one per 12,500 people.

    Memory stays at one chunk (half a million events, some 1.5 GB) whatever the size.

    Parameters
    ----------
    path
        Folder for `part-00000.parquet`, …; made if absent.
    events
        How many events, within a few percent.
    end, seed
        As for `population`.

    Returns
    -------
    list of Path
        The files, in order of `user`; rows in each are sorted by user and time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_population(folder, events=4_000))
    1
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    users = max(1, round(events / EVENTS_PER_USER))
    written: list[Path] = []
    for number, chunk in enumerate(_chunks(users, end=end, seed=seed)):
        file = folder / f"part-{number:05d}.parquet"
        chunk.write_parquet(file, row_group_size=250_000)
        written.append(file)
    return written


def _chunks(users: int, *, end: datetime, seed: int) -> Iterator[pl.DataFrame]:
    row = 0
    for first in range(0, users, CHUNK):
        chunk = _chunk(
            np.random.default_rng((seed, first)),
            first,
            min(CHUNK, users - first),
            end.astimezone(UTC),
        )
        yield chunk.with_columns(
            row=pl.int_range(row, row + len(chunk), dtype=pl.Int64)
        )
        row += len(chunk)


def _chunk(
    rng: np.random.Generator, first: int, count: int, end: datetime
) -> pl.DataFrame:
    people = draw_people(rng, count, first).with_columns(history=pl.lit(value=True))
    if first == 0:
        recorded = VISITORS.head(count)
        people = pl.concat([recorded, people.slice(len(recorded))])
    sessions = draw_sessions(rng, people, end)
    broken_from = (
        microseconds_of(end.replace(hour=9, minute=0)) - stories.RELEASE_DAYS * _DAY
    )
    start = sessions["start"].to_numpy()
    phone = sessions["device"].to_numpy() < len(PHONES)
    walk = Visits(
        rng,
        phone=phone,
        broken=start >= broken_from,
        fresh=sessions["fresh"].to_numpy(),
        logs_in=sessions["logs_in"].to_numpy(),
        buyer=sessions["buyer"].to_numpy(),
    )
    events = walk.walk()
    # The first event opens its session; every other comes a pause after the last.
    passed = (pl.col("gap").cum_sum() - pl.col("gap").first()).over("session")
    lapse = (passed * 1_000).cast(pl.Int64) * 1_000
    events = events.with_columns(
        time=pl.Series(start).gather(events["session"]) + lapse
    ).drop("gap", "step")
    frame = _dress(events, sessions, people, broken_from)
    frame = pl.concat([frame, *_outside(rng, frame, end)], how="diagonal")
    return (
        frame.filter(pl.col("time") < end)
        .sort("user", "time", maintain_order=True)
        .with_columns(row=pl.lit(0, dtype=pl.Int64))
        .select(
            pl.col("user").cast(pl.Int32),
            "user_id",
            "time",
            "event",
            "active",
            "session_id",
            "row",
            "device_id",
            "client_time",
            *(
                pl.col(name).cast(dtype)
                if name in frame.columns
                else pl.lit(None, dtype=dtype).alias(name)
                for name, dtype in PROPERTIES.items()
            ),
        )
    )


def _dress(
    events: pl.DataFrame,
    sessions: pl.DataFrame,
    people: pl.DataFrame,
    broken_from: int,
) -> pl.DataFrame:
    """Give every row its person, device, place, release and clock."""
    of = events["session"]
    person = sessions["person"].gather(of)
    device = devices()[sessions["device"].gather(of)]
    place = places()[people["place"].gather(person)]
    old, new = stories.VERSIONS
    # A few devices' clocks are wrong, always by the same amount.
    number = people["person"].gather(person)
    skew = pl.when(number % 53 == 47).then(number % 7 * 1_700_000_000).otherwise(0)
    # The plan is known from the moment someone signs up.
    joined = sessions["signed"].gather(of) | (
        pl.col("event") == "Sign Up"
    ).cum_max().over("session")
    return events.with_columns(
        user=number,
        user_id=people["user_id"].gather(person),
        active=pl.lit(value=True),
        session_id=sessions["start"].gather(of) // 1_000,
        device_id=sessions["device_id"].gather(of),
        client_time=(pl.col("time") - skew).cast(TIME),
        time=pl.col("time").cast(TIME),
        platform=pl.lit("Web"),
        **{name: device[name] for name in ("os_name", "device_type", "device_family")},
        **{name: place[name] for name in ("country", "region", "city", "language")},
        version_name=pl.when(sessions["start"].gather(of) >= broken_from)
        .then(pl.lit(new))
        .otherwise(pl.lit(old)),
        plan=pl.when(joined).then(people["plan"].gather(person)),
        channel=people["channel"].gather(person),
    ).drop("session")


def _outside(
    rng: np.random.Generator, frame: pl.DataFrame, end: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what happens outside any session: parcels leave, newsletters arrive."""
    who = (
        "user",
        "user_id",
        "country",
        "region",
        "city",
        "language",
        "plan",
        "channel",
    )
    bought = frame.filter(pl.col("event") == "Purchase")
    later = pl.Series(rng.uniform(20, 50, len(bought)) * _HOUR).cast(pl.Int64)
    shipped = bought.select(
        *who,
        "items",
        time=(pl.col("time").cast(pl.Int64) + later).cast(TIME),
        event=pl.lit("Order Shipped"),
        active=pl.lit(value=True),
        carrier=pl.Series(["DHL", "DPD", "PostNL"]).gather(
            rng.integers(0, 3, len(bought))
        ),
    )
    # Readers are signed-up people; the first mail follows their first visit.
    signed = frame.filter(pl.col("plan").is_not_null()).unique(
        "user", keep="first", maintain_order=True
    )
    readers = signed.filter(pl.Series(rng.random(len(signed)) < 0.3))
    thursdays = pl.Series(
        "sent",
        [
            day.replace(hour=8, minute=0, second=0, microsecond=0)
            for day in (end - timedelta(days=ago) for ago in range(DAYS))
            if day.weekday() == _THURSDAY
        ],
        dtype=TIME,
    )
    sent = (
        readers.select(*who, first="time")
        .join(thursdays.to_frame(), how="cross")
        .filter(pl.col("sent") > pl.col("first"))
        .select(
            *who,
            time="sent",
            event=pl.lit("Newsletter Sent"),
            active=pl.lit(value=False),
            campaign=pl.col("sent").dt.strftime("Week %V"),
        )
    )
    return shipped, sent

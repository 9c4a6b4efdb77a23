"""Who a row belongs to: one number per person, and what a late login changes.

The rule (`spec/model.md` 3), said as a function of all rows instead of a state machine:

* a row with an `amplitude_id` belongs to that id;
* a row with a `user_id` belongs to that user, on any device;
* an anonymous row belongs to the last user seen on its device before it in arrival
  order, else to the first user seen there after it, else to the device's own anonymous
  person.

So a device that one user only ever logged in on gives all its anonymous rows to that
user, whenever the login arrives. Only a *shared* device needs the order of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

#: One row per person number. `key` is what a row is recognised by: `a` + amplitude id,
#: `u` + user id or `d` + device id. `merged_into` is another person's number.
PEOPLE: Final[dict[str, pl.DataType]] = {
    "user": pl.Int32(),
    "key": pl.String(),
    "user_id": pl.String(),
    "amplitude_id": pl.Int64(),
    "device_id": pl.String(),
    "named_at": pl.Int64(),
    "merged_into": pl.Int32(),
}
#: Which person (a user id's, never an anonymous one) was seen on which device.
DEVICES: Final[dict[str, pl.DataType]] = {
    "device_id": pl.String(),
    "user": pl.Int32(),
}
#: The keys and devices of arriving rows, before people are numbered.
SEEN: Final[dict[str, pl.DataType]] = {
    "key": pl.String(),
    "user_id": pl.String(),
    "amplitude_id": pl.Int64(),
    "device_id": pl.String(),
    "named_at": pl.Int64(),
}


def person_key() -> pl.Expr:
    """Return the key of a row's own identity."""
    amplitude = pl.lit("a") + pl.col("amplitude_id").cast(pl.String)
    named = pl.lit("u") + pl.col("user_id")
    return pl.coalesce(amplitude, named, pl.lit("d") + pl.col("device_id"))


def seen_people(rows: pl.DataFrame) -> pl.DataFrame:
    """Reduce rows (`person` and identities) to the distinct people and devices."""
    return (
        rows.lazy()
        .select(
            "user_id",
            "amplitude_id",
            "device_id",
            key="person",
            named_at="arrival",
        )
        .group_by("key", "user_id", "amplitude_id", "device_id")
        .agg(pl.col("named_at").min())
        .collect()
    )


def merge_seen(pieces: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Unite what `seen_people` found in several pieces."""
    return (
        pl.concat([pl.DataFrame(schema=SEEN), *pieces])
        .group_by("key", "user_id", "amplitude_id", "device_id")
        .agg(pl.col("named_at").min())
    )


@dataclass(frozen=True, eq=False)
class Resolution:
    """What arriving identities mean beside the people already known.

    Parameters
    ----------
    people
        Everyone after the arrival.
    devices
        All pairs of device and user after the arrival.
    changed, new_devices
        The rows of both that are new or different and must be written.
    merged
        `user`, `into`: stored people whose rows now belong to another.
    shared
        Devices of several users that this arrival touches; their anonymous rows must
        be told apart by arrival order.
    next_user
        The first number not given away.
    """

    people: pl.DataFrame
    devices: pl.DataFrame
    changed: pl.DataFrame
    new_devices: pl.DataFrame
    merged: pl.DataFrame
    shared: pl.Series
    next_user: int

    def by_key(self) -> pl.DataFrame:
        """Return `key` and the number of the person that rows with it belong to."""
        return self.people.select(
            "key", user=pl.coalesce("merged_into", "user").cast(pl.Int32)
        )


def resolve(
    people: pl.DataFrame, devices: pl.DataFrame, seen: pl.DataFrame, next_user: int
) -> Resolution:
    """Give the people in `seen` numbers and find out who turns out to be whom."""
    arrived = (
        seen.sort("named_at", "user_id", nulls_last=True)
        .group_by("key")
        .agg(
            # The public id is the first one seen; a device only names the anonymous.
            pl.col("user_id").drop_nulls().first(),
            pl.col("amplitude_id").first(),
            pl.col("device_id").filter(pl.col("key").str.starts_with("d")).first(),
            pl.col("named_at").filter(pl.col("user_id").is_not_null()).min(),
        )
        .sort("key")
    )
    fresh = arrived.join(people, on="key", how="anti").with_columns(
        user=pl.int_range(next_user, next_user + pl.len(), dtype=pl.Int32),
        merged_into=pl.lit(None, dtype=pl.Int32),
    )
    everyone = pl.concat([_renamed(people, arrived), fresh.select(*PEOPLE)])
    number = everyone.select("key", "user")
    pairs = (
        seen.filter(pl.col("user_id").is_not_null() & pl.col("device_id").is_not_null())
        .join(number, on="key")
        .select(*DEVICES)
        .unique()
    )
    new_devices = pairs.join(devices, on=["device_id", "user"], how="anti").sort(
        "device_id", "user"
    )
    all_devices = pl.concat([devices, new_devices])
    everyone, shared = _merge(everyone, all_devices)
    before = people.select("user", had="merged_into")
    compared = everyone.join(before, on="user", how="left")
    merged = compared.filter(
        (pl.col("user") < next_user)
        & pl.col("merged_into").is_not_null()
        & pl.col("merged_into").ne_missing(pl.col("had"))
    ).select("user", into="merged_into")
    changed = everyone.join(
        people, on=list(PEOPLE), how="anti", nulls_equal=True, maintain_order="left"
    )
    touched = seen["device_id"].drop_nulls().unique()
    return Resolution(
        people=everyone,
        devices=all_devices,
        changed=changed,
        new_devices=new_devices,
        merged=merged,
        shared=shared.filter(shared.is_in(touched.implode())).sort(),
        next_user=next_user + fresh.height,
    )


def _renamed(people: pl.DataFrame, arrived: pl.DataFrame) -> pl.DataFrame:
    # An id learned later, or one that arrived earlier than the one we had, names the
    # person, so that the name does not depend on the order of the files.
    news = arrived.select("key", now_id="user_id", now_at="named_at")
    earlier = pl.col("now_id").is_not_null() & (
        pl.col("user_id").is_null() | (pl.col("now_at") < pl.col("named_at"))
    )
    return (
        people.join(news, on="key", how="left", maintain_order="left")
        .with_columns(
            user_id=pl.when(earlier).then("now_id").otherwise("user_id"),
            named_at=pl.when(earlier).then("now_at").otherwise("named_at"),
        )
        .select(*PEOPLE)
    )


def _merge(
    everyone: pl.DataFrame, devices: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    exported = (
        everyone.filter(
            pl.col("amplitude_id").is_not_null() & pl.col("user_id").is_not_null()
        )
        .group_by("user_id")
        .agg(into=pl.col("user").min())
    )
    # A row that carries only the user id of an exported person is that person.
    by_name = everyone.filter(pl.col("key").str.starts_with("u")).join(
        exported, on="user_id"
    )
    same = by_name.select("user", "into")
    owners = (
        devices.join(same, on="user", how="left")
        .with_columns(owner=pl.coalesce("into", "user"))
        .group_by("device_id")
        .agg(into=pl.col("owner").min(), users=pl.col("owner").n_unique())
    )
    anonymous = everyone.filter(pl.col("key").str.starts_with("d")).join(
        owners, on="device_id"
    )
    shared = anonymous.filter(pl.col("users") > 1)["device_id"]
    # The anonymous person of a shared device keeps no rows either (rule above).
    targets = pl.concat([same, anonymous.select("user", "into")])
    merged = (
        everyone.drop("merged_into")
        .join(targets, on="user", how="left", maintain_order="left")
        .rename({"into": "merged_into"})
        .select(*PEOPLE)
    )
    return merged, shared


def owned(
    people: Resolution, staged_owner: pl.DataFrame, rows: pl.LazyFrame
) -> pl.LazyFrame:
    """Add whose each staged row is (`user`), in the order of the rows.

    Parameters
    ----------
    people
        Who is who.
    staged_owner
        `position`, `user` of the anonymous rows of shared devices.
    rows
        `person`, `position` and whatever else.
    """
    found = rows.join(
        people.by_key().lazy(),
        left_on="person",
        right_on="key",
        how="left",
        maintain_order="left",
    )
    if not staged_owner.height:
        return found
    return found.join(
        staged_owner.lazy().select("position", owner="user"),
        on="position",
        how="left",
        maintain_order="left",
    ).with_columns(user=pl.coalesce("owner", "user"))


def arrival_owner(rows: pl.DataFrame) -> pl.DataFrame:
    """Tell the anonymous rows of shared devices apart.

    Parameters
    ----------
    rows
        All rows of those devices: `device_id`, `known` (has its own identity), `login`
        (that identity is a user id), `user` (meaningful where known) and the arrival
        key `arrival`, `event_id`, `uuid`.

    Returns
    -------
    DataFrame
        The anonymous rows, all columns kept, with `user` set to their owner.
    """
    return (
        rows.sort("device_id", "arrival", "event_id", "uuid", nulls_last=True)
        .with_columns(owner=pl.when("login").then("user"))
        .with_columns(
            user=pl.coalesce(
                pl.col("owner").forward_fill().over("device_id"),
                pl.col("owner").backward_fill().over("device_id"),
            ).cast(pl.Int32)
        )
        .filter(~pl.col("known"))
        .drop("owner")
    )

"""Who shops: countries, devices, plans and names, with their real-world skew.

Population and recorded visitors are drawn by the same function, so a recorded
visitor cannot be told from anyone else in a chart.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

#: `amplitude_id` of person 0; the others count up from it.
FIRST_AMPLITUDE_ID: Final = 810_000_000


class Place(NamedTuple):
    """A city, how often people come from it, and its clock."""

    country: str
    region: str
    city: str
    language: str
    utc_offset: int
    share: float


class Device(NamedTuple):
    """A device as the analytics SDK would report it."""

    device_type: str
    device_family: str
    os_name: str
    share: float


#: Offsets are those of winter; a demo needs a daily rhythm, not a time zone database.
PLACES: Final = (
    Place("Germany", "Berlin", "Berlin", "German", 1, 9.0),
    Place("Germany", "Hamburg", "Hamburg", "German", 1, 5.0),
    Place("Germany", "Bavaria", "Munich", "German", 1, 6.5),
    Place("Germany", "North Rhine-Westphalia", "Cologne", "German", 1, 5.5),
    Place("United Kingdom", "England", "London", "English", 0, 8.5),
    Place("United Kingdom", "Scotland", "Edinburgh", "English", 0, 2.0),
    Place("United Kingdom", "England", "Manchester", "English", 0, 3.5),
    Place("United States", "New York", "New York", "English", -5, 6.0),
    Place("United States", "California", "San Francisco", "English", -8, 4.0),
    Place("United States", "Illinois", "Chicago", "English", -6, 3.0),
    Place("United States", "Texas", "Austin", "English", -6, 2.5),
    Place("France", "Île-de-France", "Paris", "French", 1, 6.5),
    Place("France", "Auvergne-Rhône-Alpes", "Lyon", "French", 1, 2.5),
    Place("Netherlands", "North Holland", "Amsterdam", "Dutch", 1, 5.0),
    Place("Netherlands", "Utrecht", "Utrecht", "Dutch", 1, 1.8),
    Place("Sweden", "Stockholm", "Stockholm", "Swedish", 1, 3.6),
    Place("Sweden", "Västra Götaland", "Gothenburg", "Swedish", 1, 1.4),
    Place("Denmark", "Capital Region", "Copenhagen", "Danish", 1, 3.2),
    Place("Austria", "Vienna", "Vienna", "German", 1, 3.4),
    Place("Spain", "Catalonia", "Barcelona", "Spanish", 1, 2.8),
    Place("Spain", "Madrid", "Madrid", "Spanish", 1, 2.2),
    Place("Italy", "Lombardy", "Milan", "Italian", 1, 3.0),
    Place("Poland", "Masovia", "Warsaw", "Polish", 1, 2.4),
    Place("Canada", "Ontario", "Toronto", "English", -5, 2.2),
    Place("Australia", "New South Wales", "Sydney", "English", 11, 1.6),
    Place("Japan", "Tokyo", "Tokyo", "Japanese", 9, 1.3),
    Place("Brazil", "São Paulo", "São Paulo", "Portuguese", -3, 1.1),
)
PHONES: Final = (
    Device("Phone", "Apple iPhone", "Mobile Safari", 52),
    Device("Phone", "Samsung Galaxy", "Chrome Mobile", 27),
    Device("Phone", "Google Pixel", "Chrome Mobile", 11),
    Device("Phone", "Xiaomi Phone", "Chrome Mobile", 10),
)
DESKTOPS: Final = (
    Device("Desktop", "Windows", "Chrome", 40),
    Device("Desktop", "Windows", "Edge", 12),
    Device("Desktop", "Mac", "Safari", 20),
    Device("Desktop", "Mac", "Chrome", 18),
    Device("Desktop", "Linux", "Firefox", 10),
)
CHANNELS: Final = {
    "Organic Search": 34,
    "Direct": 24,
    "Paid Social": 18,
    "Email": 13,
    "Referral": 11,
}
_FIRST_NAMES: Final = (
    "ada", "amir", "ana", "anton", "aoife", "ben", "bela", "carla", "chloe", "dana",
    "david", "elif", "emil", "emma", "enzo", "eva", "felix", "fiona", "greta", "hana",
    "hugo", "ida", "ines", "ivan", "jana", "jonas", "julia", "kai", "karin", "lea",
    "leo", "lena", "liam", "lucia", "luis", "maja", "marco", "marta", "max", "mila",
    "mina", "nadia", "nils", "nora", "noah", "olga", "oscar", "paula", "pia", "rosa",
    "sam", "sara", "simon", "sofia", "theo", "tilda", "tom", "vera", "yuki", "zoe",
)  # fmt: skip

#: Share of people whose main device is a phone.
PHONE_SHARE: Final = 0.53
#: Share of people who also use a device of the other kind.
SECOND_DEVICE_SHARE: Final = 0.12
#: Share of people who never log in: their public id is their device id.
ANONYMOUS_SHARE: Final = 0.28
#: Share of known people on the paid plan.
PLUS_SHARE: Final = 0.17


def draw_people(rng: np.random.Generator, count: int, first: int = 0) -> pl.DataFrame:
    """Draw `count` people, numbered from `first`.

    Columns: person, user_id, known, place, device_id, second_device_id (null when
    there is none), device, second_device (rows of `devices()`), plan, channel.

    Examples
    --------
    >>> draw_people(np.random.default_rng(1), 3)["user_id"].len()
    3
    """
    person = np.arange(first, first + count, dtype=np.int64)
    known = rng.random(count) >= ANONYMOUS_SHARE
    phone = rng.random(count) < PHONE_SHARE
    on_phone = _weighted(rng, [d.share for d in PHONES], count)
    on_desktop = _weighted(rng, [d.share for d in DESKTOPS], count) + len(PHONES)
    frame = pl.DataFrame(
        {
            "person": person,
            "known": known,
            "place": _weighted(rng, [p.share for p in PLACES], count).astype(np.int8),
            "device": np.where(phone, on_phone, on_desktop).astype(np.int8),
            "second_device": np.where(phone, on_desktop, on_phone).astype(np.int8),
            "two": rng.random(count) < SECOND_DEVICE_SHARE,
            "name": rng.integers(0, len(_FIRST_NAMES), count),
            "plus": rng.random(count) < PLUS_SHARE,
            "channel": pl.Series(list(CHANNELS)).gather(
                _weighted(rng, list(CHANNELS.values()), count)
            ),
            "salt": rng.integers(16**11, 16**12, count),
        }
    )
    names = pl.Series(_FIRST_NAMES)
    digits = pl.col("person").cast(pl.String).str.zfill(4)
    salted = pl.col("salt").cast(pl.String)
    device_id = pl.concat_str(
        pl.lit("d"), digits, pl.lit("-"), salted.str.slice(0, 8), pl.lit("-a")
    )
    return frame.with_columns(
        device_id=device_id,
        second_device_id=pl.when("two").then(
            device_id.str.replace("-a$", "-b"),
        ),
        second_device=pl.when("two").then("second_device"),
        plan=pl.when("known").then(
            pl.when("plus").then(pl.lit("plus")).otherwise(pl.lit("free"))
        ),
    ).select(
        "person",
        pl.when("known")
        .then(pl.concat_str(names.gather(frame["name"]), pl.lit("."), digits))
        .otherwise("device_id")
        .alias("user_id"),
        "known",
        "place",
        "device_id",
        "second_device_id",
        "device",
        "second_device",
        "plan",
        "channel",
    )


def devices() -> pl.DataFrame:
    """Return every device, phones first; `draw_people` points into it.

    Examples
    --------
    >>> devices().columns
    ['device_type', 'device_family', 'os_name', 'share']
    """
    return pl.DataFrame([*PHONES, *DESKTOPS], orient="row", schema=Device._fields)


def places() -> pl.DataFrame:
    """Return every place; `draw_people` points into it.

    Examples
    --------
    >>> places()["country"].n_unique()
    15
    """
    return pl.DataFrame(PLACES, orient="row", schema=Place._fields)


def _weighted(
    rng: np.random.Generator, shares: list[float], count: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw indices with the given relative shares."""
    bounds = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(bounds, rng.random(count), side="right").astype(np.int64)

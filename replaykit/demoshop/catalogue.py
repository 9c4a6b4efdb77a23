"""What the demo shop sells and discounts, and what people search for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("catalogue.json")

#: Where the size list of a product came from when it was never put in order.
UNSORTED_FEED: Final = "supplier"


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the shelf.

    `missorted` products show their sizes in the order of the supplier's feed
    (S, XL, M, L): the third planted story.
    """

    id: str
    name: str
    category: str
    price: float
    sizes: tuple[str, ...]
    missorted: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One thing people search for; more than one word makes the search slow."""

    text: str
    share: float

    @property
    def slow(self) -> bool:
        """Whether the shop takes seconds to answer it."""
        return " " in self.text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The shop's own data, as the page and the generator both read it."""

    products: tuple[Product, ...]
    categories: tuple[str, ...]
    queries: tuple[Query, ...]
    coupons: dict[str, float]
    expired_coupons: tuple[str, ...]
    help_topics: tuple[str, ...]


@cache
def catalogue() -> Catalogue:
    """Read the packaged catalogue once.

    Examples
    --------
    >>> [p.name for p in catalogue().products if p.missorted]
    ['Waffle cotton robe', 'Linen pyjama set', 'Merino house cardigan']
    """
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    return Catalogue(
        products=tuple(
            Product(
                id=item["id"],
                name=item["name"],
                category=item["category"],
                price=float(item["price"]),
                sizes=tuple(item.get("sizes", ())),
                missorted=item.get("size_feed") == UNSORTED_FEED,
            )
            for item in raw["products"]
        ),
        categories=tuple(entry["name"] for entry in raw["categories"]),
        queries=tuple(Query(q["text"], float(q["share"])) for q in raw["queries"]),
        coupons=dict(raw["coupons"]),
        expired_coupons=tuple(raw["expired_coupons"]),
        help_topics=tuple(raw["help"]),
    )


@cache
def found(query: str) -> tuple[str, ...]:
    """Return the ids that the shop's search finds, best first, at most twelve.

    Examples
    --------
    >>> found("wool blanket")[0]
    'wool-blanket'
    """
    words = query.casefold().split()
    hits = {
        item["id"]: sum(
            word in f"{item['name']} {item['category']} {item['blurb']}".casefold()
            for word in words
        )
        for item in json.loads(catalogue_bytes())["products"]
    }
    ranked = sorted((name for name in hits if hits[name]), key=lambda name: -hits[name])
    return tuple(ranked[:12])


def catalogue_bytes() -> bytes:
    """Return the file as the shop's server hands it to the page."""
    return _FILE.read_bytes()

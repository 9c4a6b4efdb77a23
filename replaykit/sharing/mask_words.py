"""What a shared page masks, as it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, Literal, TypeAlias, TypeGuard, get_args

from replaykit.errors import BadInput, check_option

Masked: TypeAlias = Literal[
    "users", "inputs", "addresses", "properties", "console", "network"
]
"""What a page masks: ids of `users`, devices and replays become pseudonyms; what was
typed into `inputs` becomes asterisks; values of queries in `addresses` become numbers;
`properties` that are not allowed, texts of the `console`, and what `network` requests
carried are left out."""

MASKED: Final[tuple[Masked, ...]] = get_args(Masked)

#: How a page speaks of them.
WORDS: Final[dict[Masked, str]] = {
    "users": "ids",
    "inputs": "inputs",
    "addresses": "queries",
    "properties": "properties",
    "console": "console",
    "network": "requests",
}


def masked_places(mask: object) -> frozenset[Masked]:
    """Read `mask=`: everything, nothing, or the places named.

    Examples
    --------
    >>> sorted(masked_places(["users"])), masked_places(False)
    (['users'], frozenset())
    """
    if mask is True:
        return frozenset(MASKED)
    if mask is False or mask is None:
        return frozenset()
    places: list[Any] = list(mask) if _is_list(mask) else [mask]
    for word in places:
        check_option("mask", word, MASKED)
    return frozenset(places)


def _is_list(given: object) -> TypeGuard[Iterable[object]]:
    return isinstance(given, Iterable) and not isinstance(given, str)


def allowed_properties(properties: object) -> frozenset[str] | None:
    """Read `properties=`: the names that travel, `None` for all."""
    if properties == "all":
        return None
    if isinstance(properties, str):
        return frozenset({properties})
    if isinstance(properties, Collection) and all(
        isinstance(one, str) for one in properties
    ):
        return frozenset(properties)
    raise BadInput(
        f"properties={properties!r} names no properties. Write "
        "properties=['price', 'category'], or properties='all'."
    )

"""Decide what a recorder masks (`spec/capture.md` 5), to check that a recording did.

Masking happens when a page is recorded; nothing here can undo or add it. A sample is
recorded, and a recording is checked, by the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from replaykit.errors import check_option

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["light", "medium", "conservative"]
"""What is masked without any marker: `light` the private kinds of input, `medium` every
input, `conservative` every input and all text."""

Decision = Literal["plain", "masked", "blocked"]
"""`plain` = as it was; `masked` = asterisks; `blocked` = a placeholder of its size."""

LEVELS: Final = ("light", "medium", "conservative")

_PRIVATE_TYPES: Final = frozenset({"password", "hidden", "email", "tel"})
_INPUTS: Final = frozenset({"input", "textarea", "select"})


@dataclass(frozen=True)
class Selectors:
    """Class names that mark elements; they hold for everything inside, too."""

    block: frozenset[str] = frozenset({"amp-block"})
    mask: frozenset[str] = frozenset({"amp-mask"})
    unmask: frozenset[str] = frozenset({"amp-unmask"})


def decide(
    element: str,
    *,
    level: Level = "medium",
    kind: str = "",
    autocomplete: str = "",
    own: Iterable[str] = (),
    ancestors: Iterable[str] = (),
    selectors: Selectors | None = None,
) -> Decision:
    """Say whether an element's content is recorded plain, masked or not at all.

    The first rule that fits wins: a block marker on the element or above it, then a
    mask marker, then an unmask marker, then the level. So what is inside a masked
    element cannot be unmasked, and what is inside an unmasked one can be masked again.

    Parameters
    ----------
    element
        Tag name.
    level
        The privacy level of the page.
    kind, autocomplete
        The input's `type` and `autocomplete` attributes.
    own, ancestors
        Class names of the element and of all elements above it.
    selectors
        Other class names than the standard ones.

    Examples
    --------
    >>> decide("input", level="light", kind="password")
    'masked'
    >>> decide("p", level="conservative", ancestors=["amp-unmask"])
    'plain'
    """
    check_option("level", level, LEVELS)
    markers = {*own, *ancestors}
    chosen = selectors if selectors is not None else Selectors()
    if markers & chosen.block:
        return "blocked"
    if markers & chosen.mask:
        return "masked"
    if markers & chosen.unmask:
        return "plain"
    is_input = element.lower() in _INPUTS
    if level == "conservative" or (level == "medium" and is_input):
        return "masked"
    private = kind.lower() in _PRIVATE_TYPES or autocomplete.lower().startswith("cc-")
    return "masked" if is_input and private else "plain"


def mask_text(text: str) -> str:
    """Replace every character that is not a space by an asterisk.

    Examples
    --------
    >>> mask_text("Ana Lima")
    '*** ****'
    """
    return "".join(char if char.isspace() else "*" for char in text)

"""Errors that say what was given, what exists, and the next move.

Every error of the toolkit is a `ReplayKitError` and also the builtin that a
caller would expect, so that `except KeyError` keeps working.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from numbers import Integral
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ReplayKitError(Exception):
    """Base of all errors that replaykit raises on purpose."""

    def __str__(self) -> str:
        """Return the message as written (`KeyError` would quote it)."""
        return str(self.args[0]) if self.args else ""


class UnknownEvent(ReplayKitError, KeyError):
    """An event name that the data do not hold."""


class UnknownProperty(ReplayKitError, KeyError):
    """A property or column that the data do not hold."""


class UnknownUser(ReplayKitError, KeyError):
    """A user that the data do not hold."""


class UnknownReplay(ReplayKitError, KeyError):
    """A replay id that the project does not hold."""


class UnknownCohort(ReplayKitError, KeyError):
    """A cohort that is not saved in the project."""


class UnknownPoint(ReplayKitError, KeyError):
    """A point that a result does not have."""


class UnknownOption(ReplayKitError, ValueError):
    """An option word that is not one of the documented ones."""


class BadDuration(ReplayKitError, ValueError):
    """A duration or interval that cannot be read, or that makes no sense here."""


class BadTime(ReplayKitError, ValueError):
    """A date, time, range or zone that cannot be read."""


class BadInput(ReplayKitError, ValueError):
    """A table or file whose content is not what the reader needs."""


class NotMasked(BadInput):
    """A page that would still hold what was to be taken out of it."""


class BadRecording(BadInput):
    """A recording that cannot be read or played."""


class MissingFile(ReplayKitError, FileNotFoundError):
    """A path that does not exist."""


class InUse(ReplayKitError, RuntimeError):
    """A project that others have open, where something must have it alone."""


class NotAProject(ReplayKitError, ValueError):
    """A folder that is not a replaykit project, or one that already is."""


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Return a sentence with the names nearest to `name`, or an empty string.

    Examples
    --------
    >>> did_you_mean("Add to crt", ["Add to cart", "Search"])
    "Did you mean 'Add to cart'?"
    >>> did_you_mean("zzz", ["Add to cart"])
    ''
    """
    names = list(known)
    folded: dict[str, str] = {}
    for candidate in names:
        folded.setdefault(candidate.casefold(), candidate)
    close = [
        folded[match]
        for match in get_close_matches(name.casefold(), folded, n=limit, cutoff=0.6)
    ]
    if not close:
        return ""
    quoted = [repr(match) for match in close]
    *others, final = quoted
    return f"Did you mean {', '.join(others)}{' or ' if others else ''}{final}?"


def check_option(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise `UnknownOption` unless `value` is one of the words in `allowed`.

    Examples
    --------
    >>> check_option("order", "this", ["this", "any", "exact"])
    """
    words = list(allowed)
    if value in words:
        return
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    listed = ", ".join(repr(word) for word in words)
    message = f"{name}={value!r} is not an option. {name} is one of {listed}."
    raise UnknownOption(f"{message} {hint}".rstrip())


def as_id(what: str, given: object) -> str:
    """Return an id as text: tables often have whole numbers for ids.

    Raises
    ------
    BadInput
        If it is neither a text nor a whole number.

    Examples
    --------
    >>> as_id("user", 5), as_id("user", "ana")
    ('5', 'ana')
    """
    if isinstance(given, str):
        return given
    if isinstance(given, Integral) and not isinstance(given, bool):
        return str(int(given))
    raise BadInput(f"{what}={given!r} is no id. Give one, such as 'ana' or 5.")


def as_path(what: str, given: object) -> str:
    """Return a path or URL as text.

    Raises
    ------
    BadInput
        If it is neither.

    Examples
    --------
    >>> from pathlib import PurePosixPath
    >>> as_path("path", PurePosixPath("shop.rk"))
    'shop.rk'
    """
    if isinstance(given, str | os.PathLike):
        return os.fsdecode(given)
    raise BadInput(f"{what}={given!r} is no path. Give a text or a Path.")

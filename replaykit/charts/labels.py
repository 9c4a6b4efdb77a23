"""Text for charts: names from data made safe, short and readable.

Plotly reads `<b>`, `<a href>`, `&…;` and `$…$` in every label as markup. Whatever comes
from data goes through `label` or `wrapped`, so that markup is shown and never obeyed.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from replaykit.points import Group

NONE: Final = "(none)"
#: Between an event and its group, and between the labels of several groupings.
DOT: Final = " · "
#: Secondary text: the host's token where there is one, else a grey that both a light
#: and a dark page carry.
_SECOND: Final = "font-size:11px;color:var(--rk-text-2, #7a7a7a)"

_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_JOINER: Final = "\u200d"
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_SKIN: Final = range(0x1F3FB, 0x1F400)


def plain(text: str) -> str:
    """Return text that plotly shows as it is, markup and formulas included.

    Examples
    --------
    >>> plain("<b>bob</b> & $x$")
    '&lt;b&gt;bob&lt;/b&gt; &amp; &#36;x&#36;'
    """
    shown = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return "".join(_MARKUP.get(character, character) for character in shown)


def cut(text: str, width: int) -> str:
    """Shorten text to `width` visible characters, never inside one.

    Flags, joined emoji and letters with combining marks stay whole.

    Examples
    --------
    >>> cut("Review Section Scrolled", 10)
    'Review Se…'
    >>> cut("abćd", 3)
    'ab…'
    """
    clusters = _clusters(text)
    if len(clusters) <= width:
        return text
    return "".join(clusters[: width - 1]).rstrip() + "…"


def label(value: object, width: int = 40) -> str:
    """Return the label of one value: safe, at most `width` characters long.

    Examples
    --------
    >>> label(None), label("<i>Add")
    ('(none)', '&lt;i&gt;Add')
    """
    return plain(cut(NONE if value is None else str(value), width))


def joined(values: Iterable[object], width: int = 40) -> str:
    """Return several labels as one, for a series that is an event in a group.

    Examples
    --------
    >>> joined(["Purchase", "DE", None])
    'Purchase · DE · (none)'
    """
    return DOT.join(label(value, width) for value in values)


def group_of(part: pl.DataFrame, by: Sequence[str]) -> Group:
    """Return the labels of one group of rows, as they stand in keys."""
    return tuple(
        None if (value := part[name][0]) is None else str(value) for name in by
    )


def few(names: Sequence[str]) -> str:
    """Name the first of many.

    Examples
    --------
    >>> few(["A", "B"]), few(["A", "B", "C", "D"])
    ('A, B', 'A, B, C and 1 more')
    """
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def wrapped(text: str, width: int = 18, lines: int = 2) -> str:
    """Return a label broken between words into at most `lines` lines.

    Examples
    --------
    >>> wrapped("3 · Checkout Started Again", 14)
    '3 · Checkout<br>Started Again'
    """
    out: list[str] = []
    for word in text.split():
        if out and len(out[-1]) + 1 + len(word) <= width:
            out[-1] += f" {word}"
        else:
            out.append(word)
    if len(out) > lines:
        out = [*out[: lines - 1], " ".join(out[lines - 1 :])]
    return "<br>".join(label(line, width) for line in out)


def second(text: str) -> str:
    """Return our own text (never data) as a smaller, quieter line of a label."""
    return f'<span style="{_SECOND}">{text}</span>'


def count(number: float) -> str:
    """Write a count or a measured value with thousands separators.

    Examples
    --------
    >>> count(18204), count(2.3333)
    ('18,204', '2.33')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def percent(share: float | None) -> str:
    """Write a share with one digit, as the table would be read aloud.

    Examples
    --------
    >>> percent(0.4082), percent(1.0)
    ('40.8 %', '100 %')
    """
    if share is None:
        return "–"
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def length(seconds: float) -> str:
    """Write a length of time in its two largest units.

    Examples
    --------
    >>> length(0), length(42.5), length(252), length(7260), length(200_000)
    ('0 s', '42.5 s', '4 min 12 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    units = (
        (days, "d"),
        (rest // 3600, "h"),
        (rest % 3600 // 60, "min"),
        (rest % 60, "s"),
    )
    return " ".join([f"{number} {unit}" for number, unit in units if number][:2])


def _clusters(text: str) -> list[str]:
    """Split text into what a reader takes for one character."""
    clusters: list[str] = []
    for character in text:
        code = ord(character)
        previous = clusters[-1] if clusters else ""
        joins = (
            unicodedata.category(character) in {"Mn", "Me", "Mc"}
            or character == _JOINER
            or code in _SKIN
            or previous.endswith(_JOINER)
            or (code in _REGIONAL and len(previous) == 1 and ord(previous) in _REGIONAL)
        )
        if joins and clusters:
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters

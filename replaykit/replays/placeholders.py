"""Pictures that stand where something was not recorded, and say what it was."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from urllib.parse import quote


@lru_cache(maxsize=512)
def placeholder(what: str, width: int = 160, height: int = 90) -> str:
    """Return a `data:` picture labelled with what it stands for.

    Examples
    --------
    >>> placeholder("image not in the recording")[:19]
    'data:image/svg+xml,'
    """
    label = escape(what)
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>"
        f"<title>{label}</title>"
        "<rect width='100%' height='100%' fill='#eceff1'/>"
        "<rect x='.5' y='.5' width='99%' height='98%' fill='none' stroke='#b0bec5' "
        "stroke-dasharray='4 3'/>"
        "<g fill='#546e7a' font-family='sans-serif' font-size='12' "
        "text-anchor='middle'>"
        f"{_lines(what)}</g></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe="/:=' ")


def _lines(what: str) -> str:
    """Return the label in two lines, so that it fits: what it was, and what of it."""
    first, _, rest = what.partition(" not ")
    if not rest:
        return f"<text x='50%' y='53%'>{escape(what)}</text>"
    return (
        f"<text x='50%' y='46%' font-weight='bold'>{escape(first)}</text>"
        f"<text x='50%' y='66%' font-size='11'>{escape('not ' + rest)}</text>"
    )


def background(what: str) -> str:
    """Return a style declaration that shows the placeholder behind an element."""
    return f'background: #eceff1 url("{placeholder(what)}") center / contain no-repeat;'

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
        "<text x='50%' y='50%' fill='#546e7a' font-family='sans-serif' font-size='11' "
        f"text-anchor='middle' dominant-baseline='middle'>{label}</text></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe="/:=' ")


def background(what: str) -> str:
    """Return a style declaration that shows the placeholder behind an element."""
    return f'background: #eceff1 url("{placeholder(what)}") center / contain no-repeat;'

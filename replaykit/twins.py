"""What stands in place of a widget where scripts are off: tables and moments as HTML.

No script, no style, no handler: any viewer shows it, trusted or not. It is made of the
answers a widget gets, live or masked for a shared page.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from replaykit.wording import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Rows of a table, and moments of a replay.
TWIN_ROWS: Final = 24
MOMENTS: Final = 6
#: Moments nearer than this to a chosen one say the same.
_APART_MS: Final = 1_500
_MARKS: Final = {
    "error": "error",
    "rage": "rage clicks",
    "request": "failed request",
    "dead": "dead click",
}


class Moment(NamedTuple):
    """A moment worth a picture: when, what happened, and on which page."""

    t: int
    what: str
    title: str
    path: str


def moments(session: Mapping[str, Any], most: int = MOMENTS) -> list[Moment]:
    """Return the moments that tell a replay best, in time order.

    Where it opens comes first, then charted events, errors, rage clicks, failed
    requests, pages, and other events, as far as there is room.
    """
    length = float(session["length_ms"])
    events = session["events"]
    every = zip(events["t"], events["name"], events["charted"], strict=True)
    rows = [row for row in every if 0 <= row[0] <= length]
    wanted: list[tuple[float, str]] = []
    opened = session.get("opened_t")
    if opened is not None:
        wanted.append((float(opened), str(session.get("because") or "")))
    wanted += [(t, name) for t, name, charted in rows if charted]
    for kind, words in _MARKS.items():
        marks = [one for one in session["marks"] if one["kind"] == kind]
        wanted += [(one["t"], f"{words}: {one['label']}") for one in marks[:1]]
    wanted.append((0.0, ""))
    wanted += [(page["t"], "") for page in session["pages"]]
    wanted += [(t, name) for t, name, _ in rows]
    chosen: list[tuple[float, str]] = []
    for t, what in wanted:
        apart = all(abs(t - other) >= _APART_MS for other, _ in chosen)
        if 0 <= t <= length and apart and len(chosen) < most:
            chosen.append((t, what))
    return [
        Moment(round(t), what or _event_near(rows, t), *_page_at(session["pages"], t))
        for t, what in sorted(chosen)
    ]


def _event_near(rows: Sequence[tuple[float, str, int]], t: float) -> str:
    near = [(abs(at - t), name) for at, name, _ in rows if abs(at - t) <= _APART_MS]
    return min(near)[1] if near else ""


def _page_at(pages: Sequence[Mapping[str, Any]], t: float) -> tuple[str, str]:
    title = path = ""
    for page in pages:
        if page["t"] > t:
            break
        title = str(page.get("title") or title)
        parts = page_of(str(page["url"]))
        path = parts
    return title, path


def page_of(url: str) -> str:
    """Return the path and query of a web address, any other text as it is.

    Examples
    --------
    >>> page_of("https://x.test/cart?a=1"), page_of("http://[")
    ('/cart?a=1', 'http://[')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if parts.scheme not in {"http", "https"}:
        return url
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def player_twin(
    session: Mapping[str, Any], frames: Sequence[str | None] = (), more: int = 0
) -> str:
    """Return a replay as a strip of moments and its event table.

    Parameters
    ----------
    session
        The answer to `session`.
    frames
        A picture per moment, as a `data:` address; cards of text stand without.
    more
        How many more replays the player holds.
    """
    events = session["events"]
    rows = [
        (clock(t), name)
        for t, name in zip(events["t"], events["name"], strict=True)
        if 0 <= t <= session["length_ms"]
    ]
    others = f" and {more} more" if more else ""
    head = f"Session replay of {session['user']}, {clock(session['length_ms'])}{others}"
    return table_twin(head, ("time", "event"), rows, strip(moments(session), frames))


def strip(chosen: Sequence[Moment], frames: Sequence[str | None] = ()) -> str:
    """Return moments side by side: pictures where there are some, and what they show.

    Examples
    --------
    >>> strip([Moment(4_000, "Buy", "Cart", "/cart")])
    '<table><tbody><tr><td><strong>0:04</strong><br>Cart<br><code>/cart</code><br>Buy</td></tr></tbody></table>'
    """
    if not chosen:
        return ""
    cells = []
    for index, one in enumerate(chosen):
        frame = frames[index] if index < len(frames) else None
        picture = ""
        if frame:
            words = html.escape(f"The page at {clock(one.t)}")
            picture = f'<img src="{frame}" alt="{words}" width="200"><br>'
        said = [
            f"<strong>{clock(one.t)}</strong>",
            html.escape(one.title),
            f"<code>{html.escape(one.path)}</code>" if one.path else "",
            html.escape(one.what),
        ]
        cells.append(f"<td>{picture}{'<br>'.join(filter(None, said))}</td>")
    return f"<table><tbody><tr>{''.join(cells)}</tr></tbody></table>"


def home_twin(data: Mapping[str, Any]) -> str:
    """Return a list of sessions as a table; `data` is the answer to `home`."""
    rows = [
        (row["user"], clock(row["length_ms"]), row["country"] or "", row["first_page"])
        for row in data["rows"]
    ]
    head = f"{data['title']}: {data['total']:,} session replays, last {data['last']}"
    return table_twin(head, ("user", "length", "country", "first page"), rows)


def table_twin(
    head: str,
    columns: Iterable[str],
    rows: Sequence[tuple[object, ...]],
    above: str = "",
) -> str:
    """Return a plain HTML table that any viewer shows, trusted or not.

    Examples
    --------
    >>> table_twin("<b>", ["n"], [(1,)])
    '<div><p><strong>&lt;b&gt;</strong></p><table><thead><tr><th>n</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table></div>'
    """

    def row(tag: str, cells: Iterable[object]) -> str:
        inside = "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
        return f"<tr>{inside}</tr>"

    body = "".join(row("td", cells) for cells in rows[:TWIN_ROWS])
    more = len(rows) - TWIN_ROWS
    foot = f"<p>and {more:,} more rows</p>" if more > 0 else ""
    return (
        f"<div><p><strong>{html.escape(head)}</strong></p>{above}<table><thead>"
        f"{row('th', columns)}</thead><tbody>{body}</tbody></table>{foot}</div>"
    )

"""What a list of captured sessions is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from replaykit.errors import UnknownOption
from replaykit.replies.asked import KEPT_POINTS, MOST_ROWS, Reply, count_in, text_in
from replaykit.replies.watching import Watching
from replaykit.rows_as_json import list_rows, to_json
from replaykit.search_query import fields_of, read_query, values_of
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

    from replaykit.source import Source
    from replaykit.timeline import Span


@dataclass(frozen=True, eq=False)
class Home:
    """A list of captured sessions, newest first, and the search of it.

    Attributes
    ----------
    source
        Where the replays lie.
    facts
        Counts to show above the list, for a range.
    within
        The range that `"7d"` names.
    last
        The range shown first; empty for all.
    search
        Returns rows of the catalogue for the options of `replays.search`.
    title
        What stands above the list.
    call
        How the list is written in code.
    watching
        What a player plays, if not the whole catalogue.
    """

    source: Source
    facts: Callable[[str], Iterable[tuple[str, str]]]
    within: Callable[[str], Span]
    last: str
    search: Callable[[dict[str, Any]], pl.DataFrame]
    title: str = ""
    call: str = "shop.replays"
    watching: Watching | None = None
    _found: dict[str, pl.DataFrame] = field(default_factory=dict)
    _played: list[Watching] = field(default_factory=list)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer `home`, `sessions`, `search`, and what a player asks."""
        match kind:
            case "search":
                return self._search(params)
            case "fields":
                return Reply({"fields": fields_of(self.source)})
            case "values":
                name = text_in(params, "name")
                return Reply({"values": values_of(self.source, name)})
            case "home":
                last = str(params.get("last") or self.last)
                rows = self.replays(last)
                facts = [
                    {"value": value, "label": label}
                    for value, label in self.facts(last)
                ]
                return Reply(
                    {
                        "title": self.title or self.source.title,
                        "zone": self.source.zone,
                        "last": last,
                        "span": self.span(last),
                        "facts": facts,
                        "total": rows.height,
                        "rows": list_rows(rows.head(100)),
                    }
                )
            case "sessions":
                last = str(params.get("last") or self.last)
                rows = self.replays(last)
                offset, limit = count_in(params, "offset"), count_in(params, "limit")
                page = rows.slice(offset, min(limit, MOST_ROWS))
                return Reply({"total": rows.height, "rows": list_rows(page)})
            case _:
                return self.watched().answer(kind, params)

    def watched(self, _point: object = None) -> Watching:
        """Return what a player plays; the same one each time, as it may be followed."""
        if self.watching is not None:
            return self.watching
        if not self._played:
            self._played.append(Watching(self.source, self.source.catalogue))
        return self._played[0]

    def over(self, source: Source) -> Home:
        """Return the same list, read from a part of the events that holds its own."""
        return replace(self, source=source, watching=self.watched().over(source))

    def _search(self, params: Mapping[str, Any]) -> Reply:
        """Search as the filter bar asks; the last searches are kept for their pages."""
        query = params.get("query")
        if not isinstance(query, dict):
            raise UnknownOption(f"query must be an object, not {query!r}.")
        options, arguments = read_query(self.source, query)
        code = f"{self.call}.search({arguments})"
        name = to_json(query)
        if name not in self._found:
            self._found[name] = self.search(options)
            while len(self._found) > KEPT_POINTS:
                self._found.pop(next(iter(self._found)))
        rows = self._found[name]
        offset, limit = count_in(params, "offset"), count_in(params, "limit")
        page = rows.slice(offset, min(limit, MOST_ROWS))
        return Reply({"total": rows.height, "code": code, "rows": list_rows(page)})

    def replays(self, last: str) -> pl.DataFrame:
        """Return the replays that start in the last days, newest first."""
        return self.search({"last": last} if last else {})

    def span(self, last: str) -> str:
        """Name the range shown, and say where recordings are when it holds none."""
        if not last:
            return "all time"
        words = span_words(self.within(last))
        newest = self.source.catalogue["start"].max()
        if self.replays(last).is_empty() and isinstance(newest, datetime):
            return f"{words} holds none; the newest is of {newest:%d %b %Y}"
        return words

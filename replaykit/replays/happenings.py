"""What people did and were shown in recordings, as facts that two groups can share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.replays import elements, frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.replays.scene import Stored

FactKind: TypeAlias = Literal[
    "clicked",
    "rage clicked",
    "dead clicked",
    "typed into",
    "saw page",
    "was told",
    "met error",
    "failed request",
]
"""What a fact says of a person: they clicked, also in rage or in vain, typed, saw a
page, were told something by it, met an error of its script, or a failed request."""

#: Where pages put what they tell, by the roles of WAI-ARIA.
MESSAGES: Final = (
    '[role="alert"], [role="status"], [aria-live="assertive"], [aria-live="polite"]'
)

FACTS: Final[dict[str, pl.DataType]] = {
    "replay_id": pl.String(),
    "time_ms": pl.Int64(),
    "time": pl.Datetime("us", "UTC"),
    "kind": pl.String(),
    "what": pl.String(),
    "selector": pl.String(),
}

#: Texts are told apart up to this length.
_TEXT: Final = 120
#: Parts of a path that name one thing among many: numbers, and long hexadecimal ids.
_ONE_OF_MANY: Final = r"^(?:\d+|[0-9a-fA-F-]{12,})$"


def facts(
    recordings: Stored,
    replay_ids: Iterable[str],
    *,
    messages: str = MESSAGES,
    progress: bool = False,
) -> pl.DataFrame:
    """Read what people did and were shown, one row per happening (`FACTS`).

    `what` names the thing: an element by its label, else by its selector; a page or a
    request by its path, where numbers and long ids are `*`; what pages or scripts tell
    by its first line, where runs of digits are `#`. Elements of one label but different
    selectors are two things, as their `selector` says. Typing on in one field is one
    happening.

    Parameters
    ----------
    recordings
        The store.
    replay_ids
        Which recordings.
    messages
        A CSS selector of the elements in which pages tell something.
    progress
        Show bars while reading.
    """
    ids = list(replay_ids)

    def read(kind: frames.FrameKind) -> pl.DataFrame:
        return frames.frame(recordings, ids, kind, progress=progress)

    clicks = read("clicks").filter(pl.col("action") != "context menu")
    told = elements.elements(recordings, ids, messages, "appeared", progress=progress)
    network = read("network").filter("failed")
    parts: list[tuple[FactKind, pl.DataFrame, pl.Expr, pl.Expr]] = [
        ("clicked", clicks, _named(), pl.col("selector")),
        ("rage clicked", clicks.filter("rage"), _named(), pl.col("selector")),
        ("dead clicked", clicks.filter("dead"), _named(), pl.col("selector")),
        ("typed into", read("inputs"), _field(), pl.col("selector")),
        ("saw page", read("pages"), _path("url"), _nothing()),
        ("was told", told, _text("label"), pl.col("selector")),
        ("met error", read("errors"), _text("text"), _nothing()),
        ("failed request", network, _request(), _nothing()),
    ]
    found = [
        frame.select(
            "replay_id",
            "time_ms",
            "time",
            pl.lit(kind).alias("kind"),
            what.alias("what"),
            selector.alias("selector"),
        )
        for kind, frame, what, selector in parts
    ]
    table = pl.concat(found).cast(FACTS)  # type: ignore[arg-type]
    return table.filter(pl.col("what").str.len_chars() > 0, ~_typed_on())


def _typed_on() -> pl.Expr:
    """Say of each row whether it goes on typing where the one before it did."""
    own = pl.struct("replay_id", "kind", "what", "selector")
    return (pl.col("kind") == "typed into") & own.eq_missing(own.shift())


def _nothing() -> pl.Expr:
    return pl.lit(None, pl.String)


def _named() -> pl.Expr:
    name = _line("label")
    return pl.when(name.str.len_chars() > 0).then(name).otherwise("selector")


def _field() -> pl.Expr:
    return pl.coalesce(pl.col("name").replace("", None), _named())


def _line(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars().str.split("\n").list.first()
    return text.str.slice(0, _TEXT)


def _text(column: str) -> pl.Expr:
    return _line(column).str.replace_all(r"\d+", "#")


def _path(column: str) -> pl.Expr:
    path = pl.col(column).str.replace(r"^[a-zA-Z][\w+.-]*://[^/?#]*", "")
    parts = path.str.replace(r"[?#].*$", "").str.split("/")
    path = parts.list.eval(pl.element().str.replace(_ONE_OF_MANY, "*")).list.join("/")
    return pl.when(path.str.len_chars() > 0).then(path).otherwise(pl.lit("/"))


def _request() -> pl.Expr:
    status = pl.col("status").cast(pl.String).fill_null("no answer")
    method = pl.col("method").fill_null("GET")
    return pl.concat_str(method, _path("request"), status, separator=" ")

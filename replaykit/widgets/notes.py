"""What a person notes while watching: rows that the player shows, and a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

import polars as pl

from replaykit.errors import BadInput, UnknownProperty
from replaykit.ingest.frames import to_lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Longer texts are refused: notes are synced with every change.
LONGEST: Final = 2_000
_NEEDED: Final = ("replay_id", "time_ms", "text")


class Note(TypedDict):
    """One note, as the front end writes it."""

    replay: str
    t: int
    text: str


def notes_frame(notes: Sequence[Note], catalogue: pl.DataFrame) -> pl.DataFrame:
    """Return notes as a frame, by replay in the order of `catalogue`, then by time.

    Parameters
    ----------
    notes
        The notes.
    catalogue
        `replay_id`, `user_id` and `start` of the replays, in order; `stands_for` where
        they were picked.
    """
    table = pl.DataFrame(
        [(note["replay"], note["t"], note["text"]) for note in notes],
        schema={"replay_id": pl.String, "time_ms": pl.Int64, "text": pl.String},
        orient="row",
    )
    weights = ["stands_for"] if "stands_for" in catalogue.columns else []
    known = catalogue.select("replay_id", "start", *weights, user="user_id")
    placed = known.unique("replay_id", maintain_order=True).with_row_index("#")
    return (
        table.join(placed, on="replay_id", how="left", maintain_order="left")
        .sort("#", "time_ms", nulls_last=True, maintain_order=True)
        .with_columns(time=pl.col("start") + pl.duration(milliseconds="time_ms"))
        .select("replay_id", "user", "time_ms", "time", "text", *weights)
    )


def read_notes(given: object) -> list[Note]:
    """Read notes back from a frame of `replay_id`, `time_ms` and `text`.

    Raises
    ------
    UnknownProperty
        If one of these columns is missing.
    """
    if given is None:
        return []
    lazy = to_lazy(given)
    names = lazy.collect_schema().names()
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise UnknownProperty(
            f"Notes have the columns {', '.join(_NEEDED)}; {', '.join(missing)} is "
            f"missing among {', '.join(names) or 'none'}."
        )
    rows = (
        lazy.select(
            pl.col("replay_id").cast(pl.String),
            pl.col("time_ms").cast(pl.Int64),
            pl.col("text").cast(pl.String).fill_null(""),
        )
        .drop_nulls()
        .collect()
    )
    return [checked(replay, t, text) for replay, t, text in rows.iter_rows()]


def checked(replay: str, t: float, text: object) -> Note:
    """Return a note, or refuse what is none.

    Raises
    ------
    BadInput
        If the text is no text, blank, or longer than 2,000 characters.
    """
    if not isinstance(text, str) or not text.strip():
        raise BadInput(f"A note is a text that is not blank, not {text!r}.")
    if len(text) > LONGEST:
        raise BadInput(
            f"This note has {len(text):,} characters; {LONGEST:,} is the most. Keep "
            "long texts in a cell beside the player."
        )
    return Note(replay=replay, t=max(0, round(t)), text=text.strip())

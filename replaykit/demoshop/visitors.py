"""The recorded visitors: the first people of the population, and when the demo ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from replaykit.demoshop.people import draw_people

#: The moment the demo calls now: nothing in it happens later.
NOW: Final = datetime(2026, 3, 31, 18, 0, tzinfo=UTC)
#: The shop's own time zone.
TZ: Final = "Europe/Berlin"
#: The recordings were made in this many days before `NOW`.
RECORDED_DAYS: Final = 10
#: How many visitors were recorded.
RECORDED_VISITORS: Final = 40

_SEED: Final = 2026


def visitors() -> pl.DataFrame:
    """Return who was recorded: the columns of `draw_people` and `history`.

    Visitors without history are new: the population holds no rows of them.

    Examples
    --------
    >>> visitors().height
    40
    """
    rng = np.random.default_rng(_SEED)
    people = draw_people(rng, RECORDED_VISITORS)
    return people.with_columns(history=pl.Series(rng.random(RECORDED_VISITORS) < 0.6))


#: Drawn once; the identities are fixed by their own seed, not the population's.
VISITORS: Final = visitors()

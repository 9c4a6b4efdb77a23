"""What can be asked of events; each reads rows and calls a pure function."""

from __future__ import annotations

from dataclasses import dataclass

from replaykit.questions.asking import names_in
from replaykit.questions.counts import Counts
from replaykit.questions.funnels import Funnelled
from replaykit.questions.journeys import Journeyed
from replaykit.questions.people import People
from replaykit.questions.returns import Returns
from replaykit.questions.visits import Visits

__all__ = ["Questions", "names_in"]


@dataclass(frozen=True, eq=False, repr=False)
class Questions(Counts, Funnelled, Journeyed, Visits, Returns, People):
    """What can be asked of events; `Events` is what it is asked of."""

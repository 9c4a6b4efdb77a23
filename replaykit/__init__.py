"""Open any number in a notebook, and watch the people behind it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replaykit.analyses.filters import where, where_all
    from replaykit.analyses.funnel_plan import Exclusion
    from replaykit.analyses.inline_cohorts import performed
    from replaykit.analyses.session_rules import SessionRule
    from replaykit.demoshop.project import demo
    from replaykit.handles import Events
    from replaykit.opening import create, events, open  # noqa: A004
    from replaykit.portfolios import portfolio
    from replaykit.project import Project
    from replaykit.query import event
    from replaykit.redaction.rules import redact
    from replaykit.replay_list import Replays
    from replaykit.sharing import share
    from replaykit.users import Users
    from replaykit.versions import show_versions
    from replaykit.widgets import Player

__version__ = "0.1.0"

__all__ = [
    "Events",
    "Exclusion",
    "Player",
    "Project",
    "Replays",
    "SessionRule",
    "Users",
    "create",
    "demo",
    "event",
    "events",
    "open",
    "performed",
    "portfolio",
    "redact",
    "share",
    "show_versions",
    "where",
    "where_all",
]

#: Where each public name lives; it is imported on first use, so that the import of the
#: package starts no compiler, no widget and no chart library.
_HOMES = {
    "Events": "handles",
    "Exclusion": "analyses.funnel_plan",
    "Player": "widgets",
    "Project": "project",
    "Replays": "replay_list",
    "SessionRule": "analyses.session_rules",
    "Users": "users",
    "create": "opening",
    "demo": "demoshop.project",
    "event": "query",
    "events": "opening",
    "open": "opening",
    "portfolio": "portfolios",
    "performed": "analyses.inline_cohorts",
    "redact": "redaction.rules",
    "share": "sharing",
    "show_versions": "versions",
    "where": "analyses.filters",
    "where_all": "analyses.filters",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'replaykit' has no attribute {name!r}")
    value: object = getattr(import_module(f"replaykit.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Offer the public names to completion."""
    return __all__

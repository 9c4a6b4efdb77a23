"""The widgets: one front end and its kinds of view, each on one clock.

The widget library is loaded when the first of them is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from replaykit.widgets.showing import Watched, view_of

if TYPE_CHECKING:
    from replaykit.widgets.mosaic import Mosaic
    from replaykit.widgets.player import Player
    from replaykit.widgets.view import View

__all__ = ["Mosaic", "Player", "View", "Watched", "view_of"]

_HOMES = {"Mosaic": "mosaic", "Player": "player", "View": "view"}


def __getattr__(name: str) -> object:
    """Import a widget on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'replaykit.widgets' has no attribute {name!r}")
    return getattr(import_module(f"replaykit.widgets.{home}"), name)

"""The widgets: one front end, three kinds of view, all on one clock."""

from replaykit.widgets.player import Player
from replaykit.widgets.view import View

__all__ = ["Player", "View"]

"""The widgets: one front end and its kinds of view, each on one clock."""

from replaykit.widgets.mosaic import Mosaic, Watched
from replaykit.widgets.player import Player
from replaykit.widgets.view import View

__all__ = ["Mosaic", "Player", "View", "Watched"]

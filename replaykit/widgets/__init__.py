"""The widgets: one front end and its kinds of view, each on one clock."""

from replaykit.widgets.mosaic import Mosaic, watched
from replaykit.widgets.player import Player
from replaykit.widgets.view import View

__all__ = ["Mosaic", "Player", "View", "watched"]

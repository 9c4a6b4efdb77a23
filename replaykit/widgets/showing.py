"""What opens in a widget: the widget library is loaded when something is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from replaykit.query import Step
    from replaykit.replies.tiles import Sample
    from replaykit.widgets.mosaic import Mosaic
    from replaykit.widgets.player import Player, Watchable
    from replaykit.widgets.view import View


def view_of(answers: Any, *, kind: str, zone: str) -> View:
    """Return a view of what answers the front end (`View`)."""
    from replaykit.widgets.view import View  # noqa: PLC0415 - ipywidgets

    return View(answers, kind=kind, zone=zone)


class Watched:
    """Whoever names replays to watch: users, replays, a person, an opened number."""

    @overload
    def watch(self: Watchable, *, follow: bool = False) -> Player: ...
    @overload
    def watch(
        self: Watchable,
        *,
        at: str | Step | None = None,
        tiles: int,
        which: Sample = "in order",
    ) -> Mosaic: ...
    def watch(
        self: Watchable,
        *,
        follow: bool = False,
        at: str | Step | None = None,
        tiles: int | None = None,
        which: Sample = "in order",
    ) -> Player | Mosaic:
        """Open the player on these replays, each at its moment.

        Parameters
        ----------
        follow
            Go on as the recording on screen grows (`rk.Player`).
        tiles
            So many side by side instead, up to 9, on one clock.
        at
            With `tiles`: the event at which they are aligned. By default where each
            answers its point, or its start.
        which
            With `tiles`: `"in order"`, `"typical"` or `"unusual"` ones first.
        """
        if tiles is None:
            if at is not None or which != "in order":
                raise BadInput(
                    "at= and which= are of replays side by side: give tiles=9 as well. "
                    "A player is moved by player.seek('Add to cart')."
                )
            from replaykit.widgets.player import Player  # noqa: PLC0415 - ipywidgets

            return Player(self, follow=follow)
        if follow:
            raise BadInput("follow= is of one player: leave tiles= out.")
        from replaykit.widgets.mosaic import Mosaic  # noqa: PLC0415 - ipywidgets

        return Mosaic(self, at=at, tiles=tiles, which=which)

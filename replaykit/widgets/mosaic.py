"""Up to nine replays side by side, on one clock that counts from a shared moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replaykit.bundle import bundle_of_player, twin_of_player, with_bundle
from replaykit.errors import BadInput
from replaykit.replies.tiles import MOST_TILES, Tiles
from replaykit.travelling import saved_form
from replaykit.widgets.view import View
from replaykit.wording import count_words

if TYPE_CHECKING:
    from replaykit.query import Step
    from replaykit.replies import Watching
    from replaykit.replies.tiles import Sample
    from replaykit.widgets.player import Watchable


class Mosaic(View):
    """Watch up to nine replays at once, aligned where something happened in each.

    All of them stand at the same distance from the shared moment, before it or after.
    A replay that has not begun, or is over, says so and keeps its page. Any of them
    opens in a player below.

    Parameters
    ----------
    replays
        `Users`, `Replays`, or one row of them.
    at
        The event at which they are aligned; replays without it are left out. By default
        the moment at which each answers its point, or its start.
    tiles
        How many at a time, 1 to 9; the widget goes on to the next ones.
    which
        `"in order"`; `"typical"`: those that together stand for all; `"unusual"`:
        those least alike to any other (`Replays.pick`).

    Raises
    ------
    UnknownReplay
        If none of them can be played, or holds the event.
    UnknownEvent
        If there is no such event.
    BadInput, UnknownOption
        If `tiles` or `which` is none.

    Examples
    --------
    >>> import replaykit as rk
    >>> shop = rk.demo()
    >>> shop.replays.watch(at="Add to Cart", tiles=4)
    Mosaic of 4 of 55 replays, aligned at Add to Cart
    """

    def __init__(
        self,
        replays: Watchable,
        *,
        at: str | Step | None = None,
        tiles: int = MOST_TILES,
        which: Sample = "in order",
    ) -> None:
        whole = isinstance(tiles, int) and not isinstance(tiles, bool)
        if not whole or not 1 <= tiles <= MOST_TILES:
            raise BadInput(f"tiles={tiles!r} is no number from 1 to {MOST_TILES}.")
        self._tiles = Tiles(replays.watching(), at, tiles, which)
        page = self._tiles.answer("mosaic", {}).data
        super().__init__(
            self._tiles,
            kind="mosaic",
            zone=self._tiles.watching.source.zone,
            replays=[tile["replay"] for tile in page["tiles"]],
        )
        self._total = page["total"]

    def __repr__(self) -> str:
        """Say how many, and what they share."""
        of = count_words(self._total, "replay")
        return f"Mosaic of {len(self.replays)} of {of}, aligned at {self._tiles.anchor}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_bundle(
            super()._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            twin_of_player(self._tiles.watching),
            repr(self),
        )

    def _replaykit_share_(self) -> tuple[Watching, dict[str, Any]]:
        """In a shared page a mosaic is a player of its replays."""
        watching = self._tiles.watching
        return watching, bundle_of_player(watching)

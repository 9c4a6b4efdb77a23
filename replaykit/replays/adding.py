"""Add what was read of a recording to what is stored of it, and lose nothing.

What is stored in the end is each event once, whatever pieces the recording came in and
in whatever order. How that is reached depends on what came: only what is later is read
(`replays.resuming`), or all that came, or that together with what is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_events import counted
from replaykit.ingest.rrweb_formats import unpacked
from replaykit.replays.comparing import Compared, Comparing
from replaykit.replays.reassemble import recorded_events
from replaykit.replays.resuming import Reading, following, grown, unpack
from replaykit.replays.storing import Storing, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.ingest.rrweb import RawRecording
    from replaykit.ingest.rrweb_events import Event
    from replaykit.replays.resuming import Saved
    from replaykit.replays.sanitise import Sanitiser
    from replaykit.store.recordings import Batch, Held, Row


class Adding:
    """Adds one recording, or a piece of one.

    Parameters
    ----------
    batch
        Where to.
    raw
        What was read.
    sanitiser
        Cleans it.
    salt
        What else the result depends on.
    """

    def __init__(
        self, batch: Batch, raw: RawRecording, sanitiser: Sanitiser, salt: str
    ) -> None:
        """Add nothing yet."""
        self._batch = batch
        self._raw = raw
        self._sanitiser = sanitiser
        self._salt = salt

    def storing(self, known: Row | None) -> tuple[Storing | None, bool]:
        """Write the recording, with what is `known` to be stored of it, to a draft.

        None if there is nothing new. The other value tells whether all that is stored
        was read now as well, as from a file that grew.

        Raises
        ------
        BadRecording
            If it cannot be written, or if what is stored is needed and damaged.
        """
        raw, saved = self._raw, None
        if known is None:
            return self._anew(saved), True
        if raw.digest in known["digest"].split():
            return None, True
        covering = self._covers(known)
        try:
            with self._batch.held(raw.identity.replay_id) as held:
                saved = unpack(held.state())
                return self._gone_on(held, known, saved, covering=covering)
        except BadRecording:
            if not covering:
                raise
            self._batch.give_up()
        return self._anew(saved), True

    def _covers(self, known: Row) -> bool:
        """Tell whether what was read spans what is stored, as a grown file does."""
        first, last = moment(self._raw.first), moment(self._raw.last)
        return bool(first <= known["start"] and last >= known["end"])

    def _gone_on(
        self, held: Held, known: Row, saved: Saved | None, *, covering: bool
    ) -> tuple[Storing | None, bool]:
        raw, salt = self._raw, self._salt
        exact = saved is not None and saved.salt == salt
        comparing = Comparing(raw.found, self._sanitiser, exact=exact)
        done = grown(raw, saved) if covering else None
        if done is not None:
            found = Compared([*range(done, len(raw.found))])
        elif moment(raw.first) > known["end"]:
            found = Compared([*range(len(raw.found))], complete=False)
        else:
            found = comparing.compared(self._overlapped(held, known, saved))
            found.complete &= covering
        whole = found.complete
        if saved is not None and not found.new and saved.knows(raw, salt, whole=whole):
            return None, whole
        if saved is not None and (done is not None or not whole):
            storing = self._further(held, saved, found)
            if storing is not None:
                return storing, whole
        if whole:
            return self._anew(saved), True
        reading = Reading.of(raw, salt).after(saved)
        storing = Storing(self._batch.draft(), reading, self._sanitiser)
        stored = storing.again(held, saved)
        storing.feed(comparing.united(stored, [] if saved is None else saved.chunks))
        return storing, False

    def _anew(self, saved: Saved | None) -> Storing:
        """Write all that was read, and nothing else."""
        reading = Reading.of(self._raw, self._salt).instead_of(saved)
        storing = Storing(self._batch.draft(), reading, self._sanitiser)
        storing.feed(self._raw.events)
        return storing

    def _overlapped(
        self, held: Held, known: Row, saved: Saved | None
    ) -> Iterator[Event]:
        """Return what is stored of the time of what was read."""
        start = known["start"].timestamp() * 1_000
        within = (self._raw.first - start, self._raw.last - start)
        originals = [] if saved is None else saved.originals
        return counted(recorded_events(held.parts(), originals, within=within))

    def _further(self, held: Held, saved: Saved, found: Compared) -> Storing | None:
        """Go on where what is stored ended; None if something new is before that."""
        raw, whole = self._raw, found.complete
        reading = following(raw, saved, self._salt, found.new, whole=whole)
        if reading is None:
            return None
        storing = Storing(self._batch.draft(), reading, self._sanitiser)
        try:
            storing.resume(held, saved)
        except BadRecording:
            self._batch.give_up()
            return None
        storing.feed(unpacked(raw.found[place] for place in found.new))
        return storing

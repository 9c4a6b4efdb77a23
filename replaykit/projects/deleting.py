"""What leaves a project: recordings past their time, and people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from replaykit.erasing import Erased, forget_person, purge_expired
from replaykit.projects.opened import Opened
from replaykit.replay_list import Replays
from replaykit.replays.links import parse_ref
from replaykit.store.readers import alone
from replaykit.store.settings import whole_days, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, eq=False, repr=False)
class Deleted(Opened):
    """A project that recordings and people are deleted from."""

    def set_retention(self, retention: str | None) -> None:
        """Change how long recordings ingested from now on stay playable.

        Parameters
        ----------
        retention
            A number of days such as `"90d"`; `None` keeps them for ever. What was
            ingested before keeps the period it was ingested under.
        """
        days = None if retention is None else whole_days(retention)
        settings = self._store.settings
        if days == settings.retention_days:
            return
        until = datetime.now(UTC).isoformat()
        before = (*settings.retention_before, (until, settings.retention_days))
        changed = replace(settings, retention_days=days, retention_before=before)
        write_settings(self.folder, changed)
        self._forget_state()

    def purge(self, *, wait: str | None = None) -> Erased:
        """Delete recordings past their retention, and all that earlier states left.

        Handles taken before cannot be read any more.

        Parameters
        ----------
        wait
            How long to wait for other processes that have the project open, such as
            `"10m"`; by default not at all.

        Returns
        -------
        Erased
            What was deleted, and what reading every file afterwards showed.

        Raises
        ------
        InUse
            If another process has the project open. Readers that may not write to its
            folder cannot be seen.
        """
        alone(self.folder, wait)
        report = purge_expired(self.source, self._store, self._recordings)
        self._forget_state()
        return report

    def remove_replays(self, replays: str | Iterable[str] | Replays) -> int:
        """Delete recordings, so that corrected files can take their place.

        Files that are added are joined with what is stored of a recording, never put
        in its place, so nothing is lost by mistake; this is how to start it over. Its
        files may be added again.

        Parameters
        ----------
        replays
            A replay's id, reference or product URL, several of them, or a list of
            replays such as `shop.replays.search(url="/test")`.

        Returns
        -------
        int
            How many were deleted.

        Raises
        ------
        UnknownReplay
            If there is no such replay; then none is deleted.

        Examples
        --------
        >>> import tempfile
        >>> import replaykit as rk
        >>> from replaykit.demoshop.sample import recorded_replays
        >>> shop = rk.create(f"{tempfile.mkdtemp()}/shop.rk")
        >>> _ = shop.add_replays(recorded_replays(), progress=False)
        >>> shop.remove_replays(shop.replays[:2]), len(shop.replays)
        (2, 82)
        """
        if isinstance(replays, Replays):
            wanted = replays.frame["replay_id"].to_list()
        else:
            given = [replays] if isinstance(replays, str) else replays
            wanted = [parse_ref(one).replay_id for one in given]
        unique = list(dict.fromkeys(wanted))
        if unique:
            self._recordings.remove(*unique)
            self._forget_state()
        return len(unique)

    def forget(self, user: str, *, wait: str | None = None) -> Erased:
        """Delete a person for good: events, recordings, ids, lists, earlier versions.

        All rows of the person and of ids merged into them go, the recordings of theirs
        and of devices that only they used, their lines in saved lists. Afterwards every
        file is read, expanded, and searched for their ids; what somebody else's rows
        say of them is reported, not changed. An export read again brings them back.

        Parameters
        ----------
        user
            Their public id.
        wait
            How long to wait for other processes that have the project open, such as
            `"10m"`; by default not at all.

        Returns
        -------
        Erased
            What was deleted, and where an id still stands (`found`; empty: nowhere).

        Raises
        ------
        UnknownUser
            If nobody has that id.
        InUse
            If another process has the project open. Readers that may not write to its
            folder cannot be seen.
        """
        number = self.source.user(user)
        alone(self.folder, wait)
        report = forget_person(
            self.source, self._store, self._recordings, self.cohorts, number
        )
        self._forget_state()
        return report

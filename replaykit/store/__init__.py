"""The tables on disk: events here, recordings in `store.recordings`."""

from replaykit.store.commit import Outcome
from replaykit.store.events import EventStore, Incoming, create_store, open_store
from replaykit.store.recordings import Recordings
from replaykit.store.settings import Settings, read_settings, write_settings

__all__ = [
    "EventStore",
    "Incoming",
    "Outcome",
    "Recordings",
    "Settings",
    "create_store",
    "open_store",
    "read_settings",
    "write_settings",
]

"""The script-free twin of a figure, made of what travels with the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replaykit.replies import key_of
from replaykit.twins import home_twin, player_twin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.capsule import Blobs, Capsule
    from replaykit.sharing.figures import Figure


def twin_of(
    figure: Figure, blobs: Blobs, frames: Sequence[str | None] = ()
) -> str | None:
    """Return the twin of a player or a home list, `None` for others."""
    capsule = figure.capsule
    if capsule is None:
        return None
    if figure.widget == "player" and capsule.replays:
        session = session_of(capsule, capsule.replays[0], blobs)
        return player_twin(session, frames, len(capsule.replays) - 1)
    if figure.widget == "home":
        key = next((key for key in capsule.replies if key.startswith("home ")), None)
        return None if key is None else home_twin(capsule.replies[key]["data"])
    return None


def session_of(capsule: Capsule, replay: str, blobs: Blobs) -> dict[str, Any]:
    """Return the whole answer for one replay, as the page puts it together."""
    found = capsule.replies[key_of("session", {"replay": replay})]
    session = dict(blobs.json(found["blob"]))
    session.update(found.get("said") or {})
    charted = set(found.get("charted") or ())
    events = session["events"]
    flags = [int(at in charted) for at in range(len(events["id"]))]
    return {**session, "events": {**events, "charted": flags}}

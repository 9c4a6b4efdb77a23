"""References to a moment of a replay, and addresses of the same replay elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from replaykit.errors import BadInput, as_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETER: Final = "sessionReplayId"


class ReplayRef(NamedTuple):
    """A replay, and a position in ms from its first event if one was given."""

    replay_id: str
    t: int | None = None


def replay_ref(replay_id: str, t: float | None = None) -> str:
    """Return the reference of a replay: its id percent-encoded, and a moment.

    Examples
    --------
    >>> replay_ref("d1/1717225200000")
    'd1%2F1717225200000'
    >>> replay_ref("d1/1717225200000", 42_000)
    'd1%2F1717225200000?t=42000'
    """
    encoded = quote(replay_id, safe="")
    return encoded if t is None else f"{encoded}?t={round(t)}"


def parse_ref(text: str) -> ReplayRef:
    """Read a reference, a bare replay id, or an address that names a replay.

    Raises
    ------
    BadInput
        If it names no replay, or the moment is not a number of milliseconds.

    Examples
    --------
    >>> parse_ref("d1%2F1717225200000?t=42000")
    ReplayRef(replay_id='d1/1717225200000', t=42000)
    >>> parse_ref("d1/1717225200000").t is None
    True
    """
    text = as_id("replay", text)
    address = text.strip()
    if "://" in address:
        query = parse_qs(urlsplit(address).query)
        found = query.get(_PARAMETER, [""])[0]
        moment = _moment(query, text)
    else:
        encoded, _, tail = address.replace("&t=", "?t=").partition("?")
        found, moment = unquote(encoded), _moment(parse_qs(tail), text)
    if not found:
        raise BadInput(
            f"{text!r} names no replay. A reference is a replay id such as "
            "'device%2F1717225200000', with '?t=42000' for a moment in ms."
        )
    return ReplayRef(found, moment)


def _moment(query: Mapping[str, list[str]], text: str) -> int | None:
    if "t" not in query:
        return None
    value = query["t"][0]
    if not value.isdigit():
        raise BadInput(f"In {text!r}, t={value!r} is not a whole number of ms.")
    return int(value)


def product_url(
    replay_id: str, *, organisation: str, project: str | int, europe: bool = False
) -> str:
    """Return the address of a replay in the product's own web application.

    Examples
    --------
    >>> product_url("d1/17", organisation="shop", project=7)[:45]
    'https://app.amplitude.com/analytics/shop/sess'
    """
    host = "app.eu.amplitude.com" if europe else "app.amplitude.com"
    return (
        f"https://{host}/analytics/{quote(organisation, safe='')}/session-replay/"
        f"project/{quote(str(project), safe='')}/search/replay"
        f"?{_PARAMETER}={quote(replay_id, safe='')}"
    )

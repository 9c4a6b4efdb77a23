"""Clean the values of attributes, and style sheets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from replaykit.replays.assets import Assets
from replaykit.replays.placeholders import placeholder
from replaykit.replays.sanitise_css import NOTHING, clean_css, is_inline
from replaykit.replays.sanitise_rules import (
    BAD_NAMES,
    FOREIGN,
    HARMLESS_STARTS,
    IMAGES,
    LINKS,
    MEDIA,
    OPENED,
    RULES,
    candidates,
    inlined,
    opened_here,
    starts_active,
)
from replaykit.replays.taken import Taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ATTRIBUTE: Final = re.compile(r"[^\s/>\0<\"'=]{1,200}\Z")
#: Other names that begin so are a page's own, such as `on` or `on-dark`.
_HANDLER: Final = re.compile(r"on[a-z]+\Z")
#: Names looked up once are kept up to so many.
NAMES_KEPT: Final = 50_000
#: Where an address is from; a part of a page, if it is one of a folder's.
_PLACE: Final = re.compile(
    r"(https?://[^/?#\s]+)(?:[^?#\s]*/(#[\w:.-]+)\Z)?", re.IGNORECASE
)


class Values:
    """Cleans values and counts what it took out.

    Parameters
    ----------
    assets
        Files that stand in for addresses.
    allow_network
        Hosts whose addresses stay; the player has to be told as well.
    """

    def __init__(
        self,
        assets: Assets | Mapping[str, str] | None = None,
        allow_network: Iterable[str] = (),
    ) -> None:
        """Start with nothing taken out."""
        #: What was taken out of the event at hand.
        self._open = Taken()
        self._assets = assets if isinstance(assets, Assets) else Assets(assets)
        self._hosts = frozenset(host.lower() for host in allow_network)
        self._rules: dict[str, str] = {}
        #: Long sheets -> what `_cleaned` made of them.
        self._css: dict[str, tuple[str, int, list[str]]] = {}
        #: Whether an attribute was changed for the name of its element.
        self._tag_told = False
        #: Where the page is from.
        self._origin = ""

    def open(self, href: str) -> None:
        """Know the address of the page that is cleaned from now on."""
        found = _PLACE.match(href)
        origin = "" if found is None else found[1].lower()
        if origin != self._origin:
            self._origin = origin
            self._css.clear()

    @property
    def hosts(self) -> list[str]:
        """Hosts whose addresses stay."""
        return sorted(self._hosts)

    def attributes(
        self, tag: str, attributes: dict[str, Any], *, changing: bool = False
    ) -> dict[str, Any]:
        """Return the attributes cleaned; the same object if nothing had to change.

        What they are changed to, if `changing`: then a value that cannot stay takes
        the one before it away.
        """
        rules = self._rules
        changes: dict[str, Any] | None = None
        if tag == "img":
            given, attributes = attributes, inlined(attributes)
            self._tag_told |= attributes is not given
        elif OPENED in attributes:  # of whatever it is: its page may not be known yet
            self._open.removed["modal dialogs"] += attributes[OPENED] == "modal"
            attributes = opened_here(attributes)
        for name, value in attributes.items():
            rule = rules.get(name)
            if rule is None:
                rule = self._rule(name)
            if rule:
                new = self._by_rule(rule, tag, value)
            elif type(value) is str and "(" in value:
                new = self.css(value)
            else:
                continue
            if new is not value:
                if changes is None:
                    changes = {}
                changes[name] = new
        if changes is None:
            return attributes
        merged = {**attributes, **changes}
        return {
            name: value
            for name, value in merged.items()
            if value is not None
            or name not in changes
            or (changing and not self._rule(name).startswith("drop "))
        }

    def _rule(self, name: str) -> str:
        """Look an attribute's name up once; the empty word means: harmless."""
        lower = name.lower()
        plain = lower.rpartition(":")[2]
        if _HANDLER.match(lower):
            rule = "drop handlers"
        elif not _ATTRIBUTE.match(name) or name in BAD_NAMES:
            rule = "drop impossible attributes"
        else:
            rule = RULES.get(plain, "")
        if len(self._rules) < NAMES_KEPT:
            self._rules[name] = rule
        return rule

    def _by_rule(self, rule: str, tag: str, value: object) -> object:
        """Return what to put in place of a value; None drops the attribute."""
        if rule.startswith("drop "):
            self._open.removed[rule[5:]] += value is not None
            return None
        if rule == "style":
            return self._style(value)
        if not isinstance(value, str):
            return value
        if rule == "animate":
            return self._animated(value)
        if rule == "candidates":
            return self._candidates(value)
        if rule == "picture":
            return self._picture(value)
        new = self._by_tag(rule, tag, value)
        self._tag_told |= new is not value
        return new

    def _by_tag(self, rule: str, tag: str, value: str) -> str | None:
        """Clean an address by what an element of this name would do with it."""
        if rule == "link":
            if tag in LINKS and value.startswith(HARMLESS_STARTS):
                return value
            return self._link(tag, value)
        if rule == "data" and tag not in FOREIGN and tag not in {"", "img"}:
            return value  # means something on <object> only
        if tag in IMAGES:
            return self._picture(value)
        return self._loaded(tag, value)

    def _animated(self, value: str) -> str | None:
        """Clean what an SVG animation sets attributes to."""
        active = starts_active(value) or "javascript:" in value.lower()
        self._open.removed["active links"] += active
        return None if active else value

    def _loaded(self, tag: str, value: str) -> str | None:
        """Clean an address that an element would load at once."""
        if tag in FOREIGN:
            self._open.removed[f"{FOREIGN[tag]}s"] += 1
            return None
        if is_inline(value) or self._allowed(value):
            return value
        if (found := self._assets.get(value)) is not None:
            return found
        self._miss(value, "media" if tag in MEDIA else "other files")
        return None

    def _link(self, tag: str, value: str) -> str | None:
        """Clean an href: links may be read, nothing may be loaded through one."""
        if tag in LINKS:
            if starts_active(value):
                # It still looks like a link, and still counts as one.
                self._open.removed["active links"] += 1
                return "#"
            return value
        if tag in IMAGES:
            return self._picture(value)
        if value.startswith("#") or self._allowed(value):
            return value
        self._miss(value, "style sheets and icons" if tag == "link" else "linked parts")
        return None

    def _picture(self, value: str) -> str:
        if value.strip().lower().startswith("data:image/"):
            return value
        if (found := self._assets.get(value)) is not None:
            return found
        if self._allowed(value):
            return value
        self._miss(value, "images")
        return placeholder("image not in the recording")

    def _candidates(self, value: str) -> str | None:
        """Keep the pictures of a `srcset` that are there; None if there is none."""
        kept: list[str] = []
        given = 0
        for address, size in candidates(value):
            given += 1
            found: str | None = address
            if not address.lower().startswith("data:image/"):
                found = self._assets.get(address)
                if found is None and self._allowed(address):
                    found = address
            if found is not None:
                kept.append(f"{found} {size}".rstrip())
        if len(kept) == given:
            return value
        self._open.removed["images"] += 1
        return ", ".join(kept) or None

    def _style(self, value: object) -> object:
        if isinstance(value, str):
            return self.css(value)
        if not isinstance(value, dict):
            return value
        changes: dict[str, object] = {}
        for prop, setting in value.items():
            text = setting[0] if isinstance(setting, list) and setting else setting
            if isinstance(text, str) and (cleaned := self.css(text)) is not text:
                # A list is the value and its priority.
                whole = isinstance(setting, str)
                changes[prop] = cleaned if whole else [cleaned, *setting[1:]]
        return {**value, **changes} if changes else value

    def _miss(self, address: str, kind: str) -> None:
        self._open.removed[kind] += 1
        self._open.missing[address[:500]] += 1

    def _allowed(self, address: str) -> bool:
        if not self._hosts:
            return False
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.hostname in self._hosts

    def css(self, text: str) -> str:
        """Return CSS without imports and foreign addresses (itself if clean)."""
        if "(" not in text and "@" not in text and "\\" not in text:
            return text
        known = self._css.get(text)
        if known is None:
            known = self._cleaned(text)
        cleaned, imports, missed = known
        self._open.removed["style sheet imports"] += imports
        for address in missed:
            self._miss(address, "style sheet images and fonts")
        return text if cleaned == text else cleaned

    def _cleaned(self, text: str) -> tuple[str, int, list[str]]:
        """Return CSS cleaned, how many imports went, and addresses that are missing."""
        missed: list[str] = []

        def stand_in(address: str) -> str | None:
            if (found := self._assets.get(address)) is not None:
                return found
            if self._allowed(address):
                return address
            # A part of the page itself: of `url(#shade)` on https://x.test/a/b rrweb
            # makes https://x.test/a/#shade.
            place = _PLACE.match(address.strip())
            if place and place[2] and place[1].lower() == self._origin:
                return place[2]
            missed.append(address)
            return NOTHING

        cleaned, imports, _ = clean_css(text, stand_in)
        if len(text) > 500:
            if len(self._css) > 256:
                self._css.clear()
            self._css[text] = (cleaned, imports, missed)
        return cleaned, imports, missed

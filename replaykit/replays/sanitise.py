"""Take out of a recording what could run, load, navigate or grab the focus.

This is the second layer: the player's frame refuses all of it again. Names are compared
without regard to case, and what was taken out is counted, never silent.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from replaykit.replays.additions import Additions
from replaykit.replays.assets import Assets
from replaykit.replays.inline_sheets import SHEETS
from replaykit.replays.nodes import ELEMENT, TEXT
from replaykit.replays.placeholders import background, placeholder
from replaykit.replays.sanitise_canvas import clean_commands
from replaykit.replays.sanitise_css import NOTHING, clean_css, is_inline
from replaykit.replays.sanitise_fonts import font_source
from replaykit.replays.sanitise_rules import (
    FOREIGN,
    FRAMES,
    HARMLESS_STARTS,
    IMAGES,
    LINKS,
    MEDIA,
    OPENED,
    PLUGINS,
    RULES,
    SOURCES,
    SPECIAL_TAGS,
    WEBGL,
    as_picture,
    candidates,
    inlined,
    opened_here,
    starts_active,
)
from replaykit.replays.taken import Cleaned, Taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replaykit.replays.dom import Page

#: Wider or higher than any screen: a hostile or broken Meta event.
MAX_VIEWPORT: Final = 16_384

_TAG: Final = re.compile(r"[A-Za-z][^\s/>\0<\"'=]{0,200}\Z")
_ATTRIBUTE: Final = re.compile(r"[^\s/>\0<\"'=]{1,200}\Z")
#: Other names that begin so are a page's own, such as `on` or `on-dark`.
_HANDLER: Final = re.compile(r"on[a-z]+\Z")
_BAD_NAMES: Final = frozenset({"__proto__", "constructor", "prototype"})

#: Names looked up once are kept up to so many.
_NAMES_KEPT: Final = 50_000
#: Where an address is from; a part of a page, if it is one of a folder's.
_PLACE: Final = re.compile(
    r"(https?://[^/?#\s]+)(?:[^?#\s]*/(#[\w:.-]+)\Z)?", re.IGNORECASE
)
#: A style sheet without any of these is harmless.
_CSS_MARKS: Final = re.compile(r"[(@\\]")


class Sanitiser:
    """Cleans nodes and events in place and counts in `removed` what it took out.

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
        """Start with nothing removed."""
        #: Whether what was made of the event at hand depends on the page.
        self.relied = False
        self._taken = Taken()
        self._again = Taken()
        #: Of the event at hand.
        self._open = Taken()
        self._assets = assets if isinstance(assets, Assets) else Assets(assets)
        self._hosts = frozenset(host.lower() for host in allow_network)
        self._rules: dict[str, str] = {}
        #: Names of elements of no interest -> the same in lower case.
        self._plain_tags: dict[str, str] = {}
        #: Long sheets -> what `_cleaned` made of them.
        self._css: dict[str, tuple[str, int, list[str]]] = {}
        self._labelled: dict[int, str | None] = {}
        #: Whether an attribute was changed for the name of its element.
        self._tag_told = False
        #: Where the page is from.
        self._origin = ""
        #: What the last mutation added that may say which sheets it uses.
        self.sheeted: list[dict[str, Any]] = []

    def another(self) -> Sanitiser:
        """Return one with the same rules that has taken nothing out yet."""
        return Sanitiser(self._assets, self._hosts)

    @property
    def removed(self) -> Mapping[str, int]:
        """What was taken out, counted."""
        return MappingProxyType(self._taken.removed + self._open.removed)

    @property
    def missing(self) -> list[str]:
        """Addresses that are missing, the most frequent first."""
        counts = self._taken.missing + self._open.missing
        return sorted(counts, key=lambda address: (-counts[address], address))

    # -- event by event

    def settle(self, *, again: bool = False) -> None:
        """Be done with an event.

        `again` says that it is kept as it came, so that what was taken out of it will
        be found once more when what is stored is read anew.
        """
        self.relied = False
        taken = self._open
        if taken.removed or taken.missing:
            self._taken.add(taken)
            if again:
                self._again.add(taken)
            self._open = Taken()

    def forget(self) -> None:
        """Do not count what was taken out of the event at hand: it was a copy."""
        self.relied = False
        self._open = Taken()

    # -- going on later

    def state(self) -> Cleaned:
        """Return what was taken out so far."""
        return Cleaned(self._taken.counts(), self._again.counts())

    @property
    def labelled(self) -> dict[int, str | None]:
        """Frames that say what they were, and the style they had."""
        return dict(self._labelled)

    def resume(self, earlier: Cleaned, labelled: Mapping[int, str | None]) -> None:
        """Go on after what was taken out earlier of the same recording."""
        self._taken.add(Taken.of(earlier.taken))
        self._again.add(Taken.of(earlier.again))
        self._labelled.update(labelled)

    def reread(self, earlier: Cleaned) -> None:
        """Start before what was cleaned earlier, which will be read once more."""
        self._taken.add(Taken.of(earlier.taken).without(Taken.of(earlier.again)))

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

    # -- nodes

    def tree(self, top: dict[str, Any]) -> None:
        """Clean a serialised node and everything under it."""
        self.node(top, styled=False)
        stack = [top] if top.get("childNodes") else []
        while stack:
            parent = stack.pop()
            children = parent["childNodes"]
            self.children(str(parent.get("tagName", "")).lower(), children)
            stack += [child for child in children if child.get("childNodes")]

    def children(self, tag: str, children: list[dict[str, Any]]) -> None:
        """Clean the serialised children of an element, but not what is under them."""
        styled = tag == "style"
        element = self._element
        for node in children:
            if node.get("type") == ELEMENT:
                element(node)
            elif styled or "isStyle" in node:
                self.node(node, styled=styled)

    def node(self, node: dict[str, Any], *, styled: bool) -> None:
        """Clean one serialised node; `styled` = its parent is a style element."""
        kind = node.get("type")
        if kind == ELEMENT:
            self._element(node)
        elif kind == TEXT and (styled or node.get("isStyle")):
            text = node.get("textContent")
            if isinstance(text, str):
                node["textContent"] = self.css(text)

    def _element(self, node: dict[str, Any]) -> bool:
        """Clean an element; False if it surely stayed as it was."""
        tag = node.get("tagName")
        plain: str | None = None
        if type(tag) is str:
            plain = self._plain_tags.get(tag) or self._plain_tag(tag)
        attributes = node.get("attributes")
        if plain is not None and type(attributes) is dict:
            # Nearly every element: nothing about its name is of interest.
            cleaned = self.attributes(plain, attributes) if attributes else attributes
            if cleaned is attributes:
                return False
            node["attributes"] = cleaned
            return True
        self._odd_element(node, tag, attributes)
        return True

    def _plain_tag(self, tag: str) -> str | None:
        """Return a name met for the first time in lower case, if it is of no interest.

        What is written of an element must not depend on what came before it: a
        recording that is read on from its middle would be cut elsewhere.
        """
        name = tag.lower()
        if name in SPECIAL_TAGS or tag in _BAD_NAMES or not _TAG.match(tag):
            return None
        if len(self._plain_tags) < _NAMES_KEPT:
            self._plain_tags[tag] = name
        return name

    def harmless(self, tags: Iterable[str], names: Iterable[str]) -> bool:
        """Tell whether elements and attributes with these names are never of interest.

        The values of `style` and `href` may be, and so may a parenthesis in any other.
        """
        return all(self._plain_tag(tag) for tag in tags) and not any(
            self._rule(name) for name in names if name not in {"style", "href"}
        )

    def _odd_element(self, node: dict[str, Any], tag: object, given: object) -> None:
        """Clean an element whose name matters, or that is no element of any page."""
        if not isinstance(tag, str) or not _TAG.match(tag) or tag in _BAD_NAMES:
            self._open.removed["impossible tag names"] += 1
            node["tagName"] = tag = "div"
        name = tag.lower()
        attributes: dict[str, Any] = given if isinstance(given, dict) else {}
        node["attributes"] = attributes
        if name == "script":
            # rrweb itself rebuilds only the lower-case spelling as <noscript>.
            if tag != "script" or set(attributes) - {"type"}:
                self._open.removed["scripts"] += 1
            node["tagName"] = "noscript"
            node["attributes"] = {}
            return
        if name == "link" and self._assets:
            self._supply_sheet(attributes)
        if name in {"object", "embed"}:
            name = as_picture(node, attributes) or name
            attributes = node["attributes"]
        # rrweb keeps the address of a frame it could not look into as `rr_src`.
        empty = name not in FRAMES or any(k.lower() in SOURCES for k in attributes)
        if attributes:
            cleaned = self.attributes(name, attributes)
            if cleaned is not attributes:
                node["attributes"] = cleaned
            # It may have been cleaned before, and have lost that address.
            empty = empty or _is_labelled(name, node)
        if (name in FOREIGN and empty) or name in {"canvas", "video"}:
            self._label(name, node)

    def _supply_sheet(self, attributes: dict[str, Any]) -> None:
        """Put a supplied style sheet in place of a link to it, as rrweb does."""
        href = attributes.get("href")
        sheet = self._assets.sheet(href) if isinstance(href, str) else None
        if sheet is not None and "_cssText" not in attributes:
            attributes["_cssText"] = sheet
            del attributes["href"]

    def _label(self, name: str, node: dict[str, Any]) -> None:
        """Show what an element was whose content no recording can hold."""
        attributes = node["attributes"]
        if name == "canvas":
            if "rr_dataURL" in attributes:
                return
            words = " ".join(str(value) for value in attributes.values())
            what = "WebGL canvas" if WEBGL.search(words) else "canvas"
        elif name == "video":
            if "poster" not in attributes:
                attributes["poster"] = placeholder("video not in the recording")
            return
        else:
            what = FOREIGN[name]
        if name in PLUGINS:
            # Without its data such an element has no size: a picture keeps it.
            node["tagName"] = "img"
            attributes["src"] = placeholder(f"{what} not in the recording")
            return
        style = attributes.get("style")
        if name.endswith(("player", "-wc")):
            style = f"display: inline-block; min-height: 60px; {style or ''}"
        label = _background(what)
        style = style if isinstance(style, str) else ""
        if style.endswith(label):  # cleaned before, in a piece that was stored
            style = style.removesuffix(label).removesuffix("; ")
        else:
            attributes["style"] = f"{style}; {label}" if style else label
        if name in FRAMES:
            self._labelled[node["id"]] = style or None

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
        elif not _ATTRIBUTE.match(name) or name in _BAD_NAMES:
            rule = "drop impossible attributes"
        else:
            rule = RULES.get(plain, "")
        if len(self._rules) < _NAMES_KEPT:
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

    # -- events

    def mutation(self, data: dict[str, Any], page: Page) -> bool:
        """Clean a mutation's additions, texts and attributes.

        Returns False if it surely stayed as it was: then it need not be written anew.
        """
        changed = bool(data["adds"]) and self._additions(data, page)
        for change in data["texts"]:
            value = change.get("value")
            if isinstance(value, str) and _CSS_MARKS.search(value) is not None:
                added = Additions(data["adds"], page)
                if added.parent_tag(change["id"]) == "style":
                    change["value"] = self.css(value)
                    self.relied |= change["value"] is not value
                    changed = True
        if data["attributes"]:
            added = Additions(data["adds"], page)
            self._tag_told = False
            for change in data["attributes"]:
                given = change["attributes"]
                tag = added.tag(change["id"])
                cleaned = self.attributes(tag, given, changing=True)
                if cleaned is not given:
                    change["attributes"] = cleaned
                    changed = True
            self.relied |= self._tag_told
        return changed

    def _additions(self, data: dict[str, Any], page: Page) -> bool:
        adds = data["adds"]
        added: Additions | None = None
        labelled = self._labelled
        changed = False
        for add in adds:
            node = add["node"]
            if labelled and add["parentId"] in labelled:
                # The frame's document was recorded after all.
                style = labelled.pop(add["parentId"])
                change = {"id": add["parentId"], "attributes": {"style": style}}
                data["attributes"].append(change)
                changed = self.relied = True
            if node.get("childNodes"):
                self.tree(node)
                self.sheeted.append(node)
                changed = True
            elif node.get("type") == ELEMENT:
                changed |= self._element(node)
                if SHEETS in node:
                    self.sheeted.append(node)
                    changed = True
            elif _CSS_MARKS.search(str(node.get("textContent"))) is not None:
                if added is None:
                    added = Additions(adds, page)
                given = node.get("textContent")
                self.node(node, styled=added.tag(add["parentId"]) == "style")
                self.relied |= node.get("textContent") is not given
                changed = True
        return changed

    def style_event(self, data: dict[str, Any]) -> None:
        """Clean inserted rules, replaced sheets and set declarations."""
        for rule in data.get("adds") or ():
            rule["rule"] = self.css(rule["rule"])
        for style in data.get("styles") or ():
            for rule in style.get("rules") or ():
                rule["rule"] = self.css(rule["rule"])
        for key in ("replace", "replaceSync"):
            if isinstance(data.get(key), str):
                data[key] = self.css(data[key])
        change = data.get("set")
        if isinstance(change, dict) and isinstance(change.get("value"), str):
            change["value"] = self.css(change["value"])

    def canvas(self, data: dict[str, Any]) -> None:
        """Drop canvas commands that would build anything but pictures and numbers."""
        self._open.removed["canvas commands"] += clean_commands(data)

    def font(self, data: dict[str, Any]) -> bool:
        """Keep a font that brings its bytes or may be loaded; count the others."""
        source = font_source(data)
        cleaned = NOTHING if source is None else self.css(source)
        if NOTHING in cleaned:
            # What it would have loaded from is counted already.
            self._open.removed["fonts"] += source is None
            return False
        words = data.get("descriptors")
        plain = words.items() if isinstance(words, dict) else ()
        data["descriptors"] = {k: v for k, v in plain if isinstance(v, str)}
        data["fontSource"], data["buffer"] = cleaned, False
        return True

    def viewport(self, size: object) -> int:
        """Return a width or height within what a screen could be."""
        if not isinstance(size, int | float) or not size >= 1:
            return 0
        if size > MAX_VIEWPORT:
            self._open.removed["absurd sizes"] += 1
            return MAX_VIEWPORT
        return int(size)


def _background(what: str) -> str:
    return background(f"{what} not in the recording")


def _is_labelled(name: str, node: Mapping[str, Any]) -> bool:
    style = node["attributes"].get("style")
    return type(style) is str and style.endswith(_background(FOREIGN[name]))

"""Take out of a recording what could run, load, navigate or grab the focus.

This is the second layer: the player's frame refuses all of it again. Names are compared
without regard to case, and what was taken out is counted, never silent.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from replaykit.replays.additions import Additions
from replaykit.replays.inline_sheets import SHEETS
from replaykit.replays.nodes import ELEMENT, TEXT
from replaykit.replays.placeholders import background, placeholder
from replaykit.replays.sanitise_canvas import clean_commands
from replaykit.replays.sanitise_css import NOTHING
from replaykit.replays.sanitise_fonts import font_source
from replaykit.replays.sanitise_rules import (
    BAD_NAMES,
    FOREIGN,
    FRAMES,
    PLUGINS,
    SOURCES,
    SPECIAL_TAGS,
    WEBGL,
    as_picture,
)
from replaykit.replays.sanitise_values import NAMES_KEPT, Values
from replaykit.replays.taken import Cleaned, Taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replaykit.replays.assets import Assets
    from replaykit.replays.dom import Page

#: Wider or higher than any screen: a hostile or broken Meta event.
MAX_VIEWPORT: Final = 16_384

_TAG: Final = re.compile(r"[A-Za-z][^\s/>\0<\"'=]{0,200}\Z")
#: A style sheet without any of these is harmless.
_CSS_MARKS: Final = re.compile(r"[(@\\]")


class Sanitiser(Values):
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
        super().__init__(assets, allow_network)
        #: Whether what was made of the event at hand depends on the page.
        self.relied = False
        self._taken = Taken()
        self._again = Taken()
        #: Names of elements of no interest -> the same in lower case.
        self._plain_tags: dict[str, str] = {}
        self._labelled: dict[int, str | None] = {}
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
        if name in SPECIAL_TAGS or tag in BAD_NAMES or not _TAG.match(tag):
            return None
        if len(self._plain_tags) < NAMES_KEPT:
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
        if not isinstance(tag, str) or not _TAG.match(tag) or tag in BAD_NAMES:
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

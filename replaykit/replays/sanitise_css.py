"""Take everything out of style sheets that would load something or run something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Draws nothing and asks nobody for anything.
NOTHING: Final = "data:,"

_SUSPECT: Final = re.compile(
    r"url\(|@import|@namespace|image-set\(|src\(|image\(|expression\(|-moz-binding"
    r"|behavior|\\",
    re.IGNORECASE,
)
# Escapes of plain letters, `@` and brackets hide keywords (`u\72l(…)`, `@\69mport`);
# icon fonts use escapes beyond ASCII, which stay as they are.
_ESCAPE: Final = re.compile(
    r"\\([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|\\([g-zG-Z@(\-])"
)
_REST: Final = (
    r"""\b(?:url\((?:"[^"]*"|'[^']*'|[^)]*)\)|"[^"]*"|'[^']*'|/\*.*?\*/|[^;"'{}])*;?"""
)
_IMPORT: Final = re.compile(rf"@(?:import|namespace){_REST}", re.IGNORECASE | re.DOTALL)
#: Where a sheet may import: what comes later is no rule at all.
_OPENING: Final = re.compile(
    rf"(?:\s|/\*.*?\*/|<!--|-->|@(?:charset|layer)\b[^;{{}}]*;)*"
    rf"(?:\s|/\*.*?\*/|@import{_REST})*(?:\s|/\*.*?\*/|@namespace{_REST})*",
    re.IGNORECASE | re.DOTALL,
)
_LAYER: Final = re.compile(r"\blayer\(\s*([\w.-]+)\s*\)", re.IGNORECASE)
_URL: Final = re.compile(
    r"""(?<![\w-])(?:url|src)\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'"""
    r"""|((?:[^)"'\\\s]|\\.)*))[^)"']*\)?""",
    re.IGNORECASE | re.DOTALL,
)
_IMAGE_SET: Final = re.compile(r"(?:image-set|image|cross-fade)\(", re.IGNORECASE)
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_MIME: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+\Z", re.IGNORECASE)
_ACTIVE: Final = re.compile(
    r"(?:expression\(|-moz-binding\s*:|behavior\s*:)[^;}]*", re.IGNORECASE
)


def clean_css(css: str, replace: Callable[[str], str | None]) -> tuple[str, int, int]:
    """Return the sheet without imports and foreign addresses, and what went.

    It has as many rules as before.

    Parameters
    ----------
    css
        Sheet, rule or declaration list.
    replace
        Called with each foreign address; returns what to use instead, or None for
        nothing at all.

    Returns
    -------
    tuple
        The cleaned text, the number of imports and the number of addresses removed.

    Examples
    --------
    >>> clean_css("@import 'a.css'; b { background: url(/c.png) }", lambda url: None)
    ('@layer not-imported; b { background: url("data:,") }', 1, 1)
    """
    if _SUSPECT.search(css) is None:
        return css, 0, 0
    if "\\" in css:
        css = _ESCAPE.sub(_plain, css)
    imports = addresses = 0

    opening = _OPENING.match(css)
    opened = opening.end() if opening is not None else 0

    def drop_import(match: re.Match[str]) -> str:
        nonlocal imports
        imports += 1
        if match.start() >= opened:
            return ""
        # A rule of no effect keeps the place: events count the rules of a sheet.
        layer = _LAYER.search(match.group())
        return f"@layer {'not-imported' if layer is None else layer[1]};"

    def swap(match: re.Match[str]) -> str:
        nonlocal addresses
        address = next((group for group in match.groups() if group is not None), "")
        if is_inline(address):
            return match.group(0)
        addresses += 1
        new = replace(address)
        return f'url("{NOTHING if new is None else new}")'

    css = _ACTIVE.sub("", _IMPORT.sub(drop_import, css))
    css = _URL.sub(swap, css)
    if _IMAGE_SET.search(css):
        css, more = _clean_image_sets(css, replace)
        addresses += more
    return css, imports, addresses


def is_inline(address: str) -> bool:
    """Tell whether an address stays inside the document.

    Examples
    --------
    >>> is_inline("data:image/png;base64,AA"), is_inline("#clip"), is_inline("/a.png")
    (True, True, False)
    """
    start = address.strip()[:11].lower()
    return not start or start.startswith(("data:", "#", "about:blank"))


def _plain(match: re.Match[str]) -> str:
    code, letter = match.groups()
    if letter is not None:
        return str(letter)
    point = int(code, 16)
    # Only what can spell a keyword; quotes, braces and backslashes keep their escape.
    if chr(point).isascii() and (chr(point).isalpha() or chr(point) in "@(-"):
        return chr(point)
    return match.group(0)


def _clean_image_sets(
    css: str, replace: Callable[[str], str | None]
) -> tuple[str, int]:
    """Replace quoted addresses inside image-set(…), where no url( marks them."""
    out: list[str] = []
    at = removed = 0
    for found in _IMAGE_SET.finditer(css):
        if found.start() < at:
            continue
        end = _closing(css, found.end())
        out.append(css[at : found.end()])

        def swap(match: re.Match[str]) -> str:
            nonlocal removed
            address = match.group(1) or match.group(2) or ""
            if is_inline(address) or _MIME.match(address):
                return match.group(0)
            removed += 1
            new = replace(address)
            return f'"{NOTHING if new is None else new}"'

        out.append(_QUOTED.sub(swap, css[found.end() : end]))
        at = end
    out.append(css[at:])
    return "".join(out), removed


def _closing(css: str, at: int) -> int:
    depth = 1
    while at < len(css) and depth:
        depth += {"(": 1, ")": -1}.get(css[at], 0)
        at += 1
    return at

"""Style sheets: what they say in words may be changed, what they do may not.

A naive search and replace breaks a sheet, and with it the page. So text is changed in
strings, comments and addresses, and elsewhere only where a name may stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID: Final = re.compile(
    r"""/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
    r"""|(?<![\w-])url\(\s*[^"')\s][^)]*\)""",
    re.DOTALL | re.IGNORECASE,
)
_NAME: Final = re.compile(r"-?[_a-zA-Z\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*")
#: What would end a string or a comment early.
_BREAKS: Final = re.compile(r"[\"'\\\n()]|\*/")


def change_css(css: str, change: Callable[[str], str]) -> str:
    r"""Return a sheet with its strings, comments and addresses changed.

    Examples
    --------
    >>> change_css(".a{color:red;content:'red'}/* red */", str.upper)
    ".a{color:red;content:'RED'}/* RED */"
    """

    def one(found: re.Match[str]) -> str:
        text = found[0]
        start, end = _edges(text)
        inside = text[start : len(text) - end]
        if inside.lstrip()[:5].lower() == "data:":
            return text
        changed = change(inside)
        if changed == inside:
            return text
        return text[:start] + _BREAKS.sub("", changed) + text[len(text) - end :]

    return _SAID.sub(one, css)


def names_in(css: str) -> set[str]:
    """Return the names a sheet uses: selectors, properties, keywords.

    Examples
    --------
    >>> sorted(names_in(".card{color:red;content:'blue'}"))
    ['card', 'color', 'content', 'red']
    """
    return set(_NAME.findall(_SAID.sub(" ", css)))


def _edges(text: str) -> tuple[int, int]:
    if text.startswith("/*"):
        return 2, 2 if text.endswith("*/") and len(text) > 3 else 0
    if text[0] in "\"'":
        return 1, 1
    return text.index("(") + 1, 1

"""Selectors on recorded nodes match what Chromium matches on the same page."""

from __future__ import annotations

import random

import lab

from replaykit.replays.dom import Page
from replaykit.replays.selectors import Selector

TAGS = ("div", "p", "ul", "li", "a", "b", "input", "fieldset", "legend", "button")
CLASSES = ("on", "x", "md:flex", "größe", "1st")
BUILD = """(top) => {
  const build = (data) => {
    if (data.type === 3) return document.createTextNode(data.textContent);
    const node = document.createElement(data.tagName);
    for (const [name, value] of Object.entries(data.attributes)) node.setAttribute(name, value);
    node.rr = data.id;
    for (const child of data.childNodes) node.appendChild(build(child));
    return node;
  };
  const root = build(top);
  document.documentElement?.remove();
  document.appendChild(root);
}"""
FIND = "(css) => [...document.querySelectorAll(css)].map((node) => node.rr).sort((a, b) => a - b)"


def grown(seed):
    """A random page of a few hundred nodes."""
    dice = random.Random(seed)
    number = iter(range(3, 10_000))

    def node(depth):
        attributes = {}
        if dice.random() < 0.5:
            attributes["class"] = " ".join(dice.sample(CLASSES, dice.randint(0, 3)))
        if dice.random() < 0.2:
            attributes["id"] = dice.choice(["a", "b", "c"])
        if dice.random() < 0.2:
            attributes["data-kind"] = dice.choice(["Big", "big one", "en-GB", ""])
        if dice.random() < 0.1:
            attributes["disabled"] = ""
        if dice.random() < 0.2:
            attributes["href"] = "/x.pdf"
        tag = dice.choice(TAGS)
        made = {
            "type": 2,
            "tagName": tag,
            "attributes": attributes,
            "childNodes": [],
            "id": next(number),
        }
        if depth < 6 and tag != "input":
            for _ in range(dice.choice([0, 1, 1, 2, 3, 4])):
                if dice.random() < 0.3:
                    made["childNodes"].append(
                        {
                            "type": 3,
                            "textContent": dice.choice(["", " ", "word"]),
                            "id": next(number),
                        }
                    )
                else:
                    made["childNodes"].append(node(depth + 1))
        return made

    body = {
        "type": 2,
        "tagName": "body",
        "attributes": {},
        "childNodes": [node(0) for _ in range(8)],
        "id": 2,
    }
    return {
        "type": 2,
        "tagName": "html",
        "attributes": {},
        "childNodes": [body],
        "id": 1,
    }


def compound(dice):
    parts = [dice.choice([*TAGS, "*", ""])]
    for _ in range(dice.randint(0, 2)):
        parts.append(
            dice.choice(
                [
                    ".on", ".x", ".md\\:flex", ".größe", ".\\31 st", "#a", "#b", "[href]", "[data-kind]",
                    "[data-kind=big i]", '[data-kind~="one"]', "[data-kind|=en]", "[data-kind^='b']",
                    "[data-kind$=e]", "[data-kind*=g]", "[data-kind='']", ":first-child", ":last-child", ":only-child",
                    ":empty", ":nth-child(2)", ":nth-child(2n+1)", ":nth-child(-n+2)", ":nth-last-child(odd)",
                    ":nth-of-type(2)", ":first-of-type", ":last-of-type", ":only-of-type", ":root", ":disabled", ":enabled", ":any-link",
                ]
            )
        )  # fmt: skip
    return "".join(parts) or "*"


def selector(dice, depth=0):
    text = compound(dice)
    for _ in range(dice.randint(0, 2)):
        text += dice.choice([" ", " > ", " + ", " ~ ", ">"]) + compound(dice)
    if depth < 2 and dice.random() < 0.4:
        inner = selector(dice, depth + 1)
        text += dice.choice([f":not({inner})", f":is({inner}, .x)", f":where({inner})"])
    if depth == 0 and dice.random() < 0.2:
        text += f":has({dice.choice(['', '> ', '+ ', '~ '])}{compound(dice)})"
    return text if depth or dice.random() < 0.8 else f"{text}, {compound(dice)}"


def test_selectors_find_what_chromium_finds():
    dice = random.Random(7)
    checked = found = 0
    with lab.browser_page() as page:
        for seed in range(3):
            html = grown(seed)
            page.evaluate(BUILD, html)
            # The page takes apart what it is given.
            tree = Page()
            tree.load({"type": 0, "childNodes": [html], "id": 9_999_999})
            for _ in range(150):
                css = selector(dice)
                theirs = page.evaluate(FIND, css)
                ours = sorted(node.id for node in Selector.parse(css).among(tree.root))
                assert ours == theirs, css
                checked += 1
                found += bool(theirs)
    assert checked == 450
    assert found > 100

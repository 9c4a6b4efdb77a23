"""The page of option words is what the source says, and every word is on it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import replaykit as rk

ROOT = Path(__file__).parent.parent


def written():
    spec = importlib.util.spec_from_file_location("options", ROOT / "docs/options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_generated():
    options = written()
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert page == options.page(), "run make options"


def test_every_alias_of_a_question_is_on_the_page():
    options = written()
    known = options.aliases()
    listed = {alias for _, _, alias in options.OPTIONS}
    public = [*(ROOT / "replaykit/questions").glob("*.py")]
    public += [ROOT / "replaykit/results" / f"{name}.py" for name in RESULTS]
    for path in public:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            for one in [*node.args.args, *node.args.kwonlyargs]:
                words = ast.unparse(one.annotation) if one.annotation else ""
                used = {word for word in words.split(" | ") if word in known}
                assert used <= listed, (path.name, node.name, used - listed)


RESULTS = (
    "counts",
    "funnel",
    "variants",
    "conversion",
    "journeys",
    "returns",
    "visits",
)


def test_the_names_of_the_specification_are_of_words_that_exist():
    options = written()
    known = options.aliases()
    for alias, names in options.SPECIFIED.items():
        assert set(names) <= set(known[alias][0]), alias


def test_every_call_of_the_page_exists():
    for call, option, _ in written().OPTIONS:
        for one in call.split(", "):
            first = one.partition("(")[0].removeprefix(".").split(".")
            if first[0] == "events":
                assert hasattr(rk.Events, first[1]), one
            elif first[0] == "rk":
                assert hasattr(rk, first[1]), one
            else:
                assert hasattr(rk.Events, first[0]), one
        assert option

"""The promises of the layout: public names, layers, trait parity, two ways to install."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "replaykit"

#: A module imports from smaller layers only (and from inside its own part).
LAYERS = {
    "errors": 0,
    "compiled": 0,
    "schema": 1,
    "timeline": 1,
    "progress": 1,
    "wording": 2,
    "store": 2,
    "ingest": 2,
    "query": 3,
    "engine": 3,
    "pinning": 0,
    "cluster": 3,
    "points": 3,
    "replays": 3,
    "owners": 2,
    "source": 3,
    "source_parts": 2,
    "analyses": 4,
    "foreign": 5,
    "rows_as_json": 4,
    "one_replay": 5,
    "watchlists": 4,
    "point_streams": 5,
    "microscope": 6,
    "searching": 4,
    "search_query": 5,
    "picking": 5,
    "cohort_rules": 5,
    "added_events": 4,
    "redaction": 4,
    "charts": 5,
    "heatmaps": 6,
    "replies": 7,
    "bundle": 8,
    "capsule": 8,
    "held": 8,
    "travelling": 9,
    "widgets": 10,
    "results": 11,
    "replay_search": 5,
    "recorded_frames": 7,
    "replay_list": 11,
    "sharing": 12,
    "users": 12,
    "questions": 12,
    "handles": 13,
    "person_insights": 4,
    "person_answers": 13,
    "saved_cohorts": 14,
    "lookup": 14,
    "erasing": 13,
    "projects": 15,
    "project": 16,
    "opening": 17,
    "portfolios": 18,
    "demoshop": 18,
    "twins": 5,
    "versions": 0,
    "__init__": 19,
}


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> set[str]:
    """Parts of the package that a module imports, names for type checkers left out."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "replaykit":
                found |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("replaykit."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("replaykit.")
            }
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "js" not in path.parts)


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_point_to_smaller_layers(path):
    part = _part(path)
    for other in _imports(ast.parse(path.read_text())):
        if other != part and other in LAYERS:
            assert LAYERS[other] < LAYERS[part], f"{part} imports {other}"


def test_every_part_has_a_layer():
    assert {_part(path) for path in MODULES} <= set(LAYERS)


def test_all_is_exactly_what_is_public():
    import replaykit

    names = replaykit.__all__
    assert names == sorted(names)
    assert set(names) == set(replaykit._HOMES)
    for name in names:
        assert not isinstance(getattr(replaykit, name), types.ModuleType)
    own = {
        name
        for name, value in vars(replaykit).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert own - {"annotations", "import_module", "TYPE_CHECKING"} == set(names)


def test_import_starts_no_compiler_and_no_widget():
    heavy = ("numba", "anywidget", "plotly", "deltalake", "ipywidgets", "pandas")
    code = f"import sys, replaykit; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_traits_are_the_same_on_both_sides():
    from replaykit.widgets import Player

    theirs = (PACKAGE / "widgets" / "js" / "protocol.ts").read_text()
    block = re.search(r"interface Traits \{(.*?)\n\}", theirs, re.DOTALL)
    assert block, "protocol.ts declares `interface Traits`"
    declared = set(re.findall(r"^\s*(\w+)\??:", block[1], re.MULTILINE))
    ours = {
        name
        for name in Player.class_trait_names(sync=True)
        if not name.startswith("_") and name not in {"layout", "tabbable", "tooltip"}
    }
    assert declared == ours


def _names(requirements: list[str]) -> dict[str, str]:
    split = re.compile(r"^([A-Za-z0-9_.-]+)(.*)$")
    return {m[1]: m[2] for r in requirements if (m := split.match(r))}


def test_environment_yml_is_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    wanted = _names(project["dependencies"] + project["optional-dependencies"]["lab"])
    wanted |= _names([f"python{project['requires-python']}"])
    given = _names(
        [r for r in listed if not r.startswith(("-e", "conda-forge", "pip"))]
    )
    assert given == wanted
    assert listed[-1] == "-e .[lab]"


def test_no_file_is_named_for_nothing():
    vague = {"utils", "helpers", "common", "core", "base", "misc"}
    assert not [path for path in MODULES if path.stem in vague]

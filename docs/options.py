# ruff: noqa: INP001 - a script, no package
"""Write `docs/options.md`: every option word of every question, from its `Literal`.

`make options` writes it; a test compares. What a word is called in the specification
stands here, so that neither can change without the other.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "docs" / "options.md"

#: Which calls take which words: the heading, the option, the alias that declares them.
OPTIONS: Final = (
    ("events.segmentation", "measure", "Measure"),
    ("events.segmentation", "aggregate", "Aggregate"),
    ("events.segmentation", "items", "Items"),
    ("events.segmentation", "segments", "UserKind"),
    ("events.segmentation(…).drawn", "view", "CountView"),
    ("events.funnel, events.funnels", "order", "Order"),
    ("events.funnel, events.funnels", "count", "Count"),
    ("events.funnel, events.funnels", "resolution", "Resolution"),
    ("events.funnel, events.funnels", "exact_scope", "ExactScope"),
    ("events.funnel, events.funnels", "new_users", "NewUsers"),
    ("events.funnel(…).point", "outcome", "Outcome"),
    ("events.funnel(…).over_time().point", "outcome", "Entered"),
    ("events.funnel(…).drivers", "tab", "Tab"),
    ("events.journeys", "count", "PathCount"),
    ("events.journeys(…).map", "order", "Ordering"),
    ("events.journeys(…).drawn", "view", "JourneyView"),
    ("events.journeys(…).point", "kind", "NodeKind"),
    ("events.sequences", "within", "SequenceWithin"),
    ("events.sessions", "measure", "SessionMeasure"),
    ("events.sessions", "by_value", "Edge"),
    ("events.sessions", "values_of", "ValuesOf"),
    ("events.sessions", "length_from", "LengthFrom"),
    ("events.retention", "measure", "RetentionMeasure"),
    ("events.retention, events.lifetime_value", "counting", "Counting"),
    ("events.retention(…).point", "outcome", "Return"),
    ("events.retention(…).drawn", "view", "RetentionView"),
    ("events.users_who", "counting", "Counted"),
    ("events.users_whose", "when", "When"),
    ("rk.performed", "scope", "Scope"),
    ("rk.event(…).nth", "comparison", "Comparison"),
    ("rk.event(…).nth", "numbering", "Numbering"),
    ("rk.where, rk.where_all", "operator", "Operator"),
    ("rk.create, rk.events, .last, .since", "week_start, without", "Weekday"),
)

#: What the specification calls a word, where it says it differently.
SPECIFIED: Final[dict[str, dict[str, str]]] = {
    "Measure": {
        "uniques": "Uniques, UNIQUES",
        "totals": "Event totals, TOTALS",
        "active": "Active %, ACTIVE",
        "average": "Average, AVG",
        "frequency": "Frequency, HIST",
        "property": "Properties",
    },
    "Aggregate": {
        "sum": "Sum, PROPSUM, REVENUETOTAL",
        "average": "Average, PROPAVG",
        "median": "Median, PERCENTILE(e, 0.5)",
        "min": "PROPMIN",
        "max": "PROPMAX",
        "distribution": "Distribution, PROPHIST",
        "distinct": "PROPCOUNT",
        "distinct per user": "Distinct values per user, PROPCOUNTAVG",
    },
    "Items": {"all": "ALL_VALUES", "unique": "UNIQUE_ARRAY_VALUES, counting events"},
    "UserKind": {"any": "Any Users", "active": "Active Users", "new": "New Users"},
    "CountView": {"lines": "line view", "bars": "bar view"},
    "Order": {
        "this": "this order, ordered",
        "any": "any order, unordered",
        "exact": "exact order, sequential",
    },
    "Resolution": {"1s": "second", "1ms": "millisecond"},
    "ExactScope": {"active": "any active event", "all": 'exact_scope="all"'},
    "NewUsers": {"any day": "any day", "first day": "their first day"},
    "Outcome": {"reached": "converted at step k", "dropped": "dropped at step k"},
    "PathCount": {"users": "uniques", "paths": "totals", "sessions": "sessions"},
    "JourneyView": {
        "tree": "Pathfinder",
        "levels": "level-wise sankey",
        "icicle": "Pathfinder, as tiles",
        "sunburst": "Sunburst",
    },
    "Ordering": {"time": "average time to complete", "length": "number of nodes"},
    "SessionMeasure": {
        "total": "Total sessions",
        "length": "Time spent",
        "average length": "Average length",
        "length distribution": "Length distribution",
        "time per user": "Time spent per user",
        "per user": "Average per user",
        "events": "Total across sessions",
        "events per session": "Average per session",
        "events distribution": "Distribution of events",
    },
    "RetentionMeasure": {
        "on": "Return On (n-day)",
        "on or after": "Return On or After (unbounded)",
        "on or before": "Return On or Before",
        "custom": "Return On (Custom)",
    },
    "Counting": {"24 hours": "24-hour windows", "calendar": "calendar"},
    "Return": {"retained": "retained", "lost": "not retained"},
    "RetentionView": {
        "over time": "Change over time",
        "cohorts": "breakdown by cohort",
    },
    "Counted": {
        "rows": "count",
        "sum": "total sum of property",
        "distinct": "distinct values of property",
        "intervals": "count in interval",
    },
    "When": {"last": "most recently", "any": "any time"},
    "Numbering": {
        "after filters": "Historical Count",
        "before filters": "Event Historical Count",
    },
}

HEAD: Final = """# Option words

Generated by `make options` from the `Literal` aliases in the source: do not edit. An
unknown word is refused with the list and the nearest match. The last column says what
the specification, and the products it describes, call the same thing.
"""


def aliases() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the words and the sentence of every `Literal` alias of the package."""
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for path in sorted((ROOT / "replaykit").rglob("*.py")):
        if "js" in path.parts:
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for at, node in enumerate(body):
            if isinstance(node, ast.AnnAssign | ast.Assign):
                target = (
                    node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                )
                value = node.value
                if (
                    isinstance(target, ast.Name)
                    and isinstance(value, ast.Subscript)
                    and ast.unparse(value.value) == "Literal"
                ):
                    words = ast.literal_eval(value.slice)
                    words = words if isinstance(words, tuple) else (words,)
                    following = body[at + 1] if at + 1 < len(body) else None
                    found[target.id] = (words, _sentence(following))
    return found


def _sentence(node: ast.stmt | None) -> str:
    """Return the text that stands below an alias."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).replace('"', "").split())
    return ""


def page() -> str:
    """Return the table of all option words."""
    known = aliases()
    lines = [HEAD]
    heading = ""
    for call, option, alias in OPTIONS:
        if call != heading:
            lines.append(f"\n## `{call}`\n")
            heading = call
        words, sentence = known[alias]
        lines.append(f"**`{option}`** ({alias}). {sentence}\n".replace(" \n", "\n"))
        lines += ["| word | in the specification |", "|---|---|"]
        named = SPECIFIED.get(alias, {})
        lines += [
            f"| `{_shown(word)}` | {named.get(word, word).replace('|', '/')} |"
            for word in words
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _shown(word: str) -> str:
    return f'"{word}"'


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")

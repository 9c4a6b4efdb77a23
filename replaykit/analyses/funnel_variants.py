"""Funnels side by side: with and without a step, or one event instead of another.

A step that several events satisfy is written `rk.event("B", "C")`; here one question
becomes several ordinary funnels.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from replaykit.errors import BadInput
from replaykit.query import Step, as_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.analyses.funnel import FunnelAnswer


def optional_step(
    steps: Sequence[str | Step], which: int | str
) -> dict[str, list[Step]]:
    """Return the steps of two funnels: with an optional step and without it.

    The step is named by its number (from 1) or its label; the first and the last are
    never optional.

    Examples
    --------
    >>> optional_step(["A", "B", "C"], 2)
    {'with B': [event('A'), event('B'), event('C')], 'without B': [event('A'), event('C')]}
    """  # noqa: E501 - one line of output
    read = [as_step(step) for step in steps]
    number = _number(read, which)
    if number in {1, len(read)}:
        raise BadInput("The first and the last step of a funnel are never optional.")
    name = read[number - 1].label
    without = [step for i, step in enumerate(read, start=1) if i != number]
    return {f"with {name}": read, f"without {name}": without}


def compared_steps(
    steps: Sequence[str | Step], at: Mapping[int, Sequence[str | Step]]
) -> dict[str, list[Step]]:
    """Return the steps of one funnel per alternative at a step.

    Examples
    --------
    >>> list(compared_steps(["A", "B", "C"], {2: ["B", "D"]}))
    ['B', 'D']
    """
    read = [as_step(step) for step in steps]
    places = sorted(at)
    for place in places:
        _number(read, place)
        if not at[place]:
            raise BadInput(f"There is nothing to compare at step {place}.")
    found: dict[str, list[Step]] = {}
    for chosen in product(*([as_step(one) for one in at[place]] for place in places)):
        own = list(read)
        for place, step in zip(places, chosen, strict=True):
            own[place - 1] = step
        name = " and ".join(step.label for step in chosen)
        if name in found:
            raise BadInput(f"{name!r} is compared with itself; name the steps apart.")
        found[name] = own
    return found


def side_by_side(variants: Mapping[str, FunnelAnswer]) -> pl.DataFrame:
    """Return the tables of several funnels as one, with a column `variant`."""
    if not variants:
        raise BadInput("There are no funnels to show side by side.")
    return pl.concat(
        answer.table.select(pl.lit(name).alias("variant"), pl.all())
        for name, answer in variants.items()
    )


def differences(variant: FunnelAnswer, baseline: FunnelAnswer) -> pl.DataFrame:
    """Compare two funnels of the same steps, such as two groups or now and before.

    Returns
    -------
    DataFrame
        `step`, `event`, `share` and `baseline` (of step 1), `points` (the difference
        in percentage points) and `relative` (to the baseline's share).
    """
    if variant.plan.groups or baseline.plan.groups:
        raise BadInput("Whole funnels are compared: leave by= out, filter instead.")
    if len(variant.plan.steps) != len(baseline.plan.steps):
        raise BadInput("Funnels of a different number of steps cannot be compared.")
    share, base = pl.col("share"), pl.col("baseline")
    return (
        variant.table.select("step", "event", "share")
        .with_columns(
            baseline.table["share"].alias("baseline"),
        )
        .with_columns(
            points=(share - base) * 100,
            relative=pl.when(base != 0).then((share - base) / base),
        )
    )


def _number(steps: Sequence[Step], which: int | str) -> int:
    labels = [step.label for step in steps]
    if isinstance(which, str):
        if labels.count(which) != 1:
            raise BadInput(f"{which!r} is not one step of {', '.join(labels)}.")
        return labels.index(which) + 1
    if not 1 <= which <= len(steps):
        raise BadInput(f"There is no step {which}; the funnel has {len(steps)}.")
    return which

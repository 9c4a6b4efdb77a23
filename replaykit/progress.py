"""Progress of what takes a while: a bar meanwhile, and a line of words when it is over.

A bar of ipywidgets leaves an empty output in a saved notebook. So in a notebook the bar
is text in one output, written anew as it goes on, that says at last what was done. In a
terminal it is a bar of tqdm, which clears itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

#: Nothing is shown of what is over sooner.
_DELAY_S: Final = 0.5


class _Line(tqdm):  # type: ignore[misc]
    """A bar as one output of a notebook, with the line that it ends as."""

    disable: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - tqdm's
        self._handle: Any = None
        super().__init__(*args, gui=True, **kwargs)
        # What a bar without a terminal is written with.
        self.sp = lambda _text: None

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:  # noqa: ARG002
        """Write the bar into its output, which is made the first time."""
        self._write(str(self) if msg is None else msg)
        return True

    def _write(self, text: str) -> None:
        from IPython.display import display  # noqa: PLC0415 - only where it runs

        data = {"text/plain": text}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def close(self) -> None:
        """End as one line: how much, and how long it took."""
        if self.disable:
            return
        self.disable = True
        self._decr_instances(self)
        if self._handle is not None:
            spent = self.format_interval(self.format_dict["elapsed"])
            self._write(f"{self.desc or 'read'}: {self._amount()} in {spent}")

    def _amount(self) -> str:
        if not self.unit_scale:
            plural = "" if self.n == 1 else "s"
            return f"{self.n:,} {self.unit}{plural}"
        return f"{self.format_sizeof(self.n, divisor=self.unit_divisor)}{self.unit}"


def bar(
    what: str, total: int | None, *, unit: str, shown: bool, size: bool = False
) -> tqdm[None]:
    """Return a bar to `update` and to `close`, also as a context.

    Parameters
    ----------
    what
        What is being done, in a word or two.
    total
        How much there is, None where that is not known.
    unit
        What is counted, one of it.
    shown
        False shows nothing.
    size
        Count in K, M, G.

    Examples
    --------
    >>> with bar("reading", 3, unit="file", shown=False) as files:
    ...     files.update(3)
    """
    kind = _Line if _in_notebook() else tqdm
    return kind(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=size,
        unit_divisor=1024,
        leave=False,
        delay=_DELAY_S,
        disable=not shown,
    )


def over(items: Iterable[T], what: str, *, unit: str, shown: bool) -> Iterator[T]:
    """Yield items, showing how many are done.

    Examples
    --------
    >>> list(over([1, 2], "reading", unit="replay", shown=False))
    [1, 2]
    """
    listed = list(items)
    with bar(what, len(listed), unit=unit, shown=shown) as shows:
        for item in listed:
            yield item
            shows.update()


def _in_notebook() -> bool:
    """Tell whether outputs go to a notebook, not to a terminal."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and hasattr(running, "kernel")

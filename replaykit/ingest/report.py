"""What an ingest did: the report that replaces its progress bar."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Final

from replaykit.progress import bar

if TYPE_CHECKING:
    from tqdm import tqdm

_EXAMPLES: Final = 3
_SNIPPET: Final = 80


@dataclass(frozen=True)
class Skipped:
    """Rows left out for one reason, with up to three places to look at."""

    reason: str
    rows: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did.

    Parameters
    ----------
    what
        The kind of source.
    files
        Number of files read.
    rows
        Rows read, skipped ones included.
    new
        Rows added to the table.
    duplicate
        Rows that the table, or an earlier row of the same source, already had.
    skipped
        Rows left out, by reason.
    notes
        What else is worth knowing (ambiguous local times, for example).
    seconds
        Wall time.
    read_bytes
        Bytes read from disk, as they lie there.
    """

    what: str
    files: int = 0
    rows: int = 0
    new: int = 0
    duplicate: int = 0
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    read_bytes: int = 0

    @property
    def skipped_rows(self) -> int:
        """Rows left out, for whatever reason."""
        return sum(one.rows for one in self.skipped)

    @property
    def bytes_per_second(self) -> float:
        """Bytes read from disk per second of the whole ingest."""
        return self.read_bytes / self.seconds if self.seconds else 0.0

    def _headline(self) -> str:
        parts = [f"{self.new:,} new", f"{self.duplicate:,} duplicate"]
        if self.skipped:
            parts.append(f"{self.skipped_rows:,} skipped")
        files = (
            f" from {self.files:,} file{'s' * (self.files != 1)}" if self.files else ""
        )
        return f"{self.rows:,} {self.what} rows{files}: {', '.join(parts)}"

    def _pace(self) -> str:
        if not self.read_bytes:
            return f"{self.seconds:.1f} s"
        return (
            f"{self.seconds:.1f} s, {_size(self.read_bytes)}, "
            f"{_size(self.bytes_per_second)}/s"
        )

    def __repr__(self) -> str:
        """Return the report as text, one line per reason."""
        lines = [f"{self._headline()} ({self._pace()})"]
        for one in self.skipped:
            lines.append(f"  skipped {one.rows:,}: {one.reason}")
            lines.extend(f"    {example}" for example in one.examples)
        lines.extend(f"  {note}" for note in self.notes)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            f"<tr><td style='text-align:right'>{one.rows:,}</td>"
            f"<td>{escape(one.reason)}</td>"
            f"<td><code>{'<br>'.join(map(escape, one.examples))}</code></td></tr>"
            for one in self.skipped
        ]
        table = (
            "<table><thead><tr><th>skipped</th><th>why</th><th>for example</th></tr>"
            f"</thead><tbody>{''.join(rows)}</tbody></table>"
            if rows
            else ""
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        head = escape(self._headline())
        return f"<div><p><b>{head}</b> · {escape(self._pace())}</p>{table}{notes}</div>"


@dataclass
class Tally:
    """Counts what happens during an ingest.

    Parameters
    ----------
    what
        The kind of source.
    """

    what: str
    files: int = 0
    rows: int = 0
    read_bytes: int = 0
    _started: float = field(default_factory=time.perf_counter)
    _rows: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[str]] = field(default_factory=dict)
    _notes: dict[str, int] = field(default_factory=dict)
    _mixed: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def skip(self, reason: str, rows: int = 1) -> None:
        """Count rows left out."""
        self._rows[reason] = self._rows.get(reason, 0) + rows

    def wants_example(self, reason: str) -> bool:
        """Whether a reason has fewer than three examples so far."""
        return len(self._examples.get(reason, ())) < _EXAMPLES

    def example(self, reason: str, place: str, text: str = "") -> None:
        """Keep an example of a skipped row: where it is and how it begins."""
        kept = self._examples.setdefault(reason, [])
        if len(kept) < _EXAMPLES:
            short = _short(text)
            kept.append(f"{place}: {short}" if short else place)

    def note(self, text: str, count: int) -> None:
        """Count something that happened to rows that were kept; `{}` is the number."""
        if count:
            self._notes[text] = self._notes.get(text, 0) + count

    def mixed(self, name: str, numbers: int, texts: int, example: str) -> None:
        """Count values of a property that are text among numbers."""
        had = self._mixed.get(name, (0, 0, example))
        self._mixed[name] = (had[0] + numbers, had[1] + texts, had[2])

    def skipped(self) -> int:
        """Return how many rows were left out so far."""
        return sum(self._rows.values())

    def report(self, new: int, duplicate: int) -> IngestReport:
        """Return the report."""
        skipped = tuple(
            Skipped(reason, rows, tuple(self._examples.get(reason, ())))
            for reason, rows in sorted(self._rows.items(), key=lambda item: -item[1])
        )
        return replace(
            IngestReport(self.what),
            files=self.files,
            rows=self.rows,
            new=new,
            duplicate=duplicate,
            skipped=skipped,
            notes=(
                *(
                    text.replace("{}", f"{count:,}")
                    for text, count in self._notes.items()
                ),
                *(
                    f"property {name!r}: {texts:,} texts, such as {_short(example)!r}, "
                    f"beside {numbers:,} numbers"
                    for name, (numbers, texts, example) in self._mixed.items()
                ),
            ),
            seconds=time.perf_counter() - self._started,
            read_bytes=self.read_bytes,
        )


def progress(what: str, total: int | None, *, shown: bool = True) -> tqdm[None]:
    """Return a bar of bytes; with no total known it counts rows."""
    unit = "rows" if total is None else "B"
    return bar(what, total, unit=unit, shown=shown, size=True)


def _short(text: str) -> str:
    return text if len(text) <= _SNIPPET else f"{text[:_SNIPPET]}…"


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"

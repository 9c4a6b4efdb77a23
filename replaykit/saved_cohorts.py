"""Cohorts kept with a project: lists of users, and definitions counted anew.

A static cohort is a list of ids. A dynamic one is a definition that is evaluated at
each use, so that a range such as the last seven days moves on (`spec/cohorts.md` 3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson
import polars as pl

from replaykit import timeline
from replaykit.analyses.cohort_charts import read_ids
from replaykit.cohort_rules import (
    Asked,
    Rule,
    columns_of,
    read_rule,
    write_rule,
)
from replaykit.errors import (
    BadInput,
    MissingFile,
    UnknownCohort,
    check_option,
    did_you_mean,
)
from replaykit.store.settings import write_whole
from replaykit.twins import table_twin
from replaykit.users import Users
from replaykit.wording import count_words

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from replaykit.handles import Events
    from replaykit.store.objects import Place

Kind: TypeAlias = Literal["static", "dynamic"]
"""Whether a cohort is the users of now, or a definition counted at each use."""

KINDS: Final = ("static", "dynamic")

_JOINTS: Final[dict[str, Callable[[Users, Users], Users]]] = {
    "and": Users.__and__,
    "or": Users.__or__,
    "not": Users.__sub__,
}
_SCHEMA: Final[dict[str, pl.DataType]] = {
    "cohort": pl.String(),
    "kind": pl.String(),
    "users": pl.Int64(),
    "saved": pl.Datetime("us", "UTC"),
    "what": pl.String(),
}


@dataclass(frozen=True, eq=False, repr=False)
class Cohorts:
    """The saved cohorts of a project, by name.

    `cohorts["Buyers"]` are `Users`: they filter (`events.filter(cohort="Buyers")`),
    narrow a search of replays, join with other users, and are watched.
    """

    folder: Place
    events: Events

    # ── keep ──────────────────────────────────────────────────────────────────
    def save(
        self,
        name: str,
        users: Users,
        *,
        kind: Kind = "static",
        overwrite: bool = False,
    ) -> Users:
        """Keep users under a name.

        Parameters
        ----------
        name
            How the cohort is called.
        users
            Users of this project.
        kind
            `"static"` keeps who they are now. `"dynamic"` keeps how they were asked
            for (`events.last("30d").users_who("Search") - events.users_who("Buy")`)
            and counts them anew at each use, on the data and the day of that use.
        overwrite
            Replace a cohort of that name.

        Returns
        -------
        Users
            The cohort, as it is read back.

        Raises
        ------
        BadInput
            If the name is taken, or the users cannot be defined: those of a clicked
            point, of a list, or found among other users are static.

        Examples
        --------
        >>> import tempfile
        >>> import replaykit as rk
        >>> shop = rk.demo()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = Cohorts(Path(folder), shop.events)
        ...     buyers = kept.save("Buyers", shop.events.users_who("Payment Submitted"))
        ...     print("Buyers" in kept, len(buyers) > 0)
        True True
        """
        check_option("kind", kind, KINDS)
        self._check_name(name, overwrite=overwrite)
        if not isinstance(users, Users):
            raise BadInput(
                f"A cohort keeps Users, not a {type(users).__name__}. A list of ids is "
                "read by cohorts.read(name, 'ids.csv')."
            )
        if kind == "static":
            self._write_list(name, users.ids, users.label)
            return self[name]
        if users.rule is None:
            raise BadInput(
                f"{users!r} cannot be counted anew: only users asked for with "
                "users_who, users_whose, active_users, new_users and everyone, and "
                "what &, | and - make of them. kind='static' keeps them as they are."
            )
        facts = {"rule": write_rule(users.rule), "users": users.count()}
        self._write(name, kind, users.label, facts)
        return self[name]

    def delete(self, name: str) -> None:
        """Delete a cohort; its users and their events stay."""
        self._facts(name)
        self._file(name).unlink()

    def forget(self, ids: Iterable[str]) -> int:
        """Take ids out of every list; return how many lists held one."""
        gone = set(ids)
        changed = 0
        for file in self._files():
            facts = self._load(file)
            kept = [one for one in facts.get("ids", ()) if one not in gone]
            if len(kept) < len(facts.get("ids", ())):
                facts |= {"ids": kept, "users": len(kept)}
                write_whole(file, orjson.dumps(facts))
                changed += 1
        return changed

    def read(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        canonical_ids: bool = False,
    ) -> Users:
        """Read a list of users from a file, one id per line; replaces the cohort.

        Parameters
        ----------
        name
            How the cohort is called.
        path
            A text file: one column, no header, no blank line.
        canonical_ids
            Whether the lines are canonical ids, every one of which must exist;
            otherwise they are user ids, and unknown ones are left out.

        Raises
        ------
        MissingFile, BadInput
            If the file cannot be read as such a list.
        """
        self._check_name(name, overwrite=True)
        file = Path(path)
        if not file.exists():
            raise MissingFile(f"There is no file {file}.")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        directory = self.events.source.directory
        if canonical_ids and "amplitude_id" in directory.columns:
            known = directory.select(user="amplitude_id", user_id="user_id")
            found, _ = read_ids(lines, known, canonical_ids=True)
            ids = known.join(found, on="user", how="semi")["user_id"]
        else:
            found, _ = read_ids(lines, directory, canonical_ids=canonical_ids)
            ids = self.events.source.user_ids(found["user"])
        self._write_list(name, ids, f"read from {file.name}")
        return self[name]

    def write(self, name: str, path: str | os.PathLike[str], *properties: str) -> int:
        """Write the ids of a cohort to a CSV file; return how many.

        Parameters
        ----------
        name
            The cohort.
        path
            The file. Ids alone have no header, as `read` takes them.
        properties
            Latest values to write beside each id, under a header.
        """
        return self[name].write_csv(path, *properties)

    # ── use ───────────────────────────────────────────────────────────────────
    def __getitem__(self, name: str) -> Users:
        """Return the users of a cohort: of the list, or as counted now."""
        facts = self._facts(name)
        if facts["kind"] == "dynamic":
            users = evaluate(read_rule(facts["rule"]), self.events)
            return replace(users, label=name)
        ids = pl.Series("user_id", facts["ids"], dtype=pl.String)
        known = self.events.source.directory.select("user", "user_id")
        people = known.join(ids.to_frame(), on="user_id", how="semi")["user"].sort()
        members = replace(self.events, people=people).everyone()
        return replace(members, within=self.events, label=name, rule=None)

    def __contains__(self, name: object) -> bool:
        """Say whether a cohort has that name."""
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return the number of cohorts."""
        return len(self.names)

    @property
    def names(self) -> list[str]:
        """Names of all cohorts, in alphabetical order."""
        return self.table["cohort"].to_list()

    @property
    def table(self) -> pl.DataFrame:
        """All cohorts: `cohort`, `kind`, `users` (when saved), `saved` UTC, `what`."""
        rows = [
            [
                facts["name"],
                facts["kind"],
                facts["users"],
                facts["saved"],
                facts["what"],
            ]
            for facts in map(self._load, self._files())
        ]
        frame = pl.DataFrame(
            rows, schema={**_SCHEMA, "saved": pl.String()}, orient="row"
        )
        return frame.with_columns(
            pl.col("saved").str.to_datetime(time_zone="UTC")
        ).sort("cohort")

    def over_time(self, name: str, *, days: int = 30) -> pl.DataFrame:
        """Return the size of a dynamic cohort on each of the last days.

        Every day is counted as if asked at its end: the last 7 days of a definition are
        the seven days that end with it.

        Parameters
        ----------
        name
            The cohort.
        days
            How many days, today included.

        Returns
        -------
        DataFrame
            `time` Datetime in the project's zone, the day; `users` Int64.

        Raises
        ------
        BadInput
            If the cohort is a list, which does not change.
        """
        facts = self._facts(name)
        if facts["kind"] != "dynamic":
            raise BadInput(f"{name!r} is a list of users; its size does not change.")
        rule, source = read_rule(facts["rule"]), self.events.source
        ends = _ends_of_days(source.now(), source.zone, days)
        sizes = [evaluate(rule, _known_at(self.events, end)).count() for end in ends]
        starts = pl.Series("time", [end - timedelta(hours=12) for end in ends])
        local = starts.dt.convert_time_zone(source.zone).dt.truncate("1d")
        return pl.DataFrame({"time": local, "users": pl.Series(sizes, dtype=pl.Int64)})

    def compare(self, name: str, other: str | Users | None = None) -> pl.DataFrame:
        """Count who is in one of two cohorts, and in both.

        Parameters
        ----------
        name
            The cohort.
        other
            Another one, or any users; by default everybody active in the last 30 days.

        Returns
        -------
        DataFrame
            One row: `only_first`, `both`, `only_second` Int64, `jaccard` Float64.
        """
        if other is None:
            other = self.events.last("30d").active_users()
        second = self[other] if isinstance(other, str) else other
        return self[name].overlap(second)

    # ── files ─────────────────────────────────────────────────────────────────
    def _check_name(self, name: str, *, overwrite: bool) -> None:
        if not isinstance(name, str) or not name.strip():
            raise BadInput(f"{name!r} is no name for a cohort.")
        if not overwrite and name in self:
            raise BadInput(
                f"There is a cohort {name!r} already. Give another name, or "
                "overwrite=True."
            )

    def _file(self, name: str) -> Place:
        # A name may hold anything; a file's may not.
        digest = hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
        return self.folder / f"{digest}.json"

    def _files(self) -> list[Place]:
        found: list[Place] = list(self.folder.glob("*.json"))
        return sorted(found, key=str)

    def _write_list(self, name: str, ids: pl.Series, what: str) -> None:
        facts = {"ids": ids.to_list(), "users": ids.len()}
        self._write(name, "static", what, facts)

    def _write(self, name: str, kind: Kind, what: str, facts: dict[str, Any]) -> None:
        saved = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"format": 1, "name": name, "kind": kind, "what": what, "saved": saved}
        write_whole(self._file(name), orjson.dumps({**head, **facts}))

    def _facts(self, name: str) -> dict[str, Any]:
        file = self._file(name) if isinstance(name, str) else None
        if file is None or not file.exists():
            names = self.names
            hint = did_you_mean(str(name), names)
            listed = ", ".join(map(repr, names)) or "none; cohorts.save makes one"
            message = f"No cohort {name!r}. {hint} There is {listed}."
            raise UnknownCohort(message.replace("  ", " "))
        return self._load(file)

    def _load(self, file: Place) -> dict[str, Any]:
        try:
            facts = orjson.loads(file.read_bytes())
            for field in ("name", "kind", "what", "saved", "users"):
                facts[field]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise BadInput(
                f"{file} is not a saved cohort ({error}). Delete it to go on."
            ) from error
        found: dict[str, Any] = facts
        return found

    def __repr__(self) -> str:
        """Show the table."""
        return f"{count_words(len(self), 'cohort')}\n{self.table}"

    def _repr_html_(self) -> str:
        shown = self.table.select("cohort", "kind", "users", "what")
        return table_twin(count_words(len(self), "cohort"), shown.columns, shown.rows())


def evaluate(rule: Rule, events: Events) -> Users:
    """Return the users of a definition, on the data and the moment of a handle.

    Parameters
    ----------
    rule
        The definition.
    events
        Any handle of the project; its own range and filters do not count.
    """
    if not isinstance(rule, Asked):
        left, right = evaluate(rule.left, events), evaluate(rule.right, events)
        return _JOINTS[rule.joint](left, right)
    handle = replace(events, span=rule.span, segment=rule.segment, people=None)
    if rule.recent is not None:
        handle = handle.last(rule.recent)
    latest = _known(events)
    if latest is not None:
        span = handle.span
        if span.start is not None and span.start >= latest:
            return handle.users(Users.nobody(), "nobody")
        end = latest if span.end is None else min(span.end, latest)
        handle = replace(handle, span=replace(span, end=end))
    if rule.clause is None:
        return handle.everyone()
    handle.check_columns({*columns_of(rule.clause)})
    return handle.members_of(rule.clause, "as defined")


def _known(events: Events) -> datetime | None:
    """Return the moment after which a handle knows nothing, if it has one."""
    return events.span.now


def _known_at(events: Events, moment: datetime) -> Events:
    """Return a handle as it would have been at a moment."""
    source = replace(events.source, now=lambda: moment)
    return replace(events, source=source, span=timeline.Span(now=moment))


def _ends_of_days(now: datetime, zone: str, days: int) -> list[datetime]:
    """Return the ends of the last civil days, today's included, in UTC."""
    if days < 1:
        raise BadInput(f"days={days} is less than one day.")
    today = pl.select(
        pl.lit(now.astimezone(UTC)).dt.convert_time_zone(zone).dt.date()
    ).item()
    assert isinstance(today, date)  # noqa: S101 - what dt.date() gives
    dates = [today - timedelta(days=back) for back in range(days - 2, -2, -1)]
    return [timeline.instant(day, zone) for day in dates]

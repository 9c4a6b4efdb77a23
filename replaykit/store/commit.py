"""One commit: arriving rows and rewritten partitions become a version, or nothing does.

Writers do not lock each other out. Each prepares its commit against the version it saw;
when another was faster the commit is refused, and everything that depended on that
version (people, duplicates, codes, row numbers) is worked out again. Staged rows carry
no numbers, so nothing has to be undone.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl
from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from replaykit.errors import BadInput
from replaykit.store.covering import drop_part
from replaykit.store.layout import (
    CATALOG,
    PARTITION,
    POINTER,
    delta_fields,
    delta_schema,
)
from replaykit.store.plan import Plan, Wishes, make_plan
from replaykit.store.snapshot import Snapshot
from replaykit.store.staging import hash_probe
from replaykit.store.writing import Written, write_files

if TYPE_CHECKING:
    from replaykit.store.catalog import Catalog
    from replaykit.store.lease import Writer
    from replaykit.store.objects import Place
    from replaykit.store.properties import Registry
    from replaykit.store.settings import Settings
    from replaykit.store.staging import Stage

_ATTEMPTS: Final = 100
# Readers pinned to an earlier version have this long before its files go.
_RETIRED_FOR_S: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class Outcome:
    """What a commit did: version, rows added, rows left out as duplicates."""

    version: int
    new: int = 0
    duplicate: int = 0


def commit(
    folder: Place,
    settings: Settings,
    writer: Writer,
    stage: Stage | None,
    wishes: Wishes,
) -> Outcome:
    """Add the staged rows, and rewrite what is wished for, in one commit.

    Parameters
    ----------
    folder, settings
        The project.
    writer
        Who writes; its id goes into the names of the files.
    stage
        Arriving rows; `None` only rewrites.
    wishes
        What else to do.
    """
    for attempt in range(_ATTEMPTS):
        head = Snapshot.load(folder, settings.buckets)
        plan = make_plan(head, stage, wishes)
        arrived = stage.rows if stage is not None else 0
        dropped = len(plan.duplicates.dropped)
        nothing = dropped == arrived and not plan.people.changed.height
        if nothing and not plan.rewrite and not wishes.bury:
            return Outcome(head.table.version(), 0, dropped)
        with suppress(CommitFailedError):
            _add_columns(head, plan.registry)
            written = write_files(plan, stage, writer)
            version = _make_true(plan, written)
            return Outcome(version, arrived - dropped, dropped)
        # Apart from each other, so that two writers do not collide again and again.
        time.sleep(min(1.0, 0.01 * 2**attempt) * (0.5 + secrets.randbelow(100) / 100))
    raise BadInput(
        f"The table at {folder} changed {_ATTEMPTS} times while this ingest tried to "
        "commit. Nothing was written; run it again when fewer writers are at work."
    )


def _add_columns(head: Snapshot, registry: Registry) -> None:
    new = {
        name: dtype
        for name, dtype in registry.columns().items()
        if name not in head.declared
    }
    if new:
        # A column nobody writes yet is harmless should this writer die before its rows.
        head.table.alter.add_columns(
            delta_fields(new),
            commit_properties=CommitProperties(max_commit_retries=0),
        )


def _make_true(plan: Plan, written: Written) -> int:
    head = plan.head
    now = int(time.time())
    removed = [path for paths in plan.rewrite.values() for path in paths]
    after = _after(plan, written, removed, now)
    number = after.write(head.folder)
    removes = [
        RemoveAction(
            path=path,
            data_change=False,
            deletion_timestamp=now * 1000,
            partition_values={PARTITION: path.split("/", 1)[0].split("=", 1)[1]},
        )
        for path in removed
    ]
    actions: list[AddAction | RemoveAction] = [*written.adds, *removes]
    # Refused unless ours is the very next version.
    version = int(head.table.version()) + 1
    try:
        head.table.create_write_transaction(
            actions,
            "append",
            delta_schema(plan.registry.columns()),
            [PARTITION],
            commit_properties=CommitProperties(
                max_commit_retries=0,
                app_transactions=[Transaction(POINTER, number, now)],
            ),
        )
    except CommitFailedError:
        # Refused for certain. After anything else (an interrupt may arrive when the
        # commit has just been made) the files stay: the next writer's sweep can tell.
        written.delete(head.folder)
        after.discard(head.folder, number, head.catalog)
        raise
    with suppress(OSError):
        for path in _expired(head.catalog, now):
            drop_part(head.folder, path)
    if plan.wishes.bury:
        _bury(head, removed, after, number)
    return version


def _bury(head: Snapshot, removed: list[str], after: Catalog, number: int) -> None:
    """Delete what only earlier versions need; were it stopped, a sweep ends it."""
    for path in (*head.catalog.retired, *removed):
        drop_part(head.folder, path)
    if head.number is None:
        return
    kept = after.files(head.folder, number)
    for name in head.catalog.files(head.folder, head.number) - kept:
        (head.folder / CATALOG / name).unlink(missing_ok=True)


def _after(plan: Plan, written: Written, removed: list[str], now: int) -> Catalog:
    """Return the catalogue of the version to come."""
    catalog, people = plan.head.catalog, plan.people
    expired = set(_expired(catalog, now))
    seen = pl.concat([pl.Series(dtype=pl.Int32), *written.users]).unique()
    # Someone all of whose rows were duplicates of another's is nobody.
    lives = (
        (pl.col("user") < catalog.next_user)
        | pl.col("merged_into").is_not_null()
        | pl.col("user").is_in(seen.implode())
    )
    gone = list(plan.wishes.forget)
    if gone:
        stays = ~pl.col("user").is_in(gone)
        lives &= stays & ~pl.col("merged_into").fill_null(-1).is_in(gone)
    everyone = people.people.filter(lives)
    if plan.wishes.bury:
        # Written anew, so that no piece still holds who is gone.
        fresh, changed, devices = (
            replace(catalog, people=(), devices=()),
            everyone,
            people.devices,
        )
    else:
        fresh, changed, devices = (
            catalog,
            people.changed.filter(lives),
            people.new_devices,
        )
    noted = fresh.with_people(
        plan.head.folder, changed, devices.join(everyone, on="user", how="semi")
    )
    firsts = [at for at in (catalog.first, written.first) if at is not None]
    lasts = [at for at in (catalog.last, written.last) if at is not None]
    if gone:
        firsts, lasts = _edges(plan, written, removed)
    return replace(
        noted,
        buckets=plan.buckets,
        next_user=people.next_user,
        next_row=written.next_row,
        rows=written.rows,
        users=everyone.filter(pl.col("merged_into").is_null()).height,
        first=min(firsts, default=None),
        last=max(lasts, default=None),
        names=written.names,
        registry=plan.registry.counted(written.values),
        bucket_rows={key: rows for key, rows in written.bucket_rows.items() if rows},
        retired={}
        if plan.wishes.bury
        else {
            **{path: at for path, at in catalog.retired.items() if path not in expired},
            **dict.fromkeys(removed, now),
        },
        hash_probe=catalog.hash_probe or hash_probe(),
        history=() if plan.wishes.bury else _history(plan.head, now),
    )


def _edges(
    plan: Plan, written: Written, removed: list[str]
) -> tuple[list[int], list[int]]:
    """Return first and last times of the files that stay, and of what is written."""
    actions = pl.DataFrame(plan.head.table.get_add_actions(flatten=True))
    kept = actions.filter(~pl.col("path").is_in(removed))
    ends = [
        [*kept[f"{edge}.time"].drop_nulls().to_list(), at]
        for edge, at in (("min", written.first), ("max", written.last))
    ]
    first, last = ([at for at in end if at is not None] for end in ends)
    return first, last


def _history(head: Snapshot, now: int) -> tuple[int, ...]:
    # The number of a catalogue begins with the second it was written in.
    numbers = (*head.catalog.history, *([] if head.number is None else [head.number]))
    return tuple(
        number for number in numbers if now - number // 10**9 <= _RETIRED_FOR_S
    )


def _expired(catalog: Catalog, now: int) -> list[str]:
    return [path for path, at in catalog.retired.items() if now - at > _RETIRED_FOR_S]

"""The kernel that takes JSON lines apart reads what the JSON parsers read."""

from __future__ import annotations

import json
import random

import polars as pl
import pytest

from replaykit.ingest import AmplitudeExport
from replaykit.ingest.files import PADDING, Block
from replaykit.ingest.json_lines import parse_lines
from replaykit.ingest.lines import Lines

FIELDS = ("event_type", "event_time", "user_id", "event_properties", "n", "session_id")
NUMBERS = "0 7 -7 42 1.5 -0.5 0.1 5.0 1.50 -0 -0.0 1e5 00 .5 1. 0.001 99999999999999.5 "
NUMBERS += "9007199254740993 1234567890123456789 0.30000000000000004 10.0 123456.789"
PIECES = ["a", "b c", "é", "日本", '\\"', "\\\\", "\\/", "\\n", "\\t", "\\b", "\\u00e9"]
PIECES += ["\\u0041", "\\ud83d\\ude00", "\\ud83d", "\\u0022", "\\u001f", "\x7f", "\\x"]
PIECES += ["{", "}", "[", ",", ":", "x" * 40, "😀", ""]


def text(rng):
    return '"' + "".join(rng.choices(PIECES, k=rng.choice((0, 1, 1, 2)))) + '"'


def value(rng, depth=0):
    kind = rng.random()
    if kind < 0.3 or depth > 3:
        return text(rng)
    if kind < 0.55:
        return rng.choice(NUMBERS.split())
    if kind < 0.7:
        return rng.choice(["true", "false", "null", "null", "nul"])
    if kind < 0.88:
        names = rng.choices(
            ["a", "price", "é", "\\u0061", "z", "k"], k=rng.randint(0, 4)
        )
        return record(rng, names, depth + 1)
    inside = ",".join(value(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    return f"[{inside}]"


def record(rng, names, depth=0):
    space = rng.choice(["", "", "", " "])
    inside = f",{space}".join(f'"{n}":{space}{value(rng, depth)}' for n in names)
    return f"{{{inside}{',' if rng.random() < 0.01 else ''}}}"


def line(rng):
    names = [name for name in FIELDS if rng.random() < 0.6]
    names += rng.choices(["x", "y", rng.choice(FIELDS)], k=rng.choice((0, 0, 1)))
    rng.shuffle(names)
    made = record(rng, names).encode("utf-8", "surrogatepass")
    if rng.random() < 0.03:
        at = rng.randrange(len(made))
        made = made[:at] + bytes([rng.randrange(11, 256)]) + made[at + 1 :]
    return made


def block(lines):
    return Block(b"".join(one + b"\n" for one in lines) + PADDING, 1, len(lines))


def polars(one):
    """What polars reads from a line, or None."""
    try:
        rows = pl.read_ndjson(b"\n" + one, schema=dict.fromkeys(FIELDS, pl.String))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return rows.row(0) if rows.height == 1 else None


@pytest.mark.parametrize("seed", range(4))
def test_a_line_reads_as_the_parsers_read_it(seed):
    rng = random.Random(seed)
    lines = [line(rng) for _ in range(600)]
    found = Lines(block(lines).data, FIELDS, len(lines))
    rows = found.frame().rows()
    read = [at for at in range(len(lines)) if not found.odd_rows[at]]
    assert len(read) > 60
    for at in read:
        known = json.loads(lines[at])
        expected = polars(lines[at])
        assert expected is not None, lines[at]
        for place, name in enumerate(FIELDS):
            if isinstance(known.get(name), dict | list):
                # polars does not escape again what it takes out of an object.
                assert json.loads(rows[at][place]) == known[name]
            else:
                assert rows[at][place] == expected[place]


@pytest.mark.parametrize("seed", range(4))
def test_a_line_reads_the_same_whatever_stands_beside_it(seed):
    rng = random.Random(100 + seed)
    lines = [line(rng) for _ in range(150)]
    together = parse_lines(block(lines), FIELDS)
    numbers = [together.line(row) for row in range(together.frame.height)]
    bad = {number: reason for number, reason, _ in together.bad}
    assert sorted([*numbers, *bad]) == list(range(1, len(lines) + 1))
    rows = dict(zip(numbers, together.frame.rows(), strict=True))
    for number, one in enumerate(lines, 1):
        alone = parse_lines(block([one]), FIELDS)
        if number in bad:
            assert [reason for _, reason, _ in alone.bad] == [bad[number]]
        else:
            assert alone.frame.row(0) == rows[number]


def test_objects_keep_their_escapes_whoever_reads_the_line():
    # The second number is left to the parser.
    lines = [
        b'{"n": %s, "event_properties": {"path": "C:\\\\new\\t\\"x\\"", "price": 5.0}}'
        % one
        for one in (b"1", b"1e2")
    ]
    texts = parse_lines(block(lines), FIELDS).frame["event_properties"]
    assert texts.to_list() == ['{"path":"C:\\\\new\\t\\"x\\"","price":5}'] * 2


def test_times_and_numbers_are_read_where_all_are_plain():
    moments = ["2024-02-29 10:00:00", "2100-03-01T23:59:59.5Z", "1970-01-01 00:00:00"]
    moments += ["2199-12-31 23:59:59.999999", "2000-12-31 00:00:00.000001"]
    lines = [json.dumps({"event_time": at, "n": -7}).encode() for at in moments]
    kinds = {"times": ("event_time",), "numbers": ("n",)}
    plain = parse_lines(block(lines), FIELDS, **kinds).frame
    assert plain.schema["n"] == pl.Int64
    shown = plain["event_time"].dt.to_string("%Y-%m-%d %H:%M:%S%.6f").to_list()
    assert shown == [
        f"{at.replace('T', ' ').removesuffix('Z')[:19]}.{at.removesuffix('Z')[20:]:0<6}"
        for at in moments
    ]
    for wrong in ("2023-02-29 10:00:00", "2024-01-01 24:00:00", "2024-1-01 10:00:00"):
        odd = [*lines, json.dumps({"event_time": wrong, "n": "x"}).encode()]
        texts = parse_lines(block(odd), FIELDS, **kinds).frame
        assert texts["event_time"].to_list() == [*moments, wrong]
        assert texts["n"].to_list() == [*["-7"] * len(moments), "x"]


def test_short_lines_are_many_blocks_and_no_line_is_lost(tmp_path):
    good = b'{"event_type":"A","user_id":"u","event_time":"2026-03-01 09:00:00"}\n'
    path = tmp_path / "short.json"
    path.write_bytes(b"\n" * 150_000 + b"{}\n" * 120_000 + good + b"x\n" + good[:-1])
    source = AmplitudeExport(path, progress=False)
    assert sum(batch.height for batch in source.batches()) == 2
    report = source.finished(2, 0)
    assert report.rows == 120_003
    found = {one.reason: (one.rows, one.examples[0]) for one in report.skipped}
    assert found == {
        "no time that can be read": (120_000, "short.json:150001: {}"),
        "not JSON": (1, "short.json:270002: x"),
    }

"""Amplitude's export, by example: what is read, what is refused, what is skipped."""

from __future__ import annotations

import gzip
import zipfile

import orjson
import polars as pl
import pytest
from answerblocks import moment
from exports import column, event, export, ingest, lines
from spec.blocks import answers, block

from replaykit.errors import BadInput, MissingFile
from replaykit.ingest import AmplitudeExport
from replaykit.store import create_store, open_store


@pytest.fixture
def shop(tmp_path):
    create_store(tmp_path / "shop.rk")
    return tmp_path / "shop.rk"


def read(path):
    source = AmplitudeExport(path, progress=False)
    frames = list(source.batches())
    return pl.concat(
        frames, how="diagonal_relaxed"
    ) if frames else pl.DataFrame(), source.finished(0, 0)


@answers("model.clock.expected")
def test_clock_rule(tmp_path, expected):
    clocks = block("model.clock")
    names = ("client_event_time", "client_upload_time", "server_received_time")
    events = [
        {
            "event_type": "A",
            "device_id": "d",
            "event_id": int(row["row"]),
            **{name: row[name] for name in names},
        }
        for row in clocks
    ]
    rows, _ = read(export(tmp_path, events))
    got = dict(rows.select("event_id", "time").rows())
    adjusted = dict(
        rows.select(
            "event_id", (pl.col("time") - pl.col("client_time")).dt.total_seconds()
        ).rows()
    )
    for row in expected:
        number = int(row["row"])
        assert got[number] == moment(row["event_time"])
        difference = int(row["diff_s"])
        assert adjusted[number] == (difference if abs(difference) > 60 else 0)


@pytest.mark.parametrize(
    "parts",
    [
        [range(12)],
        [range(6), range(6, 12)],
        [range(6, 12), range(6)],
        [[row] for row in reversed(range(12))],
    ],
)
def test_identity_does_not_depend_on_how_the_export_was_cut(shop, tmp_path, parts):
    events = [
        event(int(row["row"]), "A", row["user_id"], row["device_id"])
        for row in block("model.identity")
    ]
    for number, part in enumerate(parts):
        ingest(
            shop,
            export(tmp_path / "in", [events[row] for row in part], f"{number}.json"),
        )
    users = [row[0] for row in column(shop, "user", "event")]
    assert users == [
        "john",
        "B",
        "john",
        "john",
        "john",
        "john",
        "mary",
        "mary",
        "john",
        "john",
        "john",
        "B",
    ]
    assert open_store(shop).users == 3


def test_amplitude_id_decides_and_user_id_alone_finds_it(shop, tmp_path):
    events = [
        event(1, "A", None, "d1", amplitude_id=7),
        event(2, "A", "ana", "d2", amplitude_id=7),
        event(3, "A", "ana", "d3"),
        event(4, "A", None, "d9", amplitude_id=8),
    ]
    ingest(shop, export(tmp_path / "in", events))
    assert column(shop, "user", "event") == [("ana", "A")] * 3 + [("8", "A")]


@pytest.mark.parametrize("name", ["e.json", "e.json.gz", "e.zip"])
def test_every_form_of_file_reads_alike(tmp_path, name):
    events = [event(minute, "Search", "ana", "d") for minute in range(5)]
    rows, report = read(export(tmp_path, events, name))
    assert rows["event"].to_list() == ["Search"] * 5
    assert (report.rows, report.files, report.skipped) == (5, 1, ())


def test_a_zip_of_many_files_is_opened_a_few_times(tmp_path, monkeypatch):
    """A year's export has a file per hour."""
    path = tmp_path / "year.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for hour in range(60):
            events = [event(hour, f"E{hour}", "ana", "d"), event(hour, "A", "ben", "d")]
            archive.writestr(f"{hour:04}.json", lines(events))
    opened = []
    real = zipfile.ZipFile.__init__
    monkeypatch.setattr(
        zipfile.ZipFile,
        "__init__",
        lambda self, *given, **more: (opened.append(self), real(self, *given, **more))[
            1
        ],
    )
    rows, report = read(path)
    assert (report.rows, report.skipped) == (120, ())
    assert rows["event"].n_unique() == 61
    assert len(opened) <= 8


def test_a_json_array_is_read_as_lines(tmp_path):
    path = tmp_path / "array.json"
    path.write_bytes(
        b"\xef\xbb\xbf " + orjson.dumps([event(1, "A", "ana"), event(2, "B", "ana")])
    )
    rows, _ = read(path)
    assert rows["event"].to_list() == ["A", "B"]


def test_sessions_and_empty_ids(tmp_path):
    events = [
        event(1, "A", "ana", "", session_id=-1),
        event(2, "A", "", "d", session_id=1717225200000),
        event(3, "A", "ana", "d", session_id="checkout-7f3a"),
        event(4, "A", "ana", "d", session_id=None),
    ]
    rows, _ = read(export(tmp_path, events))
    first, second, word, none = rows["session_id"].to_list()
    assert (first, second, none) == (None, 1717225200000, None)
    assert word < -1
    assert rows["device_id"].to_list() == [None, "d", "d", "d"]
    assert rows["user_id"].to_list() == ["ana", None, "ana", "ana"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 09:00:00",
        "2026-03-01 09:00:00.000000",
        "2026-03-01T09:00:00Z",
        "2026-03-01T09:00:00.000Z",
        "2026-03-01T10:00:00+01:00",
        1772355600000,
        1772355600,
        "1772355600000",
    ],
)
def test_times_are_read_however_they_are_written(tmp_path, text):
    rows, _ = read(
        export(tmp_path, [{"event_type": "A", "user_id": "ana", "event_time": text}])
    )
    assert rows["time"][0] == moment("2026-03-01T09:00:00Z")


def test_properties_keep_their_kinds(tmp_path):
    values = {
        "n": 1,
        "price": 2.5,
        "flag": True,
        "name": "x",
        "tags": ["a", "b"],
        "deep": {"a": 1},
        "none": None,
        "[Amplitude] Session Replay ID": "d/1",
    }
    rows, _ = read(
        export(
            tmp_path,
            [
                event(
                    1,
                    "A",
                    "ana",
                    event_properties=values,
                    user_properties={"plan": "pro"},
                    groups={"company": ["acme"]},
                    country="DE",
                )
            ],
        )
    )
    kinds = {name: dtype for name, dtype in rows.schema.items() if "." in name}
    assert kinds == {
        "event.n": pl.Int64,
        "event.price": pl.Float64,
        "event.flag": pl.Boolean,
        "event.name": pl.String,
        "event.tags": pl.List(pl.String),
        "event.[Amplitude] Session Replay ID": pl.String,
        "user.plan": pl.String,
        "group.company": pl.List(pl.String),
        "builtin.country": pl.String,
    }
    assert orjson.loads(rows["event_properties"][0]) == values


def test_kinds_that_do_not_mix_are_still_read(tmp_path):
    events = [
        event(minute, "A", "ana", n=minute, event_properties={"v": value})
        for minute, value in enumerate([{"a": 1}, 7, "x", [1, "b"], None, True])
    ]
    rows, report = read(export(tmp_path, events))
    assert report.skipped == ()
    assert rows["event.v"].to_list() == [None, ["7"], ["x"], ["1", "b"], None, ["true"]]


def test_bad_rows_are_skipped_counted_and_shown(tmp_path):
    good = lines([event(minute, "A", "ana") for minute in range(1000)]).splitlines()
    bad = [
        b'{"event_type": "A", "user_id": "ana"}',
        b'{"event_type": "A", "user_id": "ana", "event_time": "soon"}',
        b'{"event_type": "A", "user_id": "ana", "event_time": "9999-01-01 00:00:00"}',
        b'{"event_time": "2026-03-01 09:00:00", "user_id": "ana"}',
        b'{"event_type": "A", "event_time": "2026-03-01 09:00:00"}',
        b'{"event_type": ',
        b"[1, 2]",
        b'{"event_type": "A", "user_id": "ana", "event_time": "2026-03-01 09:00:00", "event_properties": {"a": 1e999}}',
        b'{"event_type": "A", "user_id": "\xff"}',
        b"",
    ]
    path = tmp_path / "mixed.json"
    path.write_bytes(b"\n".join([*good[:500], *bad, *good[500:]]))
    rows, report = read(path)
    assert rows.height == 1000
    skipped = {one.reason: one.rows for one in report.skipped}
    assert sum(skipped.values()) == len(bad) - 1
    assert skipped["no time that can be read"] == 3
    assert skipped["no event name"] == skipped["no user id or device id"] == 1
    assert "mixed.json:501" in repr(report)
    assert "mixed.json:506" in repr(report)


def test_a_good_line_reads_the_same_beside_a_bad_one(tmp_path):
    events = [
        event(
            minute, "A", 7, "d", session_id=str(minute), event_properties={"v": minute}
        )
        for minute in range(50)
    ]
    clean, _ = read(export(tmp_path, events, "clean.json"))
    path = tmp_path / "spoiled.json"
    path.write_bytes(lines(events[:20]) + b"{nonsense\n" + lines(events[20:]))
    spoiled, report = read(path)
    assert report.skipped_rows == 1
    assert clean.equals(spoiled)


def test_the_report_is_safe_html(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(lines([event(1, "A", "ana")]) + b"<script>alert(1)</script>\n")
    _, report = read(path)
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_a_missing_file_names_the_nearest(tmp_path):
    export(tmp_path, [event(1, "A", "ana")], "export_march.json")
    with pytest.raises(MissingFile, match=r"export_march\.json"):
        AmplitudeExport(tmp_path / "export_marsh.json")
    with pytest.raises(MissingFile, match="No file matches"):
        AmplitudeExport(str(tmp_path / "*.zip"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFile, match="holds no file like"):
        AmplitudeExport(tmp_path / "empty")


def _unreadable(folder):
    raw = lines(
        [
            event(minute, "A", "ana", event_properties={"x": str(minute) * 9})
            for minute in range(3000)
        ]
    )
    packed = gzip.compress(raw)
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 0xFF
    files = {
        "cut.json.gz": packed[: len(packed) // 2],
        "empty.json.gz": b"",
        "damaged.json.gz": bytes(damaged),
        "text.json": b"this is not an export\nat all\n",
        "page.json": b"<!doctype html><html></html>",
        "image.json": bytes(range(256)) * 40,
        "half.json": b'[{"event_type": "A"',
        "not.zip": b"PK\x03\x04 but not a zip",
        "bomb.json.gz": gzip.compress(b" " * (400 << 20)),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    return [*files, "other.zip"]


def test_a_file_that_cannot_be_read_is_a_named_error_and_nothing_is_written(
    shop, tmp_path
):
    folder = tmp_path / "in"
    good = export(folder, [event(1, "A", "ana")], "0_good.json")
    for name in _unreadable(folder):
        with pytest.raises(BadInput, match=name.replace(".", r"\.")):
            ingest(shop, [good, folder / name])
        assert open_store(shop).rows == 0, name
    assert not list((shop / "events").glob("bucket=*"))


def test_a_line_without_end_is_refused(tmp_path):
    path = tmp_path / "line.json.gz"
    path.write_bytes(gzip.compress(b'{"event_type": "' + b"ab" * (40 << 20)))
    with pytest.raises(BadInput, match="MiB"):
        read(path)


def test_deep_nesting_and_many_keys_do_no_harm(tmp_path):
    deep = (
        b'{"event_type":"A","user_id":"u","event_time":"2026-03-01 09:00:00","event_properties":'
        + b'{"a":' * 5000
        + b"1"
        + b"}" * 5001
    )
    wide = event(
        1,
        "A",
        "ana",
        event_properties={f"k{number}": number for number in range(20_000)},
    )
    path = tmp_path / "x.json"
    path.write_bytes(lines([event(0, "A", "ana"), wide]) + deep + b"\n")
    source = AmplitudeExport(path, progress=False)
    rows = next(source.batches())
    assert rows.height == 2
    assert len(rows.columns) < 500
    assert len(source.narrow()) == 20_000 - 400
    assert source.finished(0, 0).skipped_rows == 1


@pytest.mark.parametrize("magic", [b"\x78\x9c", b"\x28\xb5\x2f\xfd"])
def test_a_line_that_begins_like_a_compressed_file_is_a_bad_line(tmp_path, magic):
    good = lines([event(minute, "A", "ana") for minute in range(3)])
    path = tmp_path / "odd.json"
    path.write_bytes(magic + b"rest of the line\n" + good)
    rows, report = read(path)
    assert rows.height == 3
    assert report.skipped_rows == 1
    path.write_bytes(gzip.compress(good)[:40] + b"\n" + good)
    with pytest.raises(BadInput, match=r"odd\.json"):
        read(path)

"""Recordings on disk: whole or absent, found by number, gone when removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from datetime import UTC, datetime

import pytest
from recordings import session

from replaykit.errors import BadRecording, UnknownReplay
from replaykit.replays.build import add_events
from replaykit.store import recording_shelves
from replaykit.store.recording_files import SHARED_FROM, read_index, read_segment
from replaykit.store.recording_shelves import CATALOGUE
from replaykit.store.recordings import Recordings

ROW = {
    "replay_id": "d/1",
    "start": datetime(2026, 3, 1, tzinfo=UTC),
    "activity": [0, 9, 255],
}
LONG = b'"' + b"x" * SHARED_FROM + b'"'


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return Recordings(tmp_path / "replays" if request.param == "folder" else None)


def put(store, replay_id="d/1", texts=((b"[1]",),), digest="a"):
    with store.batch() as batch:
        draft = batch.draft()
        for at, parts in enumerate(texts):
            note = {"start": at, "end": at + 1}
            draft.writer.segment(parts, note, known=len(parts))
        draft.writer.finish({"n": len(texts)}, {})
        batch.put(draft, {**ROW, "replay_id": replay_id}, digest)


def test_any_segment_reads_back_as_one_zlib_stream(store):
    texts = [(b"[", LONG, b",", str(at).encode(), b"]") for at in range(5)]
    put(store, texts=texts)
    for at in (4, 0, 2):
        text = zlib.decompress(store.segment("d/1", at))
        assert text == b"".join(texts[at])
    assert store.summary("d/1") == {"n": 5}


def test_equal_long_parts_are_stored_once(tmp_path):
    noise = json.dumps(list(range(4_000))).encode()
    for count in (1, 40):
        put(Recordings(tmp_path / str(count)), texts=[(b"[", noise, b"]")] * count)
    one, forty = (
        sum(path.stat().st_size for path in (tmp_path / name / "files").iterdir())
        for name in ("1", "40")
    )
    assert forty < one * 1.3


def test_sizes_noted_are_the_sizes_sent(store):
    put(store, texts=[(b"[", LONG, b",2]"), (b"[3]",)])
    sizes = [note["bytes"] for note in store.segments("d/1")]
    assert sizes == [len(store.segment("d/1", at)) for at in (0, 1)]


def test_the_catalogue_has_the_documented_columns(store):
    assert dict(store.catalogue().schema) == CATALOGUE
    put(store)
    catalogue = store.catalogue()
    assert dict(catalogue.schema) == CATALOGUE
    assert catalogue["activity"].to_list() == [[0, 9, 255]]
    assert catalogue["user"].to_list() == [None]


def test_a_second_recording_of_one_id_replaces_the_first(store):
    put(store, digest="a")
    store.segment("d/1", 0)
    put(store, texts=[(b"[2]",), (b"[3]",)], digest="b")
    assert store.catalogue().height == 1
    assert zlib.decompress(store.segment("d/1", 1)) == b"[3]"


def test_an_open_reader_survives_a_replacement(tmp_path):
    reader, writer = Recordings(tmp_path), Recordings(tmp_path)
    put(writer)
    assert zlib.decompress(reader.segment("d/1", 0)) == b"[1]"
    put(writer, texts=[(b"[2]",)], digest="b")
    assert reader.segment("d/1", 0)
    reader.catalogue()
    assert zlib.decompress(reader.segment("d/1", 0)) == b"[2]"


def test_unknown_replays_and_segments_are_named(store):
    put(store)
    with pytest.raises(UnknownReplay, match=r"Did you mean 'd/1'\?"):
        store.segment("d/2", 0)
    with pytest.raises(UnknownReplay, match="no segment 7; it has 1"):
        store.segment("d/1", 7)


def test_removal_leaves_no_trace(tmp_path):
    store = Recordings(tmp_path)
    put(store, replay_id="secret-device/1")
    put(store, replay_id="other/1", digest="b")
    store.remove("secret-device/1")
    assert store.catalogue()["replay_id"].to_list() == ["other/1"]
    assert len(list((tmp_path / "files").iterdir())) == 1
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"secret-device" not in path.read_bytes()


def test_nothing_is_committed_when_the_block_fails(store):
    def fail():
        with store.batch() as batch:
            draft = batch.draft()
            draft.writer.finish({}, {})
            batch.put(draft, ROW, "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.catalogue().is_empty()


def test_drafts_that_were_given_up_are_deleted(tmp_path):
    def fail():
        with Recordings(tmp_path).batch() as batch:
            batch.draft()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list((tmp_path / "files").iterdir()) == []


def test_a_damaged_file_is_named(tmp_path):
    store = Recordings(tmp_path)
    put(store)
    (path,) = (tmp_path / "files").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadRecording, match="damaged"):
        Recordings(tmp_path).segment("d/1", 0)


def test_two_writers_lose_nothing(tmp_path):
    """Two processes add at once; each commit keeps what the other committed."""
    script = (
        "import sys; from recordings import session\n"
        "from replaykit.replays.build import add_events\n"
        "from replaykit.store.recordings import Recordings\n"
        "for n in range(4):\n"
        "    add_events(Recordings(sys.argv[1]), f'{sys.argv[2]}/{n}', session(2_000))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "r")]
    env = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    running = [subprocess.Popen([*command, name], env=env) for name in ("a", "b")]
    assert [process.wait(120) for process in running] == [0, 0]
    found = sorted(Recordings(tmp_path / "r").catalogue()["replay_id"])
    assert found == sorted(f"{name}/{n}" for name in "ab" for n in range(4))


def test_a_killed_writer_leaves_the_state_before(tmp_path):
    store = Recordings(tmp_path)
    add_events(store, "d/1", session())
    before = store.catalogue()
    script = (
        "import os, sys\n"
        "from replaykit.store.recordings import Recordings\n"
        "with Recordings(sys.argv[1]).batch() as batch:\n"
        "    draft = batch.draft()\n"
        "    draft.writer.segment([b'[1]'], {})\n"
        "    draft.file.flush()\n"
        "    os._exit(9)\n"
    )
    env = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=env, check=False
    )
    assert done.returncode == 9
    assert Recordings(tmp_path).catalogue().equals(before)


CSS = json.dumps("".join(f".a{at} {{ color: #{at:03x} }}" for at in range(2_000)))


def with_css(number):
    return (f'[{{"at":{number},"css":'.encode(), CSS.encode(), b"}]")


def files_of(folder):
    return sorted(path.name for path in (folder / "files").iterdir())


def put_each(store, count):
    for number in range(count):
        put(store, f"d/{number}", [with_css(number)])


def test_equal_style_sheets_are_stored_once_across_recordings(tmp_path):
    for folder in (tmp_path / "replays", None):
        store = Recordings(folder)
        put_each(store, 5)
        for number in range(5):
            whole = zlib.decompress(store.segment(f"d/{number}", 0))
            assert whole == b"".join(with_css(number))
            ((_, stream),) = store.stored(f"d/{number}")
            assert zlib.decompress(stream) == whole
    own = [path.stat().st_size for path in (tmp_path / "replays/files").iterdir()]
    assert len(own) == 6
    assert sum(size > 5_000 for size in own) == 1


def test_a_shared_text_goes_with_the_last_recording_that_needs_it(tmp_path):
    store = Recordings(tmp_path)
    put_each(store, 2)
    store.remove("d/0")
    assert len(files_of(tmp_path)) == 2
    assert zlib.decompress(store.segment("d/1", 0)) == b"".join(with_css(1))
    store.sweep()
    assert len(files_of(tmp_path)) == 2
    store.remove("d/1")
    assert files_of(tmp_path) == []


def test_what_a_recording_was_before_it_grew_goes_soon(tmp_path, monkeypatch):
    reader = Recordings(tmp_path)
    put(reader, "d/0", [[b"first"]])
    seen = zlib.decompress(reader.segment("d/0", 0))
    for number in range(4):
        put(Recordings(tmp_path), "d/0", [[b"then %d" % number]])
    # For a minute whoever has just read the catalogue finds what it named.
    assert len(files_of(tmp_path)) == 5
    assert zlib.decompress(reader.segment("d/0", 0)) == seen
    monkeypatch.setattr(recording_shelves, "_REPLACED", -1)
    put(Recordings(tmp_path), "d/1", [[b"other"]])
    assert len(files_of(tmp_path)) == 6
    put(Recordings(tmp_path), "d/0", [[b"last"]])
    assert len(files_of(tmp_path)) == 6
    for path in (tmp_path / "files").iterdir():
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 61))
    put(Recordings(tmp_path), "d/1", [[b"other again"]])
    assert len(files_of(tmp_path)) == 2
    # Later the catalogue is read again.
    assert zlib.decompress(reader.segment("d/0", 0)) == b"last"
    assert zlib.decompress(reader.segment("d/1", 0)) == b"other again"


def test_a_shared_text_that_is_gone_is_a_named_error(tmp_path):
    put_each(Recordings(tmp_path), 1)
    largest = max((tmp_path / "files").iterdir(), key=lambda path: path.stat().st_size)
    largest.unlink()
    with pytest.raises(BadRecording, match="part of this recording is gone"):
        Recordings(tmp_path).segment("d/0", 0)


def test_a_segment_reads_without_the_shared_texts_too(tmp_path):
    put_each(Recordings(tmp_path), 1)
    own = min((tmp_path / "files").iterdir(), key=lambda path: path.stat().st_size)
    with own.open("rb") as file:
        (entry,) = read_index(file).segments
        assert zlib.decompress(read_segment(file, entry)) == b'[{"at":0,"css":}]'


def test_a_recording_that_grows_does_not_make_the_catalogue_slower(tmp_path):
    """Whoever follows it reads a few commits, not all that there ever were."""
    store = Recordings(tmp_path / "replays")
    for at in range(35):
        put(store, digest=str(at))
    log = tmp_path / "replays" / "catalogue" / "_delta_log"
    newest = max(log.glob("*.json")).stem
    summed = max(log.glob("*.checkpoint.parquet")).name.partition(".")[0]
    assert 0 <= int(newest) - int(summed) < 10
    assert store.extent("d/1") == (None, None)
    assert store.catalogue().height == 1

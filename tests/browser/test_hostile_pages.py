"""Recordings that attack, where analysts meet them: a shared page, and JupyterLab."""

from __future__ import annotations

import json

import hostile
import lab
import polars as pl
import pytest

import replaykit as rk
from replaykit.replays.sanitise import Sanitiser

VECTORS = {vector.name: vector for vector in hostile.VECTORS}

#: Finds players behind shadow roots, goes to the next session of one and through it.
NEXT = """() => {
  const all = (selector, root = document, found = []) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.matches(selector)) found.push(node);
      if (node.shadowRoot) all(selector, node.shadowRoot, found);
    }
    return found;
  };
  window.attack_ready = async (at) => {
    for (let tries = 0; tries < 400; tries += 1) {
      const player = all(".rk-player-box")[at];
      if (player?.querySelector(".rk-stage").ariaBusy === "false") {
        return player.querySelector(".rk-head .who").textContent;
      }
      await new Promise((then) => setTimeout(then, 10));
    }
    throw new Error("it did not come");
  };
  window.attack_next = async (at) => {
    const key = (name, shiftKey = false) => all(".rk-player-box")[at].dispatchEvent(
      new KeyboardEvent("keydown", { key: name, code: name, shiftKey, bubbles: true }),
    );
    key("ArrowRight", true);
    await attack_ready(at);
    key("ArrowRight");
    return attack_ready(at);
  };
}"""

#: Ingest without its layer: only the frame stands between the recording and the page.
UNCLEANED = {
    "tree": lambda *_: None,
    "node": lambda *_, **__: None,
    "mutation": lambda *_: None,
    "style_event": lambda *_: None,
    "css": lambda _, text: text,
    "attributes": lambda _self, _tag, attributes: attributes,
}


#: As many as travel with one player of a page.
TOGETHER = 10
FIGURES = ".rk-fig-player, .jp-OutputArea .rk-stage"


def written(folder, trap):
    """Write all recordings as files, and a log of their visitors with hostile words."""
    words = hostile.words(trap)
    rows = []
    for number, (name, vector) in enumerate(VECTORS.items()):
        # One a minute, so that each belongs to one visit.
        start = hostile.START + number * 60_000
        events = vector.recording(trap)
        for event in events:
            event["timestamp"] += number * 60_000
        (folder / f"attacker-{name}_{start}.json").write_text(json.dumps(events))
        rows.append(
            (
                f"attacker-{name}",
                start + 500,
                words[number % len(words)],
                start,
                words[0],
            )
        )
    columns = ["user", "time", "event", "visit", "note"]
    log = pl.DataFrame(rows, schema=columns, orient="row")
    return log.with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC")))


def attacked(page, asked, counts):
    """Go through all sessions of all players; return what any of them managed."""
    watch = hostile.Watch(page, asked, hooked=True)
    page.evaluate(NEXT)
    met = []

    def show(step):
        at, _, number = step.partition(" ")
        if number == "0":
            page.locator(FIGURES).nth(int(at)).scroll_into_view_if_needed()
        name = "attack_ready" if number == "0" else "attack_next"
        met.append(page.evaluate(f"{name}({at})"))

    steps = [f"{at} {n}" for at, count in enumerate(counts) for n in range(count)]
    found = watch.each(steps, show)
    assert sorted(met) == sorted(f"attacker-{name}" for name in VECTORS)
    return found


@pytest.mark.parametrize(
    "layer", ["raw", pytest.param("clean", marks=pytest.mark.long)]
)
def test_a_shared_page_stays_untouched(tmp_path, monkeypatch, layer):
    if layer == "raw":
        for name, instead in UNCLEANED.items():
            monkeypatch.setattr(Sanitiser, name, instead)
    with hostile.trap_server() as (trap, asked):
        (tmp_path / "rec").mkdir()
        log = written(tmp_path / "rec", trap)
        players = []
        for part in log.iter_slices(TOGETHER):
            files = [
                next((tmp_path / "rec").glob(f"{user}_1*.json"))
                for user in part["user"]
            ]
            events = rk.events(part, session="visit", replays=files)
            players.append(events.everyone().watch())
        rk.share(*players, to=tmp_path / "page.html", mask=False, filmstrip=False)
        with lab.browser_page() as page:
            page.add_init_script(hostile.HOOKS)
            page.goto((tmp_path / "page.html").as_uri())
            page.locator(FIGURES).first.wait_for(timeout=30_000)
            counts = [len(part) for part in log.iter_slices(TOGETHER)]
            found = attacked(page, asked, counts)
            sealed = [f for f in page.frames if f.url.startswith("data:")]
            assert sealed
    assert found == {}


@pytest.mark.long
def test_jupyterlab_stays_untouched(jupyter):
    """Uncleaned, in a real JupyterLab: its page, its server and its focus are left."""
    url, root = jupyter
    said = (root / "server.log").stat().st_size
    folder = root / "attack"
    with hostile.trap_server() as (trap, asked):
        (folder / "rec").mkdir(parents=True)
        written(folder / "rec", trap).write_parquet(folder / "log.parquet")
        source = (
            "from replaykit.replays.sanitise import Sanitiser\n"
            "for name in ('tree', 'node', 'mutation', 'style_event'):\n"
            "    setattr(Sanitiser, name, lambda *_, **__: None)\n"
            "Sanitiser.css = lambda self, text: text\n"
            "Sanitiser.attributes = lambda self, tag, attributes: attributes\n"
            "import replaykit as rk\n"
            "log = rk.events('log.parquet', session='visit', replays='rec')\n"
            "log.everyone().watch()"
        )
        lab.write_notebook(folder / "attack.ipynb", [source])
        with lab.browser_page() as page:
            page.add_init_script(hostile.HOOKS)
            page.goto(f"{url}/lab/tree/attack/attack.ipynb?reset")
            lab.run_all(page)
            page.locator(".rk-stage").first.wait_for(timeout=30_000)
            found = attacked(page, asked, [len(VECTORS)])
            assert [f for f in page.frames if f.url.startswith("data:")]
        log_text = (root / "server.log").read_text()[said:]
    lab.stop_kernels(url)
    assert found == {}
    assert "logout" not in log_text, "no relative address reached the notebook server"

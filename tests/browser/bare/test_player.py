"""The player in a bare page: a stub model, real recordings, a real browser."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from lab import chromium

from tests.browser.bare import sessions
from tests.browser.bare.server import HERE, STATIC, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Frame, Page, Request

pytestmark = pytest.mark.browser

#: data/README.md: elements at the start and at the end, with rrweb's own Replayer.
ELEMENTS = {"code_editor": (220, 220), "todo_app": (85, 180)}

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


TICKETS = {
    "name": "<b>tickets</b>",
    "columns": ["subject", "priority", "n"],
    "t": [-60_000, 5_000, 30_000, 90_000_000],
    "state": [1, 0, 0, 2],
    "rows": [
        ["Before", "low", None],
        ["<i>Where is it?</i>", "high", 1],
        ["Refund", None, 2],
        ["After", "low", 3],
    ],
    "total": 2,
}


REPORT = {
    "headline": "0:09 · 201 events · 1.3 MB JSON",
    "findings": [
        {
            "severity": "broken",
            "text": "<i>no full snapshot</i>",
            "t": None,
            "at": "",
        },
        {"severity": "missing", "text": "gap", "t": 2000, "at": "0:02 to 0:04"},
    ],
    "kinds": [{"kind": "mutation", "events": 200, "bytes": 1_200_000, "share": 91.26}],
}


def answer(kind: str, params: dict[str, Any]) -> tuple[Any, list[bytes]]:
    """Answer as a kernel would."""
    if kind == "playlist":
        return sessions.playlist(), []
    if kind == "anatomy":
        return REPORT, []
    replay = params["replay"]
    name, _, cut = replay.partition("@")
    if name == "missing":
        raise KeyError(name)
    if kind == "session":
        if name == "no_snapshot":
            return sessions.session_of(
                "todo_app", replay=replay, status="no_snapshot", segments=[]
            ), []
        if name == "expired":
            return sessions.session_of(
                "todo_app", replay=replay, status="expired", segments=[]
            ), []
        session = sessions.session_of(
            "code_editor" if name == "with_tickets" else name, replay=replay
        )
        if name == "with_tickets":
            session["tables"] = [TICKETS]
        if cut:
            session["segments"] = sessions.infos_of(name, int(cut))
        return session, []
    if kind == "segment":
        name = "code_editor" if name == "with_tickets" else name
        part = sessions.segments_of(name, int(cut or 60))[params["index"]]
        return {"start": part["start"], "end": part["end"]}, [part["body"]]
    raise KeyError(kind)


@dataclass
class View:
    """A widget on the bare page, and what the page did meanwhile."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def open(self, **traits: Any) -> None:
        self.page.evaluate("(traits) => open_widget(traits)", traits)

    def saw(self, request: Request) -> None:
        self.requests.append(request)

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => model.get(name)", name)

    def write(self, name: str, value: Any) -> None:
        self.page.evaluate("([name, value]) => model.set(name, value)", [name, value])

    def position(self) -> int:
        return self.trait("time_ms")

    def inner(self) -> Frame:
        """The document of the recording, two frames down."""
        for frame in self.page.frames:
            parent = frame.parent_frame
            if parent is not None and (
                parent.url.startswith("data:") or frame.url == "about:blank"
            ):
                return frame
        raise AssertionError("no recorded document")

    def elements(self) -> int:
        return self.inner().evaluate("document.querySelectorAll('*').length")

    def wait(self, expression: str, **options: Any) -> None:
        self.page.wait_for_function(expression, timeout=20_000, **options)

    def painted(self) -> None:
        """Wait until the page of the last seek is on screen."""
        self.wait("() => root().querySelector('.rk-stage')?.ariaBusy === 'false'")

    def html(self) -> str:
        """The recorded document, without what only says how one came here."""
        text = self.inner().evaluate("document.documentElement.outerHTML")
        text = re.sub(r"\s*:hover(?=[\s\"])", "", text)
        text = re.sub(r"\s*rrweb-paused", "", text)
        # A mark that came and went leaves the list of classes without its odd spaces.
        text = re.sub(
            r' class="([^"]*)"',
            lambda found: f' class="{" ".join(found[1].split())}"',
            text,
        )
        return re.sub(r' class=""', "", text)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert (STATIC / "widget.js").exists(), "Build the bundle first: make bundle"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield opened
        opened.close()


@contextmanager
def viewing(
    browser: Browser, policy: str | None = None, width: int = 1000, **context: Any
) -> Iterator[View]:
    with serving(answer, policy) as url:
        page = browser.new_context(
            viewport={"width": width, "height": 900}, **context
        ).new_page()
        view = View(page)
        page.on("pageerror", lambda error: view.errors.append(str(error)))
        page.on("request", view.saw)
        page.goto(url)
        page.wait_for_function("window.ready")
        try:
            yield view
        finally:
            page.context.close()
        # Chromium announces what the policy refused too; "csp" never left the browser.
        away = [
            one.url
            for one in view.requests
            if not one.url.startswith((url, "data:", "blob:", "about:"))
            and one.failure != "csp"
        ]
        assert view.errors == []
        assert away == []


@pytest.fixture
def view(browser: Browser) -> Iterator[View]:
    with viewing(browser) as made:
        yield made


@pytest.mark.parametrize("name", sorted(ELEMENTS))
def test_start_and_end_show_the_elements_that_rrweb_shows(
    view: View, name: str
) -> None:
    view.open(session=name)
    view.painted()
    start = view.elements()
    view.page.locator(".rk-stage").click()
    view.press("Space")
    view.press("End")
    view.painted()
    assert (start, view.elements()) == ELEMENTS[name]


def test_plays_over_segment_boundaries_to_the_end_without_a_rebuild(view: View) -> None:
    starts = [info["start"] for info in sessions.infos_of("todo_app")]
    length = sessions.session_of("todo_app")["length_ms"]
    view.open(session="todo_app", speed=2)
    view.painted()
    view.inner().evaluate("document.documentElement.dataset.mark = 'kept'")
    view.page.locator(".rk-btn-main").click()
    view.wait("() => model.get('playing')")
    crossed = 0
    while view.trait("playing"):
        mark = view.inner().evaluate("document.documentElement.dataset.mark")
        at = view.position()
        # Its last event was played by then: the end is shown as a jump there shows it.
        if at < length - 500:
            assert mark == "kept", f"rebuilt before {at} ms"
            crossed = sum(start <= at for start in starts) - 1
        view.page.wait_for_timeout(100)
    assert crossed >= 4
    view.painted()
    assert view.elements() == ELEMENTS["todo_app"][1]


def test_jumping_about_shows_what_playing_from_the_start_shows(
    browser: Browser,
) -> None:
    length = sessions.session_of("todo_app")["length_ms"]
    moments = [round(length * part / 100) for part in (70, 71, 20, 21, 96, 3, 50, 55)]
    with viewing(browser) as cut, viewing(browser) as whole:
        cut.open(session="todo_app@40")
        whole.open(session="todo_app@100000")
        cut.painted()
        whole.painted()
        for moment in moments:
            for one in (cut, whole):
                one.write("time_ms", moment)
                one.painted()
            assert cut.html() == whole.html(), f"at {moment} ms"


def test_a_click_on_a_row_seeks_and_marks_it(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    row = view.page.locator(".rk-tr", has_text="Preview Refreshed").first
    row.click()
    assert row.get_attribute("aria-current") == "true"
    times = sessions.session_of("code_editor")["events"]["t"]
    names = sessions.session_of("code_editor")["events"]["name"]
    assert view.position() == times[names.index("Preview Refreshed")]
    assert view.trait("event") == str(
        9_007_199_254_740_993 + names.index("Preview Refreshed")
    )


def test_rows_outside_of_the_recording_do_not_seek(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    before = view.position()
    view.page.locator(".rk-tr.is-out").first.click()
    assert view.position() == before


def test_playing_moves_the_row(view: View) -> None:
    view.open(session="code_editor", speed=8)
    view.painted()
    view.page.locator(".rk-switch").click()
    view.page.locator(".rk-btn-main").click()
    seen = set()
    for _ in range(12):
        view.page.wait_for_timeout(250)
        seen.add(view.page.locator(".rk-table [aria-current=true] .name").inner_text())
    assert len(seen) >= 4
    assert view.trait("event") != ""


def test_python_writes_are_obeyed(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.write("time_ms", 60_000)
    assert view.text(".rk-clock b") == "1:00.0"
    view.write("speed", 4.0)
    assert "4" in view.text(".rk-speed")
    view.write("playing", True)
    view.wait("() => model.get('time_ms') > 61_000")
    view.write("playing", False)
    assert view.page.locator("[aria-label^='Play (']").count() == 1
    view.write("session", "todo_app")
    view.wait("() => root().querySelector('.rk-clock').textContent.includes('0:09')")
    assert view.trait("session") == "todo_app"


def test_a_session_and_its_position_may_be_set_in_one_breath(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.page.evaluate("model.delay = 400")
    view.write("session", "todo_app")
    view.write("time_ms", 4200)
    view.wait("() => root().querySelector('.rk-clock').textContent.includes('0:09')")
    assert view.text(".rk-clock b") == "0:04.2"
    assert (view.trait("session"), view.position()) == ("todo_app", 4200)


def test_the_next_session_plays_by_itself_when_asked_to(view: View) -> None:
    view.open(session="code_editor", replays=["code_editor", "todo_app"], speed=16)
    view.painted()
    view.page.locator("[aria-label='More about this session']").click()
    view.page.get_by_role("menuitemradio", name="Play the next session").click()
    view.write("time_ms", sessions.session_of("code_editor")["length_ms"] - 2000)
    view.write("playing", True)
    view.wait("() => model.get('session') === 'todo_app' && model.get('playing')")


def test_a_panel_shows_its_row_when_it_is_opened(view: View) -> None:
    view.open(session="code_editor", time_ms=60_000)
    view.painted()
    for tab in ("Console", "Network", "Pages"):
        view.page.get_by_role("tab", name=tab).click()
        grid = view.page.get_by_role("grid", name=tab)
        assert grid.locator("[aria-current=true]").count() == 1, tab


def test_a_view_that_is_rebuilt_continues_where_it_was(view: View) -> None:
    view.open(session="code_editor", replays=["code_editor", "todo_app"])
    view.painted()
    view.write("time_ms", 42_000)
    view.painted()
    view.page.evaluate("close_view()")
    assert view.page.locator(".rk").count() == 0
    view.page.evaluate("show_view()")
    view.painted()
    assert view.text(".rk-clock b") == "0:42.0"
    assert view.elements() == ELEMENTS["code_editor"][0]


def test_a_frame_that_the_host_moves_continues_where_it_was(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.page.locator(".rk-stage").click()
    view.press("Space")
    view.write("time_ms", 70_000)
    view.painted()
    shown = view.html()
    view.page.evaluate(
        "() => { const { el } = views.at(-1); const to = document.createElement('div');"
        " document.body.append(to); to.append(el); }"
    )
    view.page.wait_for_timeout(500)
    view.painted()
    assert view.html() == shown


def test_the_recording_is_sealed(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    inner = view.inner()
    outer = inner.parent_frame
    assert outer is not None
    assert outer.evaluate("self.origin") == "null"
    assert inner.frame_element().get_attribute("sandbox") == "allow-same-origin"
    policy = outer.evaluate("document.querySelector('meta[http-equiv]').content")
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    # The loader and the program, and nothing by any other way.
    scripts = re.search(r"script-src ([^;]+);", policy).group(1).split()
    assert len(scripts) == 2
    assert all(re.fullmatch(r"'sha256-[\w+/=]{44}'", one) for one in scripts)
    assert "Sealed" in view.page.locator(".rk-shield").get_attribute("title")


def test_a_frame_that_may_not_run_its_program_gives_way(browser: Browser) -> None:
    # The frame inherits the host's policy: here one that knows the loader alone.
    loader, _program = (STATIC / "frame.sha256").read_text().split()
    script = re.search(
        r"<script[^>]*>(.*)</script>", (HERE / "bare.html").read_text(), re.DOTALL
    )
    digest = hashlib.sha256(script.group(1).encode()).digest()
    page = base64.b64encode(digest).decode()
    policy = f"script-src 'self' 'unsafe-eval' 'sha256-{page}' 'sha256-{loader}'"
    with viewing(browser, policy=policy) as view:
        view.open(session="todo_app")
        view.wait("() => root().querySelector('.is-seal')")
        view.painted()
        assert view.elements() == ELEMENTS["todo_app"][0]
        assert view.page.locator(".rk-stage iframe[src^='data:']").count() == 0


def test_without_data_frames_it_plays_in_the_page_and_says_so(browser: Browser) -> None:
    with viewing(browser, policy="frame-src 'self'") as view:
        view.open(session="todo_app")
        view.wait("() => root().querySelector('.is-seal')")
        view.painted()
        assert "No sealed frame" in view.text(".rk-notice")
        assert view.elements() == ELEMENTS["todo_app"][0]
        view.page.locator(".rk-stage").click(position={"x": 4, "y": 4})
        view.press("Space")
        view.press("End")
        view.painted()
        assert view.elements() == ELEMENTS["todo_app"][1]
        policy = view.inner().evaluate(
            "document.querySelector('meta[http-equiv=Content-Security-Policy]')?.content"
        )
        assert policy is None or "default-src 'none'" in policy


def test_keys_act_and_stay_inside(view: View) -> None:
    view.page.evaluate(
        "() => { window.leaked = []; for (const type of ['keydown', 'keyup', 'keypress'])"
        " document.addEventListener(type, (event) => leaked.push(event.key)); }"
    )
    view.open(session="code_editor", replays=["code_editor", "todo_app"])
    view.painted()
    view.page.locator(".rk-lanes").focus()
    view.press("ArrowRight")
    assert view.position() == 10_000
    view.press("ArrowLeft")
    assert view.position() == 0
    view.press("]")
    first = view.position()
    view.press("]")
    assert view.position() > first > 0
    view.press("[")
    assert view.position() == first
    view.press(".")
    assert view.position() == first + 50
    view.press("+")
    assert view.trait("speed") == 2
    view.press("-")
    assert view.trait("speed") == 1
    view.press("s")
    assert view.page.locator(".rk-switch").get_attribute("aria-checked") == "false"
    view.press("End")
    assert view.position() == sessions.session_of("code_editor")["length_ms"]
    view.press("Home")
    assert view.position() == 0
    view.press("?")
    assert view.page.locator(".rk-keys").is_visible()
    view.press("Escape")
    assert view.page.locator(".rk-keys").count() == 0
    view.page.locator(".rk-table").focus()
    view.press("j")
    view.press("j")
    second = view.position()
    view.press("k")
    assert view.position() < second
    view.press("Enter")
    assert view.page.locator(".rk-props").count() == 1
    view.press("Escape")
    assert view.page.locator(".rk-props").count() == 0
    view.press("/")
    view.page.keyboard.type("snippet")
    view.wait("() => root().querySelector('.rk-foot').textContent.startsWith('4 of')")
    view.press("Escape")
    view.wait("() => root().querySelector('.rk-foot').textContent.startsWith('35 ')")
    view.page.locator(".rk-lanes").focus()
    view.press("Shift+ArrowRight")
    view.wait("() => model.get('session') === 'todo_app'")
    for key in "abcdefghijklmnopqrstuvwxyz0123456789":
        view.press(key)
    assert view.page.evaluate("leaked") == []


def test_the_theme_follows_the_host(view: View) -> None:
    view.open(session="code_editor")
    background = "getComputedStyle(root().querySelector('.rk-frame')).backgroundColor"
    light = view.page.evaluate(background)
    view.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    view.wait("() => root().querySelector('.rk').dataset.rkTheme === 'dark'")
    dark = view.page.evaluate(background)
    assert light != dark
    view.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    view.wait("() => root().querySelector('.rk').dataset.rkTheme === 'light'")
    assert view.page.evaluate(background) == light


def test_data_never_becomes_markup(view: View) -> None:
    view.open(session="code_editor", replays=["code_editor", "expired"])
    view.painted()
    view.press("End")
    assert view.page.locator(".rk b >> text=not markup").count() == 0
    assert view.page.locator("text=<b>bob</b>").count() == 1


@pytest.mark.parametrize(
    ("replay", "says"),
    [
        ("expired", "This recording has expired"),
        ("no_snapshot", "This recording has no full snapshot"),
        ("missing", "This session cannot be opened"),
    ],
)
def test_what_cannot_be_played_says_why(view: View, replay: str, says: str) -> None:
    view.open(session=replay)
    view.wait(
        f"() => root().querySelector('.rk-state')?.textContent.includes('{says}')"
    )


def test_what_is_broken_is_explained(view: View) -> None:
    view.open(session="no_snapshot", replays=["code_editor", "no_snapshot"])
    stage = view.page.locator(".rk-stage")
    stage.get_by_role("button", name="Previous playable session").wait_for()
    stage.get_by_role("button", name="Show the report").click()
    report = view.page.get_by_role("dialog", name="Report on this recording")
    report.get_by_text("<i>no full snapshot</i>").wait_for()
    assert "91.3 %" in report.inner_text()
    view.press("Escape")
    assert report.count() == 0
    view.page.evaluate("model.silent = true; model.fire('comm_live_update')")
    off = stage.get_by_role("button", name="Show the report")
    assert off.get_attribute("aria-disabled") == "true"
    assert "kernel is gone" in (off.get_attribute("title") or "")
    assert stage.get_by_role("button", name="playable").count() == 0


def test_the_parts_keep_their_heights_while_a_session_loads(browser: Browser) -> None:
    heights = (
        "() => ['.rk-strip', '.rk-view', '.rk-time', '.rk-ctl', '.rk-panel']"
        ".map((name) => root().querySelector(name)?.offsetHeight)"
    )
    for width in (360, 1000, 1600):
        with viewing(browser, width=width) as view:
            traits = {"session": "todo_app", "replays": ["code_editor", "todo_app"]}
            view.open(**traits)
            view.page.evaluate("model.delay = 700; close_view(); show_view()")
            view.wait("() => root().querySelector('.rk-load')")
            assert "Loading the recording" in view.text(".rk-state")
            before = view.page.evaluate(heights)
            view.painted()
            view.wait("() => root().querySelector('.rk-strip .rk-li')")
            assert view.page.evaluate(heights) == before


def test_a_longer_threshold_leaves_fewer_bands(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    bands = view.page.locator(".rk-idle")
    all_bands = sessions.session_of("code_editor")["inactive"]
    assert bands.count() == len(all_bands) > 1
    longest = max(end - start for start, end in all_bands)
    view.write("inactive_ms", longest - 1)
    assert bands.count() == 1
    view.page.locator("[aria-label='More about this session']").click()
    view.page.get_by_role("menuitemradio", name="Inactive after 5:00").click()
    assert bands.count() == 0
    assert view.trait("inactive_ms") == 300_000
    assert view.page.locator(".is-note").first.is_hidden()


def test_notes_are_written_at_their_moment_and_kept_by_python(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.write("time_ms", 5_000)
    view.page.locator(".rk-player-box").focus()
    view.press("n")
    note = view.page.get_by_label("Note what you see at this moment")
    note.press_sequentially("</script> looks lost", delay=5)
    # The moment is that of the first letter, wherever watching goes on to.
    view.write("time_ms", 9_000)
    note.press("Enter")
    first = {"replay": "code_editor", "t": 5_000, "text": "</script> looks lost"}
    assert view.trait("note_list") == [first]
    note.fill("comes back")
    note.press("Enter")
    assert [one["t"] for one in view.trait("note_list")] == [5_000, 9_000]
    rows = view.page.locator(".rk-panel-body .rk-tr")
    assert [row.inner_text().split("\n") for row in rows.all()] == [
        ["0:05", "</script> looks lost"],
        ["0:09", "comes back"],
    ]
    assert view.page.get_by_role("tab", name="Notes").inner_text() == "Notes2"
    rows.first.click()
    assert view.position() == 5_000
    # Another replay has its own; code may write some as well.
    other = {"replay": "todo_app", "t": 0, "text": "elsewhere"}
    view.write("note_list", [*view.trait("note_list"), other])
    assert rows.count() == 2
    rows.nth(1).dblclick()
    view.page.get_by_role("button", name="Delete note").click()
    assert view.trait("note_list") == [first, other]
    assert rows.count() == 1


def test_a_foreign_table_is_a_panel_on_the_same_clock(view: View) -> None:
    view.open(session="with_tickets")
    view.painted()
    view.page.get_by_role("tab", name="<b>tickets</b>").click()
    table = view.page.get_by_role("grid", name="<b>tickets</b>")
    rows = table.locator(".rk-tr")
    assert rows.count() == 4
    rows.nth(2).click()
    assert view.position() == 30_000
    assert rows.nth(2).get_attribute("aria-current") == "true"
    rows.nth(0).click()
    assert view.position() == 30_000, "a row before the recording does not seek"
    view.page.locator(".rk-lanes").focus()
    view.press("ArrowLeft")
    view.press("ArrowLeft")
    assert rows.nth(1).get_attribute("aria-current") == "true"
    rows.nth(1).dblclick()
    assert "priority" in view.text(".rk-props")
    view.write("session", "code_editor")
    view.wait("() => root().querySelector('.rk-empty')")
    assert "No row" in view.text(".rk-empty")


def test_requests_that_came_through_are_not_marked_failed(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.page.get_by_role("tab", name="Network").click()
    failed = view.page.get_by_role("grid", name="Network").locator(".rk-m-request")
    assert failed.count() == 1


COPIES = """() => { window.copied = null;
  navigator.clipboard.writeText = async (text) => { window.copied = text; }; }"""


def test_the_page_is_taken_along_as_html(view: View) -> None:
    view.page.evaluate(COPIES)
    view.open(session="code_editor")
    view.painted()
    view.page.locator("[aria-label='The page at this moment']").click()
    view.page.get_by_role("menuitem", name="Copy the page as HTML").click()
    view.wait("() => window.copied !== null")
    assert view.page.evaluate("copied") == (
        "<!doctype html>\n"
        + view.inner().evaluate("document.documentElement.outerHTML")
        + "\n"
    )


def test_an_element_is_picked_by_its_selector(view: View) -> None:
    view.page.evaluate(COPIES)
    view.open(session="todo_app", time_ms=9000)
    view.painted()
    page = view.page.locator(".rk-stage > .page")
    box = page.bounding_box()
    assert box is not None
    size = sessions.session_of("todo_app")
    for share_x, share_y in [(0.5, 0.3), (0.3, 0.6), (0.9, 0.95), (0.02, 0.02)]:
        view.page.evaluate("copied = null")
        view.page.locator("[aria-label='The page at this moment']").click()
        view.page.get_by_role("menuitem", name="selector").click()
        x, y = box["width"] * share_x, box["height"] * share_y
        page.hover(position={"x": x, "y": y})
        view.wait("() => root().querySelector('.rk-pick-box:not([hidden])')")
        label = view.text(".rk-pick-box output")
        page.click(position={"x": x, "y": y})
        view.wait("() => window.copied !== null")
        selector = view.page.evaluate("copied")
        assert label == selector
        under = view.inner().evaluate(
            "([selector, x, y]) => { const found = document.querySelectorAll(selector);"
            " return [found.length, found[0] === document.elementFromPoint(x, y)]; }",
            [selector, share_x * size["width"], share_y * size["height"]],
        )
        assert under == [1, True]
    assert view.page.locator(".rk-pick").count() == 0
    view.page.locator("[aria-label='The page at this moment']").click()
    view.page.get_by_role("menuitem", name="selector").click()
    view.press("Escape")
    assert view.page.locator(".rk-pick").count() == 0


MILLION = """(n) => {
  const fire = model.fire.bind(model);
  model.fire = (event, head, buffers) => {
    if (event === "msg:custom" && head.data?.events) {
      const length = head.data.length_ms;
      const each = (of) => Array.from({ length: n }, (_, i) => of(i));
      head.data.events = {
        id: each(String),
        t: each((i) => Math.floor((i * length) / n)),
        name: each((i) => ["Seen", "Clicked", "Typed", "Bought"][i % 4]),
        props: each((i) => ({ price: i % 977, plan: i % 3 ? "free" : "pro", n: i })),
        state: new Array(n).fill(0),
        charted: new Array(n).fill(0),
      };
    }
    fire(event, head, buffers);
  };
  model.set("session", "code_editor");
}"""


@pytest.mark.long
def test_a_million_rows_scroll_search_and_play(view: View) -> None:
    rows = 1_000_000
    view.open()
    view.page.evaluate(MILLION, rows)
    view.page.wait_for_function(
        f"() => root().querySelector('.rk-table').ariaRowCount > {rows}", timeout=60_000
    )
    view.painted()
    times = view.page.evaluate(
        "async () => { const table = root().querySelector('.rk-table'), times = [];"
        " for (let i = 0, last = performance.now(); i < 100; i += 1) {"
        "  table.scrollTop = i * 239_000; await new Promise(requestAnimationFrame);"
        "  times.push(performance.now() - last); last = performance.now(); }"
        " return times.sort((a, b) => a - b); }"
    )
    assert times[50] < 60, "half of the frames"
    assert view.page.locator(".rk-table .rk-tr").count() < 60
    view.page.locator(".rk-table").evaluate("(node) => { node.scrollTop = 1e9 }")
    view.page.wait_for_timeout(300)
    assert "1:21" in view.page.locator(".rk-table .rk-tr").last.inner_text()
    view.page.locator(".rk-field input").fill("999999")
    view.wait("() => root().querySelector('.rk-foot').textContent.startsWith('1 of')")
    view.page.locator(".rk-field input").fill("bought pro")
    some = sum(i % 4 == 3 and i % 3 == 0 for i in range(rows))
    view.wait(
        f"() => root().querySelector('.rk-foot').textContent.startsWith('{some:,} of')"
    )
    view.page.locator(".rk-lanes").focus()
    view.press("Space")
    before = view.position()
    view.page.wait_for_timeout(1500)
    assert view.position() > before


def test_an_empty_player_says_so(view: View) -> None:
    view.open()
    view.wait(
        "() => root().querySelector('.rk-state')?.textContent.includes('No replays')"
    )


def test_a_slow_kernel_shows_loading_only_after_a_moment(view: View) -> None:
    view.open(session="code_editor")
    # However busy the machine is, a timer is never early.
    waited = view.page.evaluate(
        """() => new Promise((then) => {
          model.delay = 600; close_view();
          const began = performance.now();
          show_view();
          new MutationObserver(() => {
            if (root().querySelector(".rk-load")) then(performance.now() - began);
          }).observe(root(), { childList: true, subtree: true });
        })"""
    )
    assert waited >= 199
    view.wait("() => !root().querySelector('.rk-load')")
    assert view.elements() == ELEMENTS["code_editor"][0]


def test_without_a_kernel_what_is_loaded_plays_on(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.page.wait_for_timeout(500)
    view.page.evaluate("model.silent = true; model.fire('comm_live_update')")
    assert "Kernel gone" in view.text(".rk-notice")
    view.page.locator(".rk-btn-main").click()
    view.page.wait_for_timeout(600)
    assert view.position() > 200


def test_the_legend_hides_a_kind_in_timeline_and_table(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    assert view.page.locator(".rk-lane-signal .rk-m-error").count() == 2
    view.page.locator(".rk-legend [data-kind=error]").click()
    assert view.page.locator(".rk-lane-signal .rk-m-error").count() == 0
    assert "33 of 35" in view.text(".rk-foot")


def test_dragging_seeks_and_playing_goes_on(view: View) -> None:
    view.open(session="code_editor")
    view.painted()
    view.page.locator(".rk-btn-main").click()
    box = view.page.locator(".rk-lanes").bounding_box()
    assert box is not None
    y = box["y"] + 30
    view.page.mouse.move(box["x"] + box["width"] * 0.2, y)
    view.page.mouse.down()
    for part in (0.4, 0.6, 0.8):
        view.page.mouse.move(box["x"] + box["width"] * part, y)
        view.page.wait_for_timeout(50)
    assert view.page.locator(".rk-tip").is_visible()
    view.page.mouse.up()
    length = sessions.session_of("code_editor")["length_ms"]
    assert abs(view.position() - 0.8 * length) < 1500
    assert view.trait("playing") is True


@pytest.mark.parametrize("width", [360, 560, 760, 1000, 1200, 1600])
def test_nothing_overflows_at_any_width(browser: Browser, width: int) -> None:
    with viewing(browser, width=width) as view:
        view.open(session="code_editor", replays=["code_editor", "todo_app"])
        view.painted()
        wide = view.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        for part in (".rk-stage", ".rk-lanes", ".rk-table", ".rk-ctl"):
            box = view.page.locator(part).first.bounding_box()
            assert box is not None
            assert box["width"] > 100
            assert box["x"] + box["width"] <= width

"""Record a page that does everything rrweb can record, for the fidelity tests.

Run `python -m tests.fidelity.record NODE_MODULES`, where NODE_MODULES holds
@rrweb/record and esbuild; the result is tests/fidelity/everything.json.gz.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.fidelity.harness import CHROMIUM, HERE

TARGET = HERE / "everything.json.gz"
URL = "http://everything.test/"

# One step per line of the story; each runs in the page, in this order.
STEPS = [
    "$('#list').append(li('e')); $('#list').prepend(li('z'))",
    "$('#list').insertBefore($('#list').lastChild, $('#list').children[1])",
    "const f = document.createDocumentFragment(); for (const c of 'pqrstuv') f.append(li(c)); $('#list').append(f)",
    "$('#list').children[2].remove(); $('#list').children[2].textContent = 'new text'",
    "$('#list').children[1].firstChild.data = 'edited'",
    "$('#styled').style.marginLeft = '20px'; $('#styled').style.setProperty('color', 'red', 'important')",
    "$('#styled').style.removeProperty('margin-left'); $('#styled').className = 'a moved'",
    "$('#styled').setAttribute('data-x', '1'); $('#styled').removeAttribute('class')",
    "$('#styled').style.background = 'yellow'; $('#styled').style.padding = '1px 2px'",
    "$('#one').sheet.insertRule('.c { color: green }', 0); $('#one').sheet.insertRule('.d { color: pink }', 2)",
    "$('#one').sheet.deleteRule(1)",
    "$('#one').sheet.cssRules[0].style.setProperty('font-weight', 'bold')",
    "$('#one').sheet.insertRule('@media (min-width: 1px) { .m { top: 1px } }', 0); $('#one').sheet.cssRules[0].insertRule('.n { left: 2px }', 1)",
    "for (let i = 0; i < 30; i++) $('#empty').sheet.insertRule(`.k${i} { top: ${i}px }`, i)",
    "const s = document.createElement('style'); s.id = 'made'; s.append('.q { color: red }'); document.head.append(s)",
    "$('#made').firstChild.data = '.q { color: blue } .w { top: 0 }'",
    "$('#made').sheet.insertRule('.x { top: 4px }', 1)",
    "$('#made').append('.y { top: 5px }')",
    "const r = $('#host').attachShadow({ mode: 'open' }); r.innerHTML = '<style>b { color: red }</style><b>shadow</b><input id=si><slot></slot>'",
    "$('#host').shadowRoot.append(li('in shadow')); $('#host').append(li('light'))",
    "$('#host').shadowRoot.querySelector('b').textContent = 'changed in shadow'",
    "window.sheet = new CSSStyleSheet(); sheet.replaceSync('.ad { color: red } .ae { top: 1px }'); document.adoptedStyleSheets = [sheet]",
    "sheet.insertRule('.af { top: 2px }', 0)",
    "$('#host').shadowRoot.adoptedStyleSheets = [sheet]",
    "sheet.deleteRule(1); sheet.cssRules[0].style.setProperty('left', '9px')",
    "window.other = new CSSStyleSheet(); other.replaceSync('.og { color: blue }'); document.adoptedStyleSheets = [other, sheet]",
    "const d = $('#frame').contentDocument; d.querySelector('#p').textContent = 'inside, changed'; d.body.append(li('framed', d))",
    "$('#frame').contentDocument.querySelector('#p').style.color = 'green'",
    "$('#frame').contentWindow.scrollTo(0, 120)",
    "const f2 = document.createElement('iframe'); f2.id = 'second'; $('#late').append(f2); f2.contentDocument.body.innerHTML = '<p>made later</p>'",
    "$('#second').contentDocument.body.append(li('more', $('#second').contentDocument))",
    "$('#circle').setAttribute('r', '15'); $('svg').append(document.createElementNS('http://www.w3.org/2000/svg', 'path'))",
    "const c = $('#canvas').getContext('2d'); c.fillStyle = 'red'; c.fillRect(5, 5, 30, 30)",
    "$('#dialog').show()",
    "$('#dialog').close()",
    "$('#scroller').scrollTop = 150; $('#scroller').scrollLeft = 3",
    "scrollTo(0, 400)",
    "getSelection().selectAllChildren($('#word'))",
    "customElements.define('custom-thing', class extends HTMLElement {}); $('custom-thing').setAttribute('on', '1')",
    "$('#audio').volume = 0.4; $('#audio').playbackRate = 2",
    "$('#select').value = '2'; $('#select').dispatchEvent(new Event('change', { bubbles: true }))",
    "$('#text').value = 'typed by script'; $('#text').dispatchEvent(new Event('input', { bubbles: true }))",
    "$('#text').textContent = 'default replaced'",
    "$('#name').setAttribute('value', 'new default')",
    "$('#range').value = 8; $('#range').dispatchEvent(new Event('input', { bubbles: true }))",
    "$('#late').innerHTML = '<table><tbody><tr><td>1<td>2</tr></tbody></table>'",
    "$('#list').replaceChildren(...[...$('#list').children].reverse())",
    "const t = $('#tall'); document.body.prepend(t); t.append($('#list'))",
    "document.documentElement.className = 'theme'; document.body.style.background = 'white'",
    "$('#host').remove()",
]

PRELUDE = """
window.$ = (s) => document.querySelector(s);
window.li = (text, d = document) => { const n = d.createElement('li'); n.textContent = text; return n; };
window.recorded = [];
"""


def main(modules: Path) -> None:
    """Record the page and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "entry.js"
        entry.write_text(
            'import { record } from "@rrweb/record"; window.record = record;'
        )
        script = Path(folder) / "record.js"
        subprocess.run(
            [modules / ".bin" / "esbuild", entry, "--bundle", f"--outfile={script}"],
            check=True,
            env={"NODE_PATH": str(modules), "PATH": "/usr/bin:/bin"},
        )
        events = _play(script.read_text(encoding="utf-8"))
    TARGET.write_bytes(gzip.compress(json.dumps(events).encode(), 9, mtime=0))
    sources = sorted({e["data"].get("source", -1) for e in events if e["type"] == 3})
    print(f"{len(events)} events, sources {sources}, {TARGET.stat().st_size:,} bytes")


def _play(script: str) -> list[dict]:
    html = (HERE / "everything.html").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page(viewport={"width": 1100, "height": 700})
        page.route("**/*", lambda r: r.fulfill(body=html, content_type="text/html"))
        page.goto(URL)
        page.evaluate(PRELUDE)
        page.add_script_tag(content=script)
        page.evaluate(
            "record({ emit: (e) => window.recorded.push(e), recordCanvas: true,"
            " maskInputOptions: { password: true } }) && 1"
        )
        page.wait_for_timeout(300)
        for number, step in enumerate(STEPS):
            page.evaluate(f"() => {{ {step} }}")
            page.wait_for_timeout(40)
            if number == 25:
                page.click("#name")
                page.keyboard.type(" Ana", delay=15)
                page.fill("#secret", "hidden")
                page.check("#tick")
                page.check("#r2")
                page.mouse.move(300, 200, steps=5)
                page.frame_locator("#frame").locator("#i").fill("in frame")
                page.set_viewport_size({"width": 900, "height": 650})
            if number == 40:
                page.evaluate("record.takeFullSnapshot()")
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(700)
        events = page.evaluate("window.recorded")
        browser.close()
    return events


if __name__ == "__main__":
    main(Path(sys.argv[1]))

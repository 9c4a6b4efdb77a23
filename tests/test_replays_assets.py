"""What a recording only names is shown from files, or says what it was."""

from __future__ import annotations

import json
import zlib
from urllib.parse import unquote

import pytest
from recordings import add, click, element, meta, mutation, snapshot

import replaykit as rk
from replaykit.errors import BadInput, MissingFile
from replaykit.replays.assets import Assets
from replaykit.replays.build import add_recordings
from replaykit.replays.sanitise import Sanitiser
from replaykit.store.recordings import Recordings

PNG = b"\x89PNG\r\n\x1a\n0000"
LOGO = "https://shop.test/img/logo.png"

#: One element of each kind whose content no recording holds -> what it has to say.
MISSING = [
    (element("canvas", 50, width="300", height="200"), "canvas"),
    (element("CANVAS", 50, data_engine="three.js r150"), "WebGL canvas"),
    (element("object", 50, data="/a.swf", width="300"), "plug-in object"),
    (element("embed", 50, src="/a.pdf"), "plug-in object"),
    (element("lottie-player", 50, src="/a.json"), "Lottie animation"),
    (element("iframe", 50, src="https://ads.test/"), "embedded page"),
    (element("img", 50, src="/account/avatar.png"), "image"),
]


@pytest.mark.parametrize(("node", "what"), MISSING, ids=[w for _, w in MISSING])
def test_what_is_missing_says_what_it_was(node, what):
    node = json.loads(json.dumps(node))
    Sanitiser().tree(node)
    shown = unquote(json.dumps(node))
    assert f">{what} not in the recording<" in shown
    assert ".test" not in shown.replace("svg.test", "")


def test_an_object_that_is_a_picture_is_shown():
    picture = "data:image/png;base64,AA"
    node = element("object", 50, data=picture, type="image/png", width="30")
    Sanitiser().tree(node)
    assert node["tagName"] == "img"
    assert node["attributes"] == {"src": picture, "width": "30"}


@pytest.fixture
def site(tmp_path):
    """A folder laid out like the site."""
    for name, content in {
        "img/logo.png": PNG,
        "cdn.test/fonts/a.woff2": b"wOF2",
        "css/site.css": b"@import 'x.css'; b { background: url(/img/logo.png) }",
        "notes.txt": b"private",
    }.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "secret.png").write_bytes(b"secret")
    return tmp_path / "site"


def test_a_folder_supplies_pictures_fonts_and_style_sheets(site):
    cleaner = Sanitiser(Assets(site))
    image = element("img", 50, src=f"{LOGO}?v=2")
    cleaner.tree(image)
    assert image["attributes"]["src"].startswith("data:image/png;base64,")
    css = cleaner.css("@font-face { src: url(https://cdn.test/fonts/a.woff2) }")
    assert "data:font/woff2;base64," in css
    link = element("link", 51, rel="stylesheet", href="https://shop.test/css/site.css")
    cleaner.tree(link)
    assert "href" not in link["attributes"]
    assert "data:image/png" in link["attributes"]["_cssText"]
    assert "@import" not in link["attributes"]["_cssText"]


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.test/../secret.png",
        "https://shop.test/%2e%2e/secret.png",
        "https://../secret.png",
        "https://shop.test//../secret.png",
        "file:///etc/passwd",
        "https://shop.test/a\0.png",
        "https://shop.test/" + "x" * 5_000,
        "https://[bad/",
    ],
)
def test_addresses_of_strangers_reach_nothing_outside_the_folder(site, address):
    assert Assets(site).get(address) is None


def test_a_mapping_supplies_files_and_data(site):
    assets = Assets({LOGO: site / "img/logo.png", "/x.png": "data:image/png,x"})
    assert assets.get(LOGO).startswith("data:image/png;base64,")
    assert assets.get("/x.png") == "data:image/png,x"
    assert assets.get("/other.png") is None


def test_mistakes_with_assets_and_hosts_are_named(site, tmp_path):
    with pytest.raises(MissingFile, match="nowhere"):
        Assets(tmp_path / "nowhere")
    with pytest.raises(MissingFile, match=r"logo\.png"):
        Assets({LOGO: site / "gone.png"})
    with pytest.raises(BadInput, match="pictures"):
        Assets(site).get("https://shop.test/notes.txt")
    with pytest.raises(BadInput, match=r"cdn\.shop\.test"):
        add_recordings(Recordings(), tmp_path, allow_network=["https://a.test/"])


EVENTS = [
    meta(0),
    snapshot(1, element("img", 50, src=LOGO)),
    mutation(500, adds=[add(4, element("img", 51, src="https://cdn.test/a.png"))]),
    click(12_000, 4),
]


def test_supplied_files_and_allowed_hosts_are_recorded(tmp_path, site):
    shop = rk.create(tmp_path / "shop.rk")
    recording = tmp_path / "d1_1717225200000.json"
    recording.write_text(json.dumps(EVENTS))
    shop.add_replays(recording, progress=False)
    assert shop.replays["network"].to_list() == [None]
    # The same file with other means is read again, and replaces what was there.
    options = {"assets": site, "allow_network": ["CDN.test"], "progress": False}
    assert shop.add_replays(recording, **options).replaced == 1
    assert shop.add_replays(recording, **options).unchanged == 1
    assert shop.replays["network"].to_list() == ["cdn.test"]
    summary = shop.source.recordings.summary("d1/1717225200000")
    assert summary["allow_network"] == ["cdn.test"]
    assert "cdn.test" in summary["warnings"][0]
    stream = shop.source.recordings.segment("d1/1717225200000", 0)
    text = zlib.decompress(stream).decode()
    assert "data:image/png;base64," in text
    assert "https://cdn.test/a.png" in text

"""Links to a replay: written, read back from either form, opened at their moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit import errors
from replaykit.replays.links import parse_ref, product_url, replay_ref
from tests.test_search import searched  # noqa: F401 - a fixture

IDS = st.text(min_size=1).filter(lambda text: text.strip() == text)


@given(IDS, st.none() | st.integers(0, 10**9))
def test_a_reference_survives_whatever_the_id_holds(replay, t):
    assert parse_ref(replay_ref(replay, t)) == (replay, t)


@given(IDS, st.booleans())
def test_so_does_an_address_of_the_product(replay, europe):
    url = product_url(replay, organisation="a/b", project=7, europe=europe)
    assert parse_ref(url) == (replay, None)
    assert parse_ref(f"{url}&t=42000") == (replay, 42000)
    assert ("app.eu." in url) == europe


def test_a_product_address_reads_as_documented():
    assert product_url("d1/17", organisation="shop", project=7) == (
        "https://app.amplitude.com/analytics/shop/session-replay/project/7/search/"
        "replay?sessionReplayId=d1%2F17"
    )


def test_a_reference_opens_at_its_moment(searched):  # noqa: F811
    first = searched.replays[:1]
    replay = first["replay_id"][0]
    (url,) = first.urls(organisation="o", project=1)
    assert searched.replay(url)["replay_id"].to_list() == [replay]
    (ref,) = searched.replay(f"{replay}?t=1500").refs()
    opened = searched.replay(ref)
    assert opened["matched_at"].to_list() == [1500]
    assert opened.watching().session(replay)["opened_t"] == 1500
    assert opened.watch().session == replay


@pytest.mark.parametrize("text", ["", "?t=5", "https://app.amplitude.com/x", "a?t=x"])
def test_what_is_no_reference_is_said(text, searched):  # noqa: F811
    with pytest.raises(errors.BadInput, match="names no replay|not a whole number"):
        searched.replay(text)


def test_an_unknown_replay_names_the_nearest(searched):  # noqa: F811
    with pytest.raises(errors.UnknownReplay, match="Did you mean"):
        searched.replay(searched.replays["replay_id"][0][:-1])

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.errors import UnknownPoint
from replaykit.points import (
    FunnelKey,
    JourneyKey,
    RetentionKey,
    SegmentationKey,
    SessionsKey,
    parse_key,
    read_group,
    write_group,
)

labels = st.lists(
    st.none() | st.text(alphabet=st.sampled_from("ab|\\\x1fnpue é<🦊")), max_size=3
).map(tuple)
numbers = st.integers(-(2**60), 2**60)
keys = st.one_of(
    st.builds(SegmentationKey, numbers, labels, numbers),
    st.builds(FunnelKey, numbers, st.sampled_from(["reached", "dropped"]), labels),
    st.builds(JourneyKey, st.text()),
    st.builds(SessionsKey, labels, numbers),
    st.builds(RetentionKey, st.text(), numbers, st.sampled_from(["retained", "lost"])),
)


@given(keys)
def test_a_key_survives_the_trip_through_a_chart(key):
    assert parse_key(str(key)) == key
    assert type(parse_key(str(key))) is type(key)


@given(labels, labels)
def test_different_groups_are_written_differently(one, other):
    assert (write_group(one) == write_group(other)) == (one == other)


def test_no_grouping_an_empty_value_and_none_are_three_things():
    assert write_group(()) == ""
    assert read_group(write_group(("",))) == ("",)
    assert read_group(write_group((None,))) == (None,)


def test_keys_of_a_clean_name_read_as_agreed():
    assert str(SegmentationKey(1, ("DE", "pro"), 5)) == "seg|1|DE\x1fpro|5"
    assert str(FunnelKey(2, "reached", ())) == "funnel|2|reached|"


@pytest.mark.parametrize(
    "text",
    ["", "seg", "seg|x||1", "funnel|1|left|", "ret|a|1|kept", "journey|\\q", "pie|1"],
)
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(UnknownPoint, match="does not name a point"):
        parse_key(text)

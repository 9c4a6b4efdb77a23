"""The answer blocks of `cohorts.md`, through public names."""

from __future__ import annotations

import replaykit as rk
from tests.spec.asked import agree, by_day, days_of, log_of
from tests.spec.blocks import answers


def definitions(events):
    week = events.between("2024-06-01", "2024-06-07")
    anything = rk.event("*", active=True)
    since = events.between("2024-06-04", None)
    third = events.between("2024-06-03", "2024-06-07")
    later = events.between("2024-06-02", "2024-06-07")
    middle = events.between("2024-06-02", "2024-06-04")
    plays = week.users_who("Play")
    often = week.users_who("Play", at_least=3)
    bought = week.users_who("Buy")
    pro = week.users_whose(plan="pro", when="any")
    return {
        "performed Play with count >= 3": often,
        "performed Play with count = 1": week.users_who("Play", at_most=1),
        "performed Play; count in interval: >= 2 distinct days": week.users_who(
            "Play", at_least=2, counting="intervals"
        ),
        "performed Play relative count > Buy": week.users_who("Play", more_than="Buy"),
        "performed Buy; sum of amount >= 40": week.users_who(
            "Buy", at_least=40, counting="sum", of="amount"
        ),
        "performed any active event; distinct country >= 2": week.users_who(
            anything, at_least=2, counting="distinct", of="country"
        ),
        "performed Play; historical count = 3 during 2024-06-03..2024-06-07": (
            third.users_who(rk.event("Play").nth(3))
        ),
        "performed Play >= 1 within 2 days of first use": week.users_who(
            "Play", within="2d"
        ),
        "performed Play >= 1 since 2024-06-04": since.users_who("Play"),
        "performed Play ...then Buy": week.users_who("Play", then="Buy"),
        "performed Play AND performed Buy": plays & bought,
        "performed Buy OR performed Play with count >= 3": bought | often,
        "active during range AND did not perform Buy": week.active_users() - bought,
        "had plan = pro most recently": week.users_whose(plan="pro"),
        "had plan = free any time": week.users_whose(plan="free", when="any"),
        "did not have plan = pro any time AND active": week.active_users() - pro,
        "had been new during 2024-06-02..2024-06-04": middle.new_users(),
        "had been active; not new in range from 2024-06-02": week.active_users()
        - later.new_users(),
    }


@answers("coh.expected")
def test_definitions(expected):
    found = definitions(log_of("coh.events"))
    assert {row["definition"] for row in expected} == set(found)
    for row in expected:
        users = found[row["definition"]]
        assert " ".join(sorted(users)) == row["members"], row
        assert users.count() == len(users.population)


@answers("coh.inline.expected")
def test_inline(expected):
    events = log_of("coh.events").between("2024-06-01", "2024-06-06")
    anything = rk.event("*", active=True)
    asked = {
        "Play uniques": ("Play", None),
        "Play uniques; performed Play >= 2 in each day": (
            "Play",
            rk.performed("Play", at_least=2, scope="in each"),
        ),
        "Play uniques; performed Play >= 2 during range": (
            "Play",
            rk.performed("Play", at_least=2),
        ),
        "Any active uniques; performed Play >= 1 rolling 3 days offset 1": (
            anything,
            rk.performed("Play", scope="in each", rolling=3, offset=1),
        ),
    }
    assert [row["series"] for row in expected] == list(asked)
    for row in expected:
        step, cohort = asked[row["series"]]
        segments = None if cohort is None else {"they": cohort}
        found = events.segmentation(step, segments=segments)
        agree(by_day(found.table), row, days_of(row))

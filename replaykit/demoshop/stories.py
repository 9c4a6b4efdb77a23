"""What goes wrong in the demo shop, and how often: the numbers behind the stories.

Three things are planted. Each has one cause, visible in the recordings, and one trace
in the events.

**The coupon that breaks paying on phones.** Release 4.20.0 went live 28 days before
the end of the data (3 March 2026). Since then the phone's compact payment form sends
its coupon without the cart: `POST /api/coupon` answers 422, the form is drawn again,
and the script that should give the new Pay button its handler looks for the desktop
one (`TypeError` in the console). Pay is dead from there on. 30 % of phone checkouts
use a coupon (24 % on desktop); of those, 7 % still pay (they reload the page), against
about 83 % of all others. Trace: `Coupon Rejected` with `reason="cart_missing"`, then
`Error Shown`, then no `Payment Submitted`.

**The slow search.** A query of more than one word (26 % of searches) takes 4 to 8 s
instead of about 0.3 s. 38 % leave before the results are there (`Search Submitted`
with no `Search Results Shown`; 2 % otherwise), another 28 % right after (12 %
otherwise). Trace: `latency_ms` by `query`.

**The mis-sorted size picker.** Robe, pyjamas and cardigan list their sizes as the
supplier's feed does: S, XL, M, L. 42 % pick a wrong one, mostly XL; 35 % of these see
it at once and pick again, and most of the rest take it out of the cart
(`Remove from Cart`), of whom 45 % start over. The size guide beside the picker is a
dead link. Trace: `Remove from Cart` by `product`, `Size Selected` by `size`.
"""

from __future__ import annotations

from typing import Final

#: Days before the end of the data on which release 4.20.0 went live.
RELEASE_DAYS: Final = 28
#: `version_name` before and since the release.
VERSIONS: Final = ("4.19.2", "4.20.0")

#: Share of checkouts in which a coupon is entered.
COUPON_SHARE: Final = {"Phone": 0.30, "Desktop": 0.24}
#: Share of coupons that are expired (an honest rejection, which does not break Pay).
EXPIRED_SHARE: Final = 0.12
#: Share that pays after a rejected coupon on a phone since the release.
PAID_WHEN_BROKEN: Final = 0.07
#: Share that submits the payment form otherwise.
PAID: Final = 0.86
#: Share of submitted payments that the bank declines.
DECLINED: Final = 0.035

#: Milliseconds that a search of more than one word takes, lowest and highest.
SLOW_MS: Final = (4_000, 8_000)
#: Median of every other search.
FAST_MS: Final = 320
#: Share that leaves before the results: slow, other.
LEFT_BEFORE_RESULTS: Final = (0.38, 0.02)
#: Share of the rest that leaves right after them: slow, other.
LEFT_AFTER_RESULTS: Final = (0.28, 0.12)

#: Share that picks a wrong size from the mis-sorted picker.
WRONG_SIZE: Final = 0.42
#: Share of these that notice at once.
NOTICED: Final = 0.35
#: Share of unnoticed wrong sizes that is taken out of the cart.
REMOVED: Final = 0.85
#: Share of these that puts the right size in.
STARTED_OVER: Final = 0.45
#: Share of other carts from which something is taken out.
SECOND_THOUGHTS: Final = 0.05

"""One visit after the other, as columns: what people do in a session of the demo shop.

Every step is drawn for all sessions at once: an emission is a set of sessions that
send one event, with its properties, some seconds after their last one. The shares that
tell the planted stories stand in `replaykit.demoshop.stories`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.demoshop import stories
from replaykit.demoshop.catalogue import catalogue, found
from replaykit.demoshop.tape import Pause, Tape, pick

if TYPE_CHECKING:
    from replaykit.demoshop.tape import Floats, Mask, Rows

#: Most rounds of looking around (a search, a category, a product) in one session.
_ROUNDS: Final = 6
#: The order of `stories.COUPON_SHARE` in a choice "on a phone or not".
_KINDS: Final = ("Phone", "Desktop")
#: Share of sessions that begin on the home page.
_LANDING: Final = 0.62


class Visits:
    """The sessions of a chunk of people on their way through the shop.

    Parameters
    ----------
    rng
        Source of every draw.
    phone, broken, fresh, buyer
        One value per session: on a phone; the release with the broken coupon form is
        live; not signed up yet but about to, in this session; how much the person
        tends to buy (about 1).
    logs_in
        Whether the person logs in at the start.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        phone: Mask,
        broken: Mask,
        fresh: Mask,
        logs_in: Mask,
        buyer: Floats,
    ) -> None:
        self._rng = rng
        self._phone, self._broken, self._fresh = phone, broken, fresh
        self._logs_in, self._buyer = logs_in, buyer
        self._count = len(phone)
        self._here = np.ones(self._count, dtype=bool)
        self._items = np.zeros(self._count, dtype=np.int64)
        self._value = np.zeros(self._count)
        self._tape = Tape(rng, self._count)
        goods = catalogue().products
        self._names = pl.Series([p.name for p in goods])
        self._shelf = pl.Series([p.category for p in goods])
        self._price = np.array([p.price for p in goods])
        self._sized = np.array([bool(p.sizes) for p in goods])
        self._missorted = np.array([p.missorted for p in goods])
        # Popularity falls with the price and with the place on the shelf; loungewear
        # is on the home page, so that its size picker is met often.
        pull = (
            1
            / np.sqrt(self._price)
            * np.array([1.9 if p.category == "Loungewear" else 1.0 for p in goods])
        )
        self._popular = np.cumsum(pull) / pull.sum()

    def walk(self) -> pl.DataFrame:
        """Return what happened: session, step, gap (seconds), event, properties."""
        everyone = np.ones(self._count, dtype=bool)
        landed = self._tape.chance(everyone, _LANDING)
        self._page(np.flatnonzero(landed), "Home", 0.0)
        self._tape.emit(
            np.flatnonzero(self._logs_in), "Log In", Pause(14), method="password"
        )
        rounds = 1 + np.minimum(self._rng.geometric(0.52, self._count), _ROUNDS)
        for turn in range(_ROUNDS):
            going = self._here & (rounds > turn)
            if not going.any():
                break
            self._look_around(going)
        self._help(self._tape.chance(self._here, 0.06), "Delivery", "Returns", "Sizes")
        self._check_out()
        self._tape.emit(
            np.flatnonzero(self._fresh & self._tape.chance(everyone, 0.5)),
            "Newsletter Joined",
            Pause(9),
            page="Home",
        )
        return self._tape.played()

    # -- looking around ----------------------------------------------------------

    def _look_around(self, going: Mask) -> None:
        way = self._rng.random(self._count)
        searching = going & (way < 0.36)
        browsing = going & (way >= 0.36) & (way < 0.78)
        arrived = self._search(searching)
        category = self._rng.integers(0, len(catalogue().categories), self._count)
        self._page(
            np.flatnonzero(browsing),
            "Category",
            Pause(9),
            category=pick(catalogue().categories, category[browsing]),
        )
        sorting = np.flatnonzero(self._tape.chance(browsing, 0.18))
        self._tape.emit(
            sorting,
            "Products Sorted",
            Pause(7),
            sort=("Price: low to high", "Price: low to high", "Price: high to low"),
            category=pick(catalogue().categories, category[sorting]),
        )
        looking = (going & ~searching) | arrived
        for share in (0.90, 0.36, 0.15):
            looking = self._tape.chance(looking & self._here, share)
            self._product(looking)

    def _search(self, searching: Mask) -> Mask:
        rows = np.flatnonzero(searching)
        queries = catalogue().queries
        shares = np.cumsum([q.share for q in queries])
        asked = np.searchsorted(
            shares / shares[-1], self._rng.random(len(rows)), side="right"
        )
        text = pick([q.text for q in queries], asked)
        slow = np.array([q.slow for q in queries])[asked]
        low, high = stories.SLOW_MS
        latency = np.where(
            slow,
            self._rng.uniform(low, high, len(rows)),
            stories.FAST_MS * self._rng.lognormal(0, 0.35, len(rows)),
        ).round()
        self._tape.emit(rows, "Search Submitted", Pause(8), query=text)
        before, after = (
            np.where(slow, *shares)
            for shares in (stories.LEFT_BEFORE_RESULTS, stories.LEFT_AFTER_RESULTS)
        )
        draw = self._rng.random((3, len(rows)))
        shown = draw[0] >= before
        self._page(rows[shown], "Search", latency[shown] / 1000)
        self._tape.emit(
            rows[shown],
            "Search Results Shown",
            np.zeros(int(shown.sum())),
            query=text.filter(shown),
            results=np.array([len(found(q.text)) for q in queries])[asked][shown],
            latency_ms=latency[shown],
        )
        lost = ~shown | (draw[1] < after)
        # Some of the lost try another way; most are gone.
        self._here[rows[lost & (draw[2] < 0.85)]] = False
        arrived = np.zeros(self._count, dtype=bool)
        arrived[rows[~lost]] = True
        return arrived

    def _product(self, looking: Mask) -> None:
        rows = np.flatnonzero(looking)
        if not len(rows):
            return
        thing = np.searchsorted(
            self._popular, self._rng.random(len(rows)), side="right"
        )
        self._view(rows, thing)
        wanted = self._rng.random(len(rows)) < 0.15 * self._buyer[rows]
        rows, thing = rows[wanted], thing[wanted]
        missorted = self._missorted[thing]
        wrong = missorted & (self._rng.random(len(rows)) < stories.WRONG_SIZE)
        seen = wrong & (self._rng.random(len(rows)) < stories.NOTICED)
        # Sizes are matched by place: whoever reads the third button as L gets M.
        slot = self._sizes(thing, wrong)
        sized = self._sized[thing]
        self._size(rows[sized], thing[sized], slot[sized])
        again = self._sizes(thing, np.zeros(len(rows), dtype=bool))
        slot = np.where(seen, again, slot)
        self._size(rows[seen], thing[seen], slot[seen])
        self._cart("Add to Cart", rows, thing, slot, 1)

        regret = wrong & ~seen & (self._rng.random(len(rows)) < stories.REMOVED)
        regret |= ~wrong & (self._rng.random(len(rows)) < stories.SECOND_THOUGHTS)
        self._cart_page(rows[regret])
        self._cart("Remove from Cart", rows[regret], thing[regret], slot[regret], -1)
        back = regret & wrong & (self._rng.random(len(rows)) < stories.STARTED_OVER)
        self._view(rows[back], thing[back])
        self._size(rows[back], thing[back], again[back])
        self._cart("Add to Cart", rows[back], thing[back], again[back], 1)
        gone = regret & wrong & ~back & (self._rng.random(len(rows)) < 0.5)
        self._here[rows[gone]] = False

    def _view(self, rows: Rows, thing: Rows) -> None:
        self._page(rows, "Product", Pause(11), category=self._shelf.gather(thing))
        self._tape.emit(
            rows,
            "Product Viewed",
            np.full(len(rows), 0.05),
            product=self._names.gather(thing),
            category=self._shelf.gather(thing),
            price=self._price[thing],
        )

    def _sizes(self, thing: Rows, wrong: Mask) -> Rows:
        """Draw the place in the picker; a wrong one is XL three times in four."""
        right = self._rng.choice(4, len(thing), p=(0.24, 0.06, 0.40, 0.30))
        mistaken = self._rng.choice(4, len(thing), p=(0.0, 0.75, 0.15, 0.10))
        return np.where(wrong, mistaken, right).astype(np.int64)

    def _size(self, rows: Rows, thing: Rows, slot: Rows) -> None:
        self._tape.emit(
            rows,
            "Size Selected",
            Pause(6),
            product=self._names.gather(thing),
            category=self._shelf.gather(thing),
            size=self._size_names(thing, slot),
        )

    def _size_names(self, thing: Rows, slot: Rows) -> pl.Series:
        goods = catalogue().products
        flat = [s for p in goods for s in (p.sizes or (None,))]
        width = np.array([max(1, len(p.sizes)) for p in goods])
        start = np.cumsum(width) - width
        return pl.Series(flat, dtype=pl.String).gather(
            start[thing] + slot % width[thing]
        )

    def _cart(self, event: str, rows: Rows, thing: Rows, slot: Rows, sign: int) -> None:
        self._tape.emit(
            rows,
            event,
            Pause(5),
            product=self._names.gather(thing),
            category=self._shelf.gather(thing),
            price=self._price[thing],
            size=self._size_names(thing, slot),
            quantity=1.0,
        )
        np.add.at(self._items, rows, sign)
        np.add.at(self._value, rows, sign * self._price[thing])

    # -- checking out ------------------------------------------------------------

    def _cart_page(self, rows: Rows) -> None:
        self._page(rows, "Cart", Pause(8))
        self._tape.emit(
            rows, "Cart Viewed", np.full(len(rows), 0.05), **self._sums(rows)
        )

    def _check_out(self) -> None:
        full = self._here & (self._items > 0)
        cart = self._tape.chance(full, 0.80)
        self._cart_page(np.flatnonzero(cart))
        started = self._tape.chance(cart, 0.72)
        rows = np.flatnonzero(started)
        self._page(rows, "Checkout Address", Pause(10))
        self._tape.emit(
            rows, "Checkout Started", np.full(len(rows), 0.05), **self._sums(rows)
        )
        signing = np.flatnonzero(started & self._fresh)
        self._tape.emit(signing, "Sign Up", Pause(30), method="checkout")
        elsewhere = np.flatnonzero(~started & self._fresh)
        self._page(elsewhere, "Account", Pause(12))
        self._tape.emit(elsewhere, "Sign Up", Pause(30), method="account")

        entered = self._tape.chance(started, 0.86)
        rows = np.flatnonzero(entered)
        self._tape.emit(
            rows,
            "Address Entered",
            Pause(42),
            delivery=("Standard", "Standard", "Standard", "Express"),
        )
        self._page(rows, "Checkout Payment", np.full(len(rows), 0.4))
        stuck, coupon, off = self._coupons(entered)
        paying = self._rng.random(self._count)
        pays = entered & np.where(
            stuck, paying < stories.PAID_WHEN_BROKEN, paying < stories.PAID
        )
        self._help(self._tape.chance(stuck & ~pays, 0.16), "Coupons", "Payment")
        self._pay(pays, coupon, off)

    def _coupons(self, entered: Mask) -> tuple[Mask, Rows, Floats]:
        share = np.where(self._phone, *(stories.COUPON_SHARE[d] for d in _KINDS))
        tried = entered & (self._rng.random(self._count) < share)
        codes = [*catalogue().coupons, *catalogue().expired_coupons]
        code = np.where(
            self._rng.random(self._count) < stories.EXPIRED_SHARE,
            len(codes) - 1,
            np.where(self._rng.random(self._count) < 0.8, 0, 1),
        )
        stuck = tried & self._phone & self._broken
        expired = tried & ~stuck & (code == len(codes) - 1)
        accepted = tried & ~stuck & ~expired
        off = np.array([*catalogue().coupons.values(), 0.0])[code] * self._value
        rows = np.flatnonzero(accepted)
        self._tape.emit(
            rows,
            "Coupon Applied",
            Pause(16),
            coupon=pick(codes, code[rows]),
            discount=off[rows].round(2),
        )
        for who, reason, words in (
            (stuck, "cart_missing", "We could not check this coupon"),
            (expired, "expired", "This coupon has expired"),
        ):
            rows = np.flatnonzero(who)
            self._tape.emit(
                rows,
                "Coupon Rejected",
                Pause(16),
                coupon=pick(codes, code[rows]),
                reason=reason,
            )
            self._tape.emit(
                rows,
                "Error Shown",
                np.full(len(rows), 0.03),
                message=words,
                status=422.0,
                page="Checkout Payment",
            )
        return stuck, np.where(accepted, code, -1), np.where(accepted, off, 0.0)

    def _pay(self, pays: Mask, coupon: Rows, off: Floats) -> None:
        rows = np.flatnonzero(pays)
        method = self._rng.choice(3, len(rows), p=(0.58, 0.27, 0.15))
        methods = pick(("Card", "PayPal", "Invoice"), method)
        self._tape.emit(
            rows,
            "Payment Submitted",
            Pause(34),
            payment_method=methods,
            **self._sums(rows),
        )
        declined = self._rng.random(len(rows)) < stories.DECLINED
        self._tape.emit(
            rows[declined],
            "Error Shown",
            np.full(int(declined.sum()), 1.2),
            message="The bank declined this payment",
            status=402.0,
            page="Checkout Payment",
        )
        paid = rows[~declined]
        codes = [*catalogue().coupons, *catalogue().expired_coupons]
        self._tape.emit(
            paid,
            "Purchase",
            np.full(len(paid), 0.9),
            payment_method=methods.filter(~declined),
            revenue=(self._value - off)[paid].round(2),
            items=self._items[paid].astype(float),
            coupon=pick(codes, coupon[paid]),
        )
        self._page(paid, "Confirmation", np.full(len(paid), 0.1))

    # -- small parts -------------------------------------------------------------

    def _help(self, who: Mask, *topics: str) -> None:
        rows = np.flatnonzero(who)
        self._page(rows, "Help", Pause(12))
        self._tape.emit(rows, "Help Viewed", Pause(8), topic=topics)

    def _page(
        self, rows: Rows, page: str, gap: Floats | Pause | float, **more: pl.Series
    ) -> None:
        self._tape.emit(rows, "Page Viewed", gap, page=page, **more)

    def _sums(self, rows: Rows) -> dict[str, Floats]:
        return {
            "items": self._items[rows].astype(float),
            "cart_value": self._value[rows],
        }

"""What the recorded visitors do, from landing on a page to leaving it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from replaykit.demoshop.catalogue import catalogue

if TYPE_CHECKING:
    from replaykit.demoshop.catalogue import Product
    from replaykit.demoshop.hands import Hands
    from replaykit.demoshop.itinerary import Visit

#: What visitors type and no recording may hold.
PASSWORD: Final = "Kittiwake-77-harbour"  # noqa: S105 - typed into the demo's own form
CARD: Final = "5105 1051 0510 5100"
DECLINED: Final = "4000 0000 0000 0002"
EXPIRY: Final = "11 / 31"
CODE: Final = "737"
STREET: Final = "Quittenweg 14"

_SHORTEST_S: Final = 42.0


def email(visit: Visit) -> str:
    """Return the address that the visitor logs in and orders with."""
    return f"quince.{visit.person:02}@post.example"


class Errand:
    """One visit: a person with an aim, at the page with their hands."""

    def __init__(self, hands: Hands, visit: Visit, seed: int) -> None:
        self.hands, self.visit = hands, visit
        self.rng = random.Random(seed)

    def run(self) -> None:
        """Do what this visit is for, and stay for half a minute at least."""
        began = self.hands.now_ms
        if self.visit.aim == "account" or (
            self.visit.standing == "door" and self.rng.random() < 0.6
        ):
            self._account()
        getattr(self, f"_aim_{self.visit.aim}")()
        stayed = (self.hands.now_ms - began) / 1000
        if stayed < _SHORTEST_S:
            self.hands.read(_SHORTEST_S - stayed)
            self.hands.scroll(-120)
        self.hands.collect()

    # -- aims ----------------------------------------------------------------------

    def _aim_buy(self) -> None:
        self._land()
        things = self.rng.sample(self._plain(), k=self.rng.choice((1, 1, 2)))
        for thing in things:
            self._reach(thing)
            self._want(thing)
        if not self._till():
            return
        if self.rng.random() < 0.12:
            self._card(DECLINED)
            self._pay_button()
            self.hands.until(".note")
            self.hands.read(4, down=False)
        self._pay()

    def _aim_coupon(self) -> None:
        hands = self.hands
        self._land()
        thing = self.rng.choice(self._plain())
        self._reach(thing)
        self._want(thing)
        if not self._till(sure=True):
            return
        if self.rng.random() < 0.7:
            self._card(CARD)
        self._coupon("SPRING15" if self.rng.random() < 0.8 else "WELCOME10")
        if not hands.phone:
            self._pay()
            return
        hands.read(self.rng.uniform(2, 5), down=False)
        self._card(CARD)
        self._pay_button()
        hands.pause(0.6, 1.2)
        hands.hammer(".pay--compact", self.rng.randint(5, 8))
        hands.pause(2, 5)
        if self.rng.random() < 0.75:
            hands.hammer(".pay--compact", self.rng.randint(4, 6))
        hands.read(self.rng.uniform(4, 14), down=False)
        if self.visit.aim == "coupon" and self.rng.random() < 0.3:
            hands.press('footer a[href="/help"]', loads=True)
            hands.until("[data-topic]")
            hands.press('[data-topic="Coupons"] summary')
            hands.read(7, down=False)

    def _aim_reload(self) -> None:
        """Meet the dead button, load the page again, and pay in full."""
        self._aim_coupon()
        if self.hands.sees("[data-payment]"):
            self.hands.reload()
            self.hands.until("[data-payment]")
            self._pay()

    def _aim_expired(self) -> None:
        self._land()
        thing = self.rng.choice(self._plain())
        self._reach(thing)
        self._want(thing)
        if self._till(sure=True):
            self._coupon("WINTER20")
            self.hands.read(4, down=False)
            self._pay()

    def _aim_left(self) -> None:
        """Ask in several words, and leave or turn back before the answer comes."""
        hands = self.hands
        self._land()
        hands.read(_SHORTEST_S)
        self._ask(self._query(slow=True))
        hands.pause(1.6, 3.2)
        if self.rng.random() < 0.5:
            hands.press(".logo")

    def _aim_slow(self) -> None:
        """Ask in several words and wait; half are gone soon after."""
        hands, rng = self.hands, self.rng
        self._land()
        self._ask(self._query(slow=True))
        hands.until("[data-found] .card, [data-found] p")
        hands.read(rng.uniform(3, 9))
        if rng.random() < 0.5:
            self._first_found()

    def _aim_search(self) -> None:
        hands, rng = self.hands, self.rng
        self._land()
        self._ask(self._query(slow=False))
        hands.until("[data-found] .card, [data-found] p")
        hands.read(rng.uniform(3, 9))
        self._first_found()
        if rng.random() < 0.5:
            thing = next(p for p in catalogue().products if p.id == "stone-mug")
            self._reach(thing)
            self._want(thing)
            if self._till():
                self._pay()

    def _aim_size(self) -> None:
        hands, rng = self.hands, self.rng
        self._land()
        robe = rng.choice([p for p in catalogue().products if p.missorted])
        self._reach(robe)
        hands.read(rng.uniform(5, 18))
        right = rng.choice(("M", "L"))
        way = rng.random()
        if way < 0.3:
            # Looks for the guide, which is a dead link.
            for _ in range(rng.randint(1, 3)):
                hands.press("[data-guide]")
                hands.pause(3.2, 4.5)
            if rng.random() < 0.5:
                return
        hands.press('[data-size="XL"]')
        if way < 0.55:
            hands.pause(1.5, 3.5)
            hands.press(f'[data-size="{right}"]')
            self._add()
            if self._till():
                self._pay()
            return
        self._add()
        self._cart()
        hands.read(rng.uniform(3, 7), down=False)
        hands.press("[data-remove]")
        hands.pause(2, 4)
        if rng.random() < 0.5:
            return
        hands.press(".logo", loads=True)
        hands.until(".tiles")
        self._reach(robe)
        hands.pause(1.5, 3)
        hands.press(f'[data-size="{right}"]')
        self._add()
        if self._till():
            self._pay()

    def _aim_browse(self) -> None:
        self._land()
        for _ in range(self.rng.randint(1, 3)):
            thing = self.rng.choice(catalogue().products)
            self._reach(thing)
            self.hands.read(self.rng.uniform(8, 30))

    def _aim_linger(self) -> None:
        """Wander, be called away, come back: ten minutes and more."""
        hands, rng = self.hands, self.rng
        self._land()
        for turn in range(rng.randint(2, 4)):
            thing = rng.choice(catalogue().products)
            self._reach(thing)
            hands.read(rng.uniform(10, 28))
            if turn < 3:
                hands.away(rng.uniform(1.8, 5.0))
        if rng.random() < 0.5:
            thing = rng.choice(self._plain())
            self._reach(thing)
            self._want(thing)
            if self._till():
                self._pay()

    def _aim_account(self) -> None:
        self.hands.read(self.rng.uniform(8, 16), down=False)
        self.hands.press(".logo", loads=True)
        self.hands.until(".hero")
        self.hands.read(self.rng.uniform(6, 12))

    def _aim_help(self) -> None:
        hands = self.hands
        self._land()
        hands.press('footer a[href="/help"]')
        hands.until("[data-topic]")
        for topic in self.rng.sample(catalogue().help_topics, k=3):
            hands.press(f'[data-topic="{topic}"] summary')
            hands.read(self.rng.uniform(4, 9), down=False)

    def _aim_letter(self) -> None:
        hands = self.hands
        hands.open("/")
        hands.until(".hero")
        hands.read(8)
        hands.write('[data-letter] [name="email"]', email(self.visit))
        hands.press("[data-letter] .btn")
        hands.read(8)

    # -- ways ----------------------------------------------------------------------

    def _plain(self) -> list[Product]:
        return [p for p in catalogue().products if not p.missorted]

    def _land(self) -> None:
        hands = self.hands
        if not hands.arrived or not hands.sees(".hero, .card"):
            path = self.rng.choice(("/", "/", "/", "/category/bath"))
            hands.open(path)
            hands.until(".hero, .chips")
        hands.read(self.rng.uniform(3, 16))

    def _query(self, *, slow: bool) -> str:
        return self.rng.choice([q.text for q in catalogue().queries if q.slow == slow])

    def _first_found(self) -> None:
        if self.hands.sees("[data-found] .card"):
            self.hands.press("[data-found] .card")
            self.hands.until("[data-add]")
            self.hands.read(self.rng.uniform(6, 22))

    def _ask(self, query: str) -> None:
        self.hands.write('.find [name="q"]', query)
        self.hands.pause(0.3, 0.8)
        self.hands.enter()

    def _reach(self, thing: Product) -> None:
        """Go to a product: by a card in sight, else by its category or by search."""
        hands, rng = self.hands, self.rng
        card = f'.card[href="/product/{thing.id}"]'
        if not (hands.sees(card) and rng.random() < 0.6):
            slug = thing.category.lower()
            if rng.random() < 0.25:
                self._ask(thing.name.split()[-1].lower())
                hands.until("[data-found] .card")
            elif hands.phone:
                if not hands.sees(".tiles"):
                    hands.press(".logo")
                    hands.until(".tiles")
                hands.press(f'.tile[href="/category/{slug}"]')
            else:
                hands.press(f'nav a[href="/category/{slug}"]')
            hands.until(card if hands.sees("[data-found]") else ".chips")
            hands.read(rng.uniform(2, 11))
            if hands.sees(".chips") and rng.random() < 0.2:
                hands.press(".chip:not(.on)")
                hands.read(rng.uniform(2, 4), down=False)
        hands.press(card)
        hands.until("[data-add]")

    def _want(self, thing: Product) -> None:
        hands, rng = self.hands, self.rng
        hands.read(rng.uniform(6, 24))
        if rng.random() < 0.12:
            hands.away(rng.uniform(0.6, 2.5))
        if rng.random() < 0.3:
            hands.press(".more summary")
            hands.pause(1.5, 4)
        if thing.sizes:
            if rng.random() < 0.15:
                hands.press("[data-add]")
                hands.pause(1, 2)
            at = rng.randint(1, len(thing.sizes))
            hands.press(f".size:nth-of-type({at})")
        self._add()

    def _add(self) -> None:
        self.hands.press("[data-add]")
        # The toast lies over the page for four seconds.
        self.hands.pause(4.1, 6.5)

    def _cart(self) -> None:
        self.hands.press('.tools a[href="/cart"]', loads=True)
        self.hands.until(".title")

    def _account(self) -> None:
        hands, visit = self.hands, self.visit
        hands.open("/")
        hands.until(".hero")
        hands.read(self.rng.uniform(2, 5))
        hands.press('.tools a[href="/account"]', loads=True)
        hands.until(".title, .tabs")
        if not hands.sees(".tabs"):
            return
        if visit.standing == "joins":
            hands.press('[data-tab="up"]')
        hands.write('.fields [name="email"]', email(visit))
        hands.write('.fields [name="password"]', PASSWORD)
        hands.press(".fields .btn")
        hands.until(".loyal")
        hands.read(self.rng.uniform(3, 7), down=False)
        if visit.aim != "account":
            hands.press(".logo", loads=True)
            hands.until(".hero")

    def _till(self, *, sure: bool = False) -> bool:
        """Walk to the payment page; some think better of it on the way."""
        hands, rng = self.hands, self.rng
        self._cart()
        hands.read(rng.uniform(4, 14), down=False)
        if not sure and rng.random() < 0.16:
            return False
        hands.press("[data-go]")
        hands.until("[data-address]")
        if not sure and rng.random() < 0.1:
            hands.read(rng.uniform(6, 12))
            return False
        for name, text in (
            ("email", email(self.visit)),
            ("name", f"Q. Visitor {self.visit.person:02}"),
            ("street", STREET),
            ("zip", f"{10115 + 37 * self.visit.person}"),
            ("city", "Hafenstadt"),
        ):
            hands.write(f'[data-address] [name="{name}"]', text)
            hands.pause(0.2, 0.9)
        if rng.random() < 0.25:
            hands.press('[data-delivery="Express"]')
        if self.visit.standing == "joins" and hands.sees("[data-joins]"):
            hands.press("[data-joins]")
        hands.press("[data-address] .btn")
        hands.until("[data-payment]")
        hands.read(rng.uniform(2, 5), down=False)
        return True

    def _coupon(self, code: str) -> None:
        self.hands.write('[name="code"]', code)
        self.hands.press("[data-apply]")
        self.hands.until(".note")

    def _card(self, number: str) -> None:
        """Fill in the card where it is not filled in yet."""
        hands = self.hands
        for name, text in (("number", number), ("expiry", EXPIRY), ("cvc", CODE)):
            selector = f'[data-payment] [name="{name}"]'
            typed = hands.value(selector)
            if typed and (name != "number" or typed == number):
                continue
            hands.write(selector, text)

    def _pay_button(self) -> None:
        self.hands.press(".pay--compact" if self.hands.phone else ".pay--wide")

    def _pay(self) -> None:
        hands, rng = self.hands, self.rng
        if hands.sees(".note") or rng.random() < 0.65:
            self._card(CARD)
        else:
            hands.press(f'[data-method="{rng.choice(("PayPal", "Invoice"))}"]')
        hands.pause(0.5, 2)
        self._pay_button()
        hands.until(".done")
        hands.read(rng.uniform(3, 8), down=False)

/* Cart, address, payment, confirmation: a document of its own, so that it loads bare. */

import { art, icon } from "./art.js";
import { pageViewed, track } from "./analytics.js";
import * as basket from "./basket.js";
import { $, ask, drawCount, drawFrame, euro, shop } from "./frame.js";

const main = $("main");
const compact = matchMedia("(max-width: 760px)").matches;
const { products } = await shop();
const find = (id) => products.find((p) => p.id === id);
const sums = () => ({ items: basket.count(), cart_value: basket.value(products) });

const steps = (at) =>
  `<div class="steps">${["Cart", "Address", "Payment"].map((name, i) => (i === at ? `<b>${name}</b>` : `<span>${name}</span>`)).join("<span>›</span>")}</div>`;

function summary(button, off = 0) {
  const value = basket.value(products);
  const parcel = value >= 60 ? 0 : 4.9;
  const total = value - off + parcel;
  return `<aside class="panel"><h2>Summary</h2><div class="sum"><span>${basket.count()} ${basket.count() === 1 ? "thing" : "things"}</span><span>${euro(value)}</span></div>${off ? `<div class="sum off"><span>Coupon</span><span>−${euro(off)}</span></div>` : ""}<div class="sum"><span>Delivery</span><span>${parcel ? euro(parcel) : "Free"}</span></div><div class="sum total"><span>Total</span><span>${euro(total)}</span></div>${button}</aside>`;
}

function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  route();
}

function cart() {
  const lines = basket.lines();
  const item = (line, i) => {
    const p = find(line.id);
    return `<div class="item"><a class="pic p-${p.tint}" href="/product/${p.id}">${art(p.art, p.tint)}</a><div><h3>${p.name}</h3><p class="quiet small">${line.size ? `Size ${line.size} · ` : ""}${line.quantity} × ${euro(p.price)}</p><button class="link" data-remove="${i}">Remove</button></div><b>${euro(p.price * line.quantity)}</b></div>`;
  };
  main.innerHTML = `${steps(0)}<div class="title"><h1>Your cart</h1></div>${
    lines.length
      ? `<div class="two"><div>${lines.map(item).join("")}</div>${summary('<button class="btn wide" data-go>Check out</button><p class="quiet small" style="margin-top:12px">Have a coupon? Enter it with your payment.</p>')}</div>`
      : '<p class="quiet">Nothing in it yet.</p><p style="margin-top:18px"><a class="btn" href="/">Look around</a></p>'
  }`;
  for (const button of main.querySelectorAll("[data-remove]")) {
    button.addEventListener("click", () => {
      const line = basket.remove(Number(button.dataset.remove));
      const p = find(line.id);
      track("Remove from Cart", { product: p.name, category: p.category, price: p.price, size: line.size, quantity: line.quantity });
      drawCount();
      cart();
    });
  }
  $("[data-go]")?.addEventListener("click", () => go("/checkout/address"));
}

const field = (name, label, type = "text", full = true, more = "") =>
  `<label class="field${full ? " full" : ""}"><span>${label}</span><input name="${name}" type="${type}" autocomplete="off" required ${more}></label>`;

function choices(name, options) {
  return options
    .map(([value, label, note, price], i) => `<div class="opt full${i ? "" : " on"}" role="radio" tabindex="0" data-${name}="${value}"><span class="dot"></span><span>${label}<small>${note}</small></span><span>${price}</span></div>`)
    .join("");
}

function choose(name, chosen) {
  for (const option of main.querySelectorAll(`[data-${name}]`)) {
    option.addEventListener("click", () => {
      $(`[data-${name}].on`).classList.remove("on");
      option.classList.add("on");
      chosen(option.dataset[name]);
    });
  }
}

function address() {
  main.innerHTML = `${steps(1)}<div class="two"><div><h1 style="margin-bottom:22px">Where to?</h1><form class="fields" data-address>${field("email", "E-mail", "email")}${field("name", "Name")}${field("street", "Street and number")}${field("zip", "Postcode", "text", false)}${field("city", "City", "text", false)}${choices("delivery", [["Standard", "Standard", "Two to four days", "Free"], ["Express", "Express", "Tomorrow, if ordered by noon", "€9"]])}${basket.user() ? "" : '<div class="opt full" role="checkbox" tabindex="0" data-joins><span class="dot"></span><span>Create an account<small>To follow the parcel and collect points</small></span></div>'}<button class="btn full">Continue to payment</button></form></div>${summary("")}</div>`;
  let delivery = "Standard";
  choose("delivery", (value) => {
    delivery = value;
  });
  const joins = $("[data-joins]");
  joins?.addEventListener("click", () => joins.classList.toggle("on"));
  $("[data-address]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    basket.setOrder({ to: `${form.name.value}, ${form.street.value}, ${form.zip.value} ${form.city.value}` });
    if (joins?.classList.contains("on")) {
      const { data } = await ask("POST", "/api/account", { email: form.email.value });
      basket.logIn(data.user);
      track("Sign Up", { method: "checkout" });
    }
    track("Address Entered", { delivery });
    go("/checkout/payment");
  });
}

let off = 0;
let coupon = null;
let method = "Card";

function paymentForm(note = "") {
  const card = `${field("number", "Card number", "text", true, 'inputmode="numeric" placeholder="0000 0000 0000 0000"')}${field("expiry", "Valid until", "text", false, 'placeholder="MM / YY"')}${field("cvc", "Security code", "password", false)}`;
  const code = `<div class="full coupon"><label class="field"><span>Coupon</span><input name="code" autocomplete="off" placeholder="Code"></label><button class="btn ghost" type="button" data-apply>Apply</button></div>`;
  // The compact form has its own button, below the fields; the wide one keeps it in
  // the summary. The cart's number travels in a hidden field of the wide form.
  return `${steps(2)}<div class="two"><div><h1 style="margin-bottom:8px">Payment</h1><p class="quiet" style="margin-bottom:22px">Deliver to <span class="rr-mask">${basket.order().to ?? ""}</span></p><form class="fields" data-payment>${note}${choices("method", [["Card", "Card", "Visa, Mastercard", ""], ["PayPal", "PayPal", "You will be asked after this step", ""], ["Invoice", "Invoice", "14 days to pay", ""]])}${card}${compact ? "" : '<input type="hidden" name="cart" value="current">'}${code}${compact ? `<button class="btn full pay--compact" type="button">${icon("lock")}Pay</button>` : ""}</form></div>${summary(compact ? "" : `<button class="btn wide pay--wide" type="button">${icon("lock")}Pay</button>`, off)}</div>`;
}

const NOTE = {
  cart_missing: "We could not check this coupon",
  expired: "This coupon has expired",
  unknown: "We do not know this coupon",
};
const note = (text, good) =>
  `<div class="note full${good ? " good" : ""}" role="alert">${icon(good ? "check" : "alert")}<span>${text}</span></div>`;

function draw(message = "") {
  const form = $("[data-payment]");
  const typed = form ? [...new FormData(form)] : [];
  main.innerHTML = paymentForm(message);
  for (const [name, value] of typed) {
    const input = $(`[data-payment] [name="${name}"]`);
    if (input && name !== "code") input.value = value;
  }
  choose("method", (value) => {
    method = value;
    for (const name of ["number", "expiry", "cvc"]) {
      $(`[name="${name}"]`).closest("label").hidden = value !== "Card";
    }
  });
  $("[data-apply]").addEventListener("click", apply);
}

async function apply() {
  const form = $("[data-payment]");
  const code = form.code.value.trim().toUpperCase();
  if (!code) return;
  const { ok, status, data } = await ask("POST", "/api/coupon", { code, cart: form.cart?.value });
  if (ok) {
    coupon = code;
    off = Math.round(basket.value(products) * data.share * 100) / 100;
    draw(note(`${code} takes ${Math.round(data.share * 100)} % off`, true));
    track("Coupon Applied", { coupon, discount: off });
  } else {
    draw(note(`${NOTE[data.reason]}. You can pay without it.`));
    track("Coupon Rejected", { coupon: code, reason: data.reason });
    track("Error Shown", { message: NOTE[data.reason], status, page: "Checkout Payment" });
  }
  // The form is new, so its button needs its handler again.
  document.querySelector(".pay--wide").addEventListener("click", pay);
}

async function pay() {
  const form = $("[data-payment]");
  if (method === "Card" && !(form.number.value && form.expiry.value && form.cvc.value)) {
    $(".note")?.remove();
    form.insertAdjacentHTML("afterbegin", note("Please fill in your card."));
    return;
  }
  track("Payment Submitted", { payment_method: method, ...sums() });
  const { ok, status } = await ask("POST", "/api/orders", { ...sums(), method, last: form.number.value.slice(-4) });
  if (!ok) {
    $(".note")?.remove();
    form.insertAdjacentHTML("afterbegin", note("The bank declined this payment. Try another card."));
    track("Error Shown", { message: "The bank declined this payment", status, page: "Checkout Payment" });
    return;
  }
  const { items, cart_value } = sums();
  track("Purchase", { payment_method: method, revenue: Math.round((cart_value - off) * 100) / 100, items, ...(coupon && { coupon }) });
  basket.empty();
  go("/checkout/thanks");
}

function payment() {
  draw();
  $(compact ? ".pay--compact" : ".pay--wide").addEventListener("click", pay);
}

function thanks() {
  main.innerHTML = `<div class="done"><span class="ring">${icon("check")}</span><h1>Thank you</h1><p class="quiet" style="margin:14px 0 26px">Your order is with us. We pack it tomorrow morning and write as soon as it leaves Hamburg.</p><a class="btn" href="/">Back to the shop</a></div>`;
  basket.finishOrder();
  drawCount();
}

function route() {
  const here = location.pathname;
  if (here.endsWith("/address")) {
    address();
    pageViewed("Checkout Address");
    track("Checkout Started", sums());
  } else if (here.endsWith("/payment")) {
    payment();
    pageViewed("Checkout Payment");
  } else if (here.endsWith("/thanks")) {
    thanks();
    pageViewed("Confirmation");
  } else {
    cart();
    pageViewed("Cart");
    track("Cart Viewed", sums());
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = event.target.q?.value.trim();
  if (query) location.assign(`/search?q=${encodeURIComponent(query)}`);
});
addEventListener("popstate", route);
await drawFrame();
route();

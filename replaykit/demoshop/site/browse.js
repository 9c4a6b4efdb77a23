/* Home, category, search, product and help: one document, navigated by history. */

import { art, icon, SCENE } from "./art.js";
import { pageViewed, track } from "./analytics.js";
import { add } from "./basket.js";
import { $, ask, drawCount, drawFrame, euro, shop, toast } from "./frame.js";

const main = $("main");
const escape = (text) =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const FLAGS = { "waffle-robe": "New", "stone-mug": "Loved", "jute-rug": "Back again" };

function card(product) {
  const flag = FLAGS[product.id];
  return `<a class="card" href="/product/${product.id}"><div class="pic p-${product.tint}">${art(product.art, product.tint)}${flag ? `<span class="flag">${flag}</span>` : ""}</div><h3>${product.name}</h3><span class="price">${euro(product.price)}</span></a>`;
}

const grid = (products) => `<div class="grid">${products.map(card).join("")}</div>`;

const LOVED = [
  "waffle-robe", "stone-mug", "linen-duvet", "reading-lamp",
  "linen-pyjamas", "boucle-cushion", "merino-cardigan", "waffle-towel",
];

async function home() {
  const { categories, products } = await shop();
  const tile = (c) => {
    const p = products.find((one) => one.category === c.name);
    return `<a class="tile" href="/category/${c.slug}"><div class="pic p-${p.tint}">${art(p.art, p.tint)}</div>${c.name}</a>`;
  };
  main.innerHTML = `<section class="hero"><div><span class="eyebrow">Spring, slowly</span><h1>Things for a quiet home</h1><p>Linen that softens, wool that lasts, cups that sit well in the hand. Made in small workshops across Europe.</p><div class="row"><a class="btn" href="/category/loungewear">New loungewear</a><a class="btn ghost" href="/category/bedding">Bedding</a></div></div>${SCENE}</section>
<div class="tiles">${categories.map(tile).join("")}</div>
<div class="head"><h2>Loved this week</h2><a href="/category/loungewear">See all</a></div>${grid(LOVED.map((id) => products.find((p) => p.id === id)))}
<div class="promise"><div>${icon("truck")}<span><b>Free delivery from €60</b><span class="quiet small">Two to four days, in paper only</span></span></div><div>${icon("back")}<span><b>60 days to return</b><span class="quiet small">Slept in it? We still take it back</span></span></div><div>${icon("leaf")}<span><b>Made to be mended</b><span class="quiet small">We repair what we sell</span></span></div></div>
<section class="letter"><div><h2>A letter on Thursdays</h2><p>New makers, old recipes, and the sale a day early.</p></div><form data-letter><input name="email" type="email" required placeholder="Your e-mail" aria-label="Your e-mail"><button class="btn">Join</button></form></section>`;
  pageViewed("Home");
}

const ORDERS = {
  Popular: () => 0,
  "Price: low to high": (a, b) => a.price - b.price,
  "Price: high to low": (a, b) => b.price - a.price,
};

async function category(slug) {
  const { categories, products } = await shop();
  const here = categories.find((c) => c.slug === slug) ?? categories[0];
  const shelf = products.filter((p) => p.category === here.name);
  const rest = products.filter((p) => p.category !== here.name).slice(-8, -4);
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / ${here.name}</div><div class="title"><h1>${here.name}</h1><p>${here.line}</p></div>
<div class="row between" style="margin-bottom:22px"><span class="quiet small">${shelf.length} things</span><div class="chips">${Object.keys(ORDERS).map((name, i) => `<button class="chip${i ? "" : " on"}" data-sort="${name}">${name}</button>`).join("")}</div></div>
<div data-shelf>${grid(shelf)}</div><div class="head"><h2>Goes with it</h2></div>${grid(rest)}`;
  for (const chip of main.querySelectorAll("[data-sort]")) {
    chip.addEventListener("click", () => {
      $(".chip.on").classList.remove("on");
      chip.classList.add("on");
      $("[data-shelf]").innerHTML = grid([...shelf].sort(ORDERS[chip.dataset.sort]));
      track("Products Sorted", { sort: chip.dataset.sort, category: here.name });
    });
  }
  pageViewed("Category", { category: here.name });
}

let asked = 0;

async function search(query) {
  const turn = ++asked;
  const began = Date.now();
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / Search</div><div class="title"><h1>“${escape(query)}”</h1></div><div data-found><div class="wait"><span class="spin"></span>Looking through the shelves…</div><div class="ghosts"><i></i><i></i><i></i><i></i></div></div>`;
  track("Search Submitted", { query });
  const { data } = await ask("GET", `/api/search?q=${encodeURIComponent(query)}`);
  if (turn !== asked) return;
  const latency = Date.now() - began;
  if (latency > 3000) console.warn(`search: "${query}" took ${latency} ms`);
  const { products } = await shop();
  const found = data.found.map((id) => products.find((p) => p.id === id));
  const others = products.filter((p) => !found.includes(p)).slice(-6, -2);
  $("[data-found]").innerHTML = `<p class="quiet" style="margin:-14px 0 24px">${found.length} ${found.length === 1 ? "result" : "results"}</p>${found.length ? grid(found) : "<p>Nothing by that name. Try one word, such as “linen”.</p>"}`;
  main.insertAdjacentHTML("beforeend", `<div class="head"><h2>You may also like</h2></div>${grid(others)}`);
  pageViewed("Search");
  track("Search Results Shown", { query, results: found.length, latency_ms: latency });
}

async function product(id) {
  const { products } = await shop();
  const p = products.find((one) => one.id === id) ?? products[0];
  const near = products.filter((one) => one.category === p.category && one !== p);
  const about = { product: p.name, category: p.category };
  // The supplier's feed lists sizes as they were set up; nothing here sorts them.
  const picker = p.sizes
    ? `<div class="label"><span>${p.size_label}</span><a href="#size-guide" data-guide>Size guide</a></div><div class="sizes">${p.sizes.map((s) => `<button class="size" type="button" data-size="${s}">${s}</button>`).join("")}</div>`
    : "";
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / <a href="/category/${p.category.toLowerCase()}">${p.category}</a> / ${p.name}</div>
<div class="product"><div class="pic p-${p.tint}">${art(p.art, p.tint)}</div><div><span class="eyebrow">${p.category}</span><h1>${p.name}</h1><div class="row"><span class="big">${euro(p.price)}</span><span class="stars" aria-label="4.6 of 5">★★★★★</span><span class="quiet small">${12 + (p.price % 90)} reviews</span></div><p class="blurb">${p.blurb}</p>${picker}<button class="btn wide" data-add>Add to cart</button>
<div class="more"><details><summary>Material and care</summary><p>Made in ${p.made}. ${p.care || "Dust with a soft cloth"}.</p></details><details><summary>Delivery</summary><p>Two to four days. Free from €60, otherwise €4.90.</p></details><details><summary>Returns</summary><p>60 days, also after use. The label is in the box.</p></details></div></div></div>
<div class="head"><h2>Goes well with it</h2></div>${grid(near.slice(0, 3).concat(products.find((one) => one.id === "olive-soap")).slice(0, 4))}`;
  let size = null;
  for (const button of main.querySelectorAll("[data-size]")) {
    button.addEventListener("click", () => {
      $(".size.on")?.classList.remove("on");
      $(".hint")?.remove();
      button.classList.add("on");
      size = button.dataset.size;
      track("Size Selected", { ...about, size });
    });
  }
  // The guide was to open here; its page was never written.
  $("[data-guide]")?.addEventListener("click", (event) => event.preventDefault());
  $("[data-add]").addEventListener("click", () => {
    if (p.sizes && !size) {
      $(".hint") ?? $(".sizes").insertAdjacentHTML("afterend", '<p class="hint">Please choose a size first.</p>');
      return;
    }
    add(p.id, size);
    drawCount();
    track("Add to Cart", { ...about, price: p.price, size, quantity: 1 });
    toast(`<b>${p.name}</b>${size ? `, ${size}` : ""} is in your cart. <a class="link" href="/cart">View cart</a>`);
  });
  pageViewed("Product", { category: p.category });
  track("Product Viewed", { ...about, price: p.price });
}

const ANSWERS = {
  Delivery: "Two to four working days, with DHL, DPD or PostNL. Free from €60. You get a link as soon as the parcel leaves our store in Hamburg.",
  Returns: "You have 60 days. Put the label from the box on the parcel and hand it in. The money is back within a week.",
  Sizes: "Our loungewear runs true to size. Between two sizes, take the smaller one for robes and the larger one for pyjamas.",
  Coupons: "Enter the code on the payment page. One coupon per order; it cannot be used on gift cards.",
  Payment: "Card, PayPal or invoice. We charge when the parcel leaves.",
};

async function help() {
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / Help</div><div class="title"><h1>How can we help?</h1><p>We answer the phone ourselves, on weekdays from nine to five.</p></div><div class="two"><div>${Object.entries(ANSWERS).map(([topic, text]) => `<details data-topic="${topic}"><summary>${topic}</summary><p>${text}</p></details>`).join("")}</div><div class="panel"><h2>Write to us</h2><p class="quiet">hello@alderandoat.example<br>+49 40 555 0142</p></div></div>`;
  for (const part of main.querySelectorAll("[data-topic]")) {
    part.addEventListener("toggle", () => {
      if (part.open) track("Help Viewed", { topic: part.dataset.topic });
    });
  }
  pageViewed("Help");
}

async function route() {
  const [, kind, slug] = location.pathname.split("/");
  asked += 1;
  for (const link of document.querySelectorAll("nav a")) {
    link.classList.toggle("on", link.pathname === location.pathname);
  }
  if (kind === "category") await category(slug);
  else if (kind === "product") await product(slug);
  else if (kind === "search") await search(new URLSearchParams(location.search).get("q") ?? "");
  else if (kind === "help") await help();
  else await home();
}

function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  return route();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || /^\/(cart|account|checkout)/.test(link.pathname)) return;
  event.preventDefault();
  go(link.pathname);
});

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.matches(".find") && form.q.value.trim()) {
    await go(`/search?q=${encodeURIComponent(form.q.value.trim())}`);
  } else if (form.matches("[data-letter]")) {
    await ask("POST", "/api/newsletter", { joined: true });
    form.outerHTML = "<p>Thank you. The next letter is yours.</p>";
    track("Newsletter Joined", { page: "Home" });
  }
});

addEventListener("popstate", route);
await drawFrame();
await route();

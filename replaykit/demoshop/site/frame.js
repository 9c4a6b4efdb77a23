/* What every page has: header, footer, toast, the catalogue and the server. */

import { icon } from "./art.js";
import { count } from "./basket.js";

export const $ = (selector, root = document) => root.querySelector(selector);
export const euro = (amount) =>
  `€${Number.isInteger(amount) ? amount : amount.toFixed(2)}`;

const catalogue = fetch("/api/catalogue").then((reply) => reply.json());
/** The catalogue, asked for once per page. */
export const shop = () => catalogue;

/** Ask the server; resolves to its status and its JSON. */
export async function ask(method, path, body) {
  const reply = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await reply.text();
  return { status: reply.status, ok: reply.ok, data: text ? JSON.parse(text) : null };
}

export async function drawFrame() {
  const { categories } = await shop();
  const here = location.pathname;
  $("header").innerHTML = `<div class="wrap bar">
<a class="logo" href="/">Alder <i>&amp;</i> Oat</a>
<nav aria-label="Shop">${categories.map((c) => `<a href="/category/${c.slug}"${here.endsWith(c.slug) ? ' class="on"' : ""}>${c.name}</a>`).join("")}</nav>
<form class="find" role="search"><input name="q" type="search" placeholder="Search" aria-label="Search the shop" autocomplete="off"><button aria-label="Search">${icon("search")}</button></form>
<div class="tools"><a href="/account" aria-label="Account">${icon("person")}</a><a href="/cart" aria-label="Cart">${icon("bag")}<span class="count" hidden></span></a></div></div>`;
  $("footer").innerHTML = `<div class="wrap"><div><b>Alder &amp; Oat</b>A small shop for bedding, bath and the kitchen table. Made to be mended, sent without plastic.</div>
<div><b>Help</b><a href="/help">Delivery</a><a href="/help">Returns</a><a href="/help">Sizes</a><a href="/help">Contact</a></div>
<div><b>Shop</b>${categories.slice(0, 4).map((c) => `<a href="/category/${c.slug}">${c.name}</a>`).join("")}</div>
<div><b>Us</b><a href="/help">Our makers</a><a href="/help">Repairs</a><a href="/help">Hamburg store</a></div></div>`;
  drawCount();
}

export function drawCount() {
  const badge = $(".count");
  badge.textContent = count();
  badge.hidden = count() === 0;
}

let hiding = 0;
/** Show a short message for four seconds. */
export function toast(html) {
  $(".toast")?.remove();
  clearTimeout(hiding);
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "status");
  box.innerHTML = `${icon("check")}<div>${html}</div>`;
  document.body.append(box);
  hiding = setTimeout(() => box.remove(), 4000);
}

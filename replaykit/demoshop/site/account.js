/* Log in, sign up, and what a customer sees of themself. */

import { pageViewed, track } from "./analytics.js";
import * as basket from "./basket.js";
import { $, ask, drawFrame } from "./frame.js";

const main = $("main");
const field = (name, label, type) =>
  `<label class="field full"><span>${label}</span><input name="${name}" type="${type}" autocomplete="off" required></label>`;

function doors(joining = false) {
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / Account</div><div class="two"><div><div class="tabs"><button class="${joining ? "" : "on"}" data-tab="in">Log in</button><button class="${joining ? "on" : ""}" data-tab="up">Create an account</button></div><form class="fields">${field("email", "E-mail", "email")}${field("password", "Password", "password")}<button class="btn full">${joining ? "Create account" : "Log in"}</button></form></div><div class="panel"><h2>Alder &amp; Oat Plus</h2><p class="quiet">Free express delivery, repairs at cost, and the sale a day early. €24 a year.</p></div></div>`;
  for (const tab of main.querySelectorAll("[data-tab]")) {
    tab.addEventListener("click", () => doors(tab.dataset.tab === "up"));
  }
  $("form.fields").addEventListener("submit", async (event) => {
    event.preventDefault();
    const email = event.target.email.value;
    const { ok, data } = await ask("POST", joining ? "/api/account" : "/api/login", { email });
    if (!ok) return;
    basket.logIn(data.user);
    track(joining ? "Sign Up" : "Log In", { method: joining ? "account" : "password" });
    self();
  });
}

function self() {
  const { name, email, plan } = basket.user();
  main.innerHTML = `<div class="crumbs"><a href="/">Home</a> / Account</div><div class="title"><h1>Hello <span class="rr-mask">${name}</span></h1><p class="rr-mask">${email}</p></div><div class="two"><div><div class="head"><h2>Your orders</h2></div><table><tr><th>Order</th><th>Sent</th><th>State</th></tr><tr><td>A&amp;O 20417</td><td>12 February</td><td>Delivered</td></tr><tr><td>A&amp;O 19833</td><td>3 December</td><td>Delivered</td></tr></table><p style="margin-top:24px"><button class="link" data-out>Log out</button></p></div><div><div class="loyal rr-block"><b>Alder &amp; Oat ${plan === "plus" ? "Plus" : "Friends"}</b><span>Card 4415 0082 7716<br>Valid until 12/27</span></div><p class="quiet small" style="margin-top:14px">Show this card in our Hamburg store.</p></div></div>`;
  $("[data-out]").addEventListener("click", () => {
    basket.logOut();
    doors();
  });
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = event.target.q?.value.trim();
  if (query) location.assign(`/search?q=${encodeURIComponent(query)}`);
});
await drawFrame();
if (basket.user()) self();
else doors();
pageViewed("Account");

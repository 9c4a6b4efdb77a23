/** The left side of a look-up: what is counted of a person, and what is known of them last. */

import { el, fill } from "../parts/dom.ts";
import { elapsed, number, value, wallDay } from "../parts/format.ts";
import { icon } from "../parts/icons.ts";
import type { Requests } from "../protocol.ts";
import { keepPinned, pinnedOf } from "./pinned.ts";

type Person = Requests["person"]["data"];

/** From so many properties on, they can be searched. */
const SEARCHED = 8;

export function profile(person: Person, zone: string): HTMLElement[] {
  return [
    el("h4", {}, "Totals"),
    facts(person.totals.map(([name, count]) => [words(name), said(name, count, zone)])),
    el("h4", {}, "Latest properties"),
    ...latest(person),
    el("h4", {}, "Identity"),
    facts([
      ["user id", person.user],
      ...person.devices.map((device): [string, string] => ["device", device]),
      ...person.merged.map(([kind, id]): [string, string] => [`merged ${kind}`, id]),
    ]),
  ];
}

/** The latest properties: pinned ones first, the others below, found by a part of their name. */
function latest(person: Person): HTMLElement[] {
  const pinned = pinnedOf(person.project);
  const list = el("dl", { class: "pins" });
  const input = el("input", {
    class: "find",
    type: "search",
    placeholder: "Find a property",
    "aria-label": "Find a property",
  });

  function draw(focus = ""): void {
    const part = input.value.trim().toLowerCase();
    const found = person.profile.filter(([name]) => name.toLowerCase().includes(part));
    const first = found.filter(([name]) => pinned.has(name));
    const rest = found.filter(([name]) => !pinned.has(name));
    fill(list, ...[...first, ...rest].flatMap(([name, item]) => line(name, value(item))));
    if (found.length === 0) list.append(el("dt", {}, "none"), el("dd", {}, ""), el("span"));
    for (const pin of list.querySelectorAll("button")) {
      if (pin.dataset.name === focus) pin.focus({ preventScroll: true });
    }
  }

  function line(name: string, text: string): HTMLElement[] {
    const on = pinned.has(name);
    const label = on ? `Unpin ${name}` : `Pin ${name}`;
    const pin = el(
      "button",
      { type: "button", title: label, "aria-label": label, "aria-pressed": String(on) },
      icon("pin"),
    );
    pin.dataset.name = name;
    pin.addEventListener("click", () => {
      if (!pinned.delete(name)) pinned.add(name);
      keepPinned(person.project, pinned);
      draw(name);
    });
    return [el("dt", { title: name }, name), el("dd", { title: text }, text), pin];
  }

  input.addEventListener("input", () => draw());
  draw();
  return person.profile.length >= SEARCHED ? [input, list] : [list];
}

function facts(pairs: readonly (readonly [string, string])[]): HTMLElement {
  const list = el("dl");
  for (const [name, text] of pairs) {
    list.append(el("dt", { title: name }, name), el("dd", { title: text }, text));
  }
  return list;
}

function words(name: string): string {
  const known: Record<string, string> = {
    usage_ms: "usage time",
    first_ms: "first seen",
    last_ms: "last seen",
  };
  return known[name] ?? name;
}

function said(name: string, count: number | null, zone: string): string {
  if (count === null) return "";
  if (name === "usage_ms") return elapsed(count);
  if (name.endsWith("_ms")) return wallDay(count, zone, true);
  return number(Math.round(count * 100) / 100);
}

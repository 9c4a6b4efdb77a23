/** The left side of a look-up: what is counted of a person, and what is known of them last. */

import { el } from "../parts/dom.ts";
import { elapsed, number, value, wallDay } from "../parts/format.ts";
import type { Requests } from "../protocol.ts";

type Person = Requests["person"]["data"];

export function profile(person: Person, zone: string): HTMLElement[] {
  return [
    el("h4", {}, "Totals"),
    facts(person.totals.map(([name, count]) => [words(name), said(name, count, zone)])),
    el("h4", {}, "Latest properties"),
    facts(person.profile.map(([name, item]) => [name, value(item)])),
    el("h4", {}, "Identity"),
    facts([
      ["user id", person.user],
      ...person.devices.map((device): [string, string] => ["device", device]),
    ]),
  ];
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

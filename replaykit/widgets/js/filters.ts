/** The filter bar of a search: chips, and a two-step menu that suggests fields and values. */

import type { Source } from "./kernel.ts";
import { button } from "./parts/buttons.ts";
import { chip } from "./parts/chip.ts";
import { cut, el, fill, setAttribute } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { number } from "./parts/format.ts";
import { icon, MARK_NAMES } from "./parts/icons.ts";
import { type Popover, popover } from "./parts/popover.ts";
import type { Requests, Scalar, SearchFilter, SignalKind } from "./protocol.ts";

type Field = Requests["fields"]["data"]["fields"][number];

export interface Filters {
  /** The chips and the button that adds one. */
  nodes: HTMLElement[];
  readonly list: SearchFilter[];
  clear(): void;
}

const MOST_SHOWN = 60;
const OPS = ["is", "is not", "contains", ">", ">=", "<", "<="] as const;

/** What needs no suggestions, first in the menu. */
const OWN: Field[] = [
  ...(["error", "rage", "dead", "request"] as const).map(
    (name): Field => ({ kind: "signal", name, group: "Recording", note: "signal" }),
  ),
  { kind: "duration", name: "length", group: "Recording", note: "duration" },
  { kind: "url", name: "first page", group: "Recording", note: "text" },
];

export function createFilters(source: Source, changed: () => void): Filters {
  let list: SearchFilter[] = [];
  let fields: Promise<Field[]> | null = null;
  const chips = el("div", { class: "rk-chips" });
  const add = button({
    label: "Filter",
    icon: "plus",
    text: true,
    small: true,
    class: "rk-chip rk-chip-add",
    run: () => openMenu(),
  });

  function draw(): void {
    fill(
      chips,
      ...list.map((one, i) => {
        const [field, op, text] = words(one);
        return chip(field, op, text, () => set(list.filter((_, other) => other !== i)));
      }),
    );
  }

  function set(next: SearchFilter[]): void {
    list = next;
    draw();
    changed();
  }

  function openMenu(): void {
    const box = el("div", { class: "rk-filter-menu" });
    const held: { popover: Popover | null } = { popover: null };
    const done = (one: SearchFilter) => {
      held.popover?.close();
      set([...list, one]);
    };
    held.popover = popover(add, box, "Add a filter");
    if (!held.popover) return;
    fields ??= source.request("fields", {}).then(({ data }) => [...OWN, ...data.fields]);
    fields.catch(() => {
      fields = null;
    });
    fields.then(
      (known) => showFields(box, known, done),
      (error: unknown) => fill(box, failure("Fields cannot be suggested.", error)),
    );
  }

  function showFields(box: HTMLElement, known: Field[], done: (one: SearchFilter) => void): void {
    const found = el("div", { class: "rk-menu" });
    const choose = (field: Field) => {
      if (field.kind === "event" || field.kind === "cohort" || field.kind === "signal")
        done({ kind: field.kind, name: field.name });
      else if (field.kind === "property") void showValues(box, field, done);
      else showText(box, field, done);
    };
    const show = (text: string) => {
      const fits = known.filter(({ name }) => name.toLowerCase().includes(text));
      const items: HTMLElement[] = [];
      let group = "";
      for (const field of fits.slice(0, MOST_SHOWN)) {
        if (field.group !== group) {
          group = field.group;
          items.push(el("div", { class: "hd" }, group));
        }
        const label =
          field.kind === "signal" ? MARK_NAMES[field.name as SignalKind][0] : field.name;
        const node = el(
          "button",
          { type: "button", class: "it" },
          cut(label),
          el("span", { class: "r" }, field.note),
        );
        node.addEventListener("click", () => choose(field));
        items.push(node);
      }
      const more = fits.length - MOST_SHOWN;
      if (fits.length === 0) items.push(el("div", { class: "hd" }, "Nothing of that name"));
      if (more > 0) items.push(el("div", { class: "hd" }, `${number(more)} more: search`));
      fill(found, ...items);
    };
    show("");
    fill(box, searchField("Find a field", show), found);
    box.querySelector("input")?.focus({ preventScroll: true });
  }

  async function showValues(
    box: HTMLElement,
    field: Field,
    done: (one: SearchFilter) => void,
  ): Promise<void> {
    let op: (typeof OPS)[number] = field.note === "number" ? ">=" : "is";
    const chosen = new Set<Scalar>();
    const body = el("div", { class: "rk-filter-values" });
    const note = el("span", { class: "rk-2 rk-small" });
    const choosing = button({
      label: op,
      icon: "down",
      text: true,
      small: true,
      kind: "line",
      run: () =>
        void menuOfOps(choosing, field, op, (next) => {
          op = next;
          choosing.replaceChildren(icon("down"), next);
          show();
        }),
    });
    const apply = () => {
      const typed = body.querySelector<HTMLInputElement>("input[data-value]")?.value;
      const values = typed === undefined ? [...chosen] : typed === "" ? [] : [typed];
      if (values.length > 0) done({ kind: "property", name: field.name, op, values });
    };
    const foot = el(
      "div",
      { class: "acts" },
      note,
      el("span", { class: "rk-grow" }),
      button({ label: "Add", kind: "main", small: true, run: apply }),
    );
    const top = el("div", { class: "top" }, el("b", { class: "rk-cut" }, field.name), choosing);
    fill(box, top, body, foot);

    function show(): void {
      const negative = op === "is not";
      fill(note, negative ? `also keeps replays without ${field.name}` : "");
      if (op === "is" || negative) void suggest();
      else showInput(body, `${field.name} ${op}`, apply);
    }

    async function suggest(): Promise<void> {
      fill(body, el("div", { class: "hd" }, "\u2026"));
      try {
        const { data } = await source.request("values", { name: field.name });
        const found = el("div", { class: "rk-menu" });
        const draw = (text: string) => fill(found, ...valueItems(data.values, text, chosen));
        draw("");
        fill(body, searchField(`Find a value of ${field.name}`, draw), found);
        body.querySelector("input")?.focus({ preventScroll: true });
      } catch (error) {
        fill(body, failure("Values cannot be suggested.", error));
      }
    }

    show();
  }

  function showText(box: HTMLElement, field: Field, done: (one: SearchFilter) => void): void {
    let op: ">=" | "<=" = ">=";
    const body = el("div", { class: "rk-filter-values" });
    const long = field.kind === "duration";
    const apply = () => {
      const text = body.querySelector<HTMLInputElement>("input[data-value]")?.value.trim() ?? "";
      if (text === "") return;
      if (long) done({ kind: "duration", op, value: /^\d+$/.test(text) ? `${text}s` : text });
      else done({ kind: "url", name: text });
    };
    const choosing = button({
      label: long ? "at least" : "contains",
      text: true,
      small: true,
      kind: "line",
      run: () => {
        if (!long) return;
        op = op === ">=" ? "<=" : ">=";
        choosing.replaceChildren(op === ">=" ? "at least" : "at most");
      },
    });
    const top = el("div", { class: "top" }, el("b", {}, field.name), choosing);
    const foot = el(
      "div",
      { class: "acts" },
      el("span", { class: "rk-2 rk-small" }, long ? "such as 45s, 10m, 1h" : ""),
      el("span", { class: "rk-grow" }),
      button({ label: "Add", kind: "main", small: true, run: apply }),
    );
    fill(box, top, body, foot);
    showInput(body, field.name, apply);
  }

  return {
    nodes: [chips, add],
    get list() {
      return list;
    },
    clear: () => set([]),
  };
}

function menuOfOps(
  anchor: HTMLElement,
  field: Field,
  now: string,
  choose: (op: (typeof OPS)[number]) => void,
): void {
  // A menu of its own would close the filter menu it stands in: step through the operators.
  const fits = OPS.filter((op) => field.note === "number" || !/[<>]/.test(op));
  const next = fits[(fits.indexOf(now as (typeof OPS)[number]) + 1) % fits.length];
  setAttribute(anchor, "title", `One of: ${fits.join(", ")}`);
  if (next) choose(next);
}

function showInput(body: HTMLElement, label: string, apply: () => void): void {
  const input = el("input", { "aria-label": label, "data-value": "" });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    apply();
  });
  fill(body, el("label", { class: "rk-field" }, input));
  input.focus({ preventScroll: true });
}

function valueItems(
  values: readonly [Scalar, number][],
  text: string,
  chosen: Set<Scalar>,
): HTMLElement[] {
  const fits = values.filter(([value]) => said(value).toLowerCase().includes(text));
  return fits.slice(0, MOST_SHOWN).map(([value, count]) => {
    const box = el(
      "span",
      { class: "rk-check", "aria-checked": String(chosen.has(value)) },
      el("i", {}, icon("check")),
    );
    const node = el(
      "button",
      { type: "button", class: "it", role: "checkbox", "aria-checked": chosen.has(value) },
      box,
      cut(said(value), value === null ? "rk-none" : ""),
      el("span", { class: "r" }, number(count)),
    );
    node.addEventListener("click", () => {
      if (!chosen.delete(value)) chosen.add(value);
      const on = String(chosen.has(value));
      setAttribute(node, "aria-checked", on);
      setAttribute(box, "aria-checked", on);
    });
    return node;
  });
}

function said(value: Scalar): string {
  if (value === null) return "(none)";
  return value === "" ? "(empty)" : String(value);
}

function searchField(label: string, typed: (text: string) => void): HTMLElement {
  const input = el("input", { placeholder: label, "aria-label": label });
  input.addEventListener("input", () => typed(input.value.toLowerCase()));
  return el("label", { class: "rk-field" }, icon("search"), input);
}

/** A filter as its chip says it: field, operator, value. */
export function words(one: SearchFilter): [string, string, string] {
  switch (one.kind) {
    case "event":
      return ["did", "", one.name];
    case "cohort":
      return ["cohort", "is", one.name];
    case "signal":
      return ["signal", "is", MARK_NAMES[one.name as SignalKind][0].toLowerCase()];
    case "url":
      return ["first page", "contains", one.name];
    case "duration":
      return ["length", one.op === "<=" ? "at most" : "at least", one.value];
    case "property":
      return [one.name, one.op, one.values.map(said).join(", ")];
  }
}

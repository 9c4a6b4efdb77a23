/** "+ Filter": choose a field, then values of it. Fields and values are those of the session. */

import { button } from "../parts/buttons.ts";
import { cut, el, fill } from "../parts/dom.ts";
import { number } from "../parts/format.ts";
import { icon } from "../parts/icons.ts";
import { type Popover, popover } from "../parts/popover.ts";

const MOST_SHOWN = 60;

type Fields = Map<string, Map<string, number>>;

export function openFilterMenu(
  anchor: HTMLElement,
  fields: Fields,
  add: (field: string, values: string[]) => void,
): void {
  const box = el("div", { class: "rk-filter-menu" });
  const made: { popover: Popover | null } = { popover: null };
  showFields(box, fields, (field, values) => {
    made.popover?.close();
    add(field, values);
  });
  made.popover = popover(anchor, box, "Add a filter");
  box.querySelector("input")?.focus({ preventScroll: true });
}

function searchField(label: string, changed: (text: string) => void): HTMLElement {
  const input = el("input", { placeholder: label, "aria-label": label });
  input.addEventListener("input", () => changed(input.value.toLowerCase()));
  return el("label", { class: "rk-field" }, icon("search"), input);
}

function choice(label: string, right: string, run: () => void): HTMLElement {
  const node = el(
    "button",
    { type: "button", class: "it" },
    cut(label),
    el("span", { class: "r" }, right),
  );
  node.addEventListener("click", run);
  return node;
}

function showFields(
  box: HTMLElement,
  fields: Fields,
  add: (field: string, values: string[]) => void,
): void {
  const list = el("div", { class: "rk-menu" });
  const draw = (text: string) => {
    const found = [...fields].filter(([field]) => field.toLowerCase().includes(text));
    fill(
      list,
      ...found
        .slice(0, MOST_SHOWN)
        .map(([field, values]) =>
          choice(field, `${number(values.size)} values`, () =>
            showValues(box, field, values, (chosen) => add(field, chosen)),
          ),
        ),
      found.length === 0 ? el("div", { class: "hd" }, "No such property") : null,
    );
  };
  draw("");
  fill(box, searchField("Find a property", draw), list);
}

function showValues(
  box: HTMLElement,
  field: string,
  values: Map<string, number>,
  add: (values: string[]) => void,
): void {
  const sorted = [...values].sort(([, a], [, b]) => b - a);
  const chosen = new Set<string>();
  const list = el("div", { class: "rk-menu" });
  const draw = (text: string) => {
    const found = sorted.filter(([item]) => item.toLowerCase().includes(text));
    const nodes = found.slice(0, MOST_SHOWN).map(([item, count]) => {
      const node = el(
        "button",
        { type: "button", class: "it", role: "checkbox", "aria-checked": chosen.has(item) },
        el(
          "span",
          { class: "rk-check", "aria-checked": String(chosen.has(item)) },
          el("i", {}, icon("check")),
        ),
        cut(item === "" ? "(empty)" : item),
        el("span", { class: "r" }, number(count)),
      );
      node.addEventListener("click", () => {
        if (!chosen.delete(item)) chosen.add(item);
        const on = String(chosen.has(item));
        node.setAttribute("aria-checked", on);
        node.firstElementChild?.setAttribute("aria-checked", on);
      });
      return node;
    });
    const more = found.length - nodes.length;
    fill(
      list,
      ...nodes,
      more > 0 ? el("div", { class: "hd" }, `${number(more)} more: search`) : null,
    );
  };
  draw("");
  fill(
    box,
    el(
      "div",
      { class: "top" },
      el("b", { class: "rk-cut" }, field),
      el("span", { class: "rk-2" }, "is any of"),
    ),
    searchField(`Find a value of ${field}`, draw),
    list,
    el(
      "div",
      { class: "acts" },
      button({
        label: "Add",
        kind: "main",
        small: true,
        run: () => {
          if (chosen.size > 0) add([...chosen]);
        },
      }),
    ),
  );
  box.querySelector("input")?.focus({ preventScroll: true });
}

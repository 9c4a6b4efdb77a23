/** A chip of a filter: what it says, and a cross that takes it away (so does Backspace). */

import { el } from "./dom.ts";
import { icon } from "./icons.ts";

export function chip(field: string, op: string, value: string, remove: () => void): HTMLElement {
  const said = [field, op, value].filter(Boolean).join(" ");
  const cross = icon("x");
  cross.classList.add("rk-x");
  const node = el(
    "button",
    {
      type: "button",
      class: "rk-chip rk-chip-filter",
      title: said,
      "aria-label": `Remove the filter ${said}`,
    },
    field,
    op ? el("span", { class: "op" }, op) : null,
    value ? el("b", { class: "rk-cut" }, value) : null,
    cross,
  );
  node.addEventListener("click", remove);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Backspace" && event.key !== "Delete") return;
    event.preventDefault();
    event.stopPropagation();
    remove();
  });
  return node;
}

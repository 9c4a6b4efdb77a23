/** The filters of the event table as chips; a click or Backspace takes one away. */

import { el } from "../parts/dom.ts";
import { plural } from "../parts/format.ts";
import { icon } from "../parts/icons.ts";
import { EVENT_FIELD, type Filter } from "../rows.ts";

export function filterChip(filter: Filter, remove: () => void): HTMLElement {
  const values = [...filter.values];
  const several = values.length > 1;
  const said = several
    ? plural(values.length, filter.field === EVENT_FIELD ? "name" : "value")
    : values[0] || "(empty)";
  const chip = el(
    "button",
    {
      type: "button",
      class: "rk-chip rk-chip-filter",
      title: `${values.join(", ")} (remove: Backspace)`,
      "aria-label": `Filter ${filter.field}: ${values.join(", ")}. Remove`,
    },
    `${filter.field} `,
    el("span", { class: "op" }, several ? "any of" : "is"),
    " ",
    el("b", { class: "rk-cut" }, said),
  );
  const cross = icon("x");
  cross.classList.add("rk-x");
  chip.append(cross);
  chip.addEventListener("click", remove);
  chip.addEventListener("keydown", (event) => {
    if (event.key !== "Backspace" && event.key !== "Delete") return;
    event.stopPropagation();
    remove();
  });
  return chip;
}

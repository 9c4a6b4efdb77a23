/** Buttons, switches, tabs: each has a name, a title with its key, and a reason when it is off. */

import { type Child, el, fill, setAttribute } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";

export interface ButtonSpec {
  /** The name; shown as text unless `icon` stands alone. */
  label: string;
  icon?: IconName;
  /** Show the label as text beside the icon. */
  text?: boolean;
  kind?: "main" | "line" | "quiet";
  small?: boolean;
  /** The key that does the same, for the title. */
  key?: string;
  class?: string;
  run(event: MouseEvent): void;
}

/** A button; an icon alone gets its label as name and title. */
export function button(spec: ButtonSpec): HTMLButtonElement {
  const alone = spec.icon !== undefined && !spec.text;
  const node = el("button", {
    type: "button",
    class: [
      "rk-btn",
      alone && spec.kind !== "main" && "rk-btn-icon",
      spec.kind && `rk-btn-${spec.kind}`,
      spec.small && "rk-btn-s",
      spec.class,
    ]
      .filter(Boolean)
      .join(" "),
  });
  node.addEventListener("click", (event) => {
    if (node.getAttribute("aria-disabled") !== "true") spec.run(event);
  });
  if (spec.icon) node.append(icon(spec.icon));
  if (alone) nameButton(node, spec.label, spec.key);
  else node.append(spec.label);
  return node;
}

/** Rename an icon button, for example from Play to Pause. */
export function nameButton(node: HTMLElement, label: string, key?: string): void {
  const text = key ? `${label} (${key})` : label;
  setAttribute(node, "aria-label", text);
  setAttribute(node, "title", text);
}

/** Turn a control off with the reason as its title, or on again; it stays focusable. */
export function setOff(node: HTMLElement, reason: string | null): void {
  if (reason === null) {
    if (node.getAttribute("aria-disabled") !== "true") return;
    node.removeAttribute("aria-disabled");
    node.classList.remove("is-off");
    setAttribute(node, "title", node.dataset.title ?? null);
    return;
  }
  if (node.getAttribute("aria-disabled") !== "true") {
    node.dataset.title = node.getAttribute("title") ?? "";
  }
  node.setAttribute("aria-disabled", "true");
  node.classList.add("is-off");
  setAttribute(node, "title", reason);
}

/** A switch with its word. */
export function toggle(
  label: string,
  key: string,
  run: (on: boolean) => void,
): { node: HTMLButtonElement; set(on: boolean): void } {
  const node = el("button", {
    type: "button",
    class: "rk-switch",
    role: "switch",
    "aria-checked": "false",
    title: `${label} (${key})`,
  });
  node.append(el("i"), label);
  const set = (on: boolean) => setAttribute(node, "aria-checked", String(on));
  node.addEventListener("click", () => run(node.getAttribute("aria-checked") !== "true"));
  return { node, set };
}

/** A check box drawn by us, with its word. */
export function check(
  label: string,
  run: (on: boolean) => void,
): { node: HTMLButtonElement; set(on: boolean): void } {
  const node = el("button", {
    type: "button",
    class: "rk-check",
    role: "checkbox",
    "aria-checked": "false",
  });
  node.append(el("i", {}, icon("check")), label);
  const set = (on: boolean) => setAttribute(node, "aria-checked", String(on));
  node.addEventListener("click", () => {
    const on = node.getAttribute("aria-checked") !== "true";
    set(on);
    run(on);
  });
  return { node, set };
}

export interface TabSpec {
  id: string;
  label: string;
}

export interface Tabs {
  node: HTMLElement;
  select(id: string): void;
  /** Add a tab at the end, once. */
  add(spec: TabSpec): void;
  /** The count beside a tab's word; `bad` paints it as one that holds errors. */
  count(id: string, text: string, bad?: boolean): void;
}

/** A tab list with roving focus. */
export function tabs(label: string, specs: TabSpec[], run: (id: string) => void): Tabs {
  const node = el("div", { class: "rk-tabs", role: "tablist", "aria-label": label });
  const buttons = new Map<string, HTMLButtonElement>();
  const select = (id: string) => {
    for (const [other, one] of buttons) {
      setAttribute(one, "aria-selected", String(other === id));
      setAttribute(one, "tabindex", other === id ? "0" : "-1");
      // In a narrow panel the tab may stand beyond the edge; scrollIntoView would move the page.
      if (other === id) node.scrollLeft = one.offsetLeft + one.offsetWidth - node.clientWidth;
    }
  };
  const add = ({ id, label: word }: TabSpec) => {
    if (buttons.has(id)) return;
    const one = el("button", { type: "button", role: "tab" }, word, el("span", { class: "n" }));
    one.addEventListener("click", () => {
      select(id);
      run(id);
    });
    one.tabIndex = -1;
    buttons.set(id, one);
    node.append(one);
  };
  for (const spec of specs) add(spec);
  node.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0 || event.shiftKey) return;
    const all = [...buttons.keys()];
    const now = all.findIndex((id) => buttons.get(id)?.getAttribute("aria-selected") === "true");
    const next = all[(now + step + all.length) % all.length];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    buttons.get(next)?.focus();
    buttons.get(next)?.click();
  });
  const first = specs[0];
  if (first) select(first.id);
  return {
    node,
    select,
    add,
    count(id, text, bad = false) {
      const badge = buttons.get(id)?.querySelector(".n");
      if (!badge) return;
      fill(badge, text);
      badge.classList.toggle("bad", bad);
    },
  };
}

/** A state of a stage or a list: what is the case, what still works, the next step. */
export function state(
  name: IconName,
  title: string,
  text: string,
  tone: "" | "bad" | "warn" = "",
  ...actions: Child[]
): HTMLElement {
  const node = el("div", { class: `rk-state ${tone}`.trim() }, icon(name), el("h4", {}, title));
  node.append(el("p", { class: "rk-num" }, text));
  if (actions.length > 0) node.append(el("div", { class: "acts" }, ...actions));
  return node;
}

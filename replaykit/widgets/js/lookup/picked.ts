/** The bar over picked events: how many there are, and the charts that can be made of them. */

import { button, setOff } from "../parts/buttons.ts";
import { el } from "../parts/dom.ts";
import { plural } from "../parts/format.ts";
import type { Question } from "./made.ts";

export interface PickedSpec {
  count: number;
  /** Said instead of the count. */
  warning: string;
  onCreate(question: Question): void;
  onClear(): void;
}

const KINDS: readonly [Question, string, "trend" | "funnel" | "path"][] = [
  ["segmentation", "Segmentation", "trend"],
  ["funnel", "Funnel", "funnel"],
  ["journeys", "Journeys", "path"],
];

export function pickedBar({ count, warning, onCreate, onClear }: PickedSpec): HTMLElement[] {
  const charts = KINDS.map(([question, label, image]) => {
    const make = button({
      label,
      icon: image,
      text: true,
      small: true,
      kind: question === "funnel" ? "main" : "line",
      run: () => onCreate(question),
    });
    if (question === "funnel" && count < 2) setOff(make, "A funnel needs two events");
    return make;
  });
  return [
    el("b", { role: "status" }, warning || `${plural(count, "event")} selected`),
    el("span", { class: "rk-grow" }),
    el("span", { class: "rk-2 rk-small rk-hide-narrow" }, "Create chart:"),
    ...charts,
    button({ label: "Clear", icon: "x", small: true, key: "esc", run: onClear }),
  ];
}

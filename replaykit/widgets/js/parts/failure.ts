/** A question that got no answer, said calmly where the answer would stand. */

import { RequestError } from "../kernel.ts";
import { state } from "./buttons.ts";

/** What is missing, why, and what helps; a lost kernel is no fault of the data. */
export function failure(what: string, error: unknown): HTMLElement {
  const gone = error instanceof RequestError && error.code === "kernel_gone";
  const why = error instanceof Error ? error.message : String(error);
  const hint = error instanceof RequestError ? error.hint : null;
  const text = [why, hint].filter(Boolean).join(" ");
  return state(gone ? "plug" : "warn", what, text, gone ? "" : "warn");
}

/** What the stage says when a session cannot be opened. */

import { RequestError } from "../kernel.ts";
import type { StageState } from "../panels/stage.ts";

export function isKernelGone(error: unknown): boolean {
  return error instanceof RequestError && error.code === "kernel_gone";
}

export function failedState(error: unknown): StageState {
  if (isKernelGone(error)) {
    const text = "Run the cell again to load it.";
    return { kind: "empty", icon: "plug", title: "The kernel is gone", text };
  }
  const hint = error instanceof RequestError ? (error.hint ?? "") : "";
  const text = `${error instanceof Error ? error.message : error} ${hint}`.trim();
  return { kind: "empty", icon: "broken", title: "This session cannot be opened", text };
}

/** Waiting for a page: nothing is said for a moment, then what is being loaded. */

import type { Stage } from "../panels/stage.ts";
import { PATIENCE_MS } from "./playback.ts";

export interface Patience {
  begin(): void;
  /** The segment that is asked for. */
  segment(index: number | null): void;
  /** The page is there, or never will be. */
  end(): void;
}

export function createPatience(stage: Stage, signal: AbortSignal): Patience {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let index: number | null = null;
  let shown = false;
  const show = () => {
    shown = true;
    stage.setState({ kind: "loading", index });
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    begin() {
      clearTimeout(timer);
      stage.setBusy(true);
      index = null;
      shown = false;
      timer = setTimeout(show, PATIENCE_MS);
    },
    segment(next) {
      index = next;
      if (shown) show();
    },
    end() {
      clearTimeout(timer);
      shown = false;
      stage.setBusy(false);
      stage.setState({ kind: "page" });
    },
  };
}

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
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    begin() {
      clearTimeout(timer);
      stage.setBusy(true);
      timer = setTimeout(() => stage.setState({ kind: "loading", index }), PATIENCE_MS);
    },
    segment(next) {
      index = next;
    },
    end() {
      clearTimeout(timer);
      stage.setBusy(false);
      stage.setState({ kind: "page" });
    },
  };
}

/** Looking, again and again, whether the recording on screen has grown. */

import { RequestError, type Source } from "../kernel.ts";
import type { Session } from "../protocol.ts";

export interface FollowerSpec {
  session(): Session | null;
  point(): string | undefined;
  /** Playing is at the end, or will be soon: look more often. */
  isNear(): boolean;
  grown(next: Session): void;
  /** It looked, or cannot any more. */
  looked(): void;
}

export interface FollowState {
  on: boolean;
  /** Why nothing is asked any more; null while it is. */
  off: string | null;
}

export interface Follower {
  readonly state: FollowState;
  set(on: boolean): void;
  stop(reason: string): void;
}

const NEAR_MS = 2000;
const FAR_MS = 6000;

export function createFollower(source: Source, spec: FollowerSpec, signal: AbortSignal): Follower {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;
  const state: FollowState = { on: false, off: source.off?.("growth") ?? null };

  function plan(): void {
    clearTimeout(timer);
    if (!state.on || state.off !== null || signal.aborted) return;
    timer = setTimeout(look, spec.isNear() ? NEAR_MS : FAR_MS);
  }

  async function look(): Promise<void> {
    const session = spec.session();
    // Nobody watches a hidden page, and a replay on its way is asked for anyway.
    if (document.hidden || !session) return plan();
    const mine = round;
    const point = spec.point();
    const { replay, length_ms, segments } = session;
    try {
      const reply = await source.request("growth", {
        replay,
        ...(point ? { point } : {}),
        length_ms,
        segments: segments.length,
      });
      const next = reply.data.session;
      if (mine !== round || signal.aborted || spec.session() !== session) return plan();
      if (next) spec.grown(next);
    } catch (error) {
      if (mine !== round || signal.aborted) return;
      const words = error instanceof Error ? error.message : String(error);
      const hint = error instanceof RequestError ? error.hint : null;
      stop([words, hint].filter(Boolean).join(" "));
      return;
    }
    spec.looked();
    plan();
  }

  function stop(reason: string): void {
    state.off = reason;
    clearTimeout(timer);
    spec.looked();
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    state,
    set(on) {
      round += 1;
      state.on = on;
      clearTimeout(timer);
      if (on && state.off === null) timer = setTimeout(look, 0);
      spec.looked();
    },
    stop,
  };
}

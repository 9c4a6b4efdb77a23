/** Following a recording that grows: looking for more, the live marker, waiting at its end. */

import type { Clock } from "../clock.ts";
import type { Source } from "../kernel.ts";
import type { Controls } from "../panels/controls.ts";
import type { Stage } from "../panels/stage.ts";
import type { Session } from "../protocol.ts";
import { createFollower } from "./follower.ts";

export interface FollowingSpec {
  clock: Clock;
  controls: Controls;
  stage: Stage;
  session(): Session | null;
  point(): string | undefined;
  grown(next: Session): void;
}

export interface Following {
  readonly state: { on: boolean; off: string | null };
  /** As the trait says; `choose` writes it as well. */
  set(on: boolean): void;
  choose(on: boolean): void;
  /** Draw where playing is. */
  show(): void;
  stop(reason: string): void;
}

/** Within this much of the end, playing is as good as there: look more often. */
const NEAR_END_MS = 15_000;
/** So near to the end, playing is live. */
const LIVE_MS = 2000;

export function createFollowing(
  source: Source,
  spec: FollowingSpec,
  signal: AbortSignal,
): Following {
  const { clock, controls, stage } = spec;
  const left = () => (clock.length - clock.position) / clock.speed;
  const follower = createFollower(
    source,
    {
      session: spec.session,
      point: spec.point,
      isNear: () => left() < NEAR_END_MS,
      grown: spec.grown,
      looked: show,
    },
    signal,
  );

  function show(): void {
    const { on, off } = follower.state;
    clock.setGrowing(on && off === null);
    const waiting = clock.state === "edge";
    const behind = left() > LIVE_MS;
    controls.setLive(!on ? null : off === null ? { behind, waiting } : { off });
    const session = spec.session();
    stage.setWaiting(session && waiting ? session.start_ms + clock.length : null);
  }

  return {
    state: follower.state,
    set: follower.set,
    choose(on) {
      source.set({ follow: on });
      follower.set(on);
    },
    show,
    stop: follower.stop,
  };
}

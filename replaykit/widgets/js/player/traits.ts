/** The traits of a player: what somebody else writes is done, and a rebuilt view goes on. */

import type { Clock } from "../clock.ts";
import type { Source } from "../kernel.ts";
import type { Stage } from "../panels/stage.ts";
import { Sync, type SyncActions } from "../sync.ts";
import type { LoadOptions } from "./handle.ts";
import type { Playback } from "./playback.ts";

export interface TraitSpec extends Pick<SyncActions, "replays" | "inactive" | "follow" | "notes"> {
  playback: Playback;
  /** The replay on screen, null when none is. */
  shown(): string | null;
  /** What was asked for last; it may still be on its way. */
  wanted(): { replay: string; options: LoadOptions } | null;
  open(replay: string): void;
  setSpeed(speed: number): void;
}

/** Another view of the same model may be this far off before it is followed. */
const DRIFT_MS = 1500;

export function syncTraits(source: Source, spec: TraitSpec, signal: AbortSignal): Sync {
  const { playback, shown, wanted, open, setSpeed } = spec;
  const clock: Clock = playback.clock;
  return new Sync(
    source,
    {
      seek(t) {
        const asked = wanted();
        if (shown() === null || asked?.replay !== shown()) {
          // A session on its way opens there: Python may set both in one breath.
          if (asked) asked.options.at = t;
          return;
        }
        const off = Math.abs(t - clock.position);
        if (off < 1 || (clock.running && off < DRIFT_MS * clock.speed)) return;
        playback.seek(t);
      },
      playing: (on) => (on ? playback.play() : playback.pause()),
      speed(speed) {
        if (speed !== clock.speed) setSpeed(speed);
      },
      session(replay) {
        if (replay !== "" && replay !== shown()) open(replay);
      },
      replays: spec.replays,
      inactive: spec.inactive,
      follow: spec.follow,
      notes: spec.notes,
    },
    signal,
  );
}

/** What the traits say was on screen; null, and said on the stage, where there is nothing. */
export function remembered(
  source: Source,
  stage: Stage,
): { replay: string; options: LoadOptions } | null {
  const replay = source.get("session") || source.get("replays")?.[0] || "";
  const t = source.get("time_ms");
  if (replay !== "") {
    return { replay, options: { play: source.get("playing"), ...(t > 0 ? { at: t } : {}) } };
  }
  stage.setState({
    kind: "empty",
    icon: "search",
    title: "No replays here",
    text: "Nobody in this selection was recorded, or their recordings have expired.",
  });
  return null;
}

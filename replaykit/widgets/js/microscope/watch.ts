/** The player beside a stream: opened at the charted moment, and the sentence that says so. */

import type { Source } from "../kernel.ts";
import { el, fill } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { elapsed, plural, spoken } from "../parts/format.ts";
import { createPlayer, type PlayerChange, type PlayerHandle } from "../player.ts";
import type { Session } from "../protocol.ts";
import { sharing } from "./sharing.ts";

export interface Watch {
  node: HTMLElement;
  /** What is open: nothing before the first load. */
  readonly replay: string | null;
  readonly playing: boolean;
  /** Make the player before it is needed: its frame starts while the kernel looks. */
  prepare(): void;
  /** Open a replay at `at`, or where its point is. */
  open(replay: string, options: { at?: number; play: boolean }): Promise<void>;
  /** Go to an event row; `start_ms` is the time of the row, for one the replay does not list. */
  goTo(replay: string, row: string, time_ms: number): Promise<void>;
  pause(): void;
  play(): void;
  onChange(then: (change: PlayerChange) => void): void;
  destroy(): void;
}

export function createWatch(source: Source, point: string): Watch {
  const shared = sharing(source);
  const host = el("div", { class: "rk-mini" });
  const note = el("div", { class: "rk-scope-note rk-small rk-2" });
  const node = el("div", { class: "rk-scope-player" }, host, note);
  const listeners: ((change: PlayerChange) => void)[] = [];
  let player: PlayerHandle | null = null;
  let replay: string | null = null;
  let playing = false;
  let closed = false;

  function ready(): PlayerHandle {
    // A point without recordings never starts an engine.
    if (player) return player;
    player = createPlayer(host, shared, { compact: true });
    player.onChange((change) => {
      playing = change.playing;
      for (const then of listeners) then(change);
    });
    return player;
  }

  async function session(wanted: string): Promise<Session> {
    const { data } = await shared.request("session", { replay: wanted, point });
    return data;
  }

  async function open(wanted: string, options: { at?: number; play: boolean }): Promise<void> {
    replay = wanted;
    try {
      const data = await session(wanted);
      if (closed || replay !== wanted) return;
      fill(note, ...sentence(data));
      await ready().load(wanted, { point, ...options });
    } catch (error) {
      if (!closed && replay === wanted)
        fill(note, failure("This session cannot be opened.", error));
    }
  }

  return {
    node,
    get replay() {
      return replay;
    },
    get playing() {
      return playing;
    },
    prepare: () => void ready(),
    open,
    async goTo(wanted, row, time_ms) {
      try {
        const data = await session(wanted);
        const index = data.events.id.indexOf(row);
        const at = data.events.t[index] ?? time_ms - data.start_ms - data.shift_ms;
        const inside = Math.min(data.length_ms, Math.max(0, at));
        if (wanted === replay && player) player.seek(inside);
        else await open(wanted, { at: inside, play: false });
      } catch (error) {
        if (!closed) fill(note, failure("This session cannot be opened.", error));
      }
    },
    pause: () => player?.pause(),
    play: () => player?.play(),
    onChange: (then) => void listeners.push(then),
    destroy() {
      closed = true;
      player?.destroy();
    },
  };
}

/** Where the replay opened, and how well it shows what was charted. */
function sentence(session: Session): (string | HTMLElement)[] {
  const charted = session.events.charted.reduce((sum, one) => sum + one, 0);
  const events = charted === 1 ? "the charted event" : `the ${plural(charted, "charted event")}`;
  const covers = {
    covering: `The replay covers ${events}.`,
    overlapping: `The replay covers part of ${events}.`,
    time: "Found by time: the same user, another session.",
  };
  const out: (string | HTMLElement)[] = [];
  if (session.opened_t !== null) {
    out.push(`Opened at ${elapsed(session.opened_t)}`);
    const near = nearest(session, session.opened_t);
    if (near !== null) {
      const [name, gap] = near;
      out.push(gap < 1000 ? ", at " : `, ${spoken(gap)} before `);
      out.push(el("b", {}, name));
    }
    out.push(". ");
  }
  if (session.match !== null) out.push(covers[session.match]);
  return out;
}

/** The first charted event from a moment on, and how far away it is. */
function nearest(session: Session, t: number): [name: string, gap: number] | null {
  for (let i = 0; i < session.events.t.length; i += 1) {
    const at = session.events.t[i] ?? 0;
    if (session.events.charted[i] === 1 && at >= t - 500) {
      return [session.events.name[i] ?? "", Math.max(0, at - t)];
    }
  }
  return null;
}

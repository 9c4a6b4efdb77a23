/** What keys and buttons do, each said once. */

import type { KeyActions } from "../keys.ts";
import type { ControlActions, Controls } from "../panels/controls.ts";
import type { Panel } from "../panels/session-panel.ts";
import type { Stage } from "../panels/stage.ts";
import { closePopovers } from "../parts/popover.ts";
import type { Acts } from "./acts.ts";
import type { LoadOptions } from "./handle.ts";
import type { Picker } from "./picker.ts";
import type { Playback } from "./playback.ts";
import type { Playlist } from "./playlist.ts";

/** The parts that are acted on. */
export interface Acted {
  box: HTMLElement;
  stage: Stage;
  playlist: Playlist;
  panel: Panel | null;
  controls: Controls;
  acts: Acts;
  picker: Picker;
}

export interface ActionSpec {
  playback: Playback;
  open(replay: string, how: LoadOptions): void;
  stepEvent(by: 1 | -1): void;
  setSpeed(speed: number): void;
  copyLink(t: number): void;
  expand: (() => void) | null;
}

const FRAME_MS = 50;

/** `parts` is asked when something is done: the parts hold these actions themselves. */
export function createActions(
  parts: () => Acted,
  { playback, open, stepEvent, setSpeed, copyLink, expand }: ActionSpec,
): ControlActions & KeyActions {
  const { clock, seek } = playback;
  return {
    toggle: playback.toggle,
    skip: (ms) => seek(clock.position + ms),
    session(by) {
      const next = parts().playlist.neighbour(by);
      if (next !== null) open(next, { play: clock.running });
    },
    event: stepEvent,
    frame(by) {
      playback.pause();
      seek(clock.position + by * FRAME_MS);
    },
    faster: (by) => setSpeed(clock.stepSpeed(by)),
    speed: setSpeed,
    skipping() {
      clock.setSkipping(!clock.skipping);
      parts().controls.setSkipping(clock.skipping);
    },
    row(by) {
      const { panel } = parts();
      if (panel) panel.step(by);
      else stepEvent(by);
    },
    unfold: () => parts().panel?.unfoldCurrent(),
    search: () => parts().panel?.focusSearch(),
    note: () => parts().panel?.focusNote(),
    link: () => copyLink(clock.position),
    html: () => void parts().acts.copy("html", parts().stage.screen.html()),
    pick() {
      playback.pause();
      parts().picker.start();
    },
    wide: () => parts().acts.toggleWide(),
    full: () => void parts().acts.toggleFull(),
    help: (anchor?: HTMLElement) => parts().acts.help(anchor ?? parts().controls.helpAnchor),
    edge: (end) => seek(end ? clock.length : 0),
    live() {
      seek(clock.length);
      playback.play();
    },
    dismiss() {
      const { box, picker, panel } = parts();
      return (
        closePopovers(box.closest(".rk") ?? box) || picker.stop() || (panel?.dismiss() ?? false)
      );
    },
    expand,
  };
}

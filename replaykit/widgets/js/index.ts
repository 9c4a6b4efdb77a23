/** anywidget's entry: one bundle for the player, the results and the home list. */

import { renderHome } from "./home.ts";
import { Kernel, type Model, type Source } from "./kernel.ts";
import { el } from "./parts/dom.ts";
import { shell } from "./parts/shell.ts";
import { createPlayer } from "./player.ts";
import type { Traits } from "./protocol.ts";
import { renderResult } from "./result.ts";

type Kind = Traits["kind"];
type Render = (root: HTMLElement, source: Source) => () => void;

const VIEWS: Record<Kind, { label: string; render: Render }> = {
  player: { label: "Session replay", render: renderPlayer },
  result: { label: "Result", render: renderResult },
  home: { label: "Session replays", render: renderHome },
};

function renderPlayer(root: HTMLElement, source: Source): () => void {
  const player = createPlayer(root, source, { compact: false, playlist: true });
  return () => player.destroy();
}

function viewOf(model: Model): { label: string; render: Render } {
  const kind = model.get("kind");
  const view = VIEWS[kind as Kind];
  if (!view) throw new Error(`replaykit: this bundle cannot show a widget of kind ${kind}.`);
  return view;
}

export default {
  /** Once per model: refuse what this bundle does not know before anything is drawn. */
  initialize({ model }: { model: Model }): void {
    viewOf(model);
  },

  /** Once per view; returns what takes it down. Position and selection live in the model. */
  render({ model, el: host }: { model: Model; el: HTMLElement }): () => void {
    const stop = new AbortController();
    const view = viewOf(model);
    const mount = el("div");
    host.append(mount);
    const { frame } = shell(mount, view.label, stop.signal);
    const source = new Kernel(model, stop.signal);
    const close = view.render(frame, source);
    return () => {
      close();
      stop.abort();
      mount.remove();
    };
  },
};

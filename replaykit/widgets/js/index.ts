/** anywidget's entry: the player at once, every other view when it is first shown. */

import shared from "rk:shared";
import { Kernel, type Model, type Source } from "./kernel.ts";
import { el, fill } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { loadModule } from "./parts/module.ts";
import { shell } from "./parts/shell.ts";
import { createPlayer } from "./player.ts";
import type { Traits } from "./protocol.ts";
import type { Render, ViewKind, views } from "./views.ts";

type Kind = Traits["kind"];
type Views = (shared: (name: string) => unknown) => { views: typeof views };

const VIEWS: Record<Kind, { label: string; render: Render }> = {
  player: { label: "Session replay", render: renderPlayer },
  result: { label: "Result", render: later("result") },
  home: { label: "Session replays", render: later("home") },
  list: { label: "Session replays", render: later("list") },
  person: { label: "User look-up", render: later("person") },
  mosaic: { label: "Session replays side by side", render: later("mosaic") },
};

function renderPlayer(root: HTMLElement, source: Source): () => void {
  const player = createPlayer(root, source, {
    compact: false,
    playlist: true,
    person: later("person"),
  });
  return () => player.destroy();
}

/** A view whose code is still to come: nothing is drawn before it is here. */
function later(kind: ViewKind): Render {
  return (root, source) => {
    const stop = new AbortController();
    let close = () => {};
    loadModule<Views>(source, "views", RK_VIEWS).then(
      (install) => {
        if (stop.signal.aborted) return;
        close = install((name) => shared[name]).views[kind](root, source);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) fill(root, failure("This cannot be shown.", error));
      },
    );
    return () => {
      stop.abort();
      close();
    };
  };
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

/**
 * The program of the sealed frame: an Engine on the frame's own page, talking through one port.
 * Built apart (build.mjs) and run there by its hash; `Engine` is exported for the fallback.
 */

import type { FromEngine, ToEngine } from "./channel.ts";
import { Engine } from "./engine.ts";

export { Engine };

export function boot(port: MessagePort): void {
  const root = document.getElementById("root");
  if (!root) return;
  const engine = new Engine(root, {
    guard: null,
    send: (message: FromEngine) => port.postMessage(message),
  });
  port.onmessage = (sent: MessageEvent<ToEngine>) => engine.receive(sent.data);
}

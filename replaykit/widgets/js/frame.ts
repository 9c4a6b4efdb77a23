/**
 * The program of the sealed frame: an Engine on the frame's own page, talking through one port.
 * Built apart (build.mjs) and run there by its hash; `Engine` is exported for the fallback.
 */

import { type FromEngine, HELLO, type ToEngine } from "./channel.ts";
import { Engine } from "./engine.ts";

export { Engine };

export function boot(): void {
  const root = document.getElementById("root");
  if (!root) return;
  const start = (event: MessageEvent) => {
    const [port] = event.ports;
    // The widget around us is the only one that may hand over the port.
    if (event.source !== window.parent || !port) return;
    window.removeEventListener("message", start);
    const engine = new Engine(root, {
      guard: null,
      send: (message: FromEngine) => port.postMessage(message),
    });
    port.onmessage = (sent: MessageEvent<ToEngine>) => engine.receive(sent.data);
  };
  window.addEventListener("message", start);
  window.parent.postMessage(HELLO, "*");
}

/**
 * The one script that stands in the sealed frame's document. It takes the program from the widget
 * around it and runs it, if the frame's policy knows it by its hash: an address with the whole
 * program in it takes the browser four times as long.
 */

import { HELLO, REFUSED } from "./channel.ts";

declare const rkFrame: typeof import("./frame.ts") | undefined;

function take(event: MessageEvent): void {
  const [port] = event.ports;
  // The widget around us is the only one that may hand over a program and its port.
  if (event.source !== window.parent || !port) return;
  window.removeEventListener("message", take);
  try {
    const script = document.createElement("script");
    script.text = event.data;
    document.body.append(script);
  } finally {
    if (typeof rkFrame === "undefined") window.parent.postMessage(REFUSED, "*");
    else rkFrame.boot(port);
  }
}

window.addEventListener("message", take);
window.parent.postMessage(HELLO, "*");

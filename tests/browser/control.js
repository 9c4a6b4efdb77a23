// The positive control: rrweb's own Replayer with every protection off, in the page itself.
import { Replayer } from "@rrweb/replay";

window.play = async (events) => {
  document.getElementById("cell").replaceChildren();
  const replayer = new Replayer(events, {
    root: document.getElementById("cell"),
    UNSAFE_replayCanvas: true,
    triggerFocus: true,
    showWarning: false,
    mouseTail: false,
  });
  replayer.iframe.contentWindow.hits = window.hits;
  await new Promise((then) => setTimeout(then, 30));
  replayer.pause(1500);
  await new Promise((then) => setTimeout(then, 60));
};

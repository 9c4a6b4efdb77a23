/* Records the shop with rrweb, and keeps events and analytics rows until they are
   fetched. The outbox lives in the tab's session storage, so a page that is left hands
   its last batch to the next one. */

import { record } from "@rrweb/record";
import { getRecordConsolePlugin } from "@rrweb/rrweb-plugin-console-record";

const BATCH_MS = 500;
const OUTBOX = "outbox";
const { device, session } = window.visit;
const queue = [];

function keep() {
  if (!queue.length) return;
  const before = sessionStorage.getItem(OUTBOX) ?? "";
  sessionStorage.setItem(OUTBOX, `${before}${queue.join("\n")}\n`);
  queue.length = 0;
}

setInterval(keep, BATCH_MS);
addEventListener("pagehide", keep);

window.replay = `${device}/${session}`;
window.transport = (row) => queue.push(`A${JSON.stringify(row)}`);
/** Hand over everything since the last time: lines of R (replay) and A (analytics). */
window.drain = () => {
  keep();
  const lines = sessionStorage.getItem(OUTBOX) ?? "";
  sessionStorage.removeItem(OUTBOX);
  return lines;
};

/* rrweb's own network plugin reads the browser's resource timings, which do not follow
   a page clock that a script moves. This one emits the same `rrweb/network@1` payload,
   measured with the page's clock. It listens from the start: the first request goes out
   before rrweb has taken its first snapshot, and is told afterwards. */
window.inflight = 0;
const early = [];
let tell = (data) => early.push(data);
const ask = window.fetch;

window.fetch = async (input, init) => {
  const start = Date.now();
  const seen = (status) => {
    const end = Date.now();
    tell({
      requests: [
        {
          name: new URL(input, location.href).href,
          method: init?.method ?? "GET",
          initiatorType: "fetch",
          entryType: "resource",
          status,
          startTime: start - performance.timeOrigin,
          endTime: end - performance.timeOrigin,
          duration: end - start,
        },
      ],
    });
  };
  window.inflight += 1;
  try {
    const reply = await ask(input, init);
    await reply.clone().arrayBuffer();
    seen(reply.status);
    return reply;
  } catch (error) {
    seen(0);
    throw error;
  } finally {
    window.inflight -= 1;
  }
};

const network = {
  name: "rrweb/network@1",
  options: {},
  observer(emit) {
    tell = emit;
    for (const data of early.splice(0)) emit(data);
    return () => {
      tell = () => {};
    };
  },
};

const urls = {
  name: "amplitude/url-tracking@1",
  options: {},
  observer(emit, win) {
    const seen = () =>
      emit({
        type: "url-change-event",
        href: win.location.href,
        title: document.title,
        viewportWidth: win.innerWidth,
        viewportHeight: win.innerHeight,
      });
    const push = win.history.pushState;
    win.history.pushState = function (...args) {
      push.apply(this, args);
      seen();
    };
    win.addEventListener("popstate", seen);
    return () => {
      win.history.pushState = push;
      win.removeEventListener("popstate", seen);
    };
  },
};

record({
  emit: (event) => queue.push(`R${JSON.stringify(event)}`),
  recordAfter: "DOMContentLoaded",
  maskAllInputs: true,
  maskTextClass: "rr-mask",
  blockClass: "rr-block",
  slimDOMOptions: "all",
  sampling: { mousemove: 50, mousemoveCallback: 500, scroll: 120 },
  plugins: [
    getRecordConsolePlugin({ level: ["warn", "error"], lengthThreshold: 200 }),
    network,
    urls,
  ],
});

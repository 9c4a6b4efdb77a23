// Runs in every page before anything else: notes when things happen.
(() => {
  const bench = (window.bench = { comm: 0, run: 0, key: 0, painted: 0, longest: 0, wait: null });
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (bench.comm) return;
        const head = typeof data === "string" ? data.slice(0, 4000)
          : new TextDecoder("latin1").decode(data.slice(0, 4000));
        if (head.includes("comm_open")) bench.comm = performance.now();
      });
    }
  };
  const painted = () => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { bench.painted = performance.now(); bench.wait?.(); };
    port2.postMessage(0);
  });
  bench.peerPainted = painted;
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    new MutationObserver((changes) => {
      for (const { target, oldValue } of changes) {
        const done = target.classList.contains("rk-stage") && target.ariaBusy === "false";
        if (done && oldValue === "true") painted();
      }
    }).observe(root, {
      subtree: true, attributeFilter: ["aria-busy"], attributeOldValue: true,
    });
    return root;
  };
  window.addEventListener("keydown", (event) => { bench.key = event.timeStamp; }, true);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) bench.longest = Math.max(bench.longest, duration);
  }).observe({ type: "longtask" });
  bench.arm = () => { bench.painted = 0; };
  bench.next = () => new Promise((then) => {
    const settle = () => { bench.wait = null; then(); };
    if (bench.painted) settle(); else bench.wait = settle;
  });
})();

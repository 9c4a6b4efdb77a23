/* Who is here, and since when: runs before everything else on every page. */

(() => {
  const IDLE_MS = 30 * 60 * 1000;
  const now = Date.now();
  let device = localStorage.getItem("device");
  if (!device) {
    device = `d${Math.random().toString(16).slice(2, 12)}`;
    localStorage.setItem("device", device);
  }
  const last = Number(localStorage.getItem("seen") ?? 0);
  let session = Number(localStorage.getItem("session") ?? 0);
  if (!session || now - last > IDLE_MS) {
    session = now;
    localStorage.setItem("session", String(session));
  }
  localStorage.setItem("seen", String(now));
  window.visit = { device, session };
})();
